"""Renders a map on its photo: fixed colours, contours, numbered regions, legend, comparison. Pure functions.

Colours are fixed to the scale [0, 1], so one colour means the same evidence on every photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anomalygpt.records import ANOMALOUS, Region

ANCHORS = ((22, 40, 120), (100, 45, 165), (185, 45, 130), (232, 75, 75), (248, 140, 35), (253, 215, 60))
"""The RGB colours through which the scale runs, from no evidence (dark blue) to full evidence (yellow)."""

FADE = (0.1, 0.6)
"""An overlay is clear below the first value and as opaque as asked from the second on."""

FRAME = (0, 205, 255)
"""Colour of frames and numbers; no colour of the scale comes near."""

DARK = (16, 18, 24)
LIGHT = (255, 255, 255)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def color_scale(steps: int = 256) -> NDArray[np.uint8]:
    """The colour scale, RGB uint8 steps×3, from value 0 to value 1.

    It runs through `ANCHORS` at constant speed in CIELAB: equal steps of evidence are equal steps of colour. The
    lightness rises throughout, so the order is kept in print and for the colour-blind.
    """
    anchors = cv2.cvtColor(np.array([ANCHORS], np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)[0]
    passed = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(anchors, axis=0), axis=1))])
    where = np.linspace(0.0, passed[-1], steps)
    lab = np.stack([np.interp(where, passed, anchors[:, channel]) for channel in range(3)], axis=-1)
    rgb = cv2.cvtColor(lab[np.newaxis].astype(np.float32), cv2.COLOR_LAB2RGB)[0]
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def colorize(anomaly_map: NDArray[Any]) -> NDArray[np.uint8]:
    """The map alone in colours.

    Args:
        anomaly_map: float H×W; values outside [0, 1] get the colour of the nearer end.

    Returns:
        RGB uint8 H×W×3.
    """
    return _colored(_steps(anomaly_map))


def overlay(
    photo: NDArray[np.uint8], anomaly_map: NDArray[Any], opacity: float = 0.5, contours: bool = True
) -> NDArray[np.uint8]:
    """The photo with its map laid over it; where there is little evidence the photo shows through unchanged.

    Args:
        photo: RGB uint8 H×W×3.
        anomaly_map: float H×W in [0, 1].
        opacity: of strong evidence, in [0, 1]; 0 leaves the photo as it is, but for the contours.
        contours: also outline where the map crosses `ANOMALOUS`.

    Returns:
        RGB uint8 H×W×3, a new array.

    Raises:
        ValueError: photo and map are not of one size, or the opacity is outside [0, 1].
    """
    if photo.shape != (*anomaly_map.shape, 3):
        raise ValueError(f"photo {photo.shape} and map {anomaly_map.shape} are not of one size")
    if not 0.0 <= opacity <= 1.0:
        raise ValueError(f"opacity is {opacity}; it must be in [0, 1]")
    steps = _steps(anomaly_map)
    rising = np.clip((np.linspace(0, 1, 256) - FADE[0]) / (FADE[1] - FADE[0]), 0, 1)
    opacities = (opacity * rising**2 * (3 - 2 * rising)).astype(np.float32)
    weight = cv2.LUT(steps, opacities)
    laid: NDArray[Any] = cv2.blendLinear(photo, _colored(steps), 1 - weight, weight)
    return draw_contours(laid, anomaly_map) if contours else laid


def draw_contours(
    image: NDArray[np.uint8], anomaly_map: NDArray[Any], threshold: float = ANOMALOUS
) -> NDArray[np.uint8]:
    """Outlines the areas where the map reaches the threshold, light with a dark rim, on a copy of an RGB image."""
    drawn = image.copy()
    reached = (anomaly_map >= threshold).astype(np.uint8)
    lines, _ = cv2.findContours(reached, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    width = _line_width(image)
    cv2.drawContours(drawn, lines, -1, DARK, 2 * width, cv2.LINE_AA)
    cv2.drawContours(drawn, lines, -1, LIGHT, width, cv2.LINE_AA)
    return drawn


def draw_regions(image: NDArray[np.uint8], regions: Sequence[Region], selected: int | None = None) -> NDArray[np.uint8]:
    """Frames each region and writes its number beside the frame, on a copy.

    Args:
        image: RGB uint8 H×W×3, the photo or an overlay on it.
        regions: of this photo.
        selected: index of a region whose frame is drawn thicker, None for none.
    """
    drawn = image.copy()
    taken: list[tuple[int, int, int, int]] = []
    for region in regions:
        width = _line_width(image) * (2 if region.index == selected else 1)
        _draw_frame(drawn, region.box, width)
    for region in regions:
        taken.append(_draw_number(drawn, region, taken))
    return drawn


def highlight(image: NDArray[np.uint8], region: Region, dimming: float = 0.6) -> NDArray[np.uint8]:
    """Dims everything but one region and frames it, on a copy.

    Args:
        image: RGB uint8 H×W×3, the photo or an overlay on it.
        region: of this photo.
        dimming: how much light is taken from the rest, in [0, 1].
    """
    margin = _margin(image)
    left, top, right, bottom = region.box
    rows, columns = slice(max(0, top - margin), bottom + margin), slice(max(0, left - margin), right + margin)
    drawn: NDArray[Any] = cv2.convertScaleAbs(image, alpha=1.0 - dimming)
    drawn[rows, columns] = image[rows, columns]
    _draw_frame(drawn, (columns.start, rows.start, columns.stop, rows.stop), 2 * _line_width(image))
    return drawn


def legend(
    width: int = 320,
    height: int = 48,
    background: tuple[int, int, int] = LIGHT,
    ink: tuple[int, int, int] = DARK,
) -> NDArray[np.uint8]:
    """The colour scale as a bar with ticks at 0, `ANOMALOUS` and 1, for reports and pictures.

    Args:
        width: of the image, pixels, at least 96.
        height: of the image, pixels, at least 32.
        background: RGB colour around the bar.
        ink: RGB colour of ticks and numbers.

    Returns:
        RGB uint8 height×width×3.

    Raises:
        ValueError: too small for the numbers to be read.
    """
    if width < 96 or height < 32:
        raise ValueError(f"a legend of {width}×{height} pixels is too small; give at least 96×32")
    image = np.full((height, width, 3), background, np.uint8)
    letters = max(9, height // 4)
    margin = 2 * letters
    bottom = height - letters - 10
    bar = color_scale(width - 2 * margin)
    image[4:bottom, margin : width - margin] = bar
    for value in (0.0, ANOMALOUS, 1.0):
        x = margin + round(value * (len(bar) - 1))
        cv2.line(image, (x, bottom), (x, bottom + 4), ink, 1)
        _write(image, f"{value:g}", (x, height - 2), letters, ink)
    middle = margin + round(ANOMALOUS * (len(bar) - 1))
    cv2.line(image, (middle, 4), (middle, bottom - 1), LIGHT, 1)
    return image


def before_after(before: NDArray[np.uint8], after: NDArray[np.uint8], position: float = 0.5) -> NDArray[np.uint8]:
    """One image that shows `before` left of a dividing line and `after` right of it.

    Args:
        before: RGB uint8 H×W×3.
        after: RGB uint8 of the same size.
        position: of the line, from 0 (only `after`) to 1 (only `before`).

    Raises:
        ValueError: the images are not of one size, or the position is outside [0, 1].
    """
    if before.shape != after.shape:
        raise ValueError(f"images of shapes {before.shape} and {after.shape} cannot be compared side by side")
    if not 0.0 <= position <= 1.0:
        raise ValueError(f"position is {position}; it must be in [0, 1]")
    height, width = before.shape[:2]
    line = round(position * width)
    joined = np.concatenate([before[:, :line], after[:, line:]], axis=1)
    if 0 < line < width:
        thin = _line_width(before)
        cv2.line(joined, (line, 0), (line, height), DARK, 3 * thin)
        cv2.line(joined, (line, 0), (line, height), LIGHT, thin)
    return joined


def _steps(anomaly_map: NDArray[Any]) -> NDArray[Any]:
    """Values of a map as steps of the colour scale, uint8 H×W."""
    return cv2.convertScaleAbs(np.clip(anomaly_map, 0, 1).astype(np.float32, copy=False), alpha=255)


def _colored(steps: NDArray[Any]) -> NDArray[Any]:
    """Steps of the colour scale as RGB; `applyColorMap` does not care for the order of the channels."""
    return cv2.applyColorMap(steps, color_scale()[:, np.newaxis])


def _line_width(image: NDArray[Any]) -> int:
    """Width of thin lines that are seen alike on photos of any size, pixels."""
    return max(1, round(max(image.shape[:2]) / 480))


def _margin(image: NDArray[Any]) -> int:
    """Space left between a region and its frame, pixels."""
    return max(2, round(max(image.shape[:2]) / 100))


def _draw_frame(image: NDArray[Any], box: tuple[int, int, int, int], width: int) -> None:
    """Draws a frame just outside a box, with a dark rim, where the image has room for it."""
    height_limit, width_limit = image.shape[:2]
    left, top = max(0, box[0] - 1), max(0, box[1] - 1)
    right, bottom = min(width_limit - 1, box[2]), min(height_limit - 1, box[3])
    cv2.rectangle(image, (left, top), (right, bottom), DARK, 3 * width)
    cv2.rectangle(image, (left, top), (right, bottom), FRAME, width)


def _draw_number(
    image: NDArray[Any], region: Region, taken: Sequence[tuple[int, int, int, int]]
) -> tuple[int, int, int, int]:
    """Writes a region's number on a tag beside its frame, clear of the tags already there; returns the tag's box."""
    letters = max(9, round(max(image.shape[:2]) / 45))
    text = str(region.index)
    wide, high = letters * len(text) + letters // 2, letters + letters // 2
    left, top, right, bottom = region.box
    corners = [(left, top - high), (right - wide, top - high), (left, bottom), (right - wide, bottom)]
    corners += [(left - wide, top), (right, top), (left, top)]
    tags = [_within(image, corner, wide, high) for corner in corners]
    free = [tag for tag in tags if not any(_meet(tag, other) for other in taken)]
    clear = [tag for tag in free if not _meet(tag, region.box)]
    x, y, x_end, y_end = (clear or free or tags)[0]
    cv2.rectangle(image, (x, y), (x_end - 1, y_end - 1), FRAME, cv2.FILLED)
    _write(image, text, ((x + x_end) // 2, y_end - letters // 4), letters, DARK)
    return x, y, x_end, y_end


def _within(image: NDArray[Any], corner: tuple[int, int], wide: int, high: int) -> tuple[int, int, int, int]:
    """Moves a tag into the image."""
    x = max(0, min(corner[0], image.shape[1] - wide))
    y = max(0, min(corner[1], image.shape[0] - high))
    return x, y, x + wide, y + high


def _meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    """Whether two boxes overlap."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _write(image: NDArray[Any], text: str, foot: tuple[int, int], letters: int, color: tuple[int, int, int]) -> None:
    """Writes text with its lower edge's middle at `foot`, capitals `letters` pixels high."""
    weight = max(1, round(letters / 9))
    (_, unit), _ = cv2.getTextSize(text, FONT, 1.0, weight)
    scale = letters / unit
    (wide, _), _ = cv2.getTextSize(text, FONT, scale, weight)
    cv2.putText(image, text, (foot[0] - wide // 2, foot[1]), FONT, scale, color, weight, cv2.LINE_AA)
