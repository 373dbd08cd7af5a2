"""A part is laid as another photo shows it, by any turn, shift and scale, or left where that is not sure."""

import cv2
import numpy as np
import pytest

from anomalygpt.imaging.alignment import Posed

SIDE = 200


def bracket(angle=0.0, x=100.0, y=100.0, scale=1.0, size=SIDE, shade=0):
    """A two-coloured part without symmetry on a plain background, turned about its middle, and where its mark is."""
    photo = np.full((size, size, 3), 225, np.uint8)
    turn = np.radians(angle)
    matrix = scale * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

    def put(points, color):
        placed = (np.array(points, float) @ matrix.T + (x, y)) * size / SIDE
        cv2.fillPoly(photo, [placed.round().astype(np.int32)], color)

    put([(-45, -22), (45, -22), (45, 0), (0, 0), (0, 26), (-45, 26)], (70 + shade, 80 + shade, 95 + shade))
    put([(20, -20), (43, -20), (43, -3), (20, -3)], (190, 60, 50))
    return photo


def apart(first, second):
    """Mean difference of two photos, of 255."""
    return float(np.abs(first.astype(float) - second).mean())


@pytest.mark.parametrize(
    "pose",
    [
        {"angle": 40.0},
        {"angle": 215.0},
        {"x": 118.0, "y": 88.0},
        {"angle": 90.0, "scale": 0.85},
        {"scale": 1.2, "angle": 300},
    ],
)
def test_a_part_is_laid_as_the_other_photo_shows_it(pose):
    reference, photo = bracket(), bracket(**pose)
    found = Posed(reference).alignment_of(photo)
    assert found is not None
    laid = found.to_other(photo)
    assert laid.shape == photo.shape and apart(laid, reference) < 0.3 * apart(photo, reference)


def test_a_map_comes_back_to_where_the_part_lies():
    photo = bracket(angle=40.0, x=110.0)
    found = Posed(bracket()).alignment_of(photo)
    spot = np.zeros((SIDE, SIDE), np.float32)
    spot[90:100, 120:132] = 1.0
    again = found.to_photo(found.to_other(spot))
    assert again.dtype == np.float32 and again.min() >= 0 and again.max() <= 1.0
    assert np.abs(again - spot).mean() < 0.25 * spot.mean()


def test_other_light_and_another_size_of_photo_are_no_hindrance():
    found = Posed(bracket(shade=25)).alignment_of(bracket(angle=70.0, size=2 * SIDE))
    assert found is not None
    assert apart(found.to_other(bracket(angle=70.0, size=2 * SIDE)), bracket(size=2 * SIDE)) < 6


def test_large_photos_are_laid_in_their_own_pixels():
    photo = bracket(angle=70.0, x=110.0, size=1600)
    laid = Posed(bracket(size=800)).alignment_of(photo).to_other(photo)
    assert apart(laid, bracket(size=1600)) < 0.15 * apart(photo, bracket(size=1600))


def test_what_lies_alike_already_is_left_alone():
    assert Posed(bracket()).alignment_of(bracket(shade=10)) is None
    assert Posed(bracket()).alignment_of(bracket(x=101.0)) is None


@pytest.mark.parametrize("case", ["surface", "another part", "other proportions", "much larger", "leaves the photo"])
def test_what_is_not_sure_is_left_alone(case):
    reference, photo = bracket(), bracket(angle=40.0)
    if case == "surface":
        photo = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    elif case == "another part":
        photo = np.full((SIDE, SIDE, 3), 225, np.uint8)
        cv2.rectangle(photo, (30, 92), (170, 108), (60, 60, 60), -1)
    elif case == "other proportions":
        photo = np.ascontiguousarray(photo[:150])
    elif case == "much larger":
        photo = bracket(scale=1.6)
    else:  # the reference shows the part cut off at the edge
        reference = bracket(x=40.0, y=20.0)
    assert Posed(reference).alignment_of(photo) is None
    if case == "surface":
        assert Posed(photo).alignment_of(reference) is None


def disc(mark):
    """A round part with a dark mark at (x, y)."""
    photo = np.full((SIDE, SIDE, 3), 225, np.uint8)
    cv2.circle(photo, (100, 100), 60, (110, 110, 120), -1)
    cv2.circle(photo, mark, 22, (20, 20, 20), -1)
    return photo


def test_a_round_part_is_never_turned_whatever_is_on_it():
    assert Posed(disc((130, 100))).alignment_of(disc((100, 130))) is None
