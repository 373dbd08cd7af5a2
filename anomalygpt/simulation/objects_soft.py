"""Toothbrush heads."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.base import (
    FloatImage,
    Layer,
    Pose,
    Product,
    fractal_noise,
    grid_xy,
    random_color,
)
from anomalygpt.simulation.shading import (
    box_depth,
    coverage,
    draw_light,
    flat,
    scale_color,
    vary_color,
)

BRISTLES = 34
LEVELS = 4


class Toothbrush(Product):
    """A brush head seen from above: tufts of bristles in rows on a rounded plate."""

    key = "toothbrush"
    pose = Pose(rotation=6.0, shift=0.03, scale=0.04)
    faults = ("missing part", "bent part", "misplaced part")

    def __init__(self, rng: Generator) -> None:
        self._hy = rng.uniform(0.68, 0.86)
        self._hx = self._hy * rng.uniform(0.4, 0.58)
        self._plate = random_color(rng, (0.0, 0.9), (0.35, 0.98))
        self._columns = int(rng.integers(3, 7))
        self._rows = max(5, round(self._columns * self._hy / self._hx * rng.uniform(0.95, 1.25)))
        self._stagger = rng.random() < 0.5
        shades = [random_color(rng, (0.0, 0.08), (0.85, 1.0))]
        shades += [random_color(rng, (0.5, 1.0), (0.45, 0.95)) for _ in range(int(rng.integers(0, 3)))]
        self._shades = np.stack(shades)
        self._pattern = int(rng.integers(0, 4))
        self._lean = rng.uniform(0.0, 0.14)
        self._fan = rng.uniform(0.2, 0.7)
        self._murk = rng.uniform(0.35, 0.62)
        self._stray = rng.uniform(0.04, 0.14)
        self._round = rng.uniform(0.6, 1.0)
        self._points, self._tuft_shade = self._layout()
        self._pitch = 2 * self._hx * 0.86 / self._columns
        self._tuft = self._pitch * rng.uniform(0.38, 0.56)

    def _layout(self) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Centres of the tufts (N×2) and the index of each one's colour."""
        points, kinds = [], []
        for row in range(self._rows):
            v = -1 + (row + 0.5) * 2 / self._rows
            taper = np.sqrt(max(1 - max(abs(v) - 0.55, 0) ** 2 / 0.28, 0.25))
            count = max(2, round(self._columns * taper)) - (row % 2 if self._stagger else 0)
            for column in range(max(count, 1)):
                u = (-1 + (column + 0.5) * 2 / max(count, 1)) * taper
                points.append((u * self._hx * 0.86, v * self._hy * 0.9))
                coloured = (abs(v) > 0.62, abs(u) < 0.35, row % 3 == 1, (row + column) % 2 == 0)[self._pattern]
                kinds.append(0 if not coloured else 1 + row % max(len(self._shades) - 1, 1))
        kinds_array = np.asarray(kinds, np.intp) % len(self._shades)
        return np.asarray(points, np.float64), kinds_array

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """See `Product.paint`."""
        x, y = grid_xy(size)
        count = len(self._points)
        light, plate = draw_light(rng, (0.2, 0.9)), vary_color(rng, self._plate, 0.03)
        bases = self._points + rng.normal(0, 0.03 * self._pitch, (count, 2))
        spin, far = rng.uniform(0, 2 * np.pi, (count, BRISTLES)), np.sqrt(rng.uniform(0, 1, (count, BRISTLES)))
        spots = far[..., None] * np.stack([np.cos(spin), np.sin(spin)], 2)
        tilt = rng.normal(0, 0.1 * self._pitch, (count, 1, 2))
        unruly = rng.normal(0, self._stray * self._pitch, (count, BRISTLES, 2))
        shine = rng.uniform(0, 1, (count, BRISTLES)) + 0.25 * rng.uniform(-1, 1, (count, 1))
        cloud = fractal_noise(rng, size, 6, 3)
        kinds, present = self._tuft_shade.copy(), np.ones(count, bool)
        lean = self._lean * bases[:, None] + tilt
        fan = np.full((count, 1, 1), self._fan)
        if fault is not None:
            assert fault_rng is not None
            start = int(fault_rng.integers(count))
            order = np.argsort(((self._points - self._points[start]) ** 2).sum(1))
            if fault == "missing part":
                present[order[: int(fault_rng.choice([1, 1, 2, 3, 5]))]] = False
            elif fault == "misplaced part":
                kinds[start] = len(self._shades)
            else:
                splayed = order[: int(fault_rng.integers(2, 8))]
                lean[splayed] += self._bend(fault_rng, self._points[splayed])[:, None]
                fan[splayed] += fault_rng.uniform(0.6, 1.8)
                unruly[splayed] *= 2.5

        roots = bases[:, None] + spots * self._tuft
        tips = roots + lean + spots * (fan * self._tuft) + unruly
        depth = box_depth(x, y, 0, 0, self._hx, self._hy, self._hx * self._round)
        color = flat(size, plate)
        scale_color(color, np.clip(0.55 + depth * 5, 0.55, 1) * (0.92 + 0.03 * cloud))
        canvas = np.zeros((size, size, 4), np.uint8)
        canvas[..., :3] = np.clip(color * 255, 0, 255)
        canvas[..., 3] = coverage(depth, 1.3) * 255

        odd = np.array([0.12, 0.12, 0.14] if self._shades.mean() > 0.4 else [0.95, 0.95, 0.95], np.float32)
        palette = np.concatenate([self._shades, odd[None]])
        self._sockets(canvas, bases, palette[kinds], present)
        facing = ((tips - roots) * (light.x, light.y)).sum(2) / self._pitch
        level = np.clip((shine + 0.5 * facing) * LEVELS, 0, LEVELS - 1).astype(int)
        for kind in np.unique(kinds):
            chosen = (kinds == kind) & present
            ends = np.stack([roots[chosen], tips[chosen]], 2).reshape(-1, 2, 2)
            self._draw_bristles(canvas, ends, level[chosen].ravel(), palette[kind])
        painted = canvas.astype(np.float32) / np.float32(255)
        return Layer(np.ascontiguousarray(painted[..., :3]), np.ascontiguousarray(painted[..., 3]))

    def _sockets(
        self, canvas: NDArray[np.uint8], bases: NDArray[np.float64], tones: FloatImage, present: NDArray[np.bool_]
    ) -> None:
        """Draws what lies deep between the bristles: their shadow, or the empty hole of a tuft that is missing."""
        size = canvas.shape[0]
        pixels = np.round(((bases + 1) * (size / 2) - 0.5) * 16).astype(int)
        for (px, py), tone, there in zip(pixels, tones, present, strict=True):
            share = 1.15 if there else 0.75
            deep = tone * self._murk if there else self._plate * 0.35
            fill = (*(float(value) * 255 for value in deep), 255.0)
            cv2.circle(canvas, (int(px), int(py)), int(self._tuft * share * size * 8), fill, -1, cv2.LINE_AA, 4)

    @staticmethod
    def _draw_bristles(
        canvas: NDArray[np.uint8], ends: NDArray[np.float64], level: NDArray[np.intp], tone: FloatImage
    ) -> None:
        """Draws N strokes (N×2×2, root and tip) of one colour, the dark ones first, each with a brighter tip."""
        size = canvas.shape[0]
        pixels = np.round(((ends + 1) * (size / 2) - 0.5) * 16).astype(np.int32)
        bright = pixels.copy()
        bright[:, 0] = (pixels[:, 0] + 2 * pixels[:, 1]) // 3
        width = max(1, round(size / 180))
        for step in range(LEVELS):
            here = level == step
            for strokes, gain in ((pixels[here], 0.5 + 0.11 * step), (bright[here], 0.78 + 0.11 * step)):
                fill = (*(min(float(value) * gain, 1.0) * 255 for value in tone), 255.0)
                cv2.polylines(canvas, list(strokes), False, fill, width, cv2.LINE_AA, 4)

    def _bend(self, rng: Generator, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far the tips of splayed tufts lean: outwards on the whole."""
        side = np.sign(points[:, :1] + 1e-6) * np.array([1.0, 0.0])
        turn = rng.normal(0, 0.7)
        lean = side * np.cos(turn) + np.array([0.0, 1.0]) * np.sin(turn)
        return lean * self._pitch * rng.uniform(0.5, 1.5, (len(points), 1))


PRODUCTS: tuple[type[Product], ...] = (Toothbrush,)
