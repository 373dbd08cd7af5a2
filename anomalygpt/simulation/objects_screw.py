"""Screws and bolts, seen from the side."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.base import Layer, Pose, Product, grid_xy, smooth_noise
from anomalygpt.simulation.forms import clear_border
from anomalygpt.simulation.materials import metal_tone
from anomalygpt.simulation.texture_fields import white_noise


class Screw(Product):
    """A screw lying on its side: head, shank, thread and tip."""

    key = "screw"
    pose = Pose(rotation=180, shift=0.04, scale=0.03, flip=True)
    faults = ("bent part", "missing part", "misplaced part")

    def __init__(self, rng: Generator) -> None:
        self.length = float(rng.uniform(1.2, 1.8))
        self.radius = float(rng.uniform(0.08, 0.17))
        self.head = str(rng.choice(["countersunk", "pan", "hexagon", "cylinder"], p=(0.45, 0.2, 0.2, 0.15)))
        self.head_radius = self.radius * float(rng.uniform(1.7, 2.5))
        self.head_length = (
            self.head_radius * {"countersunk": 0.95, "pan": 0.75, "hexagon": 0.7, "cylinder": 1.0}[self.head]
        )
        self.shank = float(rng.choice([0.0, rng.uniform(0.15, 0.5)]))
        self.pointed = bool(rng.random() < 0.65)
        self.tip = self.radius * float(rng.uniform(2.5, 5) if self.pointed else rng.uniform(0.3, 0.7))
        self.pitch = float(rng.uniform(0.075, 0.16) if self.pointed else rng.uniform(0.04, 0.085))
        self.depth = float(rng.uniform(0.25, 0.42) if self.pointed else rng.uniform(0.12, 0.22))
        self.sharp = float(rng.uniform(1.5, 4.0) if self.pointed else rng.uniform(0.8, 1.3))
        self.slant = float(rng.choice([-1, 1]) * rng.uniform(0.2, 0.5))
        self.tone = metal_tone(rng)
        self.gloss = float(rng.uniform(0.1, 0.5))
        self.grain = float(rng.uniform(0.02, 0.06))

    def _profile(self, along: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Radius of the core outline and depth of the thread at places along the axis (0 at the head's top)."""
        full = np.float32(self.radius)
        core = np.full_like(along, full)
        thread_from = self.head_length + self.shank * (self.length - self.head_length)
        into_tip = np.clip((self.length - along) / self.tip, 0, 1)
        core *= np.maximum(into_tip ** np.float32(0.75 if self.pointed else 0.35), 0.02 if self.pointed else 0.6)
        run = np.clip((along - thread_from) / 0.06, 0, 1)
        depth = self.depth * run * np.clip(into_tip * 1.5, 0, 1)
        t = np.clip(along / self.head_length, 0, 1)
        rise = {
            "countersunk": np.where(t < 0.12, 1.0, 1 - (t - 0.12) / 0.88 * (1 - self.radius / self.head_radius)),
            "pan": np.sqrt(np.maximum(1 - (1 - np.clip(t * 1.5, 0, 1)) ** 2, 0)) * 0.9 + 0.1,
            "hexagon": np.where(t > 0.82, 1.12, np.where(t < 0.1, 0.9, 0.98)),
            "cylinder": np.clip(0.86 + t * 2, 0, 1),
        }[self.head]
        core = np.where(along < self.head_length, self.head_radius * rise, core)
        return core.astype(np.float32), depth.astype(np.float32)

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints one screw along the x axis."""
        azimuth, lean = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.8)
        turn = rng.uniform(0, 2 * np.pi)
        tone = self.tone * np.float32(rng.normal(1, 0.05))
        fine, coarse = white_noise(rng, size), smooth_noise(rng, size, size / 5)
        glare = rng.uniform(0.6, 1.2)

        x, y = grid_xy(size)
        along = x + np.float32(self.length / 2)
        line = np.linspace(-1, 1, 4 * size, dtype=np.float32) + np.float32(self.length / 2)
        core, depth = self._profile(line)
        phase_fault, stretch = np.zeros_like(line), np.ones_like(line)
        if fault_rng is not None:
            where = (
                float(fault_rng.uniform(0.72, 0.97) if fault == "bent part" else fault_rng.uniform(0.55, 0.95))
                * self.length
            )
            reach = float(fault_rng.uniform(0.5, 1.6) * self.pitch)
            near = np.exp(-(((line - where) / reach) ** 4))
            bend, chop = fault_rng.choice([-1, 1]) * fault_rng.uniform(0.25, 0.7), fault_rng.random() < 0.35
            if fault == "bent part":
                y = y - np.float32(bend) * np.maximum(along - np.float32(where - 0.05), 0)
            elif fault == "missing part" and chop:
                core = np.where(line > where, 0, core)
            elif fault == "missing part":
                depth, core = depth * (1 - near), core * (1 - self.depth * near)
            elif fault == "misplaced part":
                phase_fault, stretch = phase_fault + near * 2.4, stretch - 0.15 * near
            core = (core * stretch).astype(np.float32)

        index = np.clip(((x + 1) * (2 * size)).astype(np.int32), 0, 4 * size - 1)
        outer, cut = core[index], depth[index]
        across = y / np.maximum(outer, 1e-3)
        wave = 2 * np.pi * (along / np.float32(self.pitch)) + np.float32(2 * np.pi * self.slant) * across
        wave = wave + np.float32(turn) + phase_fault.astype(np.float32)[index]
        crest = np.asarray(cv2.pow((np.cos(wave) + 1) * np.float32(0.5), self.sharp), np.float32)
        radius = outer * (1 - cut * (1 - crest))
        v = y / np.maximum(radius, 1e-3)
        alpha = np.clip((radius - np.abs(y)) * np.float32(size / 2) + 0.5, 0, 1) * np.clip(
            np.minimum(along, np.float32(self.length) - along) * size / 2 + 0.5, 0, 1
        )
        head = np.clip((self.head_length - along) * size / 2 + 0.5, 0, 1)
        if self.head == "hexagon":
            facets = np.floor((np.clip(v, -0.999, 0.999) + 1) * 2) * 0.5 - 0.75
            v = v + head * (facets - v) * (v * v < 1)
        v = np.clip(v, -0.99, 0.99)
        nz = np.sqrt(1 - v * v)
        flank = np.sin(wave) * cut * np.float32(1.6) * (crest + 0.15)
        axial = flank + np.where(along < self.head_length, np.float32(0.5 if self.head == "countersunk" else -0.1), 0)
        lx, ly, lz = np.cos(azimuth) * np.sin(lean), np.sin(azimuth) * np.sin(lean), np.cos(lean)
        norm = 1 / np.sqrt(1 + axial * axial)
        facing = (np.float32(lx) * axial + np.float32(ly) * v + np.float32(lz) * nz) * norm
        mirror = (0.5 + 0.5 * np.sin(np.float32(4.2) * v + axial * 2 + np.float32(turn * 0.2))) * 0.35
        level = np.float32(0.25) + np.float32(0.6) * np.maximum(facing, 0) + mirror * nz
        level *= (0.62 + 0.38 * crest) * (cut > 0) + (cut <= 0)
        level *= 1 + np.float32(self.grain) * fine + np.float32(0.04) * coarse
        spark = np.asarray(cv2.pow(np.maximum(facing, 0), 14), np.float32) * np.float32(self.gloss * glare)
        color = tone * level[..., None] + spark[..., None]
        return Layer(np.clip(color, 0, 1).astype(np.float32), clear_border(alpha.astype(np.float32)))


PRODUCTS: tuple[type[Product], ...] = (Screw,)
