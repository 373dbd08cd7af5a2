import base64
import io
import json
import re
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from anomalygpt.imaging.regions import find_regions
from anomalygpt.inspection.report import Record, html_report, json_report, overlay_png, record_of
from anomalygpt.records import Evidence, Inspection, Turn

ATTACK = "<script>alert('x')</script> & more"


@pytest.fixture
def record():
    """A grey plate with one bright spot on it, and a map that found the spot."""
    photo = np.full((60, 90, 3), 128, np.uint8)
    photo[10:20, 60:80] = 250
    anomaly_map = np.zeros((60, 90), np.float32)
    anomaly_map[10:20, 60:80] = 0.9
    regions = find_regions(anomaly_map, photo)
    inspection = Inspection(photo, anomaly_map, Evidence(0.9, regions, 90, 60, 1))
    return Record(
        inspection,
        (Turn("Is it good?", "No, there is a stain.", True), Turn("怎么办？", "请更换。", None, False)),
        model="tiny",
        date=datetime.fromisoformat("2026-01-02T03:04:05+01:00"),
        name="plate.png",
        description="a plate",
        references=(np.full((600, 900, 3), 128, np.uint8),),
        settings={"temperature": 0.2, "seed": None},
    )


def pictures(html):
    found = re.findall(r'src="data:image/\w+;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def test_the_html_report_carries_everything_and_needs_nothing(record):
    html = html_report(record)
    for said in (
        "plate.png", "Anomalous", "0.90", "top right", "Is it good?", "No, there is a stain.", "请更换。 … (stopped)",
        "a plate", "tiny", "Temperature", "0.2", "2026-01-02T03:04:05+01:00",
    ):  # fmt: skip
        assert said in html, said
    assert "<script" not in html and "href" not in html and not re.search(r"""(src|url)\W{1,3}http""", html)
    photo, drawn, legend, reference = pictures(html)
    assert photo.size == drawn.size == (90, 60) and legend.width > legend.height
    assert max(reference.size) == 320, "references are thumbnails"
    assert np.abs(np.asarray(photo, int) - record.inspection.photo).mean() < 4


def test_nothing_that_was_written_becomes_markup(record):
    evil = replace(
        record, name=ATTACK, description=ATTACK, turns=(Turn(ATTACK, ATTACK),), settings={ATTACK: ATTACK}, model=ATTACK
    )
    html = html_report(evil)
    assert "<script" not in html and html.count("&lt;script&gt;") >= 6


def test_a_report_without_regions_references_and_questions_says_so(record):
    nothing = np.zeros_like(record.inspection.anomaly_map)
    inspection = Inspection(record.inspection.photo, nothing, Evidence(0.498, (), 90, 60, 0))
    html = html_report(replace(record, inspection=inspection, turns=(), references=()))
    for said in ("Undecided", "0.49", "No region", "Nothing was asked", "None."):
        assert said in html, said


def test_json_holds_what_was_measured_and_said(record):
    held = json.loads(json_report(record))
    assert held["photo"] == {"name": "plate.png", "width": 90, "height": 60}
    assert (held["verdict"], held["score"], held["limit"], held["disagreement"]) == ("anomalous", 0.9, 0.5, False)
    (region,) = held["regions"]
    assert region["box"] == [60, 10, 80, 20] and region["place"] == "top right" and region["shape"] == "oval"
    assert [turn["answer"] for turn in held["dialogue"]] == ["No, there is a stain.", "请更换。"]
    assert held["references"] == 1 and held["settings"] == {"temperature": 0.2, "seed": None}
    assert datetime.fromisoformat(held["date"]) == record.date


def test_words_against_the_map_are_a_disagreement_in_both(record):
    calm = replace(record, turns=(Turn("Is it good?", "Yes, no anomaly.", False),))
    assert json.loads(json_report(calm))["disagreement"] is True
    assert "disagree" in html_report(calm) and "disagree" not in html_report(record)


def test_the_overlay_is_a_png_of_the_photos_size_with_the_region_marked(record):
    picture = Image.open(io.BytesIO(overlay_png(record.inspection)))
    assert picture.format == "PNG" and picture.size == (90, 60)
    changed = np.abs(np.asarray(picture, int) - record.inspection.photo).sum(-1) > 30
    assert changed[12:18, 62:78].mean() > 0.9 and not changed[40:].any()


def test_a_record_of_a_session_stays_as_it_was(tiny_inspector, make_photo):
    session = tiny_inspector.new_session("a nut")
    with pytest.raises(ValueError, match="set_image"):
        record_of(session)
    session.set_references([make_photo(2)])
    session.set_image(make_photo(1))
    record = record_of(session, "part.png", {"seed": 3})
    for _ in session.ask("What is this?", max_new_tokens=4):
        pass
    assert record.turns == () and len(record_of(session).turns) == 1
    assert (record.model, record.description, record.name) == ("tiny", "a nut", "part.png")
    assert record.settings == {"map rule": "paper", "seed": 3} and len(record.references) == 1
    assert "part.png" in html_report(record)
