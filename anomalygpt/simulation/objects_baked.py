"""Cookies and other biscuits."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import FloatImage, Layer, Pose, Product, fractal_noise, grid_xy, smooth_noise
from anomalygpt.simulation.shading import (
    add_gray,
    around,
    blend,
    box_depth,
    broken_depth,
    coverage,
    draw_light,
    ellipse_depth,
    flat,
    lit,
    nearest,
    polar,
    random_text,
    ring_noise,
    rotated,
    scale_color,
    shade,
    text_mask,
    tinted,
    vary_color,
)


class Cookie(Product):
    """A baked biscuit: chips in rough dough, a stamped biscuit, a cracker, or a dark sandwich cookie."""

    key = "cookie"
    pose = Pose(rotation=180.0, shift=0.06, scale=0.08, flip=True)
    faults = ("missing part",)

    def __init__(self, rng: Generator) -> None:
        self._kind = str(
            rng.choice(["chips", "plain", "stamped", "cracker", "sandwich"], p=[0.45, 0.15, 0.16, 0.14, 0.1])
        )
        dark = self._kind == "sandwich" or (self._kind != "cracker" and rng.random() < 0.12)
        tone = rng.uniform(0.18, 0.34) if dark else rng.uniform(0.62, 0.88)
        redness = rng.uniform(0.62, 0.8)
        self._dough = np.array([tone, tone * redness, tone * redness * rng.uniform(0.5, 0.72)], np.float32)
        self._toast = self._dough * np.array([0.74, 0.6, 0.45], np.float32)
        self._chip = np.array([0.2, 0.11, 0.08], np.float32) * np.float32(rng.uniform(0.6, 1.7))
        if self._kind == "chips" and rng.random() < 0.2:
            self._chip = np.array([0.9, 0.84, 0.7], np.float32)
        loose = self._kind in ("chips", "plain")
        self._radius = rng.uniform(0.58, 0.82)
        self._aspect = rng.uniform(0.6, 1.0) if rng.random() < 0.5 else 1.0
        self._square = self._kind == "cracker" or rng.random() < 0.15
        if self._square:
            # Its corners stay on the photo however it lies.
            self._radius = min(self._radius, 0.86 / np.hypot(1, self._aspect))
        self._corner = rng.uniform(0.35, 0.9) if loose else rng.uniform(0.05, 0.3)
        self._wobble = rng.uniform(0.02, 0.05) if loose else rng.uniform(0.002, 0.008)
        self._scallops = int(rng.integers(16, 40)) if not loose and rng.random() < 0.5 else 0
        self._plates = int(rng.integers(12, 60)) if loose else int(rng.integers(0, 2)) * 20
        self._cracks = rng.uniform(0.5, 1.0) if loose else rng.uniform(0.0, 0.15)
        self._grain = rng.uniform(0.003, 0.0075) if loose else rng.uniform(0.001, 0.003)
        self._chips = (int(rng.integers(4, 9)), int(rng.integers(9, 22))) if self._kind == "chips" else (0, 0)
        self._rim, self._mottle = rng.uniform(5, 14), rng.uniform(0.06, 0.3) * (1.0 if loose else 0.5)
        self._chip_size = rng.uniform(0.04, 0.095)
        self._drops = rng.random() < 0.5  # smooth drops, or pieces broken off a bar
        self._buried = rng.uniform(0.0, 0.6)
        self._sugar = rng.uniform(0.3, 0.8) if loose and rng.random() < 0.3 else 0.0
        self._docks = int(rng.integers(2, 6)) if self._kind in ("cracker", "stamped") else 0
        self._dock_size = rng.uniform(0.014, 0.03)
        self._text = random_text(rng, 3, 6)
        self._spokes = int(rng.integers(8, 40))
        self._rings = sorted(rng.uniform(0.3, 0.92, int(rng.integers(1, 4))).tolist())

    def _outline(self, x: FloatImage, y: FloatImage, rx: float, ry: float, rng: Generator) -> FloatImage:
        """Depth of the biscuit's outline with this instance's wobble."""
        _, angle = polar(x, y)
        wave = self._wobble * ring_noise(rng, 2, 9, 0.9) + 0.12 * self._wobble * ring_noise(rng, 12, 60, 0.3)
        if self._scallops:
            turn = np.linspace(0, 2 * np.pi, wave.size, endpoint=False)
            wave = wave + 0.018 * np.abs(np.cos(turn * self._scallops / 2))
        bulge = around((wave * rx).astype(np.float32), angle)
        if self._square:
            return box_depth(x, y, 0, 0, rx, ry, self._corner * ry) + bulge
        return ellipse_depth(x, y, 0, 0, rx, ry) + bulge

    def _relief(self, x: FloatImage, y: FloatImage, rx: float, ry: float) -> FloatImage:
        """What the mould presses into the dough, as a height."""
        size = x.shape[0]
        relief = np.zeros((size, size), np.float32)
        if self._docks:
            steps = np.linspace(-0.72, 0.72, self._docks)
            for u in steps:
                for v in steps:
                    if self._square or u * u + v * v < 0.7:
                        relief -= np.float32(0.05) * coverage(
                            np.float32(self._dock_size) - cv2.magnitude(x - np.float32(u * rx), y - np.float32(v * ry)),
                            2.0,
                        )
        if self._kind in ("stamped", "sandwich"):
            distance, angle = polar(x / np.float32(rx), y / np.float32(ry))
            for ring in self._rings:
                relief += np.float32(0.012) * np.clip(1 - np.abs(distance - np.float32(ring)) * 28, 0, 1)
            spokes = np.clip(np.cos(angle * self._spokes) * 2, 0, 1) * np.clip(1 - np.abs(distance - 0.8) * 10, 0, 1)
            relief += np.float32(0.014) * spokes
            relief += np.float32(0.016) * text_mask(size, self._text, height=0.3 * ry, weight=0.16)
        return relief

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """See `Product.paint`."""
        x, y = grid_xy(size)
        rx = self._radius * rng.uniform(0.97, 1.03) if self._wobble < 0.015 else self._radius * rng.uniform(0.9, 1.1)
        ry = rx * self._aspect * (1.0 if self._wobble < 0.015 else rng.uniform(0.9, 1.0))
        light = draw_light(rng, (0.25, 0.85))
        depth = self._outline(x, y, rx, ry, rng)
        grain, crumb = smooth_noise(rng, size, size / 1.6), fractal_noise(rng, size, 22, 3, 0.7)
        broad = fractal_noise(rng, size, 4, 3, 0.55)
        dough, toast = vary_color(rng, self._dough, 0.04), vary_color(rng, self._toast, 0.04)

        height = np.sqrt(np.clip(depth * np.float32(1 / 0.16), 0, 1)) * np.float32(0.09)
        height += (
            np.clip(depth, 0, 1) * np.float32(0.12)
            + crumb * np.float32(self._grain)
            + grain * np.float32(0.35 * self._grain)
        )
        crevice = np.zeros((size, size), np.float32)
        if self._plates:
            crevice, plates = self._crust(rng, size, broad, crumb)
            height += np.float32(self._cracks) * (broad * np.float32(0.005) + plates) - crevice * np.float32(0.022)
        height += self._relief(x, y, rx, ry)

        color = flat(size, dough)
        browning = np.exp(-np.maximum(depth, 0) * np.float32(self._rim)) * np.float32(0.75)
        browning += np.float32(self._mottle) * broad + np.float32(0.1) * crumb
        blend(color, toast, np.clip(browning, 0, 1))
        if self._sugar:
            blend(color, np.minimum(dough * 1.35, 1), np.clip(grain - 1.2, 0, 1) * np.float32(self._sugar))
        scale_color(color, 1 - np.float32(0.42) * crevice)
        if self._chips[1]:
            height = self._lay_chips(rng, x, y, rx, ry, color, height, crumb)
        alpha = coverage(depth, 1.3)
        if fault is not None:
            assert fault_rng is not None
            alpha, height = self._break(fault_rng, x, y, rx, ry, dough, color, alpha, height)
        diffuse, glint = lit(height, light, shininess=8)
        color = shade(color, np.minimum(diffuse, 1.5), 0.55, 0.25)
        add_gray(color, np.float32(0.03) * glint)
        return Layer(np.clip(color, 0, 1), alpha)

    def _crust(self, rng: Generator, size: int, broad: FloatImage, crumb: FloatImage) -> tuple[FloatImage, FloatImage]:
        """Creases between plates of crust, in [0, 1], bent and present only here and there; and the plates' height."""
        index, dx, dy = nearest(size, rng.uniform(-0.95, 0.95, (self._plates, 2)))
        lift, tilt_x, tilt_y = rng.normal(0, 1, (3, self._plates)).astype(np.float32)
        slabs = lift.take(index) * np.float32(0.006) + np.float32(0.05) * (
            tilt_x.take(index) * dx + tilt_y.take(index) * dy
        )
        seams = cv2.morphologyEx(index.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
        soft = cv2.GaussianBlur(cv2.merge((seams.astype(np.float32), slabs)), (0, 0), size / 190)
        column, row = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
        shift = np.float32(size / 90)
        bent = cv2.remap(soft, column + shift * (broad + crumb), row + shift * (broad - crumb), cv2.INTER_LINEAR)
        present = np.clip(smooth_noise(rng, size, 6) + np.float32(2 * self._cracks - 1.1), 0, 1)
        return np.clip(bent[..., 0] * 1.6 * present, 0, 1), np.ascontiguousarray(bent[..., 1])

    def _lay_chips(
        self,
        rng: Generator,
        x: FloatImage,
        y: FloatImage,
        rx: float,
        ry: float,
        color: FloatImage,
        height: FloatImage,
        crumb: FloatImage,
    ) -> FloatImage:
        """Sinks chips into the dough: lays them over `color` and returns the new height."""
        count = int(rng.integers(self._chips[0], self._chips[1] + 1))
        far, turn = np.sqrt(rng.uniform(0, 0.9, count)), rng.uniform(0, 2 * np.pi, count)
        cx, cy = far * rx * np.cos(turn), far * ry * np.sin(turn)
        size = x.shape[0]
        mask = np.zeros((size, size), np.float32)
        for i in range(count):
            extent = self._chip_size * rng.uniform(0.6, 1.5)
            sides = 20 if self._drops else 7
            corners = np.sort(rng.uniform(0, 2 * np.pi, sides))
            lengths = extent * (np.full(sides, 0.8) if self._drops else rng.uniform(0.6, 1.15, sides))
            flat_by = rng.uniform(0.55, 1, 1 if self._drops else sides)
            across = np.asarray(lengths * np.cos(corners), np.float32)
            along = np.asarray(lengths * flat_by * np.sin(corners), np.float32)
            points = np.stack(rotated(across, along, rng.uniform(0, 180)), 1) + np.array([cx[i], cy[i]], np.float32)
            pixels = np.round(((points + 1) * (size / 2) - 0.5) * 16).astype(np.int32)
            # Dough has risen over some more than over others.
            cv2.fillPoly(mask, [pixels], float(1 - self._buried * rng.random()), shift=4)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), size / 224), np.float32)
        hidden = np.clip(mask * 1.5 - np.float32(0.3) - np.float32(0.25) * np.maximum(crumb, 0), 0, 1)
        halo = cv2.GaussianBlur(mask, (0, 0), size / 80)
        scale_color(color, 1 - np.float32(0.35) * np.maximum(halo - mask, 0))
        tone = tinted(self._chip, 1 + np.float32(0.25) * crumb)
        blend(color, tone, np.asarray(hidden, np.float32))
        return height * (1 - np.float32(0.2) * hidden) + np.float32(0.03) * cv2.GaussianBlur(mask, (0, 0), size / 120)

    def _break(
        self,
        rng: Generator,
        x: FloatImage,
        y: FloatImage,
        rx: float,
        ry: float,
        dough: FloatImage,
        color: FloatImage,
        alpha: FloatImage,
        height: FloatImage,
    ) -> tuple[FloatImage, FloatImage]:
        """Breaks a piece off the edge, a wedge out of it, or bites it; returns the new alpha and height."""
        size = x.shape[0]
        turn, shape = rng.uniform(0, 2 * np.pi), rng.random()
        ex, ey = rx * np.cos(turn), ry * np.sin(turn)
        crumbs = fractal_noise(rng, size, 20, 3, 0.7)
        inward = np.degrees(turn) + 180 + rng.uniform(-25, 25)
        u, v = rotated(x, y, inward, ex * 1.03, ey * 1.03)
        jag = fractal_noise(rng, size, 9, 4, 0.6) * np.float32(0.02)
        if shape < 0.4:
            depth = broken_depth(x, y, rng, ex, ey, ry * rng.uniform(0.18, 0.55))
        elif shape < 0.75:
            # A crack that gapes: a wedge open at the edge.
            reach, gape = rx * rng.uniform(0.5, 1.5), rng.uniform(0.05, 0.3)
            bend = np.float32(rng.uniform(-0.35, 0.35)) * u * u + np.float32(0.1) * np.sin(
                u * np.float32(rng.uniform(5, 11))
            )
            depth = (np.float32(reach) - u) * np.float32(gape) - np.abs(v + bend) + jag
        else:
            depth = np.float32(rng.uniform(0.15, 0.55) * ry) - u + jag * 1.5
        gone = coverage(depth, 1.3)
        face = coverage(depth + np.float32(rng.uniform(0.02, 0.06)) + np.float32(0.012) * crumbs, 2.0) * (1 - gone)
        inner = tinted(np.minimum(dough * 1.06, 1), np.float32(0.86) + np.float32(0.2) * crumbs)
        blend(color, inner, face * np.float32(0.9))
        return alpha * (1 - gone), height - (face + gone) * np.float32(0.04) + face * crumbs * np.float32(0.008)


PRODUCTS: tuple[type[Product], ...] = (Cookie,)
