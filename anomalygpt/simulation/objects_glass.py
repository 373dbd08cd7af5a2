"""Bottles, seen from above into the neck or standing before the camera."""

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
    RING_STEPS,
    add_gray,
    around,
    blend,
    coverage,
    flat,
    nearest,
    polar,
    random_text,
    ring_noise,
    scale_color,
    spoiled_print,
    text_mask,
    tinted,
    vary_color,
)

ANGLES, RADII = 240, 160


def glass_color(rng: Generator) -> FloatImage:
    """Brown, green, blue-black or clear glass."""
    base = [(0.2, 0.09, 0.03), (0.08, 0.18, 0.08), (0.07, 0.08, 0.12), (0.62, 0.67, 0.68), (0.1, 0.16, 0.3)]
    picked = np.array(base[int(rng.choice(5, p=[0.28, 0.16, 0.3, 0.16, 0.1]))])
    return np.clip(picked * rng.uniform(0.7, 1.4) + rng.normal(0, 0.015, 3), 0.01, 0.9).astype(np.float32)


class Bottle(Product):
    """A glass bottle: mostly rings of dark glass with reflections seen from above, sometimes its side with a label."""

    key = "bottle"

    def __init__(self, rng: Generator) -> None:
        self._from_above = rng.random() < 0.62
        self._glass = glass_color(rng)
        if self._from_above:
            self.pose = Pose(rotation=180.0 if rng.random() < 0.3 else 4.0, shift=0.02, scale=0.02)
            self.faults = ("missing part",)
            self._draw_rings(rng)
        else:
            self.pose = Pose(rotation=2.5, shift=0.03, scale=0.03)
            self.faults = ("missing part", "print fault", "misplaced part")
            self._draw_side(rng)

    # --- from above ---

    def _draw_rings(self, rng: Generator) -> None:
        """The rings of glass that every instance has, as the sum of angular times radial terms."""
        self._radius = rng.uniform(0.68, 0.9)
        self._mouth = rng.uniform(0.38, 0.6)
        self._ledge = self._mouth + (1 - self._mouth) * rng.uniform(0.35, 0.6)
        r = np.linspace(0, 1, RADII)
        bright = 0.55 + 0.45 * float(self._glass.mean())
        turn = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)
        hole = self._glass * rng.uniform(0.25, 1.1)
        wall = 1 / (1 + np.exp(-(r - self._mouth) / 0.008))[:, None]
        base = hole * (1 - wall) + self._glass * rng.uniform(0.7, 1.2) * wall
        shoulder = np.exp(-(((r - (self._ledge + 1) / 2) / 0.07) ** 2))[:, None]
        base = base * (1 + shoulder * rng.uniform(0.2, 1.0))
        around_terms, radial_terms = [np.ones(ANGLES)], [base]
        warm = np.array([0.75, 0.35, 0.18]) if rng.random() < 0.6 else np.array(random_color(rng, (0, 0.5)))
        cool = np.array([0.55, 0.62, 0.72]) * rng.uniform(0.6, 1.2)
        places = np.concatenate(
            [
                [self._mouth, self._mouth + 0.03, self._ledge, 0.975],
                rng.uniform(self._mouth, 0.97, int(rng.integers(4, 10))),
            ]
        )
        for place in places:
            width = rng.uniform(0.004, 0.022) if rng.random() < 0.6 else rng.uniform(0.025, 0.07)
            tone = (warm if rng.random() < 0.3 else cool) * rng.uniform(-0.45, 0.6) * bright
            modulation = 0.6 + rng.uniform(0.1, 0.6) * ring_noise(rng, 1, 3, 0.7)[:: RING_STEPS // ANGLES]
            around_terms.append(np.clip(modulation, 0, 2))
            radial_terms.append(np.exp(-(((r - place) / width) ** 2))[:, None] * tone)
        for _ in range(int(rng.integers(2, 6))):
            # Lamps mirrored in the glass: short bright arcs.
            gap = np.abs((turn - rng.uniform(0, 2 * np.pi) + np.pi) % (2 * np.pi) - np.pi)
            arc = 1 / (1 + np.exp((gap - rng.uniform(0.08, 0.6)) / 0.06))
            place, width = rng.uniform(self._mouth, 0.95), rng.uniform(0.006, 0.03)
            around_terms.append(arc)
            radial_terms.append(np.exp(-(((r - place) / width) ** 2))[:, None] * rng.uniform(0.15, 0.6) * np.ones(3))
        self._around = np.stack(around_terms, 1).astype(np.float32)
        self._radial = np.stack(radial_terms).reshape(len(radial_terms), -1).astype(np.float32)
        self._dots = rng.uniform(0.02, 0.12)
        self._floor = rng.uniform(0, 0.12)

    def _paint_above(self, size: int, rng: Generator, fault: str | None, fault_rng: Generator | None) -> Layer:
        x, y = grid_xy(size)
        wave = np.float32(1) + np.float32(0.004) * ring_noise(rng, 1, 5, 1.0)
        offsets = rng.normal(0, 0.012, 2)
        gains = rng.normal(1, 0.12, (1, self._around.shape[1])).astype(np.float32)
        shift = int(rng.integers(-6, 7))
        ripples = rng.standard_normal((ANGLES // 3, 10), dtype=np.float32)
        dots = rng.standard_normal((ANGLES // 2, RADII // 4), dtype=np.float32)
        tint = vary_color(rng, np.ones(3) * 0.94, 0.03)
        cloud = smooth_noise(rng, size, 5)

        gains[0, 0] = 1
        mixed = (np.roll(self._around, shift, 0) * gains) @ self._radial
        rings = np.asarray(mixed, np.float32).reshape(ANGLES, RADII, 3)
        flow = cv2.resize(ripples, (RADII, ANGLES), interpolation=cv2.INTER_CUBIC)
        speck = cv2.resize(dots, (RADII, ANGLES), interpolation=cv2.INTER_LINEAR)
        r = np.linspace(0, 1, RADII, dtype=np.float32)
        neck = np.exp(-(((r - np.float32(self._mouth + 0.02)) / np.float32(0.035)) ** 2)) * np.float32(self._dots)
        scale_color(rings, 1 + np.minimum(np.float32(0.15) * r * r, np.float32(0.06)) * flow)
        add_gray(rings, speck * neck)
        padded = np.concatenate([rings, rings[:1]])

        outer, angle = polar(x, y)
        outer /= np.float32(self._radius) * around(wave, angle)
        # The mouth lies nearer to the camera than the body: it wanders a little against it.
        near = np.clip(1.2 - outer, 0, 1)
        inner, turned = polar(x + np.float32(offsets[0]) * near, y + np.float32(offsets[1]) * near)
        inner /= np.float32(self._radius)
        inner = inner + np.float32(0.002) * cloud
        columns = np.minimum(inner, 1) * np.float32(RADII - 1)
        color = cv2.remap(padded, columns, turned * np.float32(ANGLES / (2 * np.pi)), cv2.INTER_LINEAR)
        color = np.asarray(color, np.float32) * tint
        add_gray(
            color,
            np.float32(self._floor)
            * np.clip(0.5 + 0.35 * cloud, 0, 1)
            * np.clip(1 - outer / np.float32(self._mouth), 0, 1),
        )
        if fault is not None:
            assert fault_rng is not None
            self._break_mouth(fault_rng, x, y, inner, turned, color)
        alpha = coverage((1 - outer) * np.float32(self._radius), 1.6)
        return Layer(np.clip(color, 0, 1).astype(np.float32), alpha)

    def _break_mouth(
        self, rng: Generator, x: FloatImage, y: FloatImage, inner: FloatImage, angle: FloatImage, color: FloatImage
    ) -> None:
        """Breaks a piece out of the mouth: facets of grey shards with bright edges take the rings' place."""
        size = x.shape[0]
        middle, share = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.9)
        gap = np.abs((angle - np.float32(middle) + np.float32(np.pi)) % np.float32(2 * np.pi) - np.float32(np.pi))
        reach = self._mouth + (self._ledge - self._mouth) * rng.uniform(0.5, 1.25)
        jag = fractal_noise(rng, size, 14, 3, 0.6) * np.float32(0.02)
        taper = np.clip(1 - (gap / np.float32(share)) ** 4, 0, 1)
        depth = np.minimum(
            (np.float32(self._mouth) + np.float32(reach - self._mouth) * taper - inner) + jag, np.float32(share) - gap
        )
        depth = np.minimum(depth, inner - np.float32(self._mouth * rng.uniform(0.85, 0.98)) + jag)
        hit = coverage(depth * np.float32(self._radius), 1.5)
        facets = int(rng.integers(30, 110))
        index, dx, dy = nearest(size, rng.uniform(-1, 1, (facets, 2)))
        lean = rng.normal(0, 2.2, (2, facets)).astype(np.float32)
        sheen = rng.uniform(0.05, 0.85, facets).astype(np.float32)[index] + lean[0][index] * dx + lean[1][index] * dy
        edges = cv2.morphologyEx(index.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
        glints = cv2.GaussianBlur(edges.astype(np.float32), (0, 0), 0.7) * np.clip(0.3 + 20 * jag, 0, 1)
        tone = self._glass * 0.5 + tinted((0.32, 0.34, 0.37), np.clip(sheen + 5 * jag, 0.03, 1))
        add_gray(tone, np.float32(0.5) * glints)
        blend(color, tone, hit)
        rim = coverage(depth + np.float32(0.008), 1.5) - coverage(depth - np.float32(0.006), 1.5)
        blend(color, (0.75, 0.78, 0.8), rim * np.clip(0.45 + 25 * jag, 0, 0.9))

    # --- from the side ---

    def _draw_side(self, rng: Generator) -> None:
        """Silhouette, glass, filling, cap and label of a standing bottle."""
        self._top, self._bottom = -rng.uniform(0.76, 0.9), rng.uniform(0.76, 0.9)
        self._body = rng.uniform(0.22, 0.46)
        self._neck = self._body * rng.uniform(0.28, 0.55)
        self._shoulder = rng.uniform(-0.45, -0.15)
        self._slope = rng.uniform(0.12, 0.4)
        self._cap_end = self._top + rng.uniform(0.09, 0.22)
        self._cap_color = random_color(rng, (0, 0.9), (0.15, 0.95))
        self._ribs = int(rng.integers(0, 2)) * rng.uniform(20, 45)
        self._level = rng.uniform(-0.5, 0.0) if rng.random() < 0.8 else 1.0
        self._liquid = random_color(rng, (0.2, 0.95), (0.15, 0.85))
        self._streaks = [
            (rng.uniform(-0.85, 0.85), rng.uniform(0.04, 0.12), rng.uniform(0.1, 0.5))
            for _ in range(int(rng.integers(1, 5)))
        ]
        start = (
            max(self._shoulder + self._slope + 0.03, 0.0) if rng.random() < 0.5 else self._shoulder + self._slope + 0.05
        )
        self._label = (start, min(start + rng.uniform(0.3, 0.7), self._bottom - 0.08))
        self._label_color = random_color(rng, (0, 0.3), (0.8, 1.0)) if rng.random() < 0.6 else random_color(rng)
        self._ink = (
            random_color(rng, (0, 1), (0.02, 0.4))
            if self._label_color.mean() > 0.5
            else random_color(rng, (0, 0.3), (0.8, 1))
        )
        self._bands = [
            (rng.uniform(0.05, 0.95), rng.uniform(0.01, 0.08), random_color(rng))
            for _ in range(int(rng.integers(0, 4)))
        ]
        self._text, self._small = random_text(rng, 3, 6), random_text(rng, 5, 9)

    def _widths(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """The silhouette's half width at each row."""
        t = np.clip((y - self._shoulder) / self._slope, 0, 1)
        width = self._neck + (self._body - self._neck) * t * t * (3 - 2 * t)
        lip = 0.12 * self._neck * (np.abs(y - self._cap_end - 0.02) < 0.02)
        foot = np.clip((self._bottom - y) / 0.06, 0, 1)
        return (width * np.sqrt(1 - 0.35 * (1 - foot) ** 2) + lip).astype(np.float32)

    def _paint_side(self, size: int, rng: Generator, fault: str | None, fault_rng: Generator | None) -> Layer:
        x, y = grid_xy(size)
        cloud, grain = fractal_noise(rng, size, 4, 3), smooth_noise(rng, size, size / 2)
        level = self._level + rng.normal(0, 0.012)
        shift, slant = rng.normal(0, 0.008, 2), rng.normal(0, 0.006)
        gains, drift = rng.normal(1, 0.1, len(self._streaks)), rng.normal(0, 0.02)
        glass, label_color = vary_color(rng, self._glass, 0.03), vary_color(rng, self._label_color, 0.015)
        text, strength, turn, capped, labelled = self._text, 1.0, 0.0, True, True
        if fault is not None:
            assert fault_rng is not None
            if fault == "print fault":
                text, strength, turn = spoiled_print(fault_rng, text)
            elif fault == "misplaced part":
                slant += float(fault_rng.choice([-1, 1])) * fault_rng.uniform(0.06, 0.3)
                shift = shift + np.array([0, fault_rng.uniform(-0.08, 0.08)])
            else:
                missing = fault_rng.random()
                capped, labelled = missing > 0.4, not 0.4 < missing < 0.65
                level += fault_rng.uniform(0.15, 0.5) if missing > 0.65 and level < 0.9 else 0
                capped = capped and not (missing > 0.65 and level >= 0.9 and self._level >= 0.9)

        rows = y[:, 0]
        width = self._widths(rows)[:, None]
        across = np.clip(x / width, -1, 1)
        depth = np.minimum(
            np.minimum(width - np.abs(x), y - np.float32(self._top + 0.02)), np.float32(self._bottom) - y
        )
        round_shade = np.sqrt(np.maximum(1 - across * across, 0))
        color = flat(size, glass)
        filled = coverage(y - np.float32(level) - np.float32(0.01) * round_shade, 1.5)
        blend(color, 0.45 * glass + 0.55 * self._liquid * glass / max(float(glass.max()), 0.3), filled)
        scale_color(color, 0.45 + 0.75 * round_shade + 0.05 * cloud)
        scale_color(color, 1 - 0.35 * np.exp(-(((y - np.float32(level)) * 60) ** 2)))
        foot = np.exp(-np.maximum(np.float32(self._bottom) - y, 0) * 22)
        scale_color(color, 1 - np.float32(0.45) * foot)
        if labelled:
            self._stick_label(x, y, across, round_shade, color, label_color, shift, slant, text, strength, turn, grain)
        for (place, spread, power), gain in zip(self._streaks, gains, strict=True):
            streak = np.exp(-(((across - np.float32(place + drift)) / np.float32(spread)) ** 2)) * np.clip(
                0.8 + 0.25 * cloud, 0, 1
            )
            add_gray(color, streak * np.float32(power * gain))
        alpha = coverage(depth, 1.4)
        if capped:
            cap_half = np.float32(self._neck * 1.16)
            cap = coverage(
                np.minimum(cap_half - np.abs(x), np.minimum(y - np.float32(self._top), np.float32(self._cap_end) - y)),
                1.4,
            )
            turned = np.clip(x / cap_half, -1, 1)
            tone = 0.35 + 0.7 * np.sqrt(1 - turned * turned) + 0.25 * np.exp(-(((turned + 0.35) / 0.12) ** 2))
            if self._ribs:
                tone = tone * (1 + 0.12 * np.cos(np.arcsin(turned) * np.float32(self._ribs)))
            blend(color, tinted(self._cap_color, tone), cap)
            alpha = np.maximum(alpha, cap)
        else:
            alpha = alpha * coverage(y - np.float32(self._cap_end - 0.1), 1.4)
        return Layer(np.clip(color, 0, 1).astype(np.float32), alpha)

    def _stick_label(
        self,
        x: FloatImage,
        y: FloatImage,
        across: FloatImage,
        round_shade: FloatImage,
        color: FloatImage,
        label_color: FloatImage,
        shift: NDArray[np.float64],
        slant: float,
        text: str,
        strength: float,
        turn: float,
        grain: FloatImage,
    ) -> None:
        """Lays the printed label around the body."""
        size = x.shape[0]
        top, bottom = self._label
        tall = bottom - top
        v = (y - np.float32(top + shift[1]) - np.float32(slant) * x) / np.float32(tall)
        paper = np.empty((size, size, 3), np.float32)
        paper[:] = label_color
        for place, thick, tone in self._bands:
            blend(
                paper,
                tone,
                np.clip((np.float32(thick) - np.abs(v - np.float32(place))) * np.float32(size * tall / 2), 0, 1),
            )
        letter = min(0.24 * tall, 2.0 * self._body / (len(self._text) + 1))
        degrees = turn + np.degrees(np.arctan(slant))
        ink = text_mask(size, text, shift[0], top + shift[1] + 0.4 * tall, letter, degrees, weight=0.18) * np.float32(
            strength
        )
        small = text_mask(size, self._small, shift[0], top + shift[1] + 0.75 * tall, letter * 0.35, degrees - turn)
        blend(paper, self._ink, np.maximum(ink, small * np.float32(0.8)))
        inside = coverage(np.minimum(v, 1 - v) * np.float32(tall), 1.3) * (np.abs(across) < 0.985)
        blend(color, tinted(paper, 0.5 + 0.52 * round_shade + 0.012 * grain), inside)

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """See `Product.paint`."""
        if self._from_above:
            return self._paint_above(size, rng, fault, fault_rng)
        return self._paint_side(size, rng, fault, fault_rng)


PRODUCTS: tuple[type[Product], ...] = (Bottle,)
