from __future__ import annotations

from dataclasses import replace

import pytest

from anomalygpt.dialogue.measures import (
    box_text,
    color_of,
    largest_of,
    level_of,
    shape_of,
    shapes_near,
    share_text,
    size_of,
    smallest_of,
    unit_text,
)


@pytest.fixture
def region(make_evidence, rng):
    return make_evidence(rng, anomalous=True, count=1).regions[0]


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (0.5, "not certain"),
        (0.64, "not certain"),
        (0.36, "not certain"),
        (0.7, "fairly sure"),
        (0.99, "certain"),
        (0.0, "certain"),
    ],
)
def test_certainty_grows_with_the_distance_from_a_half(score, level):
    assert level_of(score) == level


@pytest.mark.parametrize(
    ("angle", "shape"),
    [
        (0, "long horizontal"),
        (175, "long horizontal"),
        (90, "long vertical"),
        (45, "long rising"),
        (135, "long falling"),
    ],
)
def test_direction_of_long_regions(region, angle, shape):
    assert shape_of(replace(region, elongation=4.0, angle=float(angle))) == shape


def test_short_regions_have_no_direction(region):
    assert shape_of(replace(region, elongation=1.1)) == "round"
    assert shape_of(replace(region, elongation=2.0)) == "oval"


@pytest.mark.parametrize(
    ("difference", "color"),
    [
        ((-30, 0, 0), "much darker"),
        ((10, 12, 1), "brighter redder"),
        ((1, -2, -15), "bluer"),
        ((0, 1, 1), "same color"),
    ],
)
def test_color_words(region, difference, color):
    assert color_of(replace(region, color_difference=difference)) == color


@pytest.mark.parametrize(
    ("share", "text", "size"),
    [(0.00004, "0.01%", "tiny"), (0.0123, "1.2%", "small"), (0.0996, "10%", "large"), (1.0, "100%", "very large")],
)
def test_share_has_one_written_form(region, share, text, size):
    assert share_text(replace(region, share=share)) == text
    assert size_of(replace(region, share=share)) == size


def test_box_is_width_by_height(region):
    assert box_text(replace(region, box=(10, 20, 48, 41))) == "38x21"


def test_rounding_never_crosses_the_decision():
    assert unit_text(0.4999) == "0.49"
    assert unit_text(0.5) == "0.50"


def test_largest_and_smallest(make_evidence, rng):
    evidence = make_evidence(rng, anomalous=True, count=5)
    shares = [region.share for region in evidence.regions]
    assert largest_of(evidence).share == max(shares)
    assert smallest_of(evidence).share == min(shares)
    assert largest_of(make_evidence(rng, anomalous=False)) is None


@pytest.mark.parametrize(
    ("elongation", "angle", "nearest"),
    [
        (1.45, 10.0, ["round", "oval", "long horizontal"]),
        (2.3, 92.0, ["oval", "long vertical"]),
        (9.0, 40.0, ["long rising", "long horizontal"]),
        (2.6, 155.0, ["long falling", "long horizontal", "oval"]),
    ],
)
def test_forms_are_ranked_by_how_far_a_region_is_from_them(region, elongation, angle, nearest):
    ranked = shapes_near(replace(region, elongation=elongation, angle=angle))
    assert ranked[0] == shape_of(replace(region, elongation=elongation, angle=angle))
    assert list(ranked[: len(nearest)]) == nearest and len(ranked) == 6
