"""Binarised scans of bare circuit boards: copper in black and white."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.base import FloatImage, Layer, smooth_noise
from anomalygpt.simulation.forms import Outline, disc, fill, moved, polar, rectangle, rounded, superellipse


@dataclass(frozen=True)
class Copper:
    """One piece of copper (or a gap in it) of a bare board.

    Attributes:
        outline: closed, in the canvas frame; a path where `width` is set.
        width: of the track along the path, 0 for a filled outline.
        gap: True where it takes copper away.
    """

    outline: Outline
    width: float = 0.0
    gap: bool = False


def route(rng: Generator, start: NDArray[np.floating], end: NDArray[np.floating]) -> Outline:
    """A track of straight and 45° pieces from one point to another."""
    step = np.asarray(end) - start
    diagonal = min(abs(step[0]), abs(step[1]))
    slant = np.sign(step) * diagonal
    rest = step - slant
    first = rng.uniform(0, 1)
    return np.array([start, start + rest * first, start + rest * first + slant, end], np.float32)


def _bare_layout(rng: Generator) -> list[Copper]:
    """A cut-out of a bare board: pours, bundles of tracks, pads with holes, rows of contacts."""
    copper: list[Copper] = []
    track = float(np.exp(rng.uniform(np.log(0.014), np.log(0.085))))
    if rng.random() < 0.45:
        corners = [rng.uniform(-1.2, 1.2, 2)]
        for _ in range(int(rng.integers(3, 6))):
            corners.append(
                corners[-1]
                + rng.uniform(0.3, 1.1) * np.array([(1, 0), (0, 1), (1, 1), (1, -1), (-1, 0), (0, -1)][rng.integers(6)])
            )
        copper.append(Copper(np.array(corners, np.float32), float(rng.uniform(0.25, 0.6))))
    for _ in range(int(rng.integers(0, 3))):
        area = rectangle(*rng.uniform(0.2, 0.7, 2))
        area[rng.integers(4)] *= rng.uniform(0.4, 1.0)
        copper.append(Copper(moved(area, *rng.uniform(-1, 1, 2))))
    for _ in range(int(rng.integers(1, 4))):
        count, space = int(rng.integers(1, 6)), track * rng.uniform(1.9, 3.2)
        start, end = rng.uniform(-1.2, 1.2, 2), rng.uniform(-1.2, 1.2, 2)
        path = route(rng, start, end)
        side = np.array([-(end - start)[1], (end - start)[0]])
        side = np.sign(side) * (np.abs(side) == np.abs(side).max())
        for line in range(count):
            copper.append(Copper((path + side * line * space).astype(np.float32), track))
    pads: list[Copper] = []
    spots = rng.uniform(-0.95, 0.95, (int(rng.integers(3, 12)), 2))
    big = rng.uniform(0.09, 0.17)
    for x, y in spots:
        radius = big * float(rng.choice([1.0, 1.0, 0.7, 0.5]))
        pads += [Copper(disc(x, y, radius * 1.35), gap=True)] if rng.random() < 0.6 else []
        if rng.random() < 0.7:
            end = spots[rng.integers(len(spots))] if rng.random() < 0.5 else rng.uniform(-1.2, 1.2, 2)
            pads.append(Copper(route(rng, np.array([x, y]), end), track * float(rng.choice([0.5, 1.0, 1.0, 1.6, 3.0]))))
        pads.append(Copper(disc(x, y, radius)))
        if rng.random() < 0.75:
            pads.append(Copper(disc(x, y, radius * rng.uniform(0.2, 0.45)), gap=True))
    if rng.random() < 0.5:
        x, y, count = *rng.uniform(-0.8, 0.6, 2), int(rng.integers(3, 9))
        pitch, upright = rng.uniform(0.13, 0.24), rng.random() < 0.5
        shape = (
            rectangle(pitch * 0.3, pitch * rng.uniform(0.4, 1.2))
            if rng.random() < 0.7
            else superellipse(pitch * 0.36, pitch * 0.36, 8)
        )
        for k in range(count):
            step = np.array([0, k * pitch] if upright else [k * pitch, 0], np.float32)
            pads.append(Copper(moved(shape, x, y, np.pi / 2 if upright else 0.0) + step))
    return copper + pads


class BareBoard:
    """The binarised scan of a bare board, in black and white."""

    faults = ("missing part", "contamination")

    def __init__(self, rng: Generator) -> None:
        self.copper = _bare_layout(rng)
        self.inverse = bool(rng.random() < 0.5)
        self.light, self.dark = (
            (1.0, 0.0) if rng.random() < 0.8 else (float(rng.uniform(0.75, 0.95)), float(rng.uniform(0.04, 0.2)))
        )
        self.kept: dict[int, FloatImage] = {}

    def _copper(self, size: int) -> FloatImage:
        if size not in self.kept:
            fine = 2 * size
            mask = np.zeros((fine, fine), np.uint8)
            for piece in self.copper:
                points = np.round(((piece.outline + 1) * size - 0.5) * 16).astype(np.int32)
                if piece.width:
                    cv2.polylines(
                        mask,
                        [points],
                        False,
                        0 if piece.gap else 255,
                        max(2, round(piece.width * size)),
                        cv2.LINE_AA,
                        4,
                    )
                else:
                    cv2.fillPoly(mask, [points], 0 if piece.gap else 255, cv2.LINE_AA, 4)
            half = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA)
            self.kept[size] = np.multiply(half, np.float32(1 / 255), dtype=np.float32)
        return self.kept[size]

    def _damage(self, mask: FloatImage, fault: str, rng: Generator) -> FloatImage:
        """Opens, mouse bites and pinholes; shorts, spurs and spurious copper."""
        size = mask.shape[0]
        edge = cv2.Canny((mask * 255).astype(np.uint8), 50, 150)
        edge[[0, -1]] = edge[:, [0, -1]] = 0
        for _ in range(int(rng.integers(1, 4))):
            inside = (mask > 0.5) if fault == "missing part" else (mask < 0.5)
            at_edge = rng.random() < 0.65 and edge.any()
            places = np.argwhere((edge > 0) if at_edge else inside)
            if not len(places):
                places = np.array([[size // 2, size // 2]])
            y, x = (places[rng.integers(len(places))] + 0.5) * 2 / size - 1
            shape = polar(rng.uniform(0.018, 0.045) * np.maximum(rng.normal(1, 0.25, 14), 0.4))
            if at_edge and rng.random() < 0.5:
                shape = shape * np.array([rng.uniform(1.8, 3.6), rng.uniform(0.5, 0.9)], np.float32)
            spot = fill(size, [moved(rounded(shape, 0.05), float(x), float(y), rng.uniform(0, np.pi))])
            mask = mask * (1 - spot) if fault == "missing part" else np.maximum(mask, spot)
        return mask

    def paint(self, size: int, rng: Generator, fault: str | None, fault_rng: Generator | None) -> Layer:
        """Paints one scan: edges etched a little more or less, rare specks of noise."""
        mask = self._copper(size)
        ragged = smooth_noise(rng, size, size / 2.5) * np.float32(rng.uniform(0.02, 0.12))
        level = 0.5 + rng.normal(0, 0.07)
        sharp = rng.uniform(2.0, 5.0)
        if fault is not None and fault_rng is not None:
            mask = self._damage(mask, fault, fault_rng)
        soft = cv2.GaussianBlur(mask, (0, 0), 0.7)
        image = np.clip((soft - np.float32(level) + ragged * (soft * (1 - soft) * 4)) * np.float32(sharp) + 0.5, 0, 1)
        if self.inverse:
            image = 1 - image
        gray = np.float32(self.dark) + image * np.float32(self.light - self.dark)
        return Layer(np.repeat(gray[..., None], 3, axis=2), np.ones((size, size), np.float32))
