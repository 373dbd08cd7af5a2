"""An answer to a multiple-choice question is one of its options, and none that the measurement contradicts."""

import pytest

from anomalygpt.dialogue.known_options import KnownOptions, options_in, possible
from anomalygpt.records import PLACES, Leanings, Region

TOP = Region(1, (0, 0, 9, 9), (4.0, 4.0), 81, 0.01, 0.9, "top left", 1.0, 0.0, (-10.0, 9.0, 0.0))
LOW = Region(2, (50, 80, 90, 85), (70.0, 82.0), 200, 0.1, 0.7, "bottom", 8.0, 0.0, (10.0, 0.0, 0.0))
OTHERS = [place for place in PLACES if place not in ("top left", "bottom", "right")]
LEANINGS = Leanings(("metal nut", "pill", "capsule"), ("top left", "bottom", "right", *OTHERS), (TOP, LOW), 2)


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Where is it? A) top left B) bottom right.", {"a": "top left", "b": "bottom right"}),
        ("Which? (A) a screw, (B) a pill or (C) a nut?", {"a": "a screw", "b": "a pill", "c": "a nut"}),
        ("Colour: A: red; B: blue", {"a": "red", "b": "blue"}),
        ("在哪里？A）左上方，B）右下方", {"a": "左上方", "b": "右下方"}),
        ("是哪一种？A：划痕 还是 B：裂纹", {"a": "划痕", "b": "裂纹"}),
        ("Is grade A) better?", {}),
        ("Is there any anomaly in the image?", {}),
    ],
)
def test_options_are_read_however_they_are_written(question, options):
    assert options_in(question) == options


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"a": "center", "b": "top left corner", "c": "bottom"}, "b"),
        ({"a": "中央", "b": "左上方"}, "b"),
        ({"a": "bottom", "b": "center"}, "a"),
        ({"a": "center", "b": "right"}, "b"),
        ({"a": "round", "b": "oval", "c": "long and horizontal"}, "a"),
        ({"a": "tiny", "b": "small", "c": "large"}, "b"),
        ({"a": "1", "b": "2", "c": "3"}, "b"),
        ({"a": "one", "b": "two"}, "b"),
        ({"a": "darker than its surroundings", "b": "darker and redder than its surroundings"}, "b"),
        ({"a": "a screw", "b": "a metal nut"}, "b"),
        ({"a": "capsule", "b": "pill", "c": "bottle"}, "b"),
        ({"a": "hold liquids", "b": "carry a dose of medicine"}, "b"),
        ({"a": "screw", "b": "bottle"}, "ab"),
        ({"a": "scratch", "b": "crack"}, "ab"),
        ({"a": "yes", "b": "no"}, "ab"),
    ],
)
def test_what_was_measured_decides_where_it_can(options, left):
    assert "".join(possible(options, LEANINGS)) == left


def test_of_a_good_part_no_defects_are_counted():
    good = Leanings(("pill",), PLACES, (TOP,), 0)
    assert possible({"a": "0", "b": "1"}, good) == {"a": "0"}
    assert possible({"a": "one", "b": "none of them", "c": "no"}, good).keys() == {"b", "c"}
    assert possible({"a": "1", "b": "2"}, good).keys() == {"a", "b"}


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"a": "scratch", "b": "a crack", "c": "stain"}, "b"),
        ({"a": "划痕", "b": "污渍"}, "b"),
        ({"a": "a scuff", "b": "holes"}, "b"),
        (
            {
                "a": "it probably comes from contact with something sharp or hard during handling",
                "b": "most likely the material was strained beyond its strength",
            },
            "b",
        ),
        ({"a": "dent", "b": "print fault"}, "ab"),
    ],
)
def test_kinds_of_defect_are_chosen_by_what_the_eye_leans_to_by_name_or_by_cause(options, left):
    assert "".join(possible(options, Leanings(kinds=("crack", "stain", "hole", "scratch")))) == left


def test_nothing_is_left_out_where_the_eye_leans_to_nothing():
    assert possible({"a": "top left", "b": "a screw"}, Leanings()).keys() == {"a", "b"}


def test_an_answer_can_only_become_an_option_with_its_own_letter():
    known = KnownOptions("Where is it? A) center B) top left", LEANINGS)
    assert known.allow("", "Top") and known.allow("Top", " left") and known.allow("Top left", " (B).")
    assert known.allow("", "B)") and known.allow("Top left (B).", " It is there.")
    assert not known.allow("", "Cen") and not known.allow("Top left", " (A)") and not known.allow("", "I ")
    assert known.allow("", "左") is False
    assert KnownOptions("Where is it?", LEANINGS).allow("", "Anything")
