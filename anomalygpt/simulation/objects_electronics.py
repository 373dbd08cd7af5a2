"""Electronic parts and fasteners seen flat: transistor and zipper."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import Layer, Pose, Product, fractal_noise, grid_xy, random_color
from anomalygpt.simulation.forms import (
    distance,
    fill,
    inside_distance,
    lettering,
    moved,
    stroke,
    superellipse,
)
from anomalygpt.simulation.relief import Relief, aimed
from anomalygpt.simulation.shading import dome, random_text
from anomalygpt.simulation.texture_fields import white_noise


class Transistor(Product):
    """A black package with metal legs that are bent into a perforated board, which fills the photo."""

    key = "transistor"
    pose = Pose(rotation=2, shift=0.02, scale=0.03)
    faults: tuple[str, ...] = ("bent part", "missing part", "misplaced part", "print fault")

    def __init__(self, rng: Generator) -> None:
        boards = (
            (0.42, 0.24, 0.14),
            (0.55, 0.4, 0.22),
            (0.12, 0.3, 0.16),
            (0.6, 0.55, 0.4),
            (0.2, 0.16, 0.14),
            (0.1, 0.2, 0.36),
        )
        self.board = np.clip(
            np.array(boards[rng.choice(6, p=(0.3, 0.2, 0.2, 0.1, 0.1, 0.1))]) * rng.uniform(0.75, 1.2), 0, 1
        )
        self.pitch = float(rng.uniform(0.17, 0.3))
        self.hole = self.pitch * float(rng.uniform(0.16, 0.25))
        self.pad = self.hole * float(rng.uniform(1.4, 2.0)) if rng.random() < 0.6 else 0.0
        self.pad_color = np.array((0.72, 0.45, 0.26)) if rng.random() < 0.5 else np.array((0.68, 0.68, 0.64))
        self.legs = 3
        self.spread = int(rng.choice([1, 1, 2]))
        self.width = float(rng.uniform(0.85, 1.25)) * max(self.spread * self.pitch, 0.24)
        self.tall = float(rng.uniform(0.3, 0.52))
        self.top = float(rng.uniform(-0.62, -0.4))
        self.holes_y = self.top + 2 * self.tall + float(rng.uniform(0.3, 0.5))
        self.power = float(rng.choice([2.4, 5.0, 12.0]))
        self.tab = bool(rng.random() < 0.3)
        self.tone = np.full(3, rng.uniform(0.06, 0.17)) + rng.normal(0, 0.008, 3)
        self.leg = float(rng.uniform(0.03, 0.055))
        self.text = [random_text(rng, 3, 6) for _ in range(int(rng.integers(0, 4)))]
        self.ink = float(rng.uniform(0.35, 0.85))
        self.azimuth = float(rng.uniform(0, 2 * np.pi))
        self.faults = ("bent part", "missing part", "misplaced part") + (("print fault",) if self.text else ())

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints the transistor on its board."""
        light = aimed(rng, self.azimuth, 0.25, 0.85)
        place = rng.normal(0, 0.008, 2)
        lean = rng.normal(0, 0.015)
        wobble = rng.normal(0, 0.008, (self.legs, 2))
        tone = self.tone * rng.normal(1, 0.08)
        board_tone, origin = rng.normal(1, 0.05), rng.normal(0, 0.01, 2)
        fine, coarse = white_noise(rng, size), fractal_noise(rng, size, 12, 3)

        dx, dy, turn, ends, shown = *place, lean, wobble.copy(), True
        lines = list(self.text)
        cut = np.ones(self.legs)
        if fault_rng is not None:
            which = int(fault_rng.integers(self.legs))
            if fault == "bent part":
                ends[which] += fault_rng.choice([-1, 1]) * np.array([fault_rng.uniform(0.1, 0.2), 0])
            elif fault == "missing part":
                shown = bool(fault_rng.random() > 0.25)
                cut[which] = 0 if fault_rng.random() < 0.3 else fault_rng.uniform(0.25, 0.7)
            elif fault == "misplaced part":
                turn += fault_rng.choice([-1, 1]) * fault_rng.uniform(0.25, 1.2)
                dx += fault_rng.normal(0, 0.12)
                dy += fault_rng.normal(0, 0.06)
            elif fault == "print fault":
                row = int(fault_rng.integers(len(lines)))
                lines[row] = "" if fault_rng.random() < 0.4 else random_text(fault_rng, 3, 6)

        part = Relief(size, self.board * board_tone, 0.05)
        part.tone(1 + 0.05 * coarse + 0.03 * fine)
        x, y = grid_xy(size)
        u = (x - np.float32(origin[0])) / np.float32(self.pitch)
        v = (y - np.float32(self.holes_y + origin[1])) / np.float32(self.pitch)
        gap = distance(u - np.round(u), v - np.round(v)) * np.float32(self.pitch)
        if self.pad:
            part.lay(
                np.clip((self.pad - gap) * size / 2 + 0.5, 0, 1), self.pad_color * board_tone, add=0.004, gloss=0.3
            )
        part.lay(np.clip((self.hole - gap) * size / 2 + 0.5, 0, 1), self.board * 0.12, add=-0.03, gloss=0)

        body = superellipse(self.width, self.tall, self.power)
        bottom = self.top + 2 * self.tall
        legs = []
        for leg in range(self.legs):
            side = leg - (self.legs - 1) / 2
            start = np.array([side * self.width * 0.62 + dx, bottom - 0.06 + dy])
            end = np.array([side * self.spread * self.pitch, self.holes_y]) + ends[leg]
            knee = np.array([start[0] * 0.5 + end[0] * 0.5, start[1] * 0.5 + end[1] * 0.5])
            knee[0] = start[0] * 0.35 + end[0] * 0.65
            path = np.array([start, [start[0], start[1] + 0.08], knee, end], np.float32)
            if not shown or cut[leg] == 0:
                continue
            path[2:] = path[1] + (path[2:] - path[1]) * np.float32(cut[leg])
            legs.append(path)
        bodies = [moved(body, dx, self.top + self.tall + dy, turn)] if shown else []
        metal = stroke(size, legs, self.leg * 2)
        package = fill(size, bodies)
        part.shadow(np.maximum(metal, package), light, 0.1, 0.55)
        deep = np.clip(inside_distance(metal) / np.float32(self.leg), 0, 1)
        part.lay(metal, np.array([0.66, 0.66, 0.64]), 0.1 + 0.05 * np.sqrt(deep), 0.35, 0.35)
        if shown and self.tab:
            tab = fill(size, [moved(superellipse(self.width * 0.95, 0.2, 9), dx, self.top - 0.1 + dy, turn)])
            part.lay(tab, np.array([0.6, 0.6, 0.6]), 0.1, 0.3, 0.3)
            part.lay(
                fill(size, [moved(superellipse(0.09, 0.09), dx, self.top - 0.16 + dy, turn)]), self.board * 0.2, 0.0
            )
        if shown:
            edge = inside_distance(package)
            grain = 1 + 0.1 * fine + 0.05 * coarse
            part.lay(package, tone.astype(np.float32)[:, None, None] * grain, 0.15 + 0.05 * dome(edge, 0.08), 0.16, 0.0)
            for row, line in enumerate(lines):
                offset = (row - (len(lines) - 1) / 2) * 0.17
                paths = [moved(p, dx, self.top + self.tall + offset + dy, turn) for p in lettering(line, 0.1)]
                part.lay(stroke(size, paths, 0.016), np.full(3, self.ink))
        return Layer(part.shade(light, 0.5, 4, 1.0), np.ones((size, size), np.float32))


class Zipper(Product):
    """A closed zipper, upright: a column of interlocking teeth between two woven tapes."""

    key = "zipper"
    pose = Pose(rotation=1.5, shift=0.02, scale=0.02)
    faults = ("missing part", "misplaced part", "bent part")

    def __init__(self, rng: Generator) -> None:
        dark = rng.random() < 0.5
        self.tape = np.full(3, rng.uniform(0.1, 0.3)) if dark else random_color(rng, (0.0, 0.8), (0.2, 0.9))
        metal = rng.random() < 0.45
        self.metal = metal
        tones = ((0.7, 0.7, 0.72), (0.72, 0.58, 0.3), (0.45, 0.42, 0.38))
        self.tooth_tone = (
            np.array(tones[rng.integers(3)]) if metal else np.clip(self.tape * rng.uniform(0.8, 1.3) + 0.04, 0, 1)
        )
        self.coil = not metal and bool(rng.random() < 0.6)
        self.pitch = float(rng.uniform(0.045, 0.075) if self.coil else rng.uniform(0.07, 0.13))
        self.reach = float(rng.uniform(0.08, 0.15))
        self.overlap = float(rng.uniform(0.015, 0.04))
        self.half_width = float(rng.uniform(0.55, 0.86) if rng.random() < 0.6 else 1.5)
        self.slant = float(rng.uniform(0.1, 0.35)) if self.coil else 0.0
        self.duty = float(rng.uniform(0.62, 0.85))
        self.threads = float(rng.uniform(34, 70))
        self.ribs = float(rng.uniform(18, 60))
        self.herringbone = float(rng.choice([0.0, rng.uniform(0.3, 1.2)]))
        self.contrast = float(rng.uniform(0.08, 0.28))
        self.seam = float(rng.uniform(0.03, 0.09))
        self.bands = np.sort(rng.uniform(0.25, 1.0, int(rng.integers(0, 4))))
        self.azimuth = float(rng.uniform(0, 2 * np.pi))

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints one stretch of zipper at a random phase along its length."""
        count = int(2.4 / self.pitch)
        light = aimed(rng, self.azimuth, 0.3, 0.9)
        phase, tone = rng.uniform(0, 1), rng.normal(1, 0.05)
        slip = rng.normal(0, 0.025, (2, count))
        bright = rng.normal(1, 0.06, (2, count))
        bow = rng.normal(0, 0.004, 5)
        fine, coarse = white_noise(rng, size), fractal_noise(rng, size, 10, 3)

        alive, tilt = np.ones((2, count)), np.zeros((2, count))
        split = np.zeros((2, count))
        if fault_rng is not None:
            side, first = int(fault_rng.integers(2)), int(fault_rng.integers(count // 6, count * 5 // 6))
            some = slice(first, first + int(fault_rng.integers(1, 4)))
            if fault == "missing part":
                alive[side, some] = 0
            elif fault == "bent part":
                tilt[side, some] = fault_rng.choice([-1, 1]) * fault_rng.uniform(1.2, 3.0)
            elif fault == "misplaced part":
                length = int(fault_rng.integers(3, max(4, count // 3)))
                rows = np.arange(count) - first
                split[:] = fault_rng.uniform(0.03, 0.1) * np.exp(-((rows / length) ** 4))

        x, y = grid_xy(size)
        line = np.linspace(-1, 1, size, dtype=np.float32)
        curve = sum(bow[k] * np.cos((k + 1) * line * 1.5 + 7 * bow[k - 1]) for k in range(5)).astype(np.float32)
        x = x - curve[:, None]
        wide = np.abs(x)
        row = np.arange(size) * (count - 1.0) / size
        gape = np.interp(row, np.arange(count), split[0]).astype(np.float32)[:, None]
        gape = gape * np.exp(-np.square(np.square(wide / 0.32)))
        apart = wide - gape

        part = Relief(size, self.tape * tone, 0.03)
        weft = np.sin(
            y * np.float32(np.pi * self.ribs) + np.float32(self.herringbone * 8) * np.abs((apart * 5) % 1 - 0.5)
        )
        warp = np.sin(apart * np.float32(np.pi * self.threads))
        weave = weft * warp * 0.6 + 0.4 * warp + 0.5 * fine + 0.25 * coarse
        part.tone(np.maximum(1 + np.float32(self.contrast) * weave, 0.1))
        seam = np.exp(-(((apart - np.float32(self.reach + self.seam)) / 0.018) ** 2))
        stitches = 0.5 + 0.5 * np.cos(y * np.float32(np.pi * self.ribs * 0.8))
        part.tone(1 - 0.35 * seam * (1 - stitches))
        part.height += 0.012 * seam * stitches - 0.03 * np.exp(
            -np.square(np.square(apart / np.float32(self.reach * 1.2)))
        )
        for place in self.bands:
            part.height += 0.01 * np.exp(-(((apart - np.float32(place)) / 0.02) ** 2))
        part.tone(1 - 0.8 * np.clip((np.float32(self.overlap) - apart) * size / 4, 0, 1))

        near = np.flatnonzero(wide.min(0) < self.reach + 0.2)
        box = slice(int(near[0]), int(near[-1]) + 1)
        xs, ys, gap = x[:, box], y[:, box], gape[:, box]
        for side, sign in enumerate((-1.0, 1.0)):
            along = (ys + 1.1) / np.float32(self.pitch) + np.float32(phase + 0.5 * side)
            inwards = sign * xs - gap
            along = along + np.float32(self.slant * 4) * inwards * np.float32(sign)
            tooth = np.clip(np.floor(along).astype(np.int32), 0, count - 1)
            along = along - np.floor(along) - 0.5 + slip[side].astype(np.float32)[tooth]
            along = along + tilt[side].astype(np.float32)[tooth] * (np.float32(self.reach) - inwards)
            start, end = -np.float32(self.overlap), np.float32(self.reach)
            half = np.float32(self.duty * self.pitch / 2) * (
                1.0 if self.coil else (1 + 0.35 * np.exp(-((inwards / 0.03) ** 2)))
            )
            inside = np.minimum(
                half - np.abs(along) * np.float32(self.pitch), np.minimum(inwards - start, end - inwards)
            )
            cover = np.clip(inside * (size / 2) + 0.5, 0, 1) * alive[side].astype(np.float32)[tooth]
            round_off = np.sqrt(np.clip(inside / np.float32(self.duty * self.pitch * 0.5), 0, 1))
            full = np.zeros((size, size), np.float32)
            full[:, box] = cover
            top = np.zeros((size, size), np.float32)
            top[:, box] = 0.045 * round_off
            shade = np.ones((size, size), np.float32)
            shade[:, box] = bright[side].astype(np.float32)[tooth] * (0.55 + 0.45 * round_off)
            part.lay(
                full,
                (self.tooth_tone * tone).astype(np.float32)[:, None, None] * shade,
                top,
                0.35 if self.metal else 0.18,
                0.3 if self.metal else 0,
            )
        alpha = np.clip((np.float32(self.half_width) + gape * 0.3 + 0.004 * fine - wide) * size / 2 + 0.5, 0, 1)
        return Layer(part.shade(light, 0.5, 4, 1.0), alpha.astype(np.float32))


PRODUCTS: tuple[type[Product], ...] = (Transistor, Zipper)
