"""Cable cross-sections."""

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
    draw_light,
    flat,
    nearest,
    polar,
    ring_noise,
    scale_color,
    tinted,
    vary_color,
)

BRISTLES = 34
LEVELS = 4


INSULATION = (
    (0.1, 0.3, 0.62),
    (0.36, 0.2, 0.12),
    (0.15, 0.45, 0.2),
    (0.78, 0.72, 0.15),
    (0.5, 0.51, 0.52),
    (0.09, 0.09, 0.1),
    (0.72, 0.12, 0.12),
    (0.88, 0.88, 0.86),
    (0.85, 0.42, 0.1),
    (0.42, 0.2, 0.5),
)
"""The colours that conductors are told apart by."""


class Cable(Product):
    """A cut cable seen end on: insulated conductors, each a bundle of copper wires, in an outer sheath."""

    key = "cable"
    pose = Pose(rotation=8.0, shift=0.03, scale=0.03)
    faults = ("missing part", "misplaced part", "bent part")

    def __init__(self, rng: Generator) -> None:
        self._radius = rng.uniform(0.66, 0.88)
        self._sheath = self._radius * rng.uniform(0.07, 0.16)
        self._sheath_color = random_color(rng, (0.0, 0.15), (0.15, 0.9))
        self._fill_color = random_color(rng, (0.0, 0.2), (0.05, 0.8))
        count = int(rng.choice([1, 2, 3, 4, 5], p=[0.07, 0.1, 0.58, 0.15, 0.1]))
        room = self._radius - self._sheath
        ratio = {1: 0.88, 2: 0.5, 3: 0.464, 4: 0.414, 5: 0.37}[count] * rng.uniform(0.9, 0.985)
        self._core = room * ratio
        turn = np.deg2rad(rng.uniform(-20, 20)) + 2 * np.pi * np.arange(count) / count - np.pi / 2
        self._centres = np.stack([np.cos(turn), np.sin(turn)], 1) * (0.0 if count == 1 else room - self._core)
        picked = np.array(INSULATION, np.float32)[rng.permutation(len(INSULATION))[:count]]
        self._colors = np.clip(picked * rng.uniform(0.75, 1.25, (count, 1)) + rng.normal(0, 0.03, (count, 3)), 0, 1)
        self._colors = self._colors.astype(np.float32)
        self._insulation = self._core * rng.uniform(0.16, 0.34)
        self._fill = rng.uniform(0.95, 1.1)
        self._depth = rng.uniform(0.2, 0.9)
        self._wires = int(rng.choice([1, 7, 19, 37], p=[0.08, 0.17, 0.4, 0.35]))
        tinned = rng.random() < 0.12
        self._metal = (
            np.array([0.75, 0.75, 0.76], np.float32)
            if tinned
            else np.array([rng.uniform(0.7, 0.9), rng.uniform(0.42, 0.56), 0.3], np.float32)
        )
        self._scratches = np.float32(rng.uniform(0.5, 1.2) if self._wires > 1 else rng.uniform(0.1, 0.5))
        self._pack = self._hexagonal(self._wires)

    @staticmethod
    def _hexagonal(count: int) -> NDArray[np.float64]:
        """Centres of `count` round wires packed into a unit circle (count×2); the pitch is that of `_pitch`."""
        rings = {1: 0, 7: 1, 19: 2, 37: 3}[count]
        cells = [(q, r) for q in range(-rings, rings + 1) for r in range(-rings, rings + 1) if abs(q + r) <= rings]
        points = np.array([(q + r / 2, r * np.sqrt(3) / 2) for q, r in cells])
        # Pressed into a circle: the corners of the hexagon move inwards, its sides out.
        far = np.hypot(points[:, 0], points[:, 1])
        ring = np.array([max(abs(q), abs(r), abs(q + r)) for q, r in cells], np.float64)
        return points * (np.where(far > 0, ring / np.maximum(far, 1e-9), 1) * 0.75 + 0.25)[:, None] / (rings + 0.5)

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """See `Product.paint`."""
        x, y = grid_xy(size)
        cores, wires = len(self._centres), self._wires
        light = draw_light(rng)
        grain, cloud = smooth_noise(rng, size, size / 1.6), fractal_noise(rng, size, 5, 3)
        scratch = smooth_noise(rng, size, size / 2, 0.15)
        centres = self._centres + rng.normal(0, 0.008, (cores, 2))
        waves = np.float32(0.015) * np.stack([ring_noise(rng, 2, 6, 0.8) for _ in range(2 * cores)])
        waves = waves.reshape(2, cores, RING_STEPS)
        outer_wave, inner_wave = ring_noise(rng, 2, 6, 0.8), ring_noise(rng, 2, 6, 0.8)
        bore = self._core - self._insulation
        twist = rng.uniform(0, 2 * np.pi, cores)
        jitter = rng.normal(0, 0.09 / np.sqrt(wires), (cores, wires, 2))
        gloss = rng.uniform(0.45, 1.15, cores * wires).astype(np.float32)
        tilt = rng.uniform(-1, 1, (2, cores * wires)).astype(np.float32)
        colors = np.stack([vary_color(rng, color, 0.03) for color in self._colors])
        sheath_color, fill_color = vary_color(rng, self._sheath_color, 0.04), vary_color(rng, self._fill_color, 0.05)
        cos, sin = np.cos(twist)[:, None], np.sin(twist)[:, None]
        packed = np.stack(
            [self._pack[:, 0] * cos - self._pack[:, 1] * sin, self._pack[:, 0] * sin + self._pack[:, 1] * cos], 2
        )
        points = (centres[:, None] + (packed + jitter) * (bore * 0.97)).reshape(-1, 2)
        rings = {1: 0, 7: 1, 19: 2, 37: 3}[wires]
        extent = np.full(cores * wires, bore * self._fill / (2 * rings + 1), np.float32)

        lost, cut_open, bent = -1, -1, np.zeros(0, np.intp)
        if fault is not None:
            assert fault_rng is not None
            chosen = int(fault_rng.integers(cores))
            if fault == "misplaced part":
                colors = self._swap(fault_rng, colors, chosen)
            elif fault == "bent part":
                bent = fault_rng.permutation(wires)[: int(fault_rng.integers(1, min(wires, 4) + 1))] + chosen * wires
                push = fault_rng.normal(0, 1, (bent.size, 2))
                push *= (
                    bore * fault_rng.uniform(0.25, 0.8, (bent.size, 1)) / np.linalg.norm(push, axis=1, keepdims=True)
                )
                points[bent] += push
            else:
                part = fault_rng.random()
                if part < 0.25 and cores > 1:
                    lost = chosen
                elif part < 0.55:
                    cut_open = chosen
                else:
                    gone = fault_rng.permutation(wires)[: max(1, int(fault_rng.integers(1, wires // 3 + 2)))]
                    extent[gone + chosen * wires] = 0

        distance, angle = polar(x, y)
        outer = np.float32(self._radius) * around(1 + np.float32(0.006) * outer_wave, angle) - distance
        inner = outer - np.float32(self._sheath) * around(1 + np.float32(0.06) * inner_wave, angle)
        color = flat(size, sheath_color)
        scale_color(color, np.clip(0.72 + outer * 9, 0.72, 1.0) * (1 + 0.03 * grain + 0.03 * cloud))
        blend(color, tinted(fill_color * self._depth, 1 + 0.2 * cloud + 0.1 * grain), coverage(inner, 2.0))
        present = [core for core in range(cores) if core != lost]
        if present:
            self._insulate(x, y, present, centres, waves, colors, color, 0.04 * (grain + cloud), cut_open, fault_rng)

        keep = np.ones(cores * wires, bool)
        if lost >= 0:
            keep[lost * wires : (lost + 1) * wires] = False
        index, dx, dy = nearest(size, points[keep])
        relative = cv2.magnitude(dx, dy) / np.maximum(extent[keep], np.float32(1e-4)).take(index)
        disc = np.clip((1 - relative) * np.float32(size * extent.max() * 0.4), 0, 1)
        tilt = tilt * np.float32(0.25 / extent.max())
        face = gloss[keep].take(index) * (1 + self._scratches * (np.float32(0.1) * scratch + np.float32(0.06) * grain))
        face += tilt[0][keep].take(index) * dx + tilt[1][keep].take(index) * dy
        face *= np.float32(1.02) - np.float32(0.4) * relative * relative * relative
        if bent.size:
            where = np.isin(np.flatnonzero(keep), bent)[index]
            face = np.where(where, face * (1.15 + 0.6 * np.float32(light.x) * dx / np.float32(extent.max())), face)
        blend(color, tinted(self._metal, face), np.asarray(disc, np.float32))
        glint = np.clip(face - np.float32(0.95), 0, 1) * disc
        add_gray(color, np.float32(0.5) * glint)
        return Layer(np.clip(color, 0, 1).astype(np.float32), coverage(outer, 1.3))

    def _swap(self, rng: Generator, colors: FloatImage, chosen: int) -> FloatImage:
        """Conductors in the wrong places, or one of a wrong colour."""
        changed = colors.copy()
        apart = np.abs(colors - colors[chosen]).max(1)
        other = int(apart.argmax())
        if apart[other] > 0.2 and rng.random() < 0.7:
            changed[chosen] = colors[other]
            if rng.random() < 0.5:
                changed[other] = colors[chosen]
        else:
            wrong = np.array(INSULATION, np.float32)
            far = np.flatnonzero(np.abs(wrong[:, None] - colors).max(2).min(1) > 0.2)
            changed[chosen] = wrong[rng.choice(far)]
        return changed

    def _insulate(
        self,
        x: FloatImage,
        y: FloatImage,
        present: list[int],
        centres: NDArray[np.float64],
        waves: NDArray[np.float32],
        colors: FloatImage,
        color: FloatImage,
        grain: FloatImage,
        cut_open: int,
        fault_rng: Generator | None,
    ) -> None:
        """Paints the insulation of the conductors and the dark bores that their wires lie in."""
        size = x.shape[0]
        index, dx, dy = nearest(size, centres[present])
        distance, angle = polar(dx, dy)
        steps = np.minimum((angle * np.float32(RING_STEPS / (2 * np.pi))).astype(np.intp), RING_STEPS - 1)
        steps += index * RING_STEPS
        outside = np.float32(self._core) * (1 + waves[0][present].ravel().take(steps)) - distance
        bore = np.float32(self._core - self._insulation) * (1 + waves[1][present].ravel().take(steps)) - distance
        ring = coverage(outside, 1.3)
        if cut_open in present:
            assert fault_rng is not None
            turn, share = fault_rng.uniform(0, 2 * np.pi), fault_rng.uniform(0.2, 0.7)
            gap = np.abs((angle - np.float32(turn) + np.float32(np.pi)) % np.float32(2 * np.pi) - np.float32(np.pi))
            notch = np.clip((np.float32(share) + 2 * grain - gap) * np.float32(size * self._core * 0.5), 0, 1)
            notch *= index == present.index(cut_open)
            if fault_rng.random() < 0.5:
                notch = notch * (outside < np.float32(0.6 * self._insulation))
            ring = ring * (1 - notch)
        shadow = np.clip(0.55 + outside * np.float32(2.6 / self._insulation), 0.55, 1) * np.clip(0.7 - bore * 9, 0.7, 1)
        blend(color, tinted(colors[present].take(index, 0), shadow * (1 + grain)), ring)
        blend(color, (0.07, 0.05, 0.04), coverage(bore, 2.0))


PRODUCTS: tuple[type[Product], ...] = (Cable,)
