import zipfile
from pathlib import Path


def start(bench, files, references):
    bench.page.get_by_role("tab", name="Many parts").click()
    bench.upload("batch-files", *files)
    bench.upload("batch-references", *references)
    bench.page.wait_for_selector("#batch-references img")
    bench.page.wait_for_function("n => document.querySelectorAll('#batch-files tr.file').length >= n", arg=len(files))
    bench.page.click("#batch-start")


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
    bench.page.wait_for_selector("#batch-progress progress[max='300']")
    bench.page.click("#batch-cancel")
    bench.page.wait_for_selector("#batch-progress [role=status]")
    assert "Cancelled after" in bench.page.inner_text("#batch-progress")
    assert bench.page.locator("#batch-start").is_enabled() and bench.page.locator("#batch-csv").is_enabled()
