"""Medicine: two-part capsules and pressed tablets."""

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
    ellipse_depth,
    flat,
    lit,
    random_text,
    rotated,
    scale_color,
    shade,
    text_mask,
    tinted,
    vary_color,
)


def spoiled_print(rng: Generator, text: str) -> tuple[str, float, float]:
    """What goes wrong with a print: (the text then printed, its strength, its turn in degrees)."""
    kind = rng.random()
    if kind < 0.25:
        return "", 1.0, 0.0
    if kind < 0.45 and len(text) > 1:
        keep = int(rng.integers(1, len(text)))
        return (
            (text[:keep] + " " * (len(text) - keep))
            if rng.random() < 0.5
            else (" " * (len(text) - keep) + text[keep:]),
            1.0,
            0.0,
        )
    if kind < 0.65:
        return random_text(rng, len(text), len(text)), 1.0, 0.0
    if kind < 0.8:
        return text, rng.uniform(0.15, 0.4), 0.0
    return text, 1.0, float(rng.choice([180.0, rng.uniform(20, 60), rng.uniform(-60, -20)]))


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
    def _speckle(size: int, places: FloatImage, extents: FloatImage, strengths: FloatImage) -> FloatImage:
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


PRODUCTS: tuple[type[Product], ...] = (Capsule, Pill)
