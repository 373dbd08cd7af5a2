"""Figures of regions tell forms and colours apart, and do not depend on the size of the photo."""

import cv2
import numpy as np
import pytest

from anomalygpt.imaging.region_look import FIGURES, region_looks
from anomalygpt.imaging.regions import find_regions


def drawn(form, side=160, color=(40, 40, 40)):
    """A photo with one spot, and a map that is certain of it."""
    photo = np.full((side, side, 3), 180, np.uint8)
    spot = np.zeros((side, side), np.uint8)
    unit = side / 160
    if form == "disc":
        cv2.circle(spot, (round(80 * unit), round(60 * unit)), round(14 * unit), 1, -1)
    elif form == "line":
        cv2.rectangle(spot, (round(30 * unit), round(58 * unit)), (round(130 * unit), round(62 * unit)), 1, -1)
    else:  # everywhere
        spot[:] = 1
    photo[spot > 0] = color
    return photo, spot.astype(np.float32) * 0.9


def look(photo, anomaly_map, threshold=0.5):
    return region_looks(photo, anomaly_map, find_regions(anomaly_map, photo, threshold), threshold)


def test_each_region_has_its_row_of_finite_figures():
    photo, anomaly_map = drawn("disc")
    anomaly_map[120:130, 10:60] = 0.7
    figures = look(photo, anomaly_map)
    assert figures.shape == (2, FIGURES) and figures.dtype == np.float32 and np.isfinite(figures).all()
    assert np.abs(figures[0] - figures[1]).max() > 0.5
    assert region_looks(photo, anomaly_map, (), 0.5).shape == (0, FIGURES)


def test_a_line_is_further_from_a_disc_than_a_disc_of_another_photo_size():
    disc, large, line = (look(*given)[0] for given in (drawn("disc", 640), drawn("disc", 1280), drawn("line", 640)))
    assert np.linalg.norm(disc - large) < 0.2 * np.linalg.norm(disc - line)


def test_colours_are_seen_against_the_surroundings():
    dark, bright = (look(*drawn("disc", color=color))[0] for color in ((40, 40, 40), (250, 250, 250)))
    assert dark[15] < -20 and bright[15] > 15


@pytest.mark.parametrize("threshold", [0.5, 0.95])
def test_a_region_without_surroundings_or_under_the_threshold_is_no_fault(threshold):
    photo, anomaly_map = drawn("everywhere")
    regions = find_regions(anomaly_map, photo, 0.5)
    assert np.abs(region_looks(photo, anomaly_map, regions, threshold)).max() < 1000
    speck = np.zeros((160, 160), np.float32)
    speck[3, 5] = 0.8
    assert np.isfinite(look(photo, speck)).all()
