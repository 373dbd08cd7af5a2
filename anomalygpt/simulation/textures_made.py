"""Surfaces that are made: wire mesh and solar cells."""

from __future__ import annotations

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
from anomalygpt.simulation.texture_fields import (
    blurred,
    borders,
    bump,
    cells,
    finished,
    gray,
    log_uniform,
    mixed,
    odd,
    shifted,
    surface,
    toned,
    turned_xy,
    white_noise,
)


class Grid(Product):
    """Wire mesh or perforated sheet before a plain ground."""

    key = "grid"
    texture = True
    pose = Pose(rotation=2.0, shift=0.05, scale=0.04)
    faults: tuple[str, ...] = ("bent part", "missing part")

    def __init__(self, rng: Generator) -> None:
        self.kind = str(rng.choice(["woven", "welded", "sheet", "hex"], p=[0.4, 0.3, 0.18, 0.12]))
        self.across = log_uniform(rng, 6, 30)
        self.ratio = rng.uniform(0.7, 1.4) if rng.random() < 0.5 else 1.0
        self.angle = float(rng.choice([0.0, 45.0, 90.0])) + rng.normal(0, 1.5)
        self.shear = rng.uniform(-0.25, 0.25) if rng.random() < 0.3 else 0.0
        self.half = rng.uniform(0.1, 0.3)
        value = rng.uniform(0.15, 0.9)
        self.wire = random_color(rng, (0.0, 0.12 if rng.random() < 0.8 else 0.7), (value, value + 0.05))
        ground = value + rng.choice([-1, 1]) * rng.uniform(0.15, 0.6)
        ground = float(np.clip(ground if 0 <= ground <= 1 else 2 * value - ground, 0.03, 0.97))
        self.ground = random_color(rng, (0.0, 0.15), (ground, ground))
        self.round = rng.uniform(0.2, 0.9)
        self.gloss = rng.uniform(0.0, 0.5)
        self.light = rng.uniform(-0.8, 0.8)
        self.shadow = rng.uniform(0.0, 0.45)
        self.wave = rng.uniform(0.2, 0.8)
        self.wobble = rng.uniform(0.0, 0.05)
        if self.kind in ("sheet", "hex"):
            self.faults = ("missing part",)

    def _wire(self, offset: FloatImage, sharp: np.float32) -> tuple[FloatImage, FloatImage]:
        """Cover and brightness of a round wire at `offset` (cells) from its middle."""
        cover = np.clip((np.float32(self.half) - np.abs(offset)) * sharp + np.float32(0.5), 0, 1)
        inside = np.clip(offset / np.float32(self.half), -1, 1)
        body = 1 - np.float32(self.round) * inside * inside
        glint = np.maximum(1 - ((inside - np.float32(self.light)) * 3) ** 2, 0) * np.float32(self.gloss)
        return cover, body + glint

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints another piece of the same mesh."""
        x, y = turned_xy(size, self.angle + rng.normal(0, 0.5))
        across = min(self.across, size / 5)
        u = (x + np.float32(self.shear) * y) * np.float32(across) + np.float32(100 + rng.random())
        v = y * np.float32(across * self.ratio) + np.float32(100 + rng.random())
        u += smooth_noise(rng, size, 6) * np.float32(self.wobble)
        v += smooth_noise(rng, size, 6) * np.float32(self.wobble)
        wires = rng.normal(0, 0.05, (2, 256)).astype(np.float32)
        scratchy = white_noise(rng, size)
        sharp = np.float32(size / across)
        ground = toned(shifted(self.ground, rng, 0.03), smooth_noise(rng, size, 3) * np.float32(0.04))
        cx, cy = (0.0, 0.0) if fault_rng is None else fault_rng.uniform(-0.32, 0.32, 2)
        missing = np.zeros((size, size), bool)
        if fault == "bent part" and fault_rng is not None:
            reach = fault_rng.uniform(0.8, 2.2, 2) / across
            u = u + bump(x, y, cx, cy, reach[0], 1.5 * reach[1]) * np.float32(
                fault_rng.choice([-1, 1]) * fault_rng.uniform(0.35, 0.9)
            )
        elif fault == "missing part" and fault_rng is not None:
            length = fault_rng.uniform(0.6, 2.5)
            middle = (
                u[int((0.5 + cy) * size), int((0.5 + cx) * size)],
                v[int((0.5 + cy) * size), int((0.5 + cx) * size)],
            )
            missing = (np.abs(u - np.rint(middle[0])) < 0.5) & (np.abs(v - middle[1]) < length)
        if self.kind in ("sheet", "hex"):
            if self.kind == "hex":
                v = v * np.float32(1.1547)
                u = u + np.float32(0.5) * odd(np.floor(v))
            fu, fv = u - np.floor(u) - np.float32(0.5), v - np.floor(v) - np.float32(0.5)
            hole = (
                np.maximum(np.abs(fu), np.abs(fv))
                if self.round < 0.45 and self.kind == "sheet"
                else np.sqrt(fu * fu + fv * fv)
            )
            edge = np.float32(0.52 - self.half) - hole
            cover = 1 - np.clip(edge * sharp + np.float32(0.5), 0, 1)
            rim = np.clip(1 - np.abs(edge) * sharp * np.float32(0.4), 0, 1) * (fu + fv) * np.float32(1.2 * self.gloss)
            cover = np.where(missing, 1.0 if self.half < 0.2 else 0.0, cover).astype(np.float32)
            body = 1 + np.where(missing, 0, rim) + scratchy * np.float32(0.02)
            return surface(
                finished(mixed(ground, toned(shifted(self.wire, rng, 0.03), body - 1), cover), rng, 0.03, 0.008)
            )
        iu, iv = np.rint(u), np.rint(v)
        cover_u, body_u = self._wire(u - iu, sharp)
        cover_v, body_v = self._wire(v - iv, sharp * np.float32(1 / self.ratio))
        cover_u = cover_u * ~missing
        body_u = body_u + wires[0][iu.astype(np.int32) & 255]
        body_v = body_v + wires[1][iv.astype(np.int32) & 255]
        if self.kind == "woven":
            # Each wire rises and falls by turns: over one crossing, under the next.
            rise = np.cos(np.float32(np.pi) * v) * (1 - 2 * odd(iu))
            body_u = body_u * (1 + np.float32(0.3 * self.wave) * rise)
            rise_v = np.cos(np.float32(np.pi) * u) * (1 - 2 * odd(iv))
            body_v = body_v * (1 - np.float32(0.3 * self.wave) * rise_v)
            u_over = odd(iu + iv) == 0
        else:
            u_over = np.ones((size, size), bool)
        wire = shifted(self.wire, rng, 0.03)
        speck = scratchy * np.float32(0.03)
        on_top = (cover_u > 0.5) & (u_over | (cover_v <= 0.5))
        top = body_v + on_top * (body_u - body_v) + speck
        cover = np.maximum(cover_u, cover_v)
        drop = max(int(0.12 * size / across), 1)
        shade = blurred(np.roll(cover, (drop, drop), (0, 1)), 0.6 * drop + 0.5)
        color = mixed(toned(ground, shade * np.float32(-self.shadow)), toned(wire, top - 1), cover)
        return surface(finished(color, rng, 0.03, rng.uniform(0.006, 0.015)))


class SolarCell(Product):
    """One solar cell by electroluminescence: grey, with dark busbars, fingers and, where polycrystalline, grains."""

    key = "solar cell"
    texture = True
    pose = Pose(rotation=0.8, shift=0.01, scale=0.012)
    faults = ("print fault",)

    def __init__(self, rng: Generator) -> None:
        self.mono = bool(rng.random() < 0.6)
        self.level = rng.uniform(0.3, 0.8)
        self.frame = rng.uniform(0.03, 0.3)
        self.blur = rng.uniform(0.0015, 0.006)
        self.bars = int(rng.integers(2, 6))
        self.upright = bool(rng.random() < 0.15)
        self.bar_width = rng.uniform(0.006, 0.016)
        self.bar_level = rng.uniform(0.1, 0.5)
        self.margin = rng.uniform(0.0, 0.03) if rng.random() < 0.5 else rng.uniform(0.03, 0.15)
        self.bar_end = rng.uniform(0.84, 1.02)
        self.thin = rng.uniform(0.0, 0.5)
        self.dashes = int(rng.integers(6, 16)) if rng.random() < 0.4 else 0
        self.corner = rng.uniform(0.06, 0.17) if self.mono else rng.uniform(0.0, 0.015)
        self.fingers = rng.uniform(55, 110)
        self.finger = rng.uniform(0.0, 0.05)
        self.grains = log_uniform(rng, 8, 26)
        self.grain = rng.uniform(0.03, 0.16)
        self.dark = rng.uniform(0.0, 1.0)
        self.falloff = rng.uniform(0.05, 0.6)
        self.smudge = rng.uniform(0.0, 0.05)
        self.ring = rng.uniform(0.0, 0.06) * self.mono

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints another cell of the same make, at its own brightness."""
        x, y = (axis * np.float32(1 / (1 - self.margin)) for axis in grid_xy(size))
        if self.upright:
            x, y = y, x
        level = float(np.clip(self.level * np.exp(rng.normal(0, 0.28)), 0.14, 0.95))
        radius = np.sqrt(x * x + y * y)
        tone = (
            1
            - np.float32(self.falloff * rng.uniform(0.5, 1.3))
            * np.maximum(np.maximum(np.abs(x), 0.8 * np.abs(y)) - 0.45, 0) ** 1.5
        )
        tone += fractal_noise(rng, size, rng.uniform(2, 4), 4, 0.55) * np.float32(rng.uniform(0.01, 0.05))
        tone += np.cos(radius * np.float32(rng.uniform(14, 30))) * np.float32(self.ring * rng.uniform(0, 0.5))
        streak = smooth_noise(rng, size, 20, stretch=4.0)
        tone += np.minimum((streak.T if self.upright else streak) + 1.0, 0) * np.float32(self.smudge)
        if not self.mono:
            _, label, count = cells(rng, size, self.grains)
            table = rng.normal(0, self.grain, count).astype(np.float32)
            tone += blurred(np.take(table, label), 0.7)
            tone -= np.maximum(fractal_noise(rng, size, 7, 5, 0.75) - 0.7, 0) * np.float32(0.35 * self.dark)
            tone -= np.maximum(0.1 - borders(label, self.grains), 0) * np.float32(1.5 * self.grain)
        stripe = np.cos((x + np.float32(rng.random())) * np.float32(np.pi * min(self.fingers, size / 2.6)))
        per_finger = rng.normal(0, 1, 64).astype(np.float32)[((x + 2) * 31.5).astype(np.int32) & 63]
        tone *= 1 + stripe * np.float32(self.finger) + per_finger * np.float32(self.finger * 0.25)
        if fault is not None and fault_rng is not None:
            bar = int(fault_rng.integers(0, self.bars))
            low = -1 + 2 * (bar + 0.5) / self.bars
            start = fault_rng.uniform(-0.8, 0.7)
            wide, high = log_uniform(fault_rng, 0.01, 0.15), fault_rng.uniform(0.3, 0.95) / self.bars
            side = 1.0 if fault_rng.random() < 0.5 else -1.0
            reach = (y - np.float32(low)) * np.float32(side)
            hit = (np.abs(x - np.float32(start)) < wide / 2) & (reach > 0) & (reach < np.float32(high))
            tone = tone * (1 - hit * np.float32(fault_rng.uniform(0.4, 0.8)))
        sharp = np.float32(size / 2)
        # Busbars: between the pads a bar may be only a faint line.
        repeat = (y + 1) * np.float32(self.bars / 2)
        along = np.abs(repeat - np.floor(repeat) - np.float32(0.5)) * np.float32(2 / self.bars)
        width = np.full((size, size), self.bar_width, np.float32)
        if self.dashes:
            dash = np.clip(
                np.cos((x + np.float32(rng.normal(0, 0.01))) * np.float32(np.pi * self.dashes)) * 6 + 0.5, 0.35, 1
            )
            width = width * dash
        # Beyond its end the thick bar goes on as a thin line.
        width = width * np.clip((self.bar_end - np.abs(x)) * sharp, self.thin, 1)
        bar = np.clip((width - along) * sharp + np.float32(0.5), 0, 1)
        glow = np.clip(1 - along / np.float32(0.12), 0, 1) * np.float32(0.06)
        tone = (tone - glow) * (1 - bar * np.float32(1 - self.bar_level))
        # The cell's outline: a square with cut corners, dark outside.
        edge = np.minimum(
            1 - np.maximum(np.abs(x), np.abs(y)),
            2 - self.corner * 2 - np.abs(x) - np.abs(y),
        )
        inside = np.clip(edge * sharp * np.float32(0.6) + np.float32(0.3), 0, 1)
        light = level * tone * (np.float32(self.frame) + np.float32(1 - self.frame) * inside)
        light += white_noise(rng, size) * np.float32(rng.uniform(0.004, 0.02))
        return surface(gray(np.clip(blurred(light, max(self.blur * size, 0.3)), 0, 1)))


PRODUCTS: tuple[type[Product], ...] = (Grid, SolarCell)
