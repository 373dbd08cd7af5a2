"""From measured numbers to the classes that words stand for, and to the one written form of each figure.

Evidence text, composed answers and their checks all call these functions, so that they cannot disagree.
"""

from __future__ import annotations

import math
from typing import Literal

from anomalygpt.records import ANOMALOUS, Evidence, Region

Level = Literal["certain", "fairly sure", "not certain"]

UNSURE = 0.15
"""Scores nearer to `ANOMALOUS` than this are spoken of with care."""

SURE = 0.35
"""Scores at least this far from `ANOMALOUS` are spoken of with certainty."""

LIGHTS: tuple[str, ...] = ("much darker", "darker", "same", "brighter", "much brighter")
TINTS: tuple[str, ...] = ("", "redder", "greener", "yellower", "bluer")

_SIZES = ((0.005, "tiny"), (0.02, "small"), (0.08, "medium"), (0.25, "large"))
_LIGHT, _MUCH_LIGHT, _TINT = 6.0, 25.0, 8.0
_ROUND, _LONG = 1.5, 2.5
_DIRECTIONS = {"horizontal": 0.0, "vertical": 90.0, "rising": 45.0, "falling": 135.0}


def level_of(score: float) -> Level:
    """How certain a score in [0, 1] is, by its distance from `ANOMALOUS`."""
    distance = abs(score - ANOMALOUS)
    if distance >= SURE:
        return "certain"
    return "fairly sure" if distance > UNSURE else "not certain"


def size_of(region: Region) -> str:
    """Class beside the part: "tiny", "small", "medium", "large" or "very large"."""
    return next((name for limit, name in _SIZES if region.share < limit), "very large")


def shape_of(region: Region) -> str:
    """Class of form: "round", "oval", or "long" with its direction (horizontal, vertical, rising or falling)."""
    if region.elongation < _ROUND:
        return "round"
    if region.elongation < _LONG:
        return "oval"
    angle = region.angle % 180
    if angle < 20 or angle >= 160:
        return "long horizontal"
    if 70 <= angle < 110:
        return "long vertical"
    return "long rising" if angle < 90 else "long falling"


def shapes_near(region: Region) -> tuple[str, ...]:
    """All classes of form, the region's own first, then by how much elongation and direction would have to change."""
    elongation = math.log(max(region.elongation, 1.0))
    short, long = math.log(_ROUND), math.log(_LONG)
    apart = {"round": max(0.0, elongation - short), "oval": max(0.0, short - elongation, elongation - long)}
    for direction, angle in _DIRECTIONS.items():
        turned = abs((region.angle - angle + 90) % 180 - 90)
        apart[f"long {direction}"] = max(0.0, long - elongation) + max(0.0, turned - 22.5) / 90
    own = shape_of(region)
    return tuple(sorted(apart, key=lambda shape: (shape != own, apart[shape])))


def light_of(region: Region) -> str:
    """Against the surroundings: "much darker", "darker", "same", "brighter" or "much brighter"."""
    light = region.color_difference[0]
    if abs(light) < _LIGHT:
        return "same"
    word = "darker" if light < 0 else "brighter"
    return f"much {word}" if abs(light) >= _MUCH_LIGHT else word


def tint_of(region: Region) -> str:
    """Against the surroundings: "redder", "greener", "yellower" or "bluer", or "" where the hue hardly differs."""
    _, a, b = region.color_difference
    if (a * a + b * b) ** 0.5 < _TINT:
        return ""
    if abs(a) >= abs(b):
        return "redder" if a > 0 else "greener"
    return "yellower" if b > 0 else "bluer"


def color_of(region: Region) -> str:
    """Light and tint together: "darker redder", "bluer", "same color"."""
    words = [word for word in (light_of(region), tint_of(region)) if word not in ("same", "")]
    return " ".join(words) or "same color"


def largest_of(evidence: Evidence) -> Region | None:
    """The region with the largest share, the stronger one of two alike; None where there is no region."""
    return max(evidence.regions, key=lambda region: (region.share, -region.index), default=None)


def smallest_of(evidence: Evidence) -> Region | None:
    """The region with the smallest share, the weaker one of two alike; None where there is no region."""
    return min(evidence.regions, key=lambda region: (region.share, -region.index), default=None)


def share_text(region: Region) -> str:
    """Share of the part in percent: "12%", "4.2%", "0.05%"."""
    percent = 100 * region.share
    if percent >= 9.95:
        return f"{percent:.0f}%"
    return f"{percent:.1f}%" if percent >= 0.095 else f"{max(percent, 0.01):.2f}%"


def box_text(region: Region) -> str:
    """Width and height of the box in pixels: "38x21"."""
    left, top, right, bottom = region.box
    return f"{right - left}x{bottom - top}"


def unit_text(value: float) -> str:
    """A score or peak in [0, 1] as "0.93". Never crosses `ANOMALOUS` by rounding: 0.498 is "0.49"."""
    text = f"{value:.2f}"
    if value < ANOMALOUS <= float(text):
        return f"{ANOMALOUS - 0.01:.2f}"
    return text
