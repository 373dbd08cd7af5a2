"""Pressed tablets."""

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
    smooth_noise,
)
from anomalygpt.simulation.shading import (
    FONTS,
    add_gray,
    blend,
    box_depth,
    broken_depth,
    coverage,
    dome,
    draw_light,
    ellipse_depth,
    flat,
    lit,
    random_text,
    rotated,
    scale_color,
    shade,
    spoiled_print,
    text_mask,
    tinted,
    vary_color,
)


class Pill(Product):
    """A pressed tablet: round, oval or oblong, plain, speckled or coated, with an imprint or a score."""

    key = "pill"
    pose = Pose(rotation=180.0, shift=0.04, scale=0.05)
    faults = ("missing part", "print fault")

    def __init__(self, rng: Generator) -> None:
        self._shape = str(rng.choice(["round", "oval", "oblong", "square"], p=[0.35, 0.35, 0.22, 0.08]))
        self._rx = rng.uniform(0.6, 0.86)
        ratio = {
            "round": 1.0,
            "oval": rng.uniform(0.58, 0.8),
            "oblong": rng.uniform(0.38, 0.55),
            "square": rng.uniform(0.7, 1),
        }
        self._ry = self._rx * ratio[self._shape]
        if self._shape in ("round", "square"):
            self._rx, self._ry = self._rx * 0.9, self._ry * 0.9
        if self._shape == "square":
            self._rx, self._ry = self._rx * 0.85, self._ry * 0.85
        white = rng.random() < 0.5
        self._color = (
            random_color(rng, (0.0, 0.12), (0.82, 0.97)) if white else random_color(rng, (0.15, 0.8), (0.5, 0.98))
        )
        self._shoulder = self._ry * rng.uniform(0.2, 1.0)
        self._rise = self._ry * rng.uniform(0.1, 0.4)
        self._bevel = rng.uniform(0.0, 0.06) if rng.random() < 0.5 else 0.0
        self._gloss = rng.uniform(0.0, 0.12) if rng.random() < 0.6 else rng.uniform(0.2, 0.6)
        self._powder = rng.uniform(0.0002, 0.0018) * (1.0 if self._gloss < 0.15 else 0.4)
        self._specks = int(rng.integers(8, 60)) if rng.random() < 0.55 else 0
        self._speck_color = random_color(rng, (0.4, 0.9), (0.2, 0.7))
        self._speck_size = rng.uniform(0.008, 0.026)
        self._text = random_text(rng, 1, 4)
        self._score = rng.random() < (0.25 if len(self._text) > 2 else 0.45)
        self._marked = rng.random() < 0.85 or not self._score
        self._inked = self._marked and rng.random() < 0.25
        self._letter = min(self._ry * rng.uniform(0.45, 0.8), 1.5 * self._rx / (len(self._text) + 0.5))
        self._font = int(rng.choice(FONTS))
        self._stroke = rng.uniform(0.1, 0.2)
        self._relief = rng.uniform(0.02, 0.045)
        self._ink = random_color(rng, (0.0, 0.8), (0.05, 0.35))

    def _depth(self, x: FloatImage, y: FloatImage) -> FloatImage:
        if self._shape in ("round", "oval"):
            return ellipse_depth(x, y, 0, 0, self._rx, self._ry)
        corner = self._ry if self._shape == "oblong" else self._ry * 0.35
        return box_depth(x, y, 0, 0, self._rx, self._ry, corner)

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """See `Product.paint`."""
        x, y = grid_xy(size)
        light, tone = draw_light(rng, (0.25, 0.85)), vary_color(rng, self._color, 0.02)
        cloud, grain = fractal_noise(rng, size, 10, 3), smooth_noise(rng, size, size / 1.8)
        count = round(self._specks * rng.uniform(0.6, 1.4))
        places = rng.uniform(-1, 1, (count, 2)) * (self._rx, self._ry)
        extents = self._speck_size * rng.uniform(0.35, 1.5, count) ** 1.5
        strengths = rng.uniform(0.25, 1.0, count)
        x, y = x + np.float32(rng.normal(0, 0.004)), y + np.float32(rng.normal(0, 0.004))
        depth = self._depth(x, y)
        alpha = coverage(depth, 1.3)

        text, strength, turn, smear = self._text, 1.0, 0.0, False
        score = self._score
        if fault == "print fault":
            assert fault_rng is not None
            if self._marked and (not score or fault_rng.random() < 0.8):
                smear = self._inked and fault_rng.random() < 0.3
                if not smear:
                    text, strength, turn = spoiled_print(fault_rng, text)
            else:
                score = False
        mark = np.zeros((size, size), np.float32)
        if self._marked:
            above = -0.45 * self._ry if self._score else 0.0
            letter = self._letter * (0.62 if self._score else 1.0)
            mark = text_mask(size, text, 0, above, letter, turn, self._font, self._stroke) * np.float32(strength)
            if smear:
                mark = np.clip(cv2.blur(mark, (max(3, size // 10), max(3, size // 40))) * np.float32(1.5), 0, 1)

        height = dome(depth, self._shoulder) * np.float32(self._rise)
        if self._bevel:
            height += np.clip(depth, 0, self._bevel) * np.float32(0.8)
        if score:
            height -= np.float32(0.04) * np.exp(-((y * np.float32(1 / 0.03)) ** 2))
        if not self._inked:
            height -= np.float32(self._relief) * cv2.GaussianBlur(mark, (0, 0), size / 190)
        height += np.float32(self._powder) * (grain + 0.6 * cloud)

        color = flat(size, tone)
        scale_color(color, 1 + 0.018 * cloud + 0.012 * grain)
        if count:
            blend(color, self._speck_color, self._speckle(size, places, extents, strengths))
        if self._inked:
            blend(color, self._ink, mark * np.clip(0.9 + 0.15 * grain, 0, 1))
        if fault == "missing part":
            assert fault_rng is not None
            alpha, height = self._chip(fault_rng, x, y, tone, color, alpha, height)
        diffuse, glint = lit(height.astype(np.float32), light, shininess=12 + 60 * self._gloss)
        color = shade(color, np.minimum(diffuse, 1.25), 0.6, 0.25)
        add_gray(color, np.float32(self._gloss) * glint)
        return Layer(np.clip(color, 0, 1).astype(np.float32), alpha)

    @staticmethod
    def _speckle(
        size: int, places: NDArray[np.float64], extents: NDArray[np.float64], strengths: NDArray[np.float64]
    ) -> FloatImage:
        """Round specks of several strengths, S×S in [0, 1]."""
        mask = np.zeros((size, size), np.uint8)
        pixels = np.round(((places + 1) * (size / 2) - 0.5) * 16).astype(int)
        for (px, py), extent, strength in zip(pixels, extents, strengths, strict=True):
            cv2.circle(mask, (int(px), int(py)), int(extent * size * 8), int(255 * strength), -1, cv2.LINE_AA, 4)
        return cv2.GaussianBlur(mask, (3, 3), 0.7).astype(np.float32) / np.float32(255)

    def _chip(
        self,
        rng: Generator,
        x: FloatImage,
        y: FloatImage,
        tone: FloatImage,
        color: FloatImage,
        alpha: FloatImage,
        height: FloatImage,
    ) -> tuple[FloatImage, FloatImage]:
        """Chips the edge or breaks the tablet across; the powder inside shows."""
        size, turn = x.shape[0], rng.uniform(0, 2 * np.pi)
        ex, ey = self._rx * np.cos(turn), self._ry * np.sin(turn)
        powder = fractal_noise(rng, size, 24, 3, 0.8)
        if rng.random() < 0.75:
            depth = broken_depth(x, y, rng, ex, ey, self._ry * rng.uniform(0.15, 0.55))
        else:
            u, _ = rotated(x, y, rng.uniform(0, 360), 0, 0)
            depth = u - np.float32(rng.uniform(0.0, 0.4) * self._ry) + powder * np.float32(0.012)
        through = rng.random() < 0.7
        gone = coverage(depth) * np.float32(through)
        face = coverage(depth + np.float32(rng.uniform(0.03, 0.1)) + np.float32(0.01) * powder, size / 40)
        face = np.maximum(face, gone) - gone
        core = np.clip(tinted(0.6 * tone + 0.38, 0.92 + 0.07 * powder), 0, 1)
        blend(color, core, face)
        return alpha * (1 - gone), height - (face + gone) * np.float32(0.03) + face * powder * np.float32(0.003)


PRODUCTS: tuple[type[Product], ...] = (Pill,)
