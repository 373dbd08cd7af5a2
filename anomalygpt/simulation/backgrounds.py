"""What a part lies on: plain, graded, rough, grained or, rarely, cluttered."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.base import FloatImage, fractal_noise, grid_xy, random_color, smooth_noise

STYLES: tuple[str, ...] = ("plain", "graded", "rough", "woven", "grained", "cluttered")
_CHANCES = (0.36, 0.24, 0.2, 0.08, 0.07, 0.05)


def draw_ground_color(part_color: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """A background colour from which the part stands out: mostly white, grey or black, sometimes coloured."""
    best, best_gap = np.zeros(3, np.float32), -1.0
    for _ in range(6):
        kind = rng.random()
        if kind < 0.34:
            color = random_color(rng, (0.0, 0.06), (0.75, 1.0))
        elif kind < 0.66:
            color = random_color(rng, (0.0, 0.15), (0.02, 0.25))
        elif kind < 0.85:
            color = random_color(rng, (0.0, 0.12), (0.3, 0.75))
        else:
            color = random_color(rng, (0.2, 0.8), (0.15, 0.7))
        gap = float(np.abs(color - part_color).max())
        if gap > best_gap:
            best, best_gap = color, gap
        if best_gap > 0.25:
            break
    return best


def paint_background(size: int, part_color: NDArray[np.float32], rng: Generator) -> FloatImage:
    """A background, float32 size×size×3 in [0, 1].

    Args:
        part_color: mean RGB of the part that will lie on it.
    """
    color = draw_ground_color(part_color, rng)
    style = str(rng.choice(STYLES, p=_CHANCES))
    tone = np.zeros((size, size), np.float32)
    if style == "graded":
        x, y = grid_xy(size)
        angle = rng.uniform(0, 2 * np.pi)
        tone += np.float32(rng.uniform(0.03, 0.12)) * (np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y)
        tone += np.float32(rng.uniform(0.0, 0.03)) * smooth_noise(rng, size, 3)
    elif style == "rough":
        tone += np.float32(rng.uniform(0.01, 0.06)) * fractal_noise(rng, size, rng.uniform(20, 90), 3, 0.7)
    elif style == "woven":
        x, y = grid_xy(size)
        pitch = np.float32(rng.uniform(60, 200))
        tone += np.float32(rng.uniform(0.01, 0.05)) * np.sin(pitch * x) * np.sin(pitch * y)
        tone += np.float32(rng.uniform(0.005, 0.03)) * fractal_noise(rng, size, 60, 2)
    elif style == "grained":
        grain = fractal_noise(rng, size, rng.uniform(20, 70), 3, 0.6, stretch=rng.uniform(5, 20))
        tone += np.float32(rng.uniform(0.015, 0.06)) * (grain.T if rng.random() < 0.5 else grain)
    ground = color + (tone + np.float32(0.004) * smooth_noise(rng, size, size))[..., None]
    if style == "cluttered":
        _clutter(ground, rng)
    return np.clip(ground, 0.0, 1.0).astype(np.float32, copy=False)


def _clutter(ground: FloatImage, rng: Generator) -> None:
    """Lays crumbs, a seam or the edge of a tray on the ground, in place."""
    size = ground.shape[0]
    for _ in range(int(rng.integers(3, 25))):
        center = tuple(int(v) for v in rng.integers(0, size, 2))
        axes = tuple(int(v) for v in np.maximum(rng.uniform(0.003, 0.012, 2) * size, 1))
        shade = np.clip(ground[center[1], center[0]] + rng.normal(0.0, 0.2), 0, 1)
        cv2.ellipse(ground, center, axes, float(rng.uniform(0, 180)), 0, 360, [float(v) for v in shade], -1)
    if rng.random() < 0.6:
        ends = rng.uniform(0, size, (2, 2)).astype(int)
        side = int(rng.integers(0, 2))
        ends[:, side] = (-5, size + 5)
        shade = np.clip(ground.mean(axis=(0, 1)) + rng.normal(0.0, 0.15), 0, 1)
        width = int(rng.integers(1, max(2, size // 20)))
        cv2.line(ground, tuple(map(int, ends[0])), tuple(map(int, ends[1])), [float(v) for v in shade], width)
    ground[:] = cv2.GaussianBlur(ground, (0, 0), 0.8)
