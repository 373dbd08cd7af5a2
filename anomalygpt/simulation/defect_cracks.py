"""Cracks: jagged ones that branch, ragged ones that run through the whole part, and nets of them."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.base import FloatImage, smooth_noise
from anomalygpt.simulation.strokes import (
    Mask,
    Points,
    blend,
    blob,
    extent,
    log_uniform,
    pick_point,
    soften,
    stroke,
    unit_of,
    wander,
)
from anomalygpt.simulation.texture_fields import borders, cells, sampled

_THROUGH = 0.35
"""Chance of a ragged crack, which is long more often than not."""
_NET = 0.08
"""Chance of a net of cracks."""


def crack(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    """Material that has come apart along lines, dark, seldom bright, from a hairline hardly seen to a gaping one."""
    form = rng.random()
    if form < _NET:
        return _darkened(image, _net(part, rng), rng)
    if form < _NET + _THROUGH:
        return _darkened(image, _ragged(part, rng), rng)
    return _jagged(image, part, rng)


def fracture(start: tuple[float, float], angle: float, length: float, pace: float, rng: Generator) -> Points:
    """The path of a break through grainy matter: it wanders at every scale, N×2 points (x, y) about `pace` apart.

    Args:
        angle: first direction in radians.
        length: in pixels, along the straight line.
        pace: in pixels.
    """
    count = max(4, int(length / pace))
    place = np.arange(count + 1)
    aside = np.zeros(count + 1)
    rough = rng.uniform(0.3, 0.9)  # how fast the waves fade towards the fine ones
    reach = length * log_uniform(rng, 0.01, 0.06)
    wave = float(count)
    while wave > 2:
        knots = np.arange(0, count + 2 * wave, wave)
        aside += reach * np.interp(place, knots, rng.standard_normal(len(knots)))
        reach, wave = reach * 2**-rough, wave / 2
    heading = angle + np.cumsum(rng.normal(0, rng.uniform(0.0, 0.03), count))
    spine = np.vstack([np.zeros(2), np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1) * length / count, 0)])
    normal = np.array([-np.sin(angle), np.cos(angle)])
    return np.asarray(np.array(start) + spine + normal * (aside - aside[0])[:, None])


def _slow(count: int, period: float, rng: Generator) -> NDArray[np.float64]:
    """Noise along a line of `count` points that changes over `period` points, zero mean, about unit deviation."""
    knots = np.arange(0, count + 2 * period, period)
    return np.asarray(np.interp(np.arange(count), knots, rng.standard_normal(len(knots))))


def _ragged(part: Mask, rng: Generator) -> FloatImage:
    """A crack through grains, often from one side of the photo to the other, S×S in [0, 1]."""
    size, unit = part.shape[0], unit_of(part)
    long = rng.random() < 0.6
    length = extent(part) * (rng.uniform(1.2, 2.4) if long else log_uniform(rng, 0.2, 1.2))
    width = unit * log_uniform(rng, 0.6, 3.2)
    angle = rng.uniform(0, 2 * np.pi)
    middle = pick_point(part, rng)
    pace = 1.6 * unit
    # Both halves start in the middle: a crack of any length passes through the part.
    paths = [fracture(middle, angle + turn, length / 2, pace, rng) for turn in (0.0, np.pi)]
    for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.5, 0.25, 0.15, 0.1]))):
        stem = paths[int(rng.integers(len(paths)))]
        root = stem[int(rng.integers(len(stem)))]
        aside = angle + rng.choice([0, np.pi]) + rng.choice([-1, 1]) * rng.uniform(0.2, 1.2)
        paths.append(fracture((float(root[0]), float(root[1])), aside, length * rng.uniform(0.1, 0.5), pace, rng))
    line = np.zeros((size, size), np.float32)
    gaps, wavy = rng.uniform(0.0, 0.5), rng.uniform(0.15, 0.6)
    for path in paths:
        count = len(path) - 1
        widths = width * np.exp(wavy * (_slow(count, 40, rng) + _slow(count, 5, rng)) / 1.4)
        strengths = 1 - gaps * np.clip(0.5 + _slow(count, 12, rng), 0, 1) - rng.uniform(0, 0.2, count)
        line = np.maximum(line, stroke(size, path, widths, np.clip(strengths, 0.05, 1)))
    line = soften(line, unit * rng.uniform(0.2, 0.7))
    if rng.random() < 0.5:  # its edges have crumbled, or dirt lies beside it
        crumbs = np.clip(smooth_noise(rng, size, size / rng.uniform(2.0, 4.0)), 0, 1)
        beside = soften(line, width * rng.uniform(0.8, 2.0) + unit)
        line = np.maximum(line, np.clip(beside * crumbs * np.float32(rng.uniform(0.5, 1.6)), 0, 1))
    return line


def _net(part: Mask, rng: Generator) -> FloatImage:
    """Cracks around cells, as in dried mud, in a patch of the part or all over, S×S in [0, 1]."""
    size, unit = part.shape[0], unit_of(part)
    radius = extent(part) * log_uniform(rng, 0.12, 0.9)
    x, y = pick_point(part, rng)
    area = soften(blob(size, (x, y), radius, rng, rough=0.5, stretch=rng.uniform(1, 2)), 0.1 * radius)
    across = size / (radius * log_uniform(rng, 0.25, 0.8))
    _, label, _ = cells(rng, size, across)
    depth = borders(label, across) * np.float32(size / across)
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    warp = np.float32(unit * rng.uniform(1.0, 3.0))
    moved = [plane + warp * smooth_noise(rng, size, size / 8) for plane in (columns, rows)]
    depth = sampled(depth, moved[0], moved[1])
    width = np.float32(unit * log_uniform(rng, 0.5, 1.6)) * np.exp(np.float32(0.4) * smooth_noise(rng, size, 12))
    return soften(np.clip(width - depth + 0.5, 0, 1).astype(np.float32), 0.3 * unit) * area


def _darkened(image: FloatImage, line: FloatImage, rng: Generator) -> FloatImage:
    """The image with a crack, whose depth at each pixel is in [0, 1]; faint ones are as frequent as deep ones."""
    contrast = np.float32(log_uniform(rng, 0.15, 0.95))
    if rng.random() < 0.9:
        inner = np.float32(rng.uniform(0.0, 0.5)) * image.mean(axis=(0, 1))
        return blend(image, inner, contrast * line)
    return blend(image, np.full(3, rng.uniform(0.7, 1.0)), contrast * line)


def _jagged(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    """A jagged line with branches, as in glass, glaze or cast metal."""
    size, unit = part.shape[0], unit_of(part)
    length = extent(part) * log_uniform(rng, 0.12, 1.3)
    width = unit * log_uniform(rng, 0.5, 3.0 if rng.random() < 0.3 else 1.6)
    angle = rng.uniform(0, 2 * np.pi)
    pace = unit * rng.uniform(2.5, 6.0)
    steps = int(np.clip(length / pace, 5, 90))
    jitter, drift = rng.uniform(0.1, 0.6), rng.uniform(0.02, 0.16)
    middle = pick_point(part, rng)
    main = [wander(middle, angle + turn, length / 2, (steps + 1) // 2, jitter, drift, rng) for turn in (0.0, np.pi)]
    line = np.zeros((size, size), np.float32)
    open_ends: list[tuple[np.ndarray, float]] = [(path, width) for path in main]
    branches = int(rng.choice([0, 1, 2, 4], p=[0.45, 0.25, 0.2, 0.1]))
    for _ in range(branches):
        path, wide = open_ends[int(rng.integers(len(open_ends)))]
        at = int(rng.integers(1, len(path) - 1))
        heading = np.arctan2(*(path[at] - path[at - 1])[::-1]) + rng.choice([-1, 1]) * rng.uniform(0.4, 1.3)
        reach = length * rng.uniform(0.1, 0.4)
        ends = (float(path[at, 0]), float(path[at, 1]))
        open_ends.append((wander(ends, heading, reach, max(3, int(reach / pace)), jitter, drift, rng), wide * 0.75))
    for path, wide in open_ends:
        count = len(path) - 1
        fade = np.linspace(1.0, rng.uniform(0.3, 1.0), count) * rng.uniform(0.75, 1.0, count)
        thin = np.linspace(1.0, rng.uniform(0.2, 0.8), count) * np.exp(rng.normal(0, 0.3, count))
        line = np.maximum(line, stroke(size, path, wide * thin, fade))
    line = soften(line, unit * rng.uniform(0.15, 0.6))
    contrast = np.float32(log_uniform(rng, 0.18 if width < 1.3 * unit else 0.5, 0.97))
    if rng.random() < 0.88:
        inner = np.float32(rng.uniform(0.0, 0.3)) * image.mean(axis=(0, 1))
        cracked = blend(image, inner, contrast * line)
    else:
        cracked = blend(image, np.full(3, rng.uniform(0.75, 1.0)), contrast * line)
    if width > unit and rng.random() < 0.5:
        side = soften(np.roll(line, (1, 1), (0, 1)), unit * 0.8) * (1 - line)
        cracked = cracked + (np.float32(0.25) * contrast * side)[..., None]
    return cracked
