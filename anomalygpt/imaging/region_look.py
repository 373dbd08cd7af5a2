"""How a region looks, in figures: its form, and its colours against its surroundings.

More than is put in words of it (`records.Region`), and for a network that reads numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anomalygpt.records import Region

WORK_SIDE = 320
"""Longest side on which a region is measured, so that the figures do not depend on the photo's size."""

RING = 1 / 30
"""Width of the surroundings, as a share of the long side."""

FIGURES = 43
"""How many figures there are of a region."""


def region_looks(
    photo: NDArray[np.uint8], anomaly_map: NDArray[np.float32], regions: Sequence[Region], threshold: float
) -> NDArray[np.float32]:
    """Figures of each region, R×`FIGURES` float32; all finite.

    Args:
        photo: RGB uint8 H×W×3.
        anomaly_map: H×W in [0, 1].
        regions: of that map.
        threshold: the least value inside a region, as they were found with.
    """
    scale = min(1.0, WORK_SIDE / max(anomaly_map.shape))
    size = tuple(max(1, round(side * scale)) for side in anomaly_map.shape[::-1])
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    values = cv2.resize(anomaly_map, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    slope = np.hypot(cv2.Sobel(lab[..., 0], cv2.CV_32F, 1, 0), cv2.Sobel(lab[..., 0], cv2.CV_32F, 0, 1))
    found = np.zeros((len(regions), FIGURES), np.float32)
    for row, region in enumerate(regions):
        inside = _inside(values, region, threshold, scale)
        found[row] = (*_form(inside, values, region, len(regions)), *_colors(inside, lab, slope))
    return found


def _inside(values: NDArray[Any], region: Region, threshold: float, scale: float) -> NDArray[np.uint8]:
    """Where a region is on the working copy; at least one pixel."""
    height, width = values.shape
    left, top = (min(int(edge * scale), side - 1) for edge, side in zip(region.box[:2], (width, height), strict=True))
    right, bottom = (
        max(int(np.ceil(edge * scale)), low + 1) for edge, low in zip(region.box[2:], (left, top), strict=True)
    )
    inside = np.zeros(values.shape, np.uint8)
    window = values[top:bottom, left:right]
    inside[top:bottom, left:right] = window >= min(threshold, float(window.max()))
    return inside


def _form(inside: NDArray[np.uint8], values: NDArray[Any], region: Region, count: int) -> tuple[float, ...]:
    """Size, direction, outline and strength of a region, in shares of the photo and of itself."""
    area, side = float(inside.sum()), max(inside.shape)
    contours = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    outline = max(contours, key=len)
    hull = max(cv2.contourArea(cv2.convexHull(outline)), 1.0)
    framed = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)  # the photo's edge is an edge
    thickness = float(cv2.distanceTransform(framed, cv2.DIST_L2, 3).max())
    turn = 2 * np.radians(region.angle)
    wide, tall = cv2.boundingRect(inside)[2:]
    return (
        np.log(area / inside.size),
        np.log(max(region.share, 1e-6)),
        np.log(region.elongation),
        np.sin(turn),
        np.cos(turn),
        region.peak,
        float(values[inside > 0].mean()),
        area / hull,
        cv2.arcLength(outline, True) / np.sqrt(area),
        thickness / np.sqrt(area),
        thickness / side,
        wide / side,
        tall / side,
        float(len(contours)),
        float(count),
    )


def _colors(inside: NDArray[np.uint8], lab: NDArray[Any], slope: NDArray[Any]) -> tuple[float, ...]:
    """CIELAB colours and their changes in a region and around it; without surroundings it is compared with itself."""
    reach = max(2, round(RING * max(inside.shape)))
    around = cv2.dilate(inside, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > inside
    if not around.any():
        around = inside > 0
    own, other = lab[inside > 0], lab[around]
    own_slope, other_slope = slope[inside > 0], slope[around]
    light, apart = float(np.median(other[:, 0])), own - other.mean(0)
    return (
        *apart.mean(0),
        *own.std(0),
        *other.std(0),
        *own.mean(0),
        *(np.percentile(own[:, 0], (5, 25, 75, 95)) - light),
        *(np.percentile(other[:, 0], (5, 95)) - light),
        float(own_slope.mean()),
        float(other_slope.mean()),
        float(own_slope.max()),
        *np.abs(apart).mean(0),
        float(np.hypot(apart[:, 1], apart[:, 2]).mean()),
        float(np.log1p(own_slope.mean()) - np.log1p(other_slope.mean())),
        float(np.hypot(*own.mean(0)[1:])),
        float(np.hypot(*other.mean(0)[1:])),
    )
