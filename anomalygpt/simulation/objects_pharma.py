"""Two-part capsules."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

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
    flat,
    lit,
    random_text,
    scale_color,
    shade,
    spoiled_print,
    text_mask,
    tinted,
    vary_color,
)


class Capsule(Product):
    """A two-part capsule lying lengthwise, cap over body, printed on one or both halves."""

    key = "capsule"
    pose = Pose(rotation=12.0, shift=0.03, scale=0.04)
    faults = ("missing part", "print fault", "misplaced part", "bent part")

    def __init__(self, rng: Generator) -> None:
        self._half = rng.uniform(0.62, 0.84)
        self._radius = self._half * rng.uniform(0.28, 0.42)
        self._joint = rng.uniform(-0.15, 0.15) * self._half
        first = random_color(rng, (0.0, 1.0), (0.08, 0.95))
        second = random_color(rng, (0.0, 1.0), (0.3, 1.0)) if rng.random() < 0.85 else first
        self._colors = (first, second)
        self._clear = (rng.random() < 0.15, rng.random() < 0.35)
        self._gloss = rng.uniform(0.25, 0.9)
        self._streak = rng.uniform(-0.6, 0.6, 2)
        self._streak_width = rng.uniform(0.05, 0.16, 2)
        self._texts = (random_text(rng, 2, 7), random_text(rng, 2, 4))
        self._printed = (rng.random() < 0.75, rng.random() < 0.75)
        if not any(self._printed):
            self._printed = (True, False)
        self._inks = tuple(
            np.full(3, 0.93, np.float32) if color.mean() < 0.45 else random_color(rng, (0.0, 0.7), (0.03, 0.25))
            for color in self._colors
        )
        longest = max(len(text) for text, shown in zip(self._texts, self._printed, strict=True) if shown)
        self._letter = min(rng.uniform(0.28, 0.62) * self._radius, 0.72 * self._half / longest)
        self._font = int(rng.choice(FONTS))
        self._overlap = rng.uniform(0.015, 0.04)

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """See `Product.paint`."""
        x, y = grid_xy(size)
        half, radius = self._half * rng.uniform(0.99, 1.01), self._radius
        joint = self._joint + rng.normal(0, 0.008)
        colors = [vary_color(rng, color, 0.025) for color in self._colors]
        slide = rng.normal(0, 0.012, 2) * half
        light = draw_light(rng, (0.1, 0.5))
        cloud, grain = fractal_noise(rng, size, 8, 3), smooth_noise(rng, size, size / 2)
        glint_shift = rng.normal(0, 0.03, 2)
        ink_wear = smooth_noise(rng, size, 40)

        texts, strengths, turns, ends = list(self._texts), [1.0, 1.0], [0.0, 0.0], [half, half]
        bend = pinch = 0.0
        smear = False
        if fault is not None:
            assert fault_rng is not None
            if fault == "print fault":
                side = int(fault_rng.choice([i for i in (0, 1) if self._printed[i]]))
                smear = fault_rng.random() < 0.2
                if not smear:
                    texts[side], strengths[side], turns[side] = spoiled_print(fault_rng, texts[side])
            elif fault == "misplaced part":
                if fault_rng.random() < 0.3 and np.abs(colors[0] - colors[1]).max() > 0.25:
                    colors = [colors[1], colors[1]] if fault_rng.random() < 0.5 else [colors[0], colors[0]]
                else:
                    ends[int(fault_rng.integers(2))] += half * (0.12 if fault_rng.random() < 0.5 else -0.14)
                    joint += half * fault_rng.uniform(0.05, 0.1) * fault_rng.choice([-1, 1])
            elif fault == "bent part":
                bend, pinch = fault_rng.choice([-1, 1]) * fault_rng.uniform(0.06, 0.2), fault_rng.uniform(0.08, 0.3)
        if bend:
            assert fault_rng is not None
            place = np.float32(fault_rng.uniform(-0.4, 0.4) * half)
            y = y + np.float32(bend) * (x - place) ** 2 / np.float32(half * half)
            y = y * (1 + np.float32(pinch) * np.exp(-(((x - place) / np.float32(0.4 * radius)) ** 2)))

        wide = radius * (1 + self._overlap)
        whole_body, whole_cap = (
            box_depth(x, y, 0, 0, ends[1], radius, radius),
            box_depth(x, y, 0, 0, ends[0], wide, wide),
        )
        body = np.minimum(whole_body, x - np.float32(joint - 0.5 * half))
        cap = np.minimum(whole_cap, np.float32(joint) - x)
        is_cap = coverage(cap)
        depth = np.maximum(body, cap)
        alpha = coverage(depth, 1.3)

        across = np.where(cap > 0, y / np.float32(wide), y / np.float32(radius))
        color = flat(size, colors[1])
        blend(color, colors[0], is_cap)
        for side, clear in enumerate(self._clear):
            if clear:
                # Light gathers along the lower edge of a translucent shell, and the filling shows as grains.
                here = is_cap if side == 0 else 1 - is_cap
                inner = np.clip(0.2 + 0.35 * across + 0.12 * cloud + 0.06 * grain, 0, 0.7) * here
                blend(color, 0.45 * colors[side] + 0.5, inner)
        lines = np.exp(-(((x - np.float32(joint)) * np.float32(size / 3.5)) ** 2))
        step = np.exp(-np.maximum(x - np.float32(joint), 0) * 40) * (1 - is_cap)
        scale_color(color, 1 - 0.45 * lines - 0.12 * step)

        for side in (0, 1):
            if not self._printed[side]:
                continue
            middle = (joint - ends[0]) * 0.5 if side == 0 else (joint + ends[1]) * 0.47
            ink = text_mask(size, texts[side], middle + slide[side], 0, self._letter, turns[side], self._font)
            if smear:
                ink = cv2.blur(ink, (max(3, size // 14), 3)) * np.float32(1.2)
            worn = np.clip(1.0 + 0.25 * ink_wear, 0, 1) * np.float32(strengths[side])
            blend(color, self._inks[side], np.clip(ink, 0, 1) * worn)

        whole = np.where(cap > 0, whole_cap, whole_body)
        height = dome(whole, radius) * np.float32(radius)
        if fault == "missing part":
            assert fault_rng is not None
            alpha, height = self._open(fault_rng, x, y, half, radius, color, alpha, height)
        diffuse, glint = lit(height, light, shininess=40)
        color = shade(color, np.minimum(diffuse, 1.3), 0.55, 0.2)
        scale_color(color, 1 + np.float32(0.008) * grain)
        shine = np.zeros((size, size), np.float32)
        inside = np.clip((np.float32(half * 0.95) - np.abs(x)) * np.float32(5 / radius), 0, 1)
        for place, width, shift in zip(self._streak, self._streak_width, glint_shift, strict=True):
            shine += np.exp(-(((across - np.float32(place + shift)) / np.float32(width)) ** 2)) * inside
        add_gray(color, np.float32(self._gloss) * (0.35 * shine * (1 + 0.1 * cloud) + 0.4 * glint))
        return Layer(np.clip(color, 0, 1).astype(np.float32), alpha)

    def _open(
        self,
        rng: Generator,
        x: FloatImage,
        y: FloatImage,
        half: float,
        radius: float,
        color: FloatImage,
        alpha: FloatImage,
        height: FloatImage,
    ) -> tuple[FloatImage, FloatImage]:
        """Breaks an end off or a hole into the shell, so that the filling shows."""
        size, side = x.shape[0], float(rng.choice([-1, 1]))
        powder = fractal_noise(rng, size, 30, 3, 0.8)
        if rng.random() < 0.5:
            cx, cy, extent = (
                side * half * rng.uniform(0.9, 1.05),
                rng.uniform(-0.6, 0.6) * radius,
                radius * rng.uniform(0.4, 0.9),
            )
        else:
            cx, cy, extent = (
                side * half * rng.uniform(0.1, 0.75),
                rng.uniform(-1, 1) * radius,
                radius * rng.uniform(0.2, 0.5),
            )
        depth = broken_depth(x, y / np.float32(rng.uniform(0.6, 1.0)), rng, cx, cy, extent)
        gone = coverage(depth)
        if rng.random() < 0.4:
            return alpha * (1 - gone), height
        filling = np.clip(tinted((0.9, 0.87, 0.8), 0.75 + 0.12 * powder), 0, 1)
        blend(color, filling, gone)
        rim = coverage(depth + np.float32(0.012)) - gone
        scale_color(color, 1 + 0.5 * rim)
        return alpha, height - gone * np.float32(0.04) + gone * powder * np.float32(0.008)


PRODUCTS: tuple[type[Product], ...] = (Capsule,)
