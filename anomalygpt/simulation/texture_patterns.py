"""The patterns that unnamed surfaces are layered from, stochastic and regular."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import FloatImage, fractal_noise, smooth_noise
from anomalygpt.simulation.texture_fields import (
    band_noise,
    blurred,
    borders,
    cells,
    odd,
    sampled,
    streaks,
    turned_xy,
)


@dataclass(frozen=True)
class Pattern:
    """The identity of one layer.

    Attributes:
        field: paints it, about zero mean and unit deviation, from size, chance and this pattern.
        use: what it does: "ink" lays another colour, "tone" changes brightness, "relief" stands out in slanting light.
        across: features side by side across the canvas.
        angle: of its direction, degrees.
        stretch: length over width of its features.
        order: 0 for a bare lattice, 1 for full disorder.
        at: level above which ink lies.
        edge: softness of the ink's edge.
        weight: strength of the layer.
        color: of the ink.
        shape: which of several forms, any small number.
        motif: a small square that repeats itself, float32 in [0, 1].
    """

    field: Callable[[int, Generator, Pattern], FloatImage]
    use: str
    across: float
    angle: float
    stretch: float
    order: float
    at: float
    edge: float
    weight: float
    color: FloatImage
    shape: int
    motif: FloatImage


def clouds(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Fractal clouds."""
    return fractal_noise(rng, size, min(pattern.across * 0.4, size / 3), 5, 0.4 + 0.4 * pattern.order)


def blobs(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Round blobs of about one size."""
    return band_noise(rng, size, min(pattern.across, size / 2.5))


def veins(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Ridges that run through each other."""
    noise = fractal_noise(rng, size, min(pattern.across * 0.3, size / 4), 4, 0.3 + 0.3 * pattern.order)
    return np.float32(1.6) * (np.float32(0.75) - np.abs(noise))


def brushed(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Streaks as of brushing, rolling or sawing."""
    fine = streaks(
        rng,
        size,
        min(pattern.across * 2.5, size / 1.5),
        0.1 + 0.2 * pattern.stretch,
        pattern.angle + rng.normal(0, 0.7),
    )
    return fine + np.float32(0.4 * pattern.order) * smooth_noise(rng, size, 12)


def turned(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Arcs about a distant middle, as a lathe or a mill leaves them."""
    x, y = turned_xy(size, pattern.angle + rng.normal(0, 0.7))
    far = np.float32(0.6 + pattern.stretch)
    radius = np.sqrt((x + far) ** 2 + y * y)
    line = smooth_noise(rng, 512, min(pattern.across * 4, 512))[:1]
    where = (radius - radius.min()) * np.float32(min(size / 1.5, 300))
    arcs = sampled(line, where, np.zeros_like(where))
    wave = np.sin(radius * np.float32(2 * np.pi * min(pattern.across, size / 4)))
    return np.asarray(arcs * np.float32(pattern.order) + wave * np.float32(1 - pattern.order), np.float32)


def speckle(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Separate flecks of many sizes."""
    noise = band_noise(rng, size, min(pattern.across * 1.6, size / 2.5))
    return noise + np.float32(0.5) * smooth_noise(rng, size, min(pattern.across * 0.5, size))


def pits(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Round hollows side by side, as of hammering or casting."""
    distance, _, _ = cells(rng, size, pattern.across * 0.7, pattern.order)
    return blurred(distance, max(0.04 * size / pattern.across, 0.5)) * np.float32(5) - np.float32(2)


def cobbles(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Cells with joints between them."""
    across = pattern.across * 0.6
    _, label, count = cells(rng, size, across, 0.3 + 0.7 * pattern.order)
    edge = blurred(np.minimum(borders(label, across) * 5, 1), max(0.03 * size / across, 0.6))
    return (
        edge * np.float32(2.2) - np.float32(1.6) + np.take(rng.normal(0, 0.5, count).astype(np.float32), label) * edge
    )


def patches(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Cells of flat tone, as of crystals or chips."""
    _, label, count = cells(rng, size, pattern.across * 0.8, 0.4 + 0.6 * pattern.order)
    return blurred(np.take(rng.normal(0, 1, count).astype(np.float32), label), 0.7)


def _lattice(size: int, rng: Generator, pattern: Pattern) -> tuple[FloatImage, FloatImage]:
    """Lattice coordinates in repeats, slightly shaken."""
    x, y = turned_xy(size, pattern.angle + rng.normal(0, 0.5))
    across = np.float32(min(pattern.across * 0.5, size / 5))
    start = rng.random(2).astype(np.float32) + np.float32(50)
    shake = np.float32(0.08 * pattern.order)
    u = x * across + start[0] + shake * smooth_noise(rng, size, 6)
    v = y * (across / np.float32(pattern.stretch**0.5)) + start[1] + shake * smooth_noise(rng, size, 6)
    return u, v


def stripes(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Ribs, corrugation, printed lines or waves."""
    u, v = _lattice(size, rng, pattern)
    if pattern.shape % 3 == 0:
        u = u + np.float32(0.25) * np.sin(np.float32(2 * np.pi) * v)
    wave = np.sin(np.float32(2 * np.pi) * u)
    if pattern.shape % 3 == 1:
        wave = wave + np.float32(0.6) * np.sin(np.float32(4 * np.pi) * u + np.float32(pattern.at))
    return wave * np.float32(1.4)


def dots(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Dots, squares, diamonds or rings in rows, or in rows that alternate."""
    u, v = _lattice(size, rng, pattern)
    if pattern.shape % 2:
        u += np.float32(0.5) * odd(np.floor(v))
    fu, fv = np.abs(u - np.floor(u) - np.float32(0.5)), np.abs(v - np.floor(v) - np.float32(0.5))
    form = pattern.shape // 2 % 4
    if form == 0:
        radius = np.sqrt(fu * fu + fv * fv)
    elif form == 1:
        radius = np.maximum(fu, fv)
    elif form == 2:
        radius = np.float32(0.7) * (fu + fv)
    else:
        radius = np.abs(np.sqrt(fu * fu + fv * fv) - np.float32(0.25)) + np.float32(0.12)
    return (np.float32(0.3) - radius) * np.float32(8)


def weave(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Over and under of a plain weave or wickerwork."""
    u, v = _lattice(size, rng, pattern)
    u, v = u * 2, v * 2
    over = 1 - odd(np.floor(u) + np.floor(v))
    fu, fv = u - np.floor(u) - np.float32(0.5), v - np.floor(v) - np.float32(0.5)
    across = fv + over * (fu - fv)
    along = fu + fv - across
    return np.float32(1.5) - np.float32(9) * across * across - np.float32(3) * along * along


def tiles(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """Tiles or bricks with joints, each of its own tone."""
    u, v = _lattice(size, rng, pattern)
    u, v = u * np.float32(0.6), v * np.float32(0.6)
    if pattern.shape % 2:
        u += np.float32(0.5) * odd(np.floor(v))
    fu, fv = np.abs(u - np.floor(u) - np.float32(0.5)), np.abs(v - np.floor(v) - np.float32(0.5))
    joint = np.clip((np.float32(0.47) - np.maximum(fu, fv)) * 25, -1, 1)
    own = rng.normal(0, 0.4, 1024).astype(np.float32)
    return joint * 1.5 + own[(np.floor(u) + 32 * np.floor(v)).astype(np.int32) & 1023]


def printed(size: int, rng: Generator, pattern: Pattern) -> FloatImage:
    """A printed or embossed motif that repeats itself."""
    u, v = _lattice(size, rng, pattern)
    side = np.float32(pattern.motif.shape[0])
    return sampled(pattern.motif, u * side, v * side) * 3 - 1


def draw_motif(rng: Generator) -> FloatImage:
    """A few strokes and forms in a square of 64 pixels, float32 in [0, 1]."""
    motif = np.zeros((64, 64), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        ends = rng.integers(8, 56, (4, 2)).astype(np.int32)
        shape = int(rng.integers(0, 4))
        if shape == 0:
            cv2.polylines(motif, [ends], False, 255, int(rng.integers(2, 7)), cv2.LINE_AA)
        elif shape == 1:
            cv2.fillPoly(motif, [ends[:3]], 255, cv2.LINE_AA)
        elif shape == 2:
            cv2.circle(motif, ends[0].tolist(), int(rng.integers(3, 14)), 255, int(rng.choice([-1, 3])), cv2.LINE_AA)
        else:
            cv2.ellipse(motif, ends[0].tolist(), (16, 8), float(ends[1, 0]) * 4, 0, 240, 255, 3, cv2.LINE_AA)
    return motif.astype(np.float32) * np.float32(1 / 255)
