"""How one or several equal parts are laid out in a photo."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

ARRANGEMENTS = ("single", "close", "kit", "grid", "ring", "scatter", "bulk")


def draw_places(rng: Generator) -> tuple[NDArray[np.float64], str]:
    """Where equal items lie, and the name of that arrangement."""
    kind = str(rng.choice(ARRANGEMENTS, p=(0.5, 0.09, 0.1, 0.18, 0.04, 0.06, 0.03)))
    if kind in ("single", "close"):
        return np.array([[0.0, 0.0, 0.0, rng.uniform(0.55, 0.95) if kind == "single" else 1.0]]), kind
    if kind == "kit":
        cells = ((-1, -1), (1, -1), (-1, 1), (1, 1)) if rng.random() < 0.7 else ((-1, 0), (0, 0), (1, 0))
        pitch = 0.45 if len(cells) == 4 else 0.62
        rows = [
            (x * pitch, y * pitch, rng.choice([0.0, rng.uniform(0, 6.3)]), rng.uniform(0.5, 0.88) * min(pitch, 0.45))
            for x, y in cells
        ]
        return np.array(rows), kind
    if kind == "grid":
        nx, ny = ((2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (4, 1), (4, 2), (4, 3), (1, 3), (5, 1))[rng.integers(10)]
        pitch = rng.uniform(1.5, 1.9) / max(nx, ny)
        x, y = np.meshgrid((np.arange(nx) - (nx - 1) / 2) * pitch, (np.arange(ny) - (ny - 1) / 2) * pitch)
        y = y + (x / pitch % 2) * pitch * 0.5 * (rng.random() < 0.12)
        half = np.full(nx * ny, pitch / 2 * rng.uniform(0.6, 0.9))
        turn = np.full(nx * ny, rng.choice([0.0, rng.uniform(0, 2 * np.pi)]))
        return np.stack([x.ravel(), y.ravel(), turn, half], 1), kind
    if kind == "ring":
        count = int(rng.integers(3, 9))
        turn = 2 * np.pi * np.arange(count) / count + rng.uniform(0, 2)
        half = min(0.6 * np.sin(np.pi / count), 0.3) * rng.uniform(0.7, 0.92)
        return np.stack([0.6 * np.cos(turn), 0.6 * np.sin(turn), turn, np.full(count, half)], 1), kind
    count = int(rng.integers(2, 6) if kind == "scatter" else rng.integers(9, 22))
    half = rng.uniform(0.6, 0.8) / np.sqrt(count)
    side = int(np.ceil(np.sqrt(count)))
    spots = rng.permutation(side * side)[:count]
    pitch = 1.7 / side
    x, y = (spots % side - (side - 1) / 2) * pitch, (spots // side - (side - 1) / 2) * pitch
    return np.stack([x, y, rng.uniform(0, 2 * np.pi, count), np.full(count, min(half, pitch * 0.44))], 1), kind
