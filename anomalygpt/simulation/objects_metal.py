"""Metal objects: nut and cast disc."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import Layer, Pose, Product, fractal_noise, grid_xy, smooth_noise
from anomalygpt.simulation.forms import (
    Outline,
    distance,
    fill,
    gear,
    inside_distance,
    polar,
    regular,
    rounded,
)
from anomalygpt.simulation.materials import metal_tone
from anomalygpt.simulation.relief import Relief, aimed
from anomalygpt.simulation.shading import dome
from anomalygpt.simulation.texture_fields import white_noise


def _pinwheel(radius: float, wings: int, notch: float, skew: float) -> Outline:
    """A plate with wings that all lean the same way."""
    turn = np.linspace(0, wings, 240, endpoint=False) % 1.0
    swell = 1 - notch * np.clip((turn - skew) / (1 - skew), 0, 1) ** 1.6 * (turn > skew)
    swell -= notch * 0.5 * np.clip(1 - turn / 0.16, 0, 1)
    return rounded(polar(radius * swell), 0.012, 180)


class MetalNut(Product):
    """A winged, hexagonal, square or toothed nut with a threaded hole, seen from above."""

    key = "metal nut"
    pose = Pose(rotation=180, shift=0.03, scale=0.03)
    faults = ("bent part", "missing part", "misplaced part")

    def __init__(self, rng: Generator) -> None:
        self.style = str(rng.choice(["wings", "hexagon", "square", "flange", "castle"], p=(0.5, 0.2, 0.1, 0.1, 0.1)))
        self.corners = {"wings": int(rng.choice([4, 4, 4, 3, 5])), "hexagon": 6, "square": 4, "flange": 6, "castle": 6}[
            self.style
        ]
        radius = rng.uniform(0.68, 0.92)
        if self.style == "wings":
            self.outline = _pinwheel(radius, self.corners, rng.uniform(0.16, 0.45), rng.uniform(0.35, 0.75))
        elif self.style == "castle":
            self.outline = rounded(gear(radius, rng.uniform(0.12, 0.22), 6, rng.uniform(0.5, 0.75)), 0.012, 180)
        else:
            self.outline = rounded(regular(radius, self.corners), rng.uniform(0.01, 0.035), 180)
        self.hole = float(rng.uniform(0.28, 0.46) * (0.9 if self.style == "wings" else 1.1) * radius)
        self.thread = float(rng.uniform(0.03, 0.07))
        self.chamfer = float(rng.uniform(0.02, 0.06))
        self.ring = float(rng.uniform(0.03, 0.16))
        self.collar = bool(rng.random() < 0.55)
        self.dent = [(k, rng.uniform(0.02, 0.045)) for k in range(self.corners)] if rng.random() < 0.45 else []
        self.dent_radius = float(rng.uniform(0.68, 0.8) * radius)
        self.tone = metal_tone(rng)
        self.grain = float(rng.uniform(0.02, 0.07))
        self.brush = float(rng.choice([1.0, 1.0, 6.0, 14.0]))
        self.cast = float(rng.choice([0.0, rng.uniform(0.0005, 0.003)]))
        self.gloss = float(rng.uniform(0.08, 0.4))
        self.mirror = float(rng.uniform(0.1, 0.45))

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints one nut."""
        light = aimed(rng, rng.uniform(0, 2 * np.pi), 0.1, rng.uniform(0.7, 1.2))
        tone = self.tone * np.float32(rng.normal(1, 0.05)) + rng.normal(0, 0.008, 3).astype(np.float32)
        phase, scene, brightness = rng.uniform(0, 2 * np.pi), rng.uniform(0, 6), rng.normal(0, 0.3)
        fine = white_noise(rng, size) if self.brush == 1 else smooth_noise(rng, size, size, self.brush)
        coarse = fractal_noise(rng, size, 11, 3, 0.65)

        outline, flip, dents, aside = self.outline, 1.0, list(self.dent), 0j
        if fault_rng is not None:
            corner = fault_rng.integers(self.corners) * 2 * np.pi / self.corners
            local = outline @ np.array(
                [[np.cos(corner), -np.sin(corner)], [np.sin(corner), np.cos(corner)]], np.float32
            )
            depth = float(fault_rng.uniform(0.06, 0.2))
            if fault == "misplaced part":
                flip = -1.0 if self.style == "wings" else 1.0
                aside = fault_rng.uniform(0.06, 0.16) * np.exp(1j * fault_rng.uniform(0, 2 * np.pi))
            elif fault == "bent part":
                near = np.exp(-((local[:, 1] - fault_rng.uniform(-0.1, 0.1)) ** 2) / 0.03) * (local[:, 0] > 0.3)
                local[:, 0] -= depth * near
                local[:, 1] += near * fault_rng.choice([-1, 1]) * depth * 0.9
            elif fault == "missing part":
                reach = float(local[:, 0].max())
                local[:, 0] = np.minimum(local[:, 0], reach - depth * 1.2 + 0.25 * local[:, 1] * fault_rng.normal())
            outline = local @ np.array(
                [[np.cos(corner), np.sin(corner)], [-np.sin(corner), np.cos(corner)]], np.float32
            )
        hole_x = hole_y = 0.0
        if fault == "misplaced part" and flip > 0:
            hole_x, hole_y = float(aside.real), float(aside.imag)
        outline = outline * np.array([flip, 1], np.float32)

        mask = fill(size, [outline])
        x, y = grid_xy(size)
        radius = distance(x - np.float32(hole_x), y - np.float32(hole_y))
        edge = inside_distance(mask)
        part = Relief(size, tone, self.gloss, self.mirror)
        part.height += 0.06 * dome(edge, 0.07) + np.float32(self.cast) * coarse
        if self.collar:
            part.lay(np.clip((self.hole + self.ring - radius) * size / 2 + 0.5, 0, 1), tone * 1.12, add=0.02)
        if dents:
            for number, breadth in dents:
                turn = number * 2 * np.pi / self.corners + 0.5
                gap = distance(
                    x - np.float32(flip * self.dent_radius * np.cos(turn)),
                    y - np.float32(self.dent_radius * np.sin(turn)),
                )
                part.height -= 0.5 * np.maximum(breadth - gap, 0)
        inner = np.clip((self.hole + self.chamfer - radius) / self.chamfer, 0, 1)
        part.height -= 0.05 * inner
        depth = np.clip((self.hole - radius) / self.thread, 0, 1.4)
        wall = np.clip((self.hole - radius) * size / 2 + 0.5, 0, 1)
        angle = np.arctan2(y, x)
        threads = (
            0.16
            + 0.22 * np.maximum(np.sin(2 * np.pi * 2.4 * depth + angle + phase), 0) * (1 + np.cos(angle - phase)) * 0.8
        )
        part.tone(1 + np.float32(self.grain) * fine + np.float32(0.06) * coarse * np.float32(1 + brightness))
        color = part.shade(light, 0.5, 4, scene)
        color += wall[..., None] * ((threads * (1 - 0.45 * depth))[..., None] * tone * 1.5 - color)
        alpha = mask * np.clip((radius - self.hole + self.thread) * size / 2 + 0.5, 0, 1)
        return Layer(np.clip(color, 0, 1).astype(np.float32), alpha.astype(np.float32))


class CastMetal(Product):
    """A cast and partly machined disc seen from above: rings, grooves, vanes, bolt holes and a hub."""

    key = "cast metal"
    pose = Pose(rotation=180, shift=0.03, scale=0.04)
    faults: tuple[str, ...] = ("missing part", "misplaced part")
    steps = 1024

    def __init__(self, rng: Generator) -> None:
        self.radius = float(rng.uniform(0.78, 0.95))
        self.tone = np.float32(rng.uniform(0.45, 0.75)) * (np.ones(3) + rng.normal(0, 0.012, 3)).astype(np.float32)
        edges = np.sort(rng.uniform(0.18, 0.97, int(rng.integers(3, 7))))
        edges = np.concatenate([[0.0], edges[np.diff(edges, prepend=0.08) > 0.06], [1.0]]) * self.radius
        r = np.linspace(0, 1, self.steps)
        height, tone, self.shine, self.rough = np.zeros((4, self.steps))
        self.vaned: tuple[float, float] | None = None
        for ring, (low, high) in enumerate(pairwise(edges)):
            inside = (r >= low) & (r < high)
            kind = (
                rng.choice(["machined", "cast", "cavity"], p=(0.5, 0.3, 0.2))
                if ring
                else rng.choice(["cavity", "through", "cast", "machined"])
            )
            if ring == len(edges) - 2:
                kind = "machined" if rng.random() < 0.75 else "cast"
            height[inside] = rng.uniform(-0.06, 0.06) - (0.12 if kind == "cavity" else 0)
            tone[inside] = {
                "machined": rng.uniform(0.85, 1.25),
                "cast": rng.uniform(0.5, 0.85),
                "cavity": rng.uniform(0.12, 0.35),
                "through": 0.3,
            }[kind]
            self.shine[inside] = rng.uniform(0.25, 0.8) if kind == "machined" else 0
            self.rough[inside] = {"machined": 0.25, "cast": 1.0, "cavity": 0.8, "through": 0.1}[kind]
            wide = high - low > 0.14 and ring > 0
            if wide and (self.vaned is None or kind == "cavity") and kind != "machined":
                self.vaned = (float(low), float(high))
            if kind == "machined" and rng.random() < 0.6:
                groove = rng.uniform(low, high)
                height -= 0.03 * np.exp(-(((r - groove) / 0.008) ** 2))
                tone *= 1 - 0.45 * np.exp(-(((r - groove) / 0.007) ** 2))
        lathe_marks = np.convolve(rng.standard_normal(self.steps), np.ones(3) / 3, "same") * (self.shine > 0)
        self.marks = lathe_marks * rng.uniform(0.02, 0.06)
        kernel = np.hanning(13) / np.hanning(13).sum()
        self.height = np.convolve(height, kernel, "same").astype(np.float32)
        self.ring_tone = np.convolve(tone, np.hanning(7) / np.hanning(7).sum(), "same").astype(np.float32)
        self.edges = edges
        self.vanes = int(rng.integers(3, 12)) if self.vaned else 0
        self.twist = float(rng.normal(0, 2.2))
        self.vane_width = float(rng.uniform(0.16, 0.5))
        self.vane_tone = float(rng.uniform(0.25, 0.75))
        self.holes = int(rng.choice([0, 0, 3, 4, 5, 6, 8]))
        self.hole_ring = float(rng.uniform(0.45, 0.85) * self.radius)
        self.hole_radius = float(rng.uniform(0.035, 0.085))
        self.bump = float(rng.uniform(0.0004, 0.003))
        self.faults = ("missing part", "misplaced part") if self.holes or self.vanes else ()

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints one disc."""
        light = aimed(rng, rng.uniform(0, 2 * np.pi), 0.1, rng.uniform(0.7, 1.2))
        spread, phase, level = rng.uniform(2, 7), rng.uniform(0, 2 * np.pi), rng.normal(1, 0.06)
        marks = np.convolve(rng.standard_normal(self.steps), np.ones(3) / 3, "same") * 0.03 + self.marks
        coarse, fine = fractal_noise(rng, size, 14, 3, 0.7), white_noise(rng, size)
        slots = rng.normal(0, 0.02, 16)
        blur = rng.normal(0, 0.3, 8)

        gone = shift = -1
        amount = 0.0
        on_hole = bool(self.holes)
        if fault_rng is not None:
            on_hole = bool(self.holes) and (not self.vanes or fault_rng.random() < 0.5)
            which = int(fault_rng.integers(self.holes if on_hole else self.vanes))
            amount = float(fault_rng.choice([-1, 1]) * fault_rng.uniform(0.25, 0.45))
            gone, shift = (which, -1) if fault == "missing part" else (-1, which)

        x, y = grid_xy(size)
        radius, angle = cv2.cartToPolar(x, y)
        index = np.minimum((radius * self.steps).astype(np.int32), self.steps - 1)
        part = Relief(size, self.tone * np.float32(level), 0.08)
        part.height = self.height[index] + np.float32(self.bump) * self.rough.astype(np.float32)[index] * coarse
        tone = self.ring_tone[index]
        if self.vaned and self.vanes:
            low, high = self.vaned
            lap = (angle + np.float32(self.twist) * (radius - np.float32(low))) * np.float32(
                self.vanes / (2 * np.pi)
            ) + 100 * self.vanes
            vane = np.floor(lap).astype(np.int32) % self.vanes
            offset, alive = slots[:12].copy(), np.ones(16, np.float32)
            if not on_hole and gone >= 0:
                alive[gone] = 0
            if not on_hole and shift >= 0:
                offset[shift] += amount * 0.6
            within = np.abs(lap % 1.0 - 0.5 - offset.astype(np.float32)[vane])
            pixels = np.maximum(radius, 0.05) * np.float32(size / 2 * 2 * np.pi / self.vanes)
            cover = np.clip((np.float32(self.vane_width / 2) - within) * pixels + 0.5, 0, 1) * alive[vane]
            cover *= np.clip((radius - low) * size / 2, 0, 1) * np.clip((high - radius) * size / 2, 0, 1)
            part.height += cover * 0.07
            tone = tone + cover * (np.float32(self.vane_tone) - tone)
        rough = self.rough.astype(np.float32)[index]
        part.tone(tone * (1 + rough * (0.1 * coarse + 0.06 * fine) + marks.astype(np.float32)[index]))
        for hole in range(self.holes):
            if on_hole and hole == gone:
                continue
            turn = 2 * np.pi * hole / self.holes + (amount * 2 / self.holes if on_hole and hole == shift else 0.0)
            gap = distance(x - np.float32(self.hole_ring * np.cos(turn)), y - np.float32(self.hole_ring * np.sin(turn)))
            inside = np.clip((np.float32(self.hole_radius) - gap) * size / 2 + 0.5, 0, 1)
            part.lay(np.asarray(inside, np.float32), np.full(3, 0.07), gloss=0.02)
            part.height -= 0.05 * np.clip((self.hole_radius * 1.25 - gap) / (self.hole_radius * 0.4), 0, 1)
        fan = np.zeros_like(radius)
        for order, weight in ((2, 1.0), (4, 0.35)):
            fan += np.float32(weight) * np.cos(order * (angle - np.float32(phase + blur[order])))
        fan = np.exp(np.float32(spread * 0.3) * (fan - 1.1))
        part.tone(1 + self.shine.astype(np.float32)[index] * (1.1 * fan - 0.35))
        color = part.shade(light, 0.5, 4)
        alpha = np.clip((np.float32(self.radius) - radius) * size / 2 + 0.5, 0, 1)
        return Layer(color, alpha.astype(np.float32))


PRODUCTS: tuple[type[Product], ...] = (MetalNut, CastMetal)
