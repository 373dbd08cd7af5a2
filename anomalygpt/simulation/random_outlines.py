"""Random outlines of bodies and of the elements on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.forms import (
    Outline,
    band,
    blob,
    gear,
    lathe,
    moved,
    polar,
    rectangle,
    regular,
    rounded,
    superellipse,
)


def _fit(outline: Outline) -> Outline:
    """Centred, with its longer side reaching from -1 to 1."""
    low, high = outline.min(0), outline.max(0)
    return ((outline - (low + high) / 2) * (2 / (high - low).max())).astype(np.float32)


def _ellipse(rng: Generator) -> Outline:
    return superellipse(1, float(rng.uniform(0.3, 1)), float(rng.choice([2.0, 2.0, 2.5, 4.0, 8.0, 1.5])))


def _disc(rng: Generator) -> Outline:
    return superellipse(1, 1, 2, 80)


def _plate(rng: Generator) -> Outline:
    return rounded(rectangle(1, float(rng.uniform(0.25, 1))), float(rng.choice([0.003, 0.02, 0.06])))


def _polygon(rng: Generator) -> Outline:
    return rounded(regular(1, int(rng.integers(3, 9)), rng.uniform(0, 6)), float(rng.uniform(0.004, 0.06)))


def _wheel(rng: Generator) -> Outline:
    return gear(
        1,
        float(rng.uniform(0.06, 0.3)),
        int(rng.integers(5, 28)),
        float(rng.uniform(0.35, 0.65)),
        float(rng.uniform(0.05, 0.3)),
    )


def _star(rng: Generator) -> Outline:
    lobes, depth = int(rng.integers(3, 10)), rng.uniform(0.08, 0.4)
    turn = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    return polar(1 - depth * (0.5 - 0.5 * np.cos(lobes * turn)) ** rng.uniform(0.5, 2))


def _organic(rng: Generator) -> Outline:
    return blob(rng, 1, float(rng.uniform(0.04, 0.25)), 4) * np.array([1, rng.uniform(0.5, 1)], np.float32)


def _turned(rng: Generator) -> Outline:
    """A bottle, knob or spindle from the side."""
    steps = int(rng.integers(3, 8))
    widths = np.interp(np.linspace(0, steps - 1, 60), np.arange(steps), rng.uniform(0.15, 0.6, steps))
    if rng.random() < 0.5:
        widths = np.repeat(rng.uniform(0.15, 0.6, steps), -(-60 // steps))[:60]
    smooth = np.convolve(np.pad(widths, 3, "edge"), np.ones(7) / 7, "valid")
    return moved(lathe(smooth, 2.0), angle=float(rng.choice([0, np.pi / 2])))


def _bent(rng: Generator) -> Outline:
    """Cashew, macaroni, banana, hook."""
    ends = np.linspace(-1, 1, 40)
    width = rng.uniform(0.25, 0.55) * (np.maximum(1 - np.abs(ends) ** rng.choice([2.5, 6, 30]), 0) ** 0.5 + 0.02)
    width = width * (1 + rng.uniform(-0.3, 0.3) * ends)
    return band(1.0, float(rng.uniform(1.2, 4.2)), width)


def _union(rng: Generator) -> Outline:
    """Arms of different length around a hub: brackets, levers, crosses."""
    turn = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    radius = np.full(240, rng.uniform(0.3, 0.5))
    arms = int(rng.integers(2, 6))
    even = rng.random() < 0.6
    for arm in range(arms):
        at = 2 * np.pi * arm / arms if even else rng.uniform(0, 2 * np.pi)
        away = np.abs((turn - at + np.pi) % (2 * np.pi) - np.pi)
        length, half = (1.0 if even else rng.uniform(0.6, 1.0)), rng.uniform(0.12, 0.25)
        reach = np.minimum(half / np.maximum(np.sin(np.minimum(away, np.pi / 2)), 1e-3), length)
        radius = np.where(away < np.pi / 2, np.maximum(radius, reach), radius)
    return rounded(polar(radius), float(rng.uniform(0.003, 0.012)), 200)


def _bracket(rng: Generator) -> Outline:
    """An L, U, T or Z profile."""
    a, b = rng.uniform(0.25, 0.6, 2)
    shapes = (
        [[0, 0], [1, 0], [1, a], [b, a], [b, 1], [0, 1]],
        [[0, 0], [1.4, 0], [1.4, 1], [1.4 - a * 0.6, 1], [1.4 - a * 0.6, b], [a * 0.6, b], [a * 0.6, 1], [0, 1]],
        [
            [0, 0],
            [1.4, 0],
            [1.4, a],
            [0.7 + b / 2, a],
            [0.7 + b / 2, 1.3],
            [0.7 - b / 2, 1.3],
            [0.7 - b / 2, a],
            [0, a],
        ],
        [[0, 0], [0.8, 0], [0.8, 0.8], [1.5, 0.8], [1.5, 1.2], [0.4, 1.2], [0.4, 0.4], [0, 0.4]],
    )
    return rounded(np.array(shapes[rng.integers(4)], np.float32), float(rng.uniform(0.002, 0.02)), 160)


def _rod(rng: Generator) -> Outline:
    """A long thin part: pen, spoon, key, tube."""
    along = np.linspace(-1, 1, 80)
    width = np.full(80, rng.uniform(0.06, 0.14))
    for _ in range(int(rng.integers(0, 4))):
        centre, reach = rng.uniform(-1, 1), rng.uniform(0.05, 0.3)
        width += rng.uniform(-0.03, 0.16) * np.exp(-(((along - centre) / reach) ** int(rng.choice([2, 6]))))
    width *= np.maximum(1 - np.abs(along) ** rng.choice([8, 30]), 0) ** 0.5 * 0.98 + 0.02
    return moved(lathe(np.maximum(width, 0.02), 2.0), angle=np.pi / 2)


_BODIES: tuple[Callable[[Generator], Outline], ...] = (
    _ellipse, _disc, _plate, _plate, _polygon, _wheel, _star, _organic, _turned, _turned, _bent, _union, _bracket, _rod,
)  # fmt: skip
_SMALL: tuple[Callable[[Generator], Outline], ...] = (
    _disc,
    _disc,
    _ellipse,
    _plate,
    _plate,
    _polygon,
    _star,
    _bent,
    _union,
    _organic,
)


def draw_body(rng: Generator) -> Outline:
    """A random outline of a whole part, its longer side from -1 to 1."""
    return _fit(_BODIES[rng.integers(len(_BODIES))](rng))


def draw_element(rng: Generator) -> Outline:
    """A random outline of a detail, its longer side from -1 to 1."""
    return _fit(_SMALL[rng.integers(len(_SMALL))](rng))
