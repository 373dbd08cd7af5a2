"""Hazelnuts."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import FloatImage, Layer, Pose, Product, fractal_noise, grid_xy, smooth_noise
from anomalygpt.simulation.shading import (
    add_gray,
    around,
    blend,
    broken_depth,
    coverage,
    draw_light,
    flat,
    lit,
    polar,
    random_text,
    ring_noise,
    rotated,
    scale_color,
    shade,
    text_mask,
    tinted,
    vary_color,
)


class Hazelnut(Product):
    """A nut in its shell, turned any way: streaked along its axis, with a pale rough cap and a downy tip."""

    key = "hazelnut"
    pose = Pose(rotation=180.0, shift=0.05, scale=0.08)
    faults = ("missing part", "print fault")

    def __init__(self, rng: Generator) -> None:
        brown = np.array([rng.uniform(0.42, 0.68), rng.uniform(0.2, 0.34), rng.uniform(0.07, 0.18)])
        self._shell = brown.astype(np.float32)
        self._dark = (brown * rng.uniform(0.45, 0.7)).astype(np.float32)
        self._pale = np.array([0.62, 0.5, 0.37], np.float32) * np.float32(rng.uniform(0.65, 1.1))
        self._streaks = int(rng.integers(18, 46))
        self._contrast = rng.uniform(0.25, 0.6)
        self._radius = rng.uniform(0.56, 0.74)
        self._length = rng.uniform(0.98, 1.22)
        self._cap = rng.uniform(0.6, 0.85)
        self._tip = rng.uniform(0.05, 0.22)
        self._gloss = rng.uniform(0.04, 0.3)

    def _skin(self, rng: Generator) -> FloatImage:
        """The shell's brightness over longitude (129 columns, a full turn) and along the axis (96 rows)."""
        skin = np.zeros((96, 129), np.float32)
        for weight, rows, columns in ((0.45, 6, 110), (0.8, 3, self._streaks), (0.25, 24, 40)):
            noise = rng.standard_normal((rows, columns), dtype=np.float32)
            # A few columns on from the other end, so that the two ends meet without a seam.
            noise = np.concatenate([noise[:, -2:], noise, noise[:, :2]], 1)
            wide = cv2.resize(noise, (128 * (columns + 4) // columns, 96), interpolation=cv2.INTER_CUBIC)
            start = 128 * 2 // columns
            skin[:, :128] += weight * wide[:, start : start + 128]
        skin[:, 128] = skin[:, 0]
        return skin

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """See `Product.paint`."""
        x, y = grid_xy(size)
        lean = np.arccos(rng.uniform(-0.75, 0.75))
        ax, az = np.float32(np.sin(lean)), np.float32(np.cos(lean))
        radius = self._radius * rng.uniform(0.94, 1.06)
        length = 1 + (self._length * rng.uniform(0.95, 1.05) - 1) * ax * ax
        skin, light = self._skin(rng), draw_light(rng, (0.1, 0.65))
        shell, pale = vary_color(rng, self._shell, 0.09), vary_color(rng, self._pale, 0.08)
        wobble = 1 + np.float32(0.012) * ring_noise(rng, 2, 7, 1.0)
        rim_wave, grain, blotch = (
            ring_noise(rng, 3, 20, 0.7),
            smooth_noise(rng, size, size / 2),
            smooth_noise(rng, size, 7),
        )
        tip = self._tip * max(float(ax), 0.0) ** 2

        distance, angle = polar(x / np.float32(length), y)
        turn = np.linspace(0, 2 * np.pi, wobble.size, endpoint=False)
        toward_tip = np.maximum(-np.cos(turn), 0) ** 6
        outline = (radius * wobble * (1 + tip * toward_tip)).astype(np.float32)
        # The cap is flat: seen from the side it cuts the round outline short.
        cut = radius * (self._cap * 0.5 + 0.46) * ax
        reach = around(outline, angle)
        bulge = np.float32(cut * length + 0.05) + np.float32(0.012) * around(rim_wave, angle) - np.float32(0.25) * y * y
        depth = np.minimum(reach - distance, bulge - x if ax > 0.85 else np.float32(9))
        alpha = coverage(depth, 1.3)

        # On a unit sphere: where along the axis and at which longitude each pixel sees the shell.
        px, py = x / (np.float32(length) * reach), y / reach
        square = np.minimum(px * px + py * py, np.float32(0.9999))
        pz = np.sqrt(1 - square)
        along = px * ax + pz * az
        longitude = np.asarray(cv2.phase(pz * ax - px * az, py), np.float32)
        streak = cv2.remap(
            skin,
            np.asarray(longitude * np.float32(128 / (2 * np.pi)), np.float32),
            np.asarray((along + 1) * np.float32(47.5), np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        color = flat(size, shell)
        mix = np.clip(self._contrast * (streak * 0.8 + 0.5 * blotch), -0.6, 1)
        blend(color, self._dark, np.asarray(mix, np.float32))
        down = np.clip((-along - 0.72) * 5 + 0.5 * grain * 0.4 + 0.3 * streak, 0, 1) * np.float32(0.65)
        blend(color, pale * np.float32(0.9), down)
        edge = np.float32(self._cap) + np.float32(0.03) * around(rim_wave, longitude)
        cap = np.clip((along - edge) * np.float32(size / 5), 0, 1)
        rough = np.float32(0.85) + np.float32(0.16) * grain + np.float32(0.1) * blotch
        blend(color, tinted(pale, rough), cap)
        scale_color(color, 1 - 0.35 * np.exp(-(((along - edge) * 22) ** 2)))

        height = pz * np.float32(radius * 0.85) - cap * np.float32(0.02) + grain * np.float32(0.0005) * (1 + 9 * cap)
        height += np.float32(0.0018) * streak * (1 - cap)
        if fault is not None:
            assert fault_rng is not None
            alpha, height = self._spoil(fault, fault_rng, x, y, radius, color, alpha, height)
        diffuse, glint = lit(height.astype(np.float32), light, shininess=18)
        color = shade(color, np.minimum(diffuse, 1.3), 0.6, 0.3)
        scale_color(color, 0.8 + 0.28 * pz)
        add_gray(color, np.float32(self._gloss) * glint * (1 - cap))
        return Layer(np.clip(color, 0, 1), alpha)

    def _spoil(
        self,
        fault: str,
        rng: Generator,
        x: FloatImage,
        y: FloatImage,
        radius: float,
        color: FloatImage,
        alpha: FloatImage,
        height: FloatImage,
    ) -> tuple[FloatImage, FloatImage]:
        """Paints a fault into `color`; returns the new alpha and height."""
        size = x.shape[0]
        turn, degrees = rng.uniform(0, 2 * np.pi), rng.uniform(0, 360)
        if fault == "print fault":
            far = rng.uniform(0, 0.45) * radius
            text = random_text(rng, 2, 4)
            cx, cy = far * np.cos(turn), far * np.sin(turn)
            ink = text_mask(size, text, cx, cy, rng.uniform(0.16, 0.3), degrees, weight=rng.uniform(0.12, 0.24))
            worn = np.clip(0.8 + 0.5 * smooth_noise(rng, size, 18), 0.2, 1)
            ink_color = (0.85, 0.8, 0.72) if rng.random() < 0.7 else (0.08, 0.07, 0.08)
            blend(color, ink_color, ink * worn * alpha)
            return alpha, height
        opened = rng.random() < 0.6
        far = radius * (rng.uniform(0.1, 0.75) if opened else rng.uniform(0.9, 1.02))
        extent = radius * (rng.uniform(0.14, 0.4) if opened else rng.uniform(0.25, 0.5))
        stretch = rng.uniform(0.55, 1.0)
        u, v = rotated(x, y, degrees, far * np.cos(turn), far * np.sin(turn))
        depth = broken_depth(u, v / np.float32(stretch), rng, 0, 0, extent)
        hole = coverage(depth)
        inside = fractal_noise(rng, size, 12)
        if not opened:
            face = coverage(depth + np.float32(0.06)) - hole
            blend(color, np.array([0.78, 0.63, 0.44], np.float32), np.clip(face * (0.85 + 0.2 * inside), 0, 1))
            return alpha * (1 - hole), height - (face + hole) * np.float32(0.04)
        # A shell broken open: its pale thickness around a dark hollow, in which the kernel lies.
        hollow = np.clip(0.28 + 0.9 * (depth / extent) * rng.uniform(0.2, 0.9) + 0.1 * inside, 0.05, 0.8)
        kernel = tinted((0.52, 0.3, 0.17), hollow)
        blend(color, kernel, hole)
        thickness = rng.uniform(0.015, 0.035)
        rim = coverage(depth + np.float32(thickness)) - coverage(depth - np.float32(0.3 * thickness))
        blend(color, (0.83, 0.7, 0.5), np.clip(rim * (0.75 + 0.25 * inside), 0, 1))
        return alpha, height - coverage(depth, 6.0) * np.float32(0.05) + hole * inside * np.float32(0.012)


PRODUCTS: tuple[type[Product], ...] = (Hazelnut,)
