import re
from pathlib import Path

import numpy as np
import pytest

from anomalygpt.records import Evidence, Inspection, Region, Turn
from anomalygpt.web import views
from anomalygpt.web.history import Case


def make_inspection(score=0.8, regions=2):
    photo = np.full((60, 80, 3), 120, np.uint8)
    anomaly_map = np.zeros((60, 80), np.float32)
    found = []
    for i in range(regions):
        left = 10 + 30 * i
        anomaly_map[10:30, left : left + 20] = score - 0.1 * i
        box = (left, 10, left + 20, 30)
        found.append(Region(i + 1, box, (left + 10, 20), 400, 0.083, score - 0.1 * i, "top left", 1.0, 0.0, (0, 0, 0)))
    return Inspection(photo, anomaly_map, Evidence(score, tuple(found), 80, 60, 1))


YES = Turn("Is there any anomaly?", "Yes.", True)
NO = Turn("Is there any anomaly?", "No.", False)
SIZE = Turn("How big is it?", "Small.", None)


def test_without_photo_the_badge_says_what_to_do():
    badge = views.verdict_badge(None, ())
    assert "No photo yet" in badge and "Add a photo" in badge and "meter" not in badge


@pytest.mark.parametrize(
    ("score", "turns", "kind", "detail"),
    [
        (0.8, (), "anomalous", "by the map alone"),
        (0.2, (), "normal", "by the map alone"),
        (0.5, (), "anomalous", "by the map alone"),
        (0.8, (YES,), "anomalous", "by the answer"),
        (0.8, (NO,), "normal", "by the answer"),
        (0.8, (NO, SIZE), "normal", "by the answer"),
        (0.2, (NO, YES), "anomalous", "by the answer"),
        (0.8, (SIZE,), "undecided", "do not say"),
    ],
)
def test_the_badge_shows_what_the_words_said_last_and_the_score_of_the_map(score, turns, kind, detail):
    badge = views.verdict_badge(make_inspection(score), turns)
    assert f'class="verdict {kind}"' in badge and detail in badge
    assert f'aria-valuenow="{score:.2f}"' in badge and f">{score:.2f}<" in badge


@pytest.mark.parametrize(
    ("score", "turns", "said"),
    [
        (0.8, (), None),
        (0.8, (YES,), None),
        (0.2, (NO,), None),
        (0.8, (SIZE,), None),
        (0.8, (NO,), "finds none"),
        (0.2, (YES, SIZE), "finds an anomaly"),
    ],
)
def test_a_warning_where_words_and_map_disagree(score, turns, said):
    warning = views.disagreement(make_inspection(score), turns)
    assert (warning == "") if said is None else (said in warning and f"{score:.2f}" in warning)
    assert views.disagreement(None, turns) == ""


def test_text_of_model_user_and_files_is_never_html():
    attack = '<img src=x onerror="alert(1)"> **bold** & so on'
    shown = views.messages([Turn(attack, attack)], attack, attack)
    assert [message["role"] for message in shown] == ["user", "assistant", "user", "assistant"]
    assert all("<" not in message["content"] and "&lt;img" in message["content"] for message in shown)
    assert "<img" not in views.notice(attack)


def test_messages_mark_a_stopped_answer_and_show_a_waiting_question():
    shown = views.messages([Turn("Where?", "At the top", finished=False)], "How big?")
    assert [message["content"] for message in shown] == ["Where?", "At the top" + " … (stopped)", "How big?"]
    assert views.messages([], None) == []
    assert views.messages([Turn("Where?", "")])[1]["content"] == "(no words)"


def test_the_region_table_names_place_share_size_and_peak():
    table = views.region_table(make_inspection(), highlighted=2)
    rows = re.findall(r'<tr data-region="(\d)">(.*?)</tr>', table)
    assert [index for index, _ in rows] == ["1", "2"]
    assert all(text in rows[0][1] for text in ("top left", "8.3 %", "20 × 20", "0.80", "round"))
    assert 'aria-pressed="false"' in rows[0][1] and 'aria-pressed="true"' in rows[1][1]


def test_without_regions_the_table_says_so():
    assert "No region" in views.region_table(make_inspection(0.2, regions=0))
    assert "listed here" in views.region_table(None)


@pytest.mark.parametrize(("share", "text"), [(0.5, "50 %"), (0.0123, "1.2 %"), (0.0002, "under 0.1 %")])
def test_shares_are_readable(share, text):
    inspection = make_inspection(regions=1)
    region = Region(**{**vars(inspection.regions[0]), "share": share})
    evidence = Evidence(0.8, (region,), 80, 60, 1)
    assert f"<td>{text}</td>" in views.region_table(Inspection(inspection.photo, inspection.anomaly_map, evidence))


def test_the_map_is_drawn_in_the_photos_own_resolution_and_opacity_0_is_the_photo():
    inspection = make_inspection()
    assert np.array_equal(views.render(inspection, "overlay", 0.0, False), inspection.photo)
    strong = views.render(inspection, "overlay", 1.0, False)
    assert strong.shape == inspection.photo.shape and strong.dtype == np.uint8
    assert not np.array_equal(strong[20, 20], inspection.photo[20, 20])
    assert not np.array_equal(views.render(inspection, "overlay", 0.0, True), inspection.photo)


def test_a_picked_region_stands_out_from_the_rest():
    inspection = make_inspection()
    plain, picked = (views.render(inspection, "overlay", 0.5, False, index).astype(int) for index in (None, 2))
    assert np.array_equal(picked[20, 50], plain[20, 50])
    assert picked[55, 5].sum() < plain[55, 5].sum()
    assert np.array_equal(views.render(inspection, "overlay", 0.5, False, 9), plain)


def test_the_legend_has_the_colours_of_the_map():
    from anomalygpt.imaging.overlay import colorize

    first, last = colorize(np.array([[0.0, 1.0]], np.float32))[0].tolist()
    legend = views.legend()
    assert "rgb({} {} {}) 0%".format(*first) in legend and "rgb({} {} {}) 100%".format(*last) in legend
    assert "aria-label" in legend


def test_the_map_alone_does_not_show_the_photo():
    dark, bright = make_inspection(), make_inspection()
    bright.photo[:] = 250
    assert np.array_equal(views.render(dark, "map", 0.1, True), views.render(bright, "map", 0.9, True))
    assert not np.array_equal(views.render(dark, "map", 0.5, False), views.render(dark, "map", 0.5, True))


@pytest.mark.parametrize(
    ("point", "region", "question"),
    [
        ((0.25, 0.33), 1, "What is region 1?"),
        ((0.6, 0.3), 2, "What is region 2?"),
        ((0.9, 0.9), None, "What is at the bottom right?"),
        ((0.0, 0.5), None, "What is at the left?"),
    ],
)
def test_a_point_on_the_photo_is_a_question_about_what_is_there(point, region, question):
    inspection = make_inspection()
    found = views.region_at(inspection, *point)
    assert (found.index if found else None) == region
    assert views.question_at(inspection, *point) == question


def test_chinese_visitors_read_chinese():
    inspection = make_inspection()
    for shown in (
        views.verdict_badge(inspection, (NO,), "zh"),
        views.disagreement(inspection, (NO,), "zh"),
        views.region_table(inspection, language="zh"),
        views.legend("zh"),
        views.messages([Turn("?", "!", finished=False)], language="zh")[1]["content"],
        views.question_at(inspection, 0.25, 0.33, "zh"),
        views.strip((), None, "zh"),
    ):
        assert re.search("[\u4e00-\u9fff]", shown)
        assert not re.search("Anomalous|Normal|Region|Peak|stopped", shown)


def test_the_strip_shows_the_newest_first_and_which_is_open():
    cases = [
        Case(1, Path("a<b>.png"), (), "", "paper", False, 0.8, "data:,", (YES,)),
        Case(2, Path("b.png"), (), "", "paper", False, 0.2, "data:,", (SIZE,)),
        Case(3, Path("c.png"), (), "", "paper", False, 0.2, "data:,"),
    ]
    shown = views.strip(cases, 2)
    assert re.findall(r'class="case (\w+)" data-case="(\d)"', shown) == [
        ("normal", "3"),
        ("undecided", "2"),
        ("anomalous", "1"),
    ]
    assert shown.count('aria-current="true"') == 1 and "a&lt;b&gt;.png, Anomalous, score 0.80" in shown
    assert "gather here" in views.strip((), None)
