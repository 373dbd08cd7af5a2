"""Household and electrical parts made of many strands: toothbrush heads and cable cross-sections."""

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
    box_depth,
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
        tilt = rng.uniform(-1, 1, (cores * wires, 2)).astype(np.float32)
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
                points[bent] += (
                    push
                    / np.linalg.norm(push, axis=1, keepdims=True)
                    * bore
                    * fault_rng.uniform(0.25, 0.8, (bent.size, 1))
                )
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
        color = flat(size, sheath_color * np.float32(1.0))
        scale_color(color, np.clip(0.72 + outer * 9, 0.72, 1.0) * (1 + 0.03 * grain + 0.03 * cloud))
        blend(color, tinted(fill_color * self._depth, 1 + 0.2 * cloud + 0.1 * grain), coverage(inner, 2.0))
        present = [core for core in range(cores) if core != lost]
        if present:
            self._insulate(x, y, present, centres, waves, colors, color, 0.04 * (grain + cloud), cut_open, fault_rng)

        keep = np.ones(cores * wires, bool)
        if lost >= 0:
            keep[lost * wires : (lost + 1) * wires] = False
        index, dx, dy = nearest(size, points[keep])
        relative = cv2.magnitude(dx, dy) / np.maximum(extent[keep], np.float32(1e-4))[index]
        disc = np.clip((1 - relative) * np.float32(size * extent.max() * 0.4), 0, 1)
        slope = tilt[keep][index]
        face = gloss[keep][index] * (1 + 0.1 * scratch + 0.06 * grain)
        face += np.float32(0.25) * (slope[..., 0] * dx + slope[..., 1] * dy) / np.float32(extent.max())
        face *= np.float32(1.02) - np.float32(0.4) * relative**3
        if bent.size:
            where = np.isin(np.flatnonzero(keep), bent)[index]
            face = np.where(where, face * (1.15 + 0.6 * np.float32(light.x) * dx / np.float32(extent.max())), face)
        blend(color, tinted(self._metal, face), disc)
        glint = np.clip(face - 0.95, 0, 1) * disc
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


PRODUCTS: tuple[type[Product], ...] = (Toothbrush, Cable)
