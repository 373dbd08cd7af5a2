"""Surfaces of grown, cut and cast matter: leather, stone tile, wood and concrete."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import FloatImage, Layer, Pose, Product, fractal_noise, random_color, smooth_noise
from anomalygpt.simulation.texture_fields import (
    band_noise,
    batch,
    blurred,
    borders,
    cells,
    finished,
    gray,
    hsv_color,
    laid,
    log_uniform,
    mixed,
    relief,
    shifted,
    soft_step,
    streaks,
    surface,
    toned,
)


class Leather(Product):
    """Pebbled, finely grained or nearly smooth leather, brown, black, tan or dyed."""

    key = "leather"
    texture = True
    pose = Pose(rotation=8.0, shift=0.05, scale=0.05)

    def __init__(self, rng: Generator) -> None:
        if rng.random() < 0.7:
            self.color = hsv_color(rng, (8, 34), (0.35, 0.8), (0.18, 0.7))
        else:
            self.color = random_color(rng, (0.0, 0.7), (0.1, 0.75))
        self.kind = str(rng.choice(["pebble", "grain", "smooth"], p=[0.45, 0.4, 0.15]))
        self.across = log_uniform(rng, 16, 62)
        self.depth = rng.uniform(0.3, 1.1)
        self.crease = self.color * np.float32(rng.uniform(0.35, 0.8))
        self.crease_weight = rng.uniform(0.25, 0.8)
        self.light = rng.uniform(0, 360)
        self.gloss = rng.uniform(0.0, 0.35)
        self.mottle = rng.uniform(0.01, 0.07)
        self.wrinkles = rng.uniform(0.0, 0.5) * (rng.random() < 0.6)

    def _height(self, size: int, rng: Generator) -> FloatImage:
        """Height of the grain, about 0 in the creases to 1 on the pebbles."""
        if self.kind == "pebble":
            _, label, count = cells(rng, size, self.across)
            edge = borders(label, self.across)
            edge = blurred(np.minimum(edge * 3.2, 1.0), max(0.13 * size / self.across, 0.55))
            return edge * np.take(0.75 + 0.25 * rng.random(count, dtype=np.float32), label)
        first = np.abs(band_noise(rng, size, self.across * 0.6))
        second = np.abs(band_noise(rng, size, self.across * 1.25))
        height = np.minimum(first * np.float32(0.9), 0.6) + np.minimum(second * np.float32(0.45), 0.4)
        return height * np.float32(1.0 if self.kind == "grain" else 0.35)

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints another piece of the same hide."""
        height = self._height(size, rng)
        low = fractal_noise(rng, size, 3, 4, 0.6)
        color = mixed(
            self.crease,
            self.color,
            soft_step(height, 0.55 * (1 - self.crease_weight), 1.1),
        )
        bumps = height * np.float32(2.2 * self.depth)
        if self.wrinkles:
            fold = np.abs(fractal_noise(rng, size, rng.uniform(3, 5), 3, 0.5))
            bumps += np.minimum(fold * 9, 1.0) * np.float32(2.5 * self.wrinkles)
        light = relief(bumps, self.light + rng.normal(0, 6), 0.3)
        color = toned(color, light + low * np.float32(self.mottle)) * batch(rng, 0.025)
        color += gray(np.maximum(light, 0) ** 2 * np.float32(self.gloss))
        return surface(finished(color, rng, 0.03, rng.uniform(0.006, 0.016)))


class Tile(Product):
    """Stone tile: speckled, granite, terrazzo, marbled or sandy."""

    key = "tile"
    texture = True
    pose = Pose(rotation=180.0, shift=0.05, scale=0.05, flip=True)

    def __init__(self, rng: Generator) -> None:
        self.kind = str(rng.choice(["speckle", "granite", "terrazzo", "marble"], p=[0.5, 0.22, 0.14, 0.14]))
        self.base = hsv_color(rng, (15, 55) if rng.random() < 0.6 else (90, 230), (0.01, 0.16), (0.4, 0.88))
        dark = np.float32(rng.uniform(0.12, 0.6))
        self.inks = [shifted(self.base * dark, rng, 0.1) for _ in range(3)]
        if rng.random() < 0.35:
            self.inks[1] = random_color(rng, (0.1, 0.6), (0.15, 0.8))
        if rng.random() < 0.25:
            self.base, self.inks[0] = self.inks[0], self.base
        self.across = log_uniform(rng, 12, 50)
        self.cover = [rng.uniform(0.1, 1.0), rng.uniform(0.5, 1.7), rng.uniform(1.2, 2.4)]
        self.evenness = rng.uniform(0.0, 0.7)
        self.reach = rng.uniform(0.28, 0.48) if rng.random() < 0.5 else 0.0
        self.edge = rng.uniform(0.15, 0.9)
        self.mottle = rng.uniform(0.01, 0.06)
        self.palette = np.stack(
            [
                shifted(self.base * np.float32(rng.uniform(0.3, 1.25)), rng, 0.12)
                if rng.random() < 0.8
                else random_color(rng, (0.05, 0.45), (0.15, 0.9))
                for _ in range(5)
            ]
        )
        self.seams = rng.uniform(0.06, 0.18)

    def _pattern(self, size: int, rng: Generator) -> FloatImage:
        """The coloured pattern, float32 size×size×3."""
        hue = batch(rng, 0.02)
        inks, base = [ink * hue for ink in self.inks], self.base * hue
        if self.kind == "marble":
            warp = fractal_noise(rng, size, 3, 5, 0.55)
            vein = np.abs(warp + 0.35 * fractal_noise(rng, size, 9, 3, 0.5))
            color = mixed(base, inks[0], (1 - soft_step(vein, 0.15 * self.edge + 0.05, 0.4)) * np.float32(0.6))
            return mixed(color, inks[1], soft_step(fractal_noise(rng, size, 5, 4, 0.6), 0.6, 2.5) * np.float32(0.35))
        if self.kind == "terrazzo":
            _, label, count = cells(rng, size, self.across * 0.7)
            chip = rng.random(count) < 0.65
            tone = self.palette[rng.integers(0, 5, count)] * np.float32(rng.normal(1, 0.01))
            gap = soft_step(blurred(borders(label, self.across * 0.7), 0.8), self.seams, 0.08)
            return mixed(
                base, np.take(tone.astype(np.float32), label, axis=0), gap * np.take(chip.astype(np.float32), label)
            )
        if self.kind == "granite":
            _, label, count = cells(rng, size, min(self.across * 1.6, size / 3.2))
            table = self.palette[rng.integers(0, 5, count)] * rng.uniform(0.8, 1.15, (count, 1)).astype(np.float32)
            color = blurred(np.take(table.astype(np.float32), label, axis=0), 0.7)
            return mixed(color, inks[0], soft_step(band_noise(rng, size, self.across), self.cover[1], self.edge))
        rough = np.float32(0.3) * smooth_noise(rng, size, min(self.across * 2.5, size / 2.2))
        if self.reach:
            # Grains as discs of many sizes that lie together and grow into each other.
            distance, label, count = cells(rng, size, self.across * 1.3, 2.2)
            own = np.float32(self.reach) * (0.5 + rng.random(count, dtype=np.float32))
            base = mixed(
                base,
                inks[2],
                soft_step(np.take(own, label) - distance + rough * np.float32(0.25), 0.0, 0.35 * self.edge),
            )
            inks = inks[:2]
        color = base
        for ink, scale, cover in zip(inks, (1.0, 1.4, 0.7), self.cover, strict=False):
            field = band_noise(rng, size, self.across * scale, self.evenness) + rough
            color = mixed(color, ink, soft_step(field, cover, self.edge))
        return color

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints another tile of the same stone."""
        color = self._pattern(size, rng)
        color = toned(color, fractal_noise(rng, size, 5, 3, 0.6) * np.float32(self.mottle))
        return surface(finished(color, rng, 0.015, rng.uniform(0.008, 0.02)))


class Wood(Product):
    """Planed or rough wood: rings cut lengthwise, fibres, pores, sometimes boards side by side."""

    key = "wood"
    texture = True
    pose = Pose(rotation=3.0, shift=0.05, scale=0.05, flip=True)

    def __init__(self, rng: Generator) -> None:
        self.light = hsv_color(rng, (12, 38), (0.2, 0.65), (0.35, 0.92))
        self.dark = shifted(self.light * np.float32(rng.uniform(0.45, 0.85)), rng, 0.04)
        self.pore = self.dark * np.float32(rng.uniform(0.35, 0.75))
        self.angle = float(rng.choice([0.0, 90.0])) + rng.normal(0, 2.0)
        self.rings = log_uniform(rng, 3, 22)
        self.sharp = rng.uniform(0.0, 1.0)
        self.ring_weight = rng.uniform(0.05, 0.8)
        self.fibre = rng.uniform(0.02, 0.12)
        self.fibres = log_uniform(rng, 50, 160)
        self.pores = rng.uniform(1.3, 3.0)
        self.length = log_uniform(rng, 0.05, 0.8)
        self.wave = log_uniform(rng, 0.08, 1.2)
        self.boards = int(rng.integers(2, 6)) if rng.random() < 0.15 else 0

    def _rings(self, wide: int, place: FloatImage, rng: Generator) -> FloatImage:
        """Late wood, 0 to 1: dark bands of uneven width that wander along the board."""
        wander = smooth_noise(rng, wide, 3, stretch=2.0) + np.float32(0.2) * smooth_noise(rng, wide, 12, stretch=6.0)
        wander += np.float32(0.04) * smooth_noise(rng, wide, min(70, wide / 2), stretch=10.0)
        depth = place * np.float32(self.rings) + wander * np.float32(self.wave) + np.float32(rng.uniform(0, 9))
        spread = rng.normal(0, 0.45, int(self.rings) + 40).astype(np.float32)
        depth += np.interp(depth, np.arange(-20, spread.size - 20), spread).astype(np.float32)
        ring = np.floor(depth)
        saw = depth - ring
        band = self.sharp * saw**3 + (1 - self.sharp) * (0.5 - 0.5 * np.cos(np.float32(2 * np.pi) * saw))
        band *= np.clip((1 - saw) * np.float32(9), 0, 1)
        strength = rng.uniform(0.35, 1.0, 64).astype(np.float32)
        return np.asarray(band * strength[ring.astype(np.int32) & 63], np.float32)

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints another board of the same wood, upright, then lays it in its direction."""
        wide = int(size * 1.08)
        place = np.linspace(0, 1, wide, dtype=np.float32)[None, :]
        ring = self._rings(wide, place, rng)
        fibres = min(self.fibres, wide / 1.4)
        fine = smooth_noise(rng, wide, fibres, stretch=self.length * self.fibres)
        fine += np.float32(0.7) * smooth_noise(rng, wide, fibres * 0.35, stretch=self.length * self.fibres)
        fine += np.float32(0.4) * smooth_noise(rng, wide, wide / 1.2, stretch=12)
        color = mixed(self.light, self.dark, ring * np.float32(self.ring_weight))
        pores = smooth_noise(rng, wide, wide / 1.5, stretch=max(self.length * self.fibres * 0.4, 6))
        pores += np.float32(0.4) * fine
        color = mixed(color, self.pore, soft_step(pores + np.float32(0.5) * ring, self.pores, 0.9) * np.float32(0.65))
        tone = fine * np.float32(self.fibre * 0.8) + fractal_noise(rng, wide, 3, 3, 0.6, 3.0) * np.float32(0.04)
        if self.boards:
            phase = place * self.boards + rng.uniform(0, 1)
            board = rng.normal(0, 0.07, self.boards + 2)[np.floor(phase).astype(np.int64)]
            gap = np.clip(np.abs(phase - np.rint(phase)) * wide / self.boards, 0, 1) * 0.6 - 0.6
            tone = tone + (board + gap).astype(np.float32)
        color = toned(color, tone) * batch(rng, 0.03)
        color = laid(color, size, self.angle + rng.normal(0, 0.7))
        return surface(finished(color, rng, 0.025, rng.uniform(0.006, 0.014)))


class Concrete(Product):
    """Concrete, plaster or asphalt: cement with pores and clouds, or coarse stones in a dark or pale binder."""

    key = "concrete"
    texture = True
    pose = Pose(rotation=180.0, shift=0.05, scale=0.05, flip=True)

    def __init__(self, rng: Generator) -> None:
        self.kind = str(rng.choice(["smooth", "sandy", "asphalt"], p=[0.35, 0.2, 0.45]))
        value = (0.2, 0.62) if self.kind == "asphalt" else (0.22, 0.76)
        self.color = hsv_color(rng, (15, 50) if rng.random() < 0.5 else (170, 250), (0.0, 0.14), value)
        self.cloud = rng.uniform(0.02, 0.12) * (0.4 if self.kind == "asphalt" else 1.0)
        self.across = log_uniform(rng, 25, 95) if self.kind == "asphalt" else log_uniform(rng, 40, 110)
        self.contrast = log_uniform(rng, 0.03, 0.26) if self.kind == "asphalt" else rng.uniform(0.015, 0.1)
        self.pits = rng.uniform(1.7, 3.0)
        self.pit_depth = rng.uniform(0.15, 0.6)
        self.stones = rng.uniform(1.7, 3.2)
        self.stone = shifted(np.minimum(self.color * np.float32(rng.uniform(1.2, 1.7)), 0.95), rng, 0.06)
        self.relief = rng.uniform(0.05, 0.3)
        self.light = rng.uniform(0, 360)
        self.pore_count = rng.uniform(4, 60) * (self.kind != "asphalt")
        self.trowel = rng.uniform(0.0, 0.05) * (rng.random() < 0.5)
        self.trowel_angle = rng.uniform(0, 180)
        self.clumps = rng.uniform(0.0, 0.5) * (self.kind == "asphalt")

    def _pores(self, size: int, rng: Generator) -> FloatImage:
        """Round air holes of many sizes, float32 size×size in [0, 1]."""
        fine = 8
        mask = np.zeros((size, size), np.uint8)
        for _ in range(int(rng.poisson(self.pore_count))):
            x, y = rng.uniform(0, size, 2) * fine
            radius = min(0.0025 / rng.uniform(0.12, 1.0), 0.014) * size * fine
            axes = (max(int(radius), 3), max(int(radius * rng.uniform(0.6, 1.0)), 3))
            turn, dark = float(rng.uniform(0, 180)), int(rng.integers(90, 255))
            cv2.ellipse(mask, (int(x), int(y)), axes, turn, 0, 360, dark, -1, cv2.LINE_AA, 3)
        return cv2.GaussianBlur(mask, (3, 3), 0.6).astype(np.float32) * np.float32(1 / 255)

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints another place of the same wall or road: stones lie coarser here, finer or denser there."""
        across = min(self.across * np.exp(rng.normal(0, 0.2 * self.clumps)), size / 2.4)
        stones = self.stones + np.float32(self.clumps) * (rng.standard_normal() + smooth_noise(rng, size, 3))
        clouds = fractal_noise(rng, size, rng.uniform(2, 4), 5, 0.6) * np.float32(self.cloud)
        grain = band_noise(rng, size, across)
        rough = band_noise(rng, size, across * 0.5)
        tone = clouds
        tone += (grain + 0.7 * rough) * np.float32(self.contrast * 0.6)
        tone += relief(grain + rough, self.light, self.relief * 0.35)
        if self.trowel:
            tone += streaks(rng, size, 30, 0.6, self.trowel_angle + rng.normal(0, 8)) * np.float32(self.trowel)
        hue = batch(rng, 0.05)
        color = toned(self.color * hue, tone)
        color = mixed(color, self.stone * hue, soft_step(band_noise(rng, size, across * 0.8, 0.3) - stones, 0.0, 0.5))
        holes = soft_step(band_noise(rng, size, across * 0.9), self.pits, 0.7)
        if self.pore_count:
            holes = np.maximum(holes * np.float32(0.6), self._pores(size, rng))
        color = toned(color, holes * np.float32(-self.pit_depth))
        return surface(finished(color, rng, 0.03, rng.uniform(0.008, 0.02)))


PRODUCTS: tuple[type[Product], ...] = (Leather, Tile, Wood, Concrete)
