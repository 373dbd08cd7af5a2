"""Circuit boards: populated ones in colour, and binarised scans of bare ones."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.bare_board import BareBoard, route
from anomalygpt.simulation.base import Layer, Pose, Product, smooth_noise
from anomalygpt.simulation.board_assembly import Assembly
from anomalygpt.simulation.board_parts import Component, draw_component
from anomalygpt.simulation.forms import (
    Outline,
    clear_border,
    disc,
    fill,
    lettering,
    moved,
    rectangle,
    rounded,
    stroke,
)
from anomalygpt.simulation.relief import Relief, aimed
from anomalygpt.simulation.shading import random_text


class CircuitBoard(Product):
    """A board whose layout is its identity: populated in colour, or a binarised scan of the bare copper."""

    key = "circuit board"
    pose = Pose(rotation=2, shift=0.02, scale=0.02)
    faults: tuple[str, ...] = ("missing part", "misplaced part", "print fault", "contamination", "bent part")

    def __init__(self, rng: Generator) -> None:
        self.bare = BareBoard(rng) if rng.random() < 0.35 else None
        if self.bare is not None:
            self.faults = self.bare.faults
            self.pose = Pose(rotation=0.3, shift=0.006, scale=0.003)
            return
        self.pose = Pose(rotation=float(rng.choice([2, 5, 180], p=(0.6, 0.3, 0.1))), shift=0.03, scale=0.03)
        masks = (
            (0.05, 0.3, 0.14),
            (0.04, 0.2, 0.5),
            (0.5, 0.06, 0.07),
            (0.05, 0.06, 0.07),
            (0.02, 0.34, 0.42),
            (0.8, 0.8, 0.78),
        )
        tone = masks[rng.choice(6, p=(0.38, 0.26, 0.12, 0.1, 0.08, 0.06))]
        self.mask_color = np.clip(np.array(tone) * rng.uniform(0.8, 1.35), 0, 1)
        self.finish = np.array((0.75, 0.62, 0.3)) if rng.random() < 0.4 else np.array((0.72, 0.73, 0.72))
        self.ink = np.full(3, 0.88) if self.mask_color.mean() < 0.7 else np.full(3, 0.12)
        self.whole = bool(rng.random() < 0.25)
        self.rx = 1.0 if self.whole else float(rng.uniform(0.7, 0.95))
        self.ry = 1.0 if self.whole else self.rx * float(rng.uniform(0.38, 1.0))
        self.outline = rounded(rectangle(self.rx, self.ry), float(rng.uniform(0.006, 0.02)), 160)
        self.azimuth = float(rng.uniform(0, 2 * np.pi))
        self.frames = float(rng.choice([0.0, 0.3, 0.8]))
        parts, places = self._place(rng)
        self.assembly = Assembly(parts, places)
        self.tracks, self.vias = self._wire(rng)
        self.track_width = float(rng.uniform(0.012, 0.026))
        reach = np.array([self.rx, self.ry]) * 0.85
        self.texts = [
            (random_text(rng, 1, 6), rng.uniform(-reach, reach), float(rng.uniform(0.05, 0.1)))
            for _ in range(int(rng.integers(3, 9)))
        ]
        corner = reach + np.array([self.rx, self.ry]) * 0.15 - 0.11
        self.screws = [corner * (x, y) for x in (-1, 1) for y in (-1, 1)] if rng.random() < 0.5 else []
        self.kept: dict[int, Relief] = {}
        self.pins = [self.assembly.first[n] + piece for n, part in enumerate(parts) for piece in part.loose]
        self.faults = ("missing part", "misplaced part", "print fault") + (("bent part",) if self.pins else ())

    def _place(self, rng: Generator) -> tuple[list[Component], NDArray[np.float64]]:
        """Components that do not overlap, large ones first, and their places."""
        parts: list[Component] = []
        places: list[tuple[float, float, float]] = []
        boxes: list[tuple[float, float, float, float]] = []
        wanted, snap = int(rng.integers(6, 36)), rng.choice([0.0, 0.05, 0.09])
        for number in range(wanted):
            part = draw_component(rng, large=number < 2 + wanted // 6)
            part.framed = bool(rng.random() < self.frames)
            for _ in range(8):
                upright = part.kind != "header" and rng.random() < 0.5
                half = np.array(part.half[::-1] if upright else part.half)
                room = np.array([self.rx, self.ry]) - half - 0.03
                if (room < 0).any():
                    continue
                x, y = rng.uniform(-room, room)
                if snap:
                    x, y = np.round(x / snap) * snap, np.round(y / snap) * snap
                top = rng.random() < 0.5
                if part.kind == "header":
                    y = -room[1] if top else room[1]
                if any(
                    abs(x - bx) < half[0] + bw + 0.02 and abs(y - by) < half[1] + bh + 0.02 for bx, by, bw, bh in boxes
                ):
                    continue
                boxes.append((float(x), float(y), float(half[0]), float(half[1])))
                parts.append(part)
                places.append((float(x), float(y), (np.pi / 2 if upright else 0.0) + (np.pi if top else 0.0)))
                break
        if not parts:
            part = draw_component(rng, large=False)
            parts, places = [part], [(0.0, 0.0, 0.0)]
        return parts, np.array(places)

    def _wire(self, rng: Generator) -> tuple[list[Outline], NDArray[np.float64]]:
        """Tracks between the parts, and vias."""
        inside = np.array([self.rx, self.ry]) * 0.94
        vias = rng.uniform(-inside, inside, (int(rng.integers(10, 50)), 2))
        ends = np.concatenate([vias, self.assembly.places[:, :2]])
        tracks = []
        for start in ends[rng.integers(0, len(ends), int(rng.integers(20, 70)))]:
            step = np.clip(ends[rng.integers(len(ends))] - start, -0.5, 0.5)
            tracks.append(route(rng, start, np.clip(start + step, -inside, inside)))
        return tracks, vias

    def _base(self, size: int, texts: list[tuple[str, NDArray[np.float64], float]]) -> Relief:
        """The board without its parts."""
        board = Relief(size, self.mask_color, 0.12)
        copper = stroke(size, self.tracks, self.track_width)
        board.lay(copper, np.clip(self.mask_color * 1.28 + 0.03, 0, 1), add=0.003)
        board.lay(fill(size, [disc(x, y, 0.018) for x, y in self.vias]), self.finish * 0.9, add=0.002, gloss=0.25)
        board.lay(fill(size, [disc(x, y, 0.008) for x, y in self.vias]), np.full(3, 0.12))
        lands, frames = [], []
        for part, (x, y, turn) in zip(self.assembly.parts, self.assembly.places, strict=True):
            lands += [moved(pad, x, y, turn) for pad in part.pads]
            if part.framed:
                frames.append(moved(rectangle(part.half[0] + 0.014, part.half[1] + 0.014), x, y, turn))
        board.lay(fill(size, lands), self.finish, add=0.003, gloss=0.3)
        ink = [path + place.astype(np.float32) for text, place, height in texts for path in lettering(text, height)]
        board.lay(np.maximum(stroke(size, ink, 0.009), 0.8 * stroke(size, frames, 0.006, True)), self.ink)
        for x, y in self.screws:
            board.lay(fill(size, [disc(x, y, 0.075)]), self.finish, add=0.002, gloss=0.3)
            board.lay(fill(size, [disc(x, y, 0.042)]), np.full(3, 0.08), add=-0.02)
        return board

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints one board; parts sit within a small tolerance."""
        if self.bare is not None:
            return self.bare.paint(size, rng, fault, fault_rng)
        parts = self.assembly.parts
        light = aimed(rng, self.azimuth, 0.25, 0.95)
        offsets = rng.normal(0, 1, (len(parts), 3)) * (0.003, 0.003, 0.012)
        tint = rng.normal(1, 0.05)
        coarse, fine = smooth_noise(rng, size, 7), smooth_noise(rng, size, size / 1.5)

        absent: set[int] = set()
        bend: dict[int, tuple[float, float]] = {}
        texts = self.texts
        if fault_rng is not None:
            which = int(fault_rng.integers(len(parts)))
            if fault == "missing part":
                absent.add(which)
            elif fault == "misplaced part":
                away = fault_rng.uniform(0, 2 * np.pi)
                far = fault_rng.uniform(0.4, 1.0) * min(max(parts[which].half), 0.15)
                turn = fault_rng.choice([np.pi / 2, fault_rng.uniform(0.25, 0.9), 0.0])
                offsets[which] += (far * np.cos(away), far * np.sin(away), fault_rng.choice([-1, 1]) * turn)
            elif fault == "bent part":
                piece = self.pins[int(fault_rng.integers(len(self.pins)))]
                bend[piece] = (0.06, float(fault_rng.choice([-1, 1]) * fault_rng.uniform(0.35, 1.0)))
            elif fault == "print fault":
                row = int(fault_rng.integers(len(texts)))
                texts = list(texts)
                wrong = "" if fault_rng.random() < 0.4 else random_text(fault_rng, 1, 6)
                texts[row] = (wrong, texts[row][1], texts[row][2])

        if texts is self.texts and size not in self.kept:
            self.kept[size] = self._base(size, texts)
        board = self.kept[size].copy() if texts is self.texts else self._base(size, texts)
        tall = [
            moved(rectangle(*part.half), *place)
            for n, (part, place) in enumerate(zip(parts, self.assembly.places + offsets, strict=True))
            if part.tall and n not in absent
        ]
        board.shadow(fill(size, tall), light, 0.05, 0.5)
        cover = self.assembly.lay(board, offsets, absent, bend)
        board.tone(np.float32(tint) * (1 + 0.03 * coarse + 0.025 * fine))
        color = board.shade(light, 0.5, 4, 1.0)
        whole = np.ones((size, size), np.float32)
        alpha = whole if self.whole else clear_border(np.maximum(fill(size, [self.outline]), cover))
        return Layer(color, alpha)


PRODUCTS: tuple[type[Product], ...] = (CircuitBoard,)
