import zipfile
from pathlib import Path


def start(bench, files, references):
    bench.page.get_by_role("tab", name="Many parts").click()
    bench.upload("batch-files", *files)
    bench.upload("batch-references", *references)
    bench.page.wait_for_selector("#batch-references img")
    bench.page.wait_for_function("n => document.querySelectorAll('#batch-files tr.file').length >= n", arg=len(files))
    bench.page.click("#batch-start")


def scores(bench, order):
    """The scores of the table from top to bottom, after its menu has sorted it by them."""
    header = bench.page.locator("#batch-table th[data-heading='3']").last
    header.hover()
    header.locator(".cell-menu-button").click()
    bench.page.get_by_text(order, exact=True).click()
    bench.page.wait_for_timeout(300)
    cells = bench.page.locator("#batch-table [data-col='3']").all_inner_texts()
    return [float(text) for text in cells if text.strip()]


def test_a_bad_file_is_a_row_that_says_why_and_the_downloads_hold_the_rest(open_page, nut, tmp_path):
    bench = open_page()
    archive = tmp_path / "more.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.write(nut("inside.png"), "line/inside.png")
        content.writestr("broken.jpg", b"no image")
    start(bench, [nut("spot.png", spot=True), archive], [nut("good.png")])
    bench.page.wait_for_selector("#batch-progress [role=status]")
    assert "1 failed" in bench.page.inner_text("#batch-progress")
    table = bench.page.inner_text("#batch-table")
    assert "line/inside.png" in table and "not an image" in table
    assert bench.page.locator("#batch-histogram img").is_visible()
    before, after = scores(bench, "Sort ascending"), scores(bench, "Sort descending")
    assert before == sorted(before) and after == before[::-1] and len(before) == 2
    for kind in ("csv", "html"):
        with bench.page.expect_download() as saved:
            bench.page.click(f"#batch-{kind}")
        assert saved.value.suggested_filename.endswith(f".{kind}")
        assert "spot.png" in Path(saved.value.path()).read_text(encoding="utf-8")
    assert bench.outside == [] and bench.errors == []


def test_cancel_keeps_what_is_done(open_page, nut, tmp_path):
    bench = open_page()
    archive = tmp_path / "many.zip"
    photo = nut("one.png")
    with zipfile.ZipFile(archive, "w") as content:
        for number in range(300):
            content.write(photo, f"{number}.png")
    start(bench, [archive], [nut("good.png")])
    bench.page.wait_for_selector("#batch-progress [role=progressbar][aria-valuemax='300']")
    bench.page.click("#batch-cancel")
    bench.page.wait_for_selector("#batch-progress [role=status]")
    assert "Cancelled after" in bench.page.inner_text("#batch-progress")
    assert bench.page.locator("#batch-start").is_enabled() and bench.page.locator("#batch-csv").is_enabled()
