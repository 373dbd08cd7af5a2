import csv
import io
import re
from datetime import datetime

import pytest

from anomalygpt.dialogue.verdict import FIRST_QUESTION
from anomalygpt.inspection.batch import Row, inspect_batch
from anomalygpt.inspection.batch_report import COLUMNS, Summary, counts, csv_table, histogram, html_table
from anomalygpt.inspection.unpacking import Item
from anomalygpt.records import Evidence, Region

ATTACK = "=<script>alert(1)</script>.png"


@pytest.fixture
def session(tiny_inspector, make_photo):
    session = tiny_inspector.new_session("a nut")
    session.set_references([make_photo(1)])
    return session


@pytest.fixture
def rows(make_photo, tiny_inspector):
    region = Region(1, (0, 0, 4, 4), (2.0, 2.0), 16, 0.2, 0.9, "top left", 1.0, 0.0, (0.0, 0.0, 0.0))
    scratched = Evidence(0.9, (region,), 40, 40, 1)
    return [
        Row("good.png", verdict=False, answer="No, it is fine.", evidence=Evidence(0.1, (), 40, 40, 1)),
        Row(ATTACK, verdict=True, answer="是，有划痕。", evidence=scratched),
        Row("broken.png", error="broken.png is damaged. Save it again."),
        Row("odd.png", verdict=None, answer="Hm.", evidence=Evidence(0.498, (), 40, 40, 1)),
    ]


SUMMARY = Summary("tiny", 1, "a nut", 6, datetime.fromisoformat("2026-01-02T03:04:05+01:00"))


def test_each_photo_is_a_row_with_what_the_session_itself_says(session, make_photo, tiny_inspector):
    photos = [make_photo(2), make_photo(3)]
    rows = list(inspect_batch(session, photos))
    assert [row.name for row in rows] == ["photo-2.png", "photo-3.png"]
    for row, photo in zip(rows, photos, strict=True):
        alone = tiny_inspector.new_session("a nut")
        alone.set_references([photo.replace(photo.rsplit("/")[-1], "photo-1.png")])
        assert row.evidence == alone.set_image(photo).evidence
        for _ in alone.ask(FIRST_QUESTION, temperature=0):
            pass
        assert (row.verdict, row.answer) == (alone.verdict, alone.turns[-1].answer if alone.turns else "")
        assert row.thumbnail.shape == (72, 96, 3) and row.error == ""


def test_a_bad_file_is_a_row_that_says_why_and_the_rest_goes_on(session, make_photo, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    items = [broken, tmp_path / "missing.png", Item("locked.png", None, "locked.png is encrypted."), make_photo(2)]
    rows = list(inspect_batch(session, items))
    assert [bool(row.error) for row in rows] == [True, True, True, False]
    assert all(row.name in row.error and row.score is None and row.place == "" for row in rows[:3])


def test_rows_come_one_by_one_and_no_more_is_done_than_taken(session, make_photo, monkeypatch):
    seen = []
    set_image = session.set_image
    monkeypatch.setattr(session, "set_image", lambda photo: seen.append(photo) or set_image(photo))
    rows = inspect_batch(session, [make_photo(2), make_photo(3), make_photo(4)])
    next(rows)
    rows.close()
    assert len(seen) == 1


def test_the_csv_is_read_by_spreadsheets_and_runs_nothing(rows):
    text = csv_table(rows)
    assert text.startswith("\ufeff")
    good, scratched, broken, odd = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert tuple(good) == COLUMNS
    assert (good["verdict"], good["score"], good["place"]) == ("normal", "0.1000", "")
    assert scratched["file"] == f"'{ATTACK}" and scratched["regions"] == "top left 20%"
    assert scratched["answer"] == "是，有划痕。"
    assert broken["error"].startswith("broken.png") and (broken["score"], broken["verdict"]) == ("", "")
    assert odd["verdict"] == "undecided"


def test_the_html_stands_by_itself_with_the_highest_scores_first(rows):
    html = html_table(rows, SUMMARY)
    assert "<script" not in html and not re.search(r"""(src|href|url)\W{1,3}http""", html)
    names = [html.index(name) for name in ("&lt;script", "odd.png", "good.png", "broken.png")]
    assert names == sorted(names)
    for said in (
        "1 anomalous",
        "1 normal",
        "1 undecided, 1 failed",
        "after 4 of 6",
        "0.49",
        "a nut",
        "tiny",
        "2026-01",
    ):
        assert said in html, said
    assert "data:image/png;base64" in html


def test_counts(rows):
    assert counts(rows) == {"anomalous": 1, "normal": 1, "undecided": 1, "failed": 1}


def test_a_batch_of_nothing_but_bad_files_has_no_histogram():
    failed = [Row("a.png", error="a.png is damaged.")]
    assert "data:image" not in html_table(failed, SUMMARY) and "a.png is damaged." in html_table(failed, SUMMARY)


def test_the_histogram_is_a_picture():
    assert histogram([0.1, 0.2, 0.9]).startswith(b"\x89PNG")
