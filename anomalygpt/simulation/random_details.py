"""The details on a random object: holes, ridges, knobs, prints, screws and labels, alone or in a pattern."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.base import FloatImage
from anomalygpt.simulation.forms import Outline, lettering, moved, polar, rectangle
from anomalygpt.simulation.materials import Material, draw_material, product_color
from anomalygpt.simulation.random_outlines import draw_element
from anomalygpt.simulation.shading import random_text

KINDS = ("hole", "well", "raised", "inlay", "print", "text", "screw", "stripe", "contour", "label", "knob")


@dataclass
class Detail:
    """Equal elements that lie on one body.

    Attributes:
        kind: one of `KINDS`.
        shapes: each element as outlines around its own origin (strokes for "text").
        spots: M×3, x, y and angle of each element in the body's frame, where -1 to 1 is the body's longer side.
        color: RGB.
        material: of what stands out.
        height: it rises by, in the body's frame.
        line: width of a stroke; 0 where the outlines are filled.
        turning: whether each element turns freely from photo to photo (screw slots).
    """

    kind: str
    shapes: list[list[Outline]]
    spots: NDArray[np.float64]
    color: FloatImage
    material: Material
    height: float = 0.0
    line: float = 0.0
    turning: bool = False
    extra: list[Outline] = field(default_factory=list)


def inside(body: Outline, spots: NDArray[np.float64], margin: float) -> NDArray[np.bool_]:
    """Which spots lie in the body, at least `margin` from its outline."""
    contour = body.reshape(-1, 1, 2)
    return np.array([cv2.pointPolygonTest(contour, (float(x), float(y)), True) > margin for x, y in spots[:, :2]], bool)


def _pattern(rng: Generator, body: Outline, radius: float) -> NDArray[np.float64]:
    """Spots of a random pattern that lie inside the body."""
    kind = rng.choice(["single", "center", "pair", "row", "ring", "ring", "grid", "grid", "scatter", "corners"])
    low, high = body.min(0), body.max(0)
    half = np.maximum((high - low) / 2 - radius, 0.01)
    middle = (high + low) / 2
    if kind == "center":
        spots = np.array([[*middle, 0.0]])
    elif kind == "single":
        spots = np.array([[*rng.uniform(middle - half, middle + half), rng.uniform(0, 2 * np.pi)]])
    elif kind == "pair":
        x, y = rng.uniform(0.25, 0.95) * half[0], rng.uniform(-0.6, 0.6) * half[1]
        spots = np.array([[-x, y, 0.0], [x, y, 0.0]])
    elif kind == "row":
        count = int(rng.integers(3, 9))
        span = rng.uniform(0.5, 0.95) * (half[0] if rng.random() < 0.5 else half[1])
        upright = span > half[0] or rng.random() < 0.3
        at, across = np.linspace(-span, span, count), rng.uniform(-0.7, 0.7) * (half[0] if upright else half[1])
        spots = np.stack(
            [np.full(count, across) if upright else at, at if upright else np.full(count, across), np.zeros(count)], 1
        )
    elif kind == "ring":
        count, reach = int(rng.integers(3, 13)), rng.uniform(0.35, 0.98) * half.min()
        turn = 2 * np.pi * np.arange(count) / count + rng.uniform(0, 1)
        spots = np.stack(
            [middle[0] + reach * np.cos(turn), middle[1] + reach * np.sin(turn), turn + np.pi / 2 * rng.integers(2)], 1
        )
    elif kind == "grid":
        nx, ny = rng.integers(2, 6, 2)
        u, v = np.meshgrid(np.linspace(-1, 1, nx), np.linspace(-1, 1, ny))
        spread = half * rng.uniform(0.5, 0.95, 2)
        spots = np.stack([middle[0] + u.ravel() * spread[0], middle[1] + v.ravel() * spread[1], np.zeros(nx * ny)], 1)
        if rng.random() < 0.2:
            spots = spots[rng.random(len(spots)) < 0.8]
    elif kind == "corners":
        spots = np.array(
            [
                [middle[0] + sx * half[0] * 0.92, middle[1] + sy * half[1] * 0.92, 0.0]
                for sx in (-1, 1)
                for sy in (-1, 1)
            ]
        )
    else:
        count = int(rng.integers(2, 7))
        spots = np.concatenate(
            [rng.uniform(middle - half, middle + half, (count, 2)), rng.uniform(0, 6.3, (count, 1))], 1
        )
    spots = spots[inside(body, spots, radius * 0.9)] if len(spots) else spots
    kept: list[NDArray[np.float64]] = []
    for spot in spots:
        if all(np.hypot(*(spot[:2] - other[:2])) > 1.7 * radius for other in kept):
            kept.append(spot)
    return np.array(kept).reshape(-1, 3)


def draw_detail(rng: Generator, body: Outline, color: FloatImage, gray: bool) -> Detail | None:
    """A random detail for a body of this outline and colour; None where it found no room."""
    weights = np.array([1.6, 1.0, 1.6, 1.6, 1.0, 1.3, 0.9, 0.9, 1.4, 0.6, 1.2])
    kind = str(rng.choice(KINDS, p=weights / weights.sum()))
    material = draw_material(rng, gray=gray)
    radius = float(np.exp(rng.uniform(np.log(0.05), np.log(0.32))))
    contrast = product_color(rng) if rng.random() < 0.6 else color * np.float32(rng.choice([0.35, 0.6, 1.35]))
    if np.abs(contrast - color).max() < 0.18:
        contrast = np.where(color.mean() > 0.5, color * 0.3, color * 0.4 + 0.6).astype(np.float32)
    if gray:
        contrast = np.full(3, contrast.mean(), np.float32)
    contrast = np.clip(contrast, 0, 1)
    if kind == "contour":
        scale = float(rng.uniform(0.35, 0.92))
        line = float(rng.choice([0.0, rng.uniform(0.02, 0.05)]))
        shape = body * np.float32(scale)
        height = float(rng.choice([-1, 1]) * rng.uniform(0.02, 0.08))
        tone = contrast if rng.random() < 0.5 else color * np.float32(rng.uniform(0.8, 1.15))
        return Detail(kind, [[shape]], np.zeros((1, 3)), tone, material, height, line)
    if kind == "stripe":
        count, breadth = int(rng.integers(1, 7)), float(rng.uniform(0.02, 0.12))
        turn, span = float(rng.choice([0.0, np.pi / 2, np.pi / 4])), rng.uniform(0.1, 0.8)
        at = np.linspace(-span, span, count) if count > 1 else rng.uniform(-span, span, 1)
        spots = np.stack([-np.sin(turn) * at, np.cos(turn) * at, np.full(count, turn)], 1)
        height = float(rng.choice([0.0, rng.uniform(-0.04, 0.05)]))
        return Detail(kind, [[rectangle(1.5, breadth)]] * count, spots, contrast, material, height)
    if kind == "text":
        height = float(rng.uniform(0.1, 0.3))
        text = random_text(rng, 1, 6)
        reach = len(text) * height * 0.4
        spots = np.array([[*rng.uniform(-0.15, 0.15, 2), rng.choice([0.0, 0.0, np.pi / 2])]])
        spots = spots if reach < 0.8 and inside(body, spots, height * 0.7)[0] else spots[:0]
        strokes = lettering(text, height)
        raised = float(rng.choice([0.0, 0.0, rng.uniform(-0.03, 0.03)]))
        tone = contrast if raised == 0 else color * np.float32(0.9)
        detail = Detail(kind, [strokes], spots, tone, material, raised, height * float(rng.uniform(0.12, 0.2)))
        return detail if len(spots) else None
    if kind == "label":
        half = rng.uniform(0.2, 0.5, 2) * (1, 0.6)
        bars = [
            rectangle(rng.uniform(0.006, 0.02), half[1] * 0.4) + np.array([x, half[1] * 0.35], np.float32)
            for x in np.arange(-half[0] * 0.8, half[0] * 0.8, 0.05)
        ]
        words = [
            path + np.array([0, -half[1] * 0.4], np.float32)
            for path in lettering(random_text(rng, 2, 5), half[1] * 0.5)
        ]
        spots = np.array([[*rng.uniform(-0.2, 0.2, 2), 0.0]])
        if not inside(body, spots, half.max() * 0.8)[0]:
            return None
        paper = np.full(3, rng.uniform(0.8, 0.97), np.float32)
        return Detail(kind, [[rectangle(*half)]], spots, paper, material, 0.004, 0.0, False, bars + words)
    shape = polar(np.full(36, 1.0)) if kind in ("screw", "knob") and rng.random() < 0.8 else draw_element(rng)
    radius = min(radius, 0.14) if kind == "screw" else radius
    spots = _pattern(rng, body, radius)
    if not len(spots):
        return None
    height = float(rng.uniform(0.03, 0.12)) * (0.6 + 2 * radius)
    if kind == "inlay" or kind == "print":
        height = 0.0
    tone = {
        "hole": color * np.float32(0.2),
        "well": color * np.float32(rng.uniform(0.2, 0.7)),
        "raised": color * np.float32(rng.uniform(0.85, 1.15)),
    }
    shapes = [[moved(shape, scale=radius)]] * len(spots)
    if kind == "screw":
        steel = draw_material(rng, str(rng.choice(["metal", "brass", "rubber"])), gray)
        slots = [
            moved(rectangle(0.75, 0.11), angle=turn, scale=radius)
            for turn in ((0.0, np.pi / 2) if rng.random() < 0.6 else (0.0,))
        ]
        return Detail(kind, shapes, spots, steel.color, steel, height * 0.5, 0.0, True, slots)
    return Detail(kind, shapes, spots, tone.get(kind, contrast), material, height)
