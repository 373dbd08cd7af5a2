"""Cloth: carpet and fabric."""

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
    smooth_noise,
)
from anomalygpt.simulation.texture_fields import (
    Weave,
    band_noise,
    batch,
    blurred,
    bump,
    cells,
    finished,
    log_uniform,
    mixed,
    muted_color,
    sampled,
    shifted,
    surface,
    toned,
    turned_xy,
    white_noise,
)


class _Cloth(Product):
    """Threads that cross: what carpet and fabric have in common."""

    texture = True
    pose = Pose(rotation=2.0, shift=0.05, scale=0.04)
    faults: tuple[str, ...] = ("misplaced part", "missing part")

    def __init__(self, rng: Generator, weaves: tuple[str, ...], threads: tuple[float, float]) -> None:
        self.weave = Weave.make(rng, str(rng.choice(weaves)))
        self.threads = log_uniform(rng, *threads)
        self.ratio = rng.uniform(0.8, 1.25)
        self.angle = rng.normal(0, 1.0) + (45.0 if rng.random() < 0.08 else 0.0)
        self.gap = rng.uniform(0.0, 0.8)
        self.gap_color = rng.uniform(0.05, 0.75)
        self.dip = rng.uniform(0.6, 2.0)
        self.soft = rng.uniform(0.0, 0.0042)
        self.wobble = log_uniform(rng, 0.02, 0.35)
        self.spread = rng.uniform(0.01, 0.12)
        self.slub = rng.uniform(0.02, 0.2)
        self.twist = rng.uniform(0.0, 0.18)
        self.fuzz = rng.uniform(0.01, 0.07)
        first = muted_color(rng, (0.12, 0.92))
        second = shifted(first * np.float32(rng.uniform(0.6, 1.2)), rng, 0.05)
        if rng.random() < 0.4:
            second = muted_color(rng)
        self.warp_colors = first[None]
        self.weft_colors = second[None]

    def _softened(self, color: FloatImage) -> FloatImage:
        """The cloth as its nap blurs it."""
        sigma = self.soft * color.shape[0]
        return blurred(color, sigma) if sigma > 0.3 else color

    def _thread_table(self, rng: Generator, count: int) -> tuple[FloatImage, FloatImage]:
        """Colour of every warp and weft thread (2·count×3), and their unevenness along them (64×2·count)."""
        index = np.arange(count)
        colors = np.concatenate(
            [self.warp_colors[index % len(self.warp_colors)], self.weft_colors[index % len(self.weft_colors)]]
        )
        colors = colors * (1 + rng.normal(0, self.spread, (2 * count, 1)) + rng.normal(0, 0.01, 3)).astype(np.float32)
        return colors.astype(np.float32), rng.standard_normal((64, 2 * count), dtype=np.float32)

    def _woven(self, size: int, rng: Generator, fault: str | None, fault_rng: Generator | None) -> FloatImage:
        """The cloth, float32 size×size×3."""
        threads = min(self.threads, size / 2.8)
        x, y = turned_xy(size, self.angle + rng.normal(0, 0.4))
        across, down = np.float32(threads), np.float32(threads * self.ratio)
        count = int(2.2 * threads * max(self.ratio, 1.0)) + 8
        u = (x + np.float32(1.0)) * across + smooth_noise(rng, size, 6) * np.float32(self.wobble)
        v = (y + np.float32(1.0)) * down + smooth_noise(rng, size, 6) * np.float32(self.wobble)
        start = rng.random(2)
        u += np.float32(start[0])
        v += np.float32(start[1])
        colors, uneven = self._thread_table(rng, count)
        roll = (int(rng.integers(0, count)), int(rng.integers(0, count)))
        colors = np.concatenate([np.roll(colors[:count], roll[0], 0), np.roll(colors[count:], roll[1], 0)])
        gone: NDArray[np.bool_] | None = None
        if fault is not None and fault_rng is not None:
            cx, cy = fault_rng.uniform(-0.32, 0.32, 2)
            long, thin = fault_rng.uniform(0.1, 0.4), fault_rng.uniform(1.5, 4.0) / threads
            if fault == "misplaced part":
                v = v + bump(x, y, cx, cy, long, thin) * np.float32(
                    fault_rng.choice([-1, 1]) * fault_rng.uniform(0.8, 2.0)
                )
            else:
                lost = np.floor((cy + 1.0) * down)
                gone = (np.abs(v - lost - 0.5) < 0.5) & (np.abs(x - np.float32(cx)) < long)
        iu, iv = np.floor(u), np.floor(v)
        fu, fv = u - iu - np.float32(0.5), v - iv - np.float32(0.5)
        # Choices between warp and weft are sums with `over` as a weight of 0 or 1: faster than np.where.
        over, dip = self.weave.at(iu, iv)
        if gone is not None:
            over = np.maximum(over, gone.astype(np.float32))
        cross = fv + over * (fu - fv)
        along = fu + fv - cross
        shade = np.cos(cross * np.float32(np.pi * 0.98)) * (1 - dip * along * along * np.float32(self.dip))
        weft = iv + np.float32(count)
        thread = np.asarray(weft + over * (iu - weft), np.float32)
        rough = sampled(uneven, thread, (u + over * (v - u)) * np.float32(0.35))
        tone = rough * np.float32(self.slub)
        if threads < size / 6:
            tone += np.sin((along * np.float32(1.5) + cross) * np.float32(4 * np.pi)) * np.float32(self.twist)
        tone += white_noise(rng, size) * np.float32(self.fuzz)
        if gone is not None:
            shade = np.where(gone, shade * np.float32(0.55), shade)
        light = np.float32(self.gap_color) + np.float32(1 - self.gap_color) * np.minimum(
            shade * np.float32(2.2 - 1.4 * self.gap), 1.0
        )
        return self._softened(toned(np.take(colors, thread.astype(np.int32), axis=0), light * (1 + tone) - 1))


class Carpet(_Cloth):
    """Woven, looped or cut-pile carpet, plain or mixed colours."""

    key = "carpet"

    def __init__(self, rng: Generator) -> None:
        super().__init__(rng, ("plain", "plain", "basket", "rib", "twill"), (28, 80))
        self.kind = str(rng.choice(["woven", "loop", "pile"], p=[0.6, 0.22, 0.18]))
        if self.kind != "woven":
            self.faults = ()
        base = muted_color(rng, (0.12, 0.75))
        self.warp_colors = np.stack([shifted(base, rng, 0.06) for _ in range(7)])
        other = base if rng.random() < 0.5 else shifted(base * np.float32(rng.uniform(0.4, 1.5)), rng, 0.1)
        self.weft_colors = np.stack([shifted(other, rng, 0.06) for _ in range(5)])
        self.slub = rng.uniform(0.05, 0.4)
        self.fuzz *= 1.4
        self.mix = np.stack([shifted(base * np.float32(rng.uniform(0.6, 1.3)), rng, 0.08) for _ in range(6)])
        self.depth = rng.uniform(0.3, 0.8)

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints another piece of the same roll."""
        if self.kind == "woven":
            color = self._woven(size, rng, fault, fault_rng)
        else:
            across = min(self.threads if self.kind == "loop" else self.threads * 1.3, size / 2.8)
            distance, label, count = cells(rng, size, across, 0.55 if self.kind == "loop" else 1.0)
            table = self.mix[rng.integers(0, len(self.mix), count)] * (1 + rng.normal(0, self.spread, (count, 1)))
            shade = 1 - np.float32(self.depth) * distance * distance * np.float32(2.2)
            shade += white_noise(rng, size) * np.float32(self.fuzz * 1.5)
            shade += band_noise(rng, size, across * 0.4) * np.float32(0.06)
            color = toned(np.take(table.astype(np.float32), label, axis=0), shade - 1)
            color = blurred(color, max(self.soft * size, 0.5))
        color = toned(color, fractal_noise(rng, size, 3, 4, 0.6) * np.float32(0.025))
        return surface(finished(batch(rng, 0.02) * color, rng, 0.02, 0.012))


class Fabric(_Cloth):
    """Plain, striped, checked, printed or knitted cloth."""

    key = "fabric"

    def __init__(self, rng: Generator) -> None:
        super().__init__(rng, ("plain", "twill", "satin", "herringbone", "basket"), (36, 95))
        self.kind = str(rng.choice(["plain", "stripes", "checks", "print", "knit"], p=[0.22, 0.22, 0.24, 0.18, 0.14]))
        self.gap *= 0.6
        palette = [self.warp_colors[0], self.weft_colors[0]] + [muted_color(rng) for _ in range(2)]
        bands = np.concatenate(
            [
                np.repeat(palette[int(rng.integers(0, 4))][None], int(rng.integers(1, 9)), axis=0)
                for _ in range(rng.integers(2, 6))
            ]
        )
        if self.kind in ("stripes", "checks"):
            self.warp_colors = bands
        if self.kind == "checks":
            self.weft_colors = bands
        self.slope = rng.uniform(0.6, 1.5)
        self.ink = palette[2]
        self.motif = self._draw_motif(rng)
        self.repeats = rng.uniform(2.5, 9)
        if self.kind == "print":
            self.faults = ("print fault", *_Cloth.faults)
        if self.kind == "knit":
            self.faults = ()

    @staticmethod
    def _draw_motif(rng: Generator) -> FloatImage:
        """One repeat of a print, float32 96×96 in [0, 1], which joins itself at its borders."""
        motif = np.zeros((96, 96), np.uint8)
        for _ in range(int(rng.integers(1, 5))):
            x, y = rng.integers(18, 78, 2).tolist()
            radius, turn = int(rng.integers(5, 17)), float(rng.uniform(0, 180))
            shape = int(rng.integers(0, 4))
            if shape == 0:
                cv2.circle(motif, (x, y), radius, 255, int(rng.choice([-1, 3])), cv2.LINE_AA)
            elif shape == 1:
                for petal in range(int(rng.integers(3, 7))):
                    cv2.ellipse(
                        motif, (x, y), (radius, max(radius // 4, 2)), turn + 60 * petal, 0, 360, 255, -1, cv2.LINE_AA
                    )
            elif shape == 2:
                box = cv2.boxPoints(((x, y), (radius * 1.5, radius), turn)).astype(np.int32)
                cv2.fillPoly(motif, [box], 255, cv2.LINE_AA)
            else:
                cv2.ellipse(motif, (x, y), (radius, radius), turn, 0, float(rng.uniform(120, 300)), 255, 3, cv2.LINE_AA)
        return motif.astype(np.float32) * np.float32(1 / 255)

    def _printed(self, color: FloatImage, size: int, rng: Generator, fault_rng: Generator | None) -> FloatImage:
        """Lays the print over the cloth; with `fault_rng` it is smeared away or out of register in one place."""
        x, y = turned_xy(size, rng.normal(0, 0.5))
        scale, start = np.float32(96 * self.repeats), rng.uniform(0, 96, 2).astype(np.float32)
        u, v = x * scale + start[0], y * scale + start[1]
        weight = np.float32(0.85) * sampled(self.motif, u, v)
        if fault_rng is not None:
            cx, cy = fault_rng.uniform(-0.33, 0.33, 2)
            where = bump(x, y, cx, cy, fault_rng.uniform(0.08, 0.25), fault_rng.uniform(0.08, 0.25))
            if fault_rng.random() < 0.5:
                weight = weight * (1 - np.minimum(where * 3, 1.0))
            else:
                move = fault_rng.uniform(12, 40, 2).astype(np.float32)
                other = sampled(self.motif, u + move[0], v + move[1])
                weight = np.where(where > 0, other * np.float32(0.85), weight)
        light = cv2.transform(color, np.full((1, 3), 1 / 3, np.float32)) / np.float32(max(float(color.mean()), 1e-3))
        return mixed(color, toned(self.ink, light - 1), weight)

    def _knitted(self, size: int, rng: Generator) -> FloatImage:
        """Columns of V-shaped stitches, float32 size×size×3."""
        columns = min(self.threads * 0.45, size / 6)
        x, y = turned_xy(size, self.angle + rng.normal(0, 0.4))
        u = (x + 1) * np.float32(columns) + smooth_noise(rng, size, 5) * np.float32(self.wobble * 0.6)
        v = (y + 1) * np.float32(columns * 1.2 * self.ratio) + smooth_noise(rng, size, 5) * np.float32(
            self.wobble * 0.6
        )
        fu = np.abs(u - np.floor(u) - np.float32(0.5))
        phase = v + fu * np.float32(self.slope * 1.6) + np.float32(rng.random())
        shade = np.abs(np.cos(phase * np.float32(np.pi))) * np.sqrt(np.maximum(np.sin(fu * np.float32(2 * np.pi)), 0))
        row = np.floor(phase + np.float32(0.5)).astype(np.int32)
        colors = self.warp_colors * (1 + rng.normal(0, self.spread, (256, 1))).astype(np.float32)
        light = np.float32(self.gap_color) + np.float32(1 - self.gap_color) * shade
        light *= 1 + white_noise(rng, size) * np.float32(self.fuzz)
        return toned(np.take(colors.astype(np.float32), row, axis=0), light - 1)

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints another piece of the same cloth."""
        if self.kind == "knit":
            color = self._knitted(size, rng)
        elif self.kind == "print":
            color = self._woven(size, rng, None if fault == "print fault" else fault, fault_rng)
            color = self._printed(color, size, rng, fault_rng if fault == "print fault" else None)
        else:
            color = self._woven(size, rng, fault, fault_rng)
        color = batch(rng, 0.02) * color
        return surface(finished(color, rng, 0.03, 0.01))


PRODUCTS: tuple[type[Product], ...] = (Carpet, Fabric)
