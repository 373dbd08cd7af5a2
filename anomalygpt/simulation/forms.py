"""Vector outlines and anti-aliased masks for the objects that are built of many parts.

Outlines are float32 N×2 in the canvas frame: x right, y down, from -1 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from anomalygpt.simulation.base import FloatImage
from anomalygpt.simulation.shading import mask_depth

Outline = NDArray[np.float32]

# Strokes of each letter on a grid of 3×5 points: "xy" pairs, lines parted by "|".
_GLYPHS = {
    "0": "00 20 24 04 00", "1": "01 10 14", "2": "00 20 22 02 04 24", "3": "00 20 24 04|02 22",
    "4": "00 02 22|20 24", "5": "20 00 02 22 24 04", "6": "20 00 04 24 22 02", "7": "00 20 14",
    "8": "00 20 24 04 00|02 22", "9": "22 02 00 20 24 04", "A": "04 01 10 21 24|03 23",
    "B": "00 04 14 23 12 02|12 21 10 00", "C": "20 00 04 24", "D": "00 04 14 23 21 10 00", "E": "20 00 04 24|02 12",
    "F": "20 00 04|02 12", "G": "20 00 04 24 22 12", "H": "00 04|20 24|02 22", "J": "20 24 04 03",
    "K": "00 04|20 02 24", "L": "00 04 24", "M": "04 00 12 20 24", "N": "04 00 24 20", "P": "04 00 20 22 02",
    "R": "04 00 20 22 02|12 24", "S": "20 00 02 22 24 04", "T": "00 20|10 14", "U": "00 04 24 20", "V": "00 14 20",
    "X": "00 24|20 04", "Y": "00 12 20|12 14", "Z": "00 20 04 24", "+": "11 13|02 22", "-": "02 22", "/": "20 04",
}  # fmt: skip


def superellipse(rx: float, ry: float, power: float = 2.0, count: int = 56) -> Outline:
    """An ellipse for power 2, a rounded rectangle for more, a cushion-cornered rhomb for less."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    cos, sin = np.cos(turn), np.sin(turn)
    points = np.stack(
        [rx * np.sign(cos) * np.abs(cos) ** (2 / power), ry * np.sign(sin) * np.abs(sin) ** (2 / power)], 1
    )
    return points.astype(np.float32)


def rectangle(rx: float, ry: float) -> Outline:
    """A sharp rectangle of half sides rx and ry."""
    return np.array([[-rx, -ry], [rx, -ry], [rx, ry], [-rx, ry]], np.float32)


def polar(radius: ArrayLike, phase: float = 0.0) -> Outline:
    """The outline whose radius at equal steps of angle is given."""
    radii = np.asarray(radius, np.float32)
    turn = np.linspace(0, 2 * np.pi, len(radii), endpoint=False) + phase
    return np.stack([radii * np.cos(turn), radii * np.sin(turn)], 1).astype(np.float32)


def disc(x: float, y: float, radius: float) -> Outline:
    """A circle around (x, y)."""
    return polar(np.full(28, radius)) + np.array([x, y], np.float32)


def regular(radius: float, corners: int, phase: float = 0.0) -> Outline:
    """A regular polygon."""
    return polar(np.full(corners, radius), phase)


def gear(radius: float, depth: float, teeth: int, duty: float = 0.5, slope: float = 0.12) -> Outline:
    """A toothed wheel: `depth` is the share of the radius cut away between teeth."""
    turn = np.linspace(0, teeth, teeth * 14, endpoint=False) % 1.0
    rise = np.clip((duty / 2 - np.abs(turn - 0.5)) / slope + 0.5, 0, 1)
    return polar(radius * (1 - depth + depth * rise))


def blob(rng: Generator, radius: float, roughness: float, waves: int = 5, count: int = 64) -> Outline:
    """A closed random shape: a circle whose radius wobbles by about `roughness`."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None]
    order = np.arange(2, waves + 2)
    wobble = (np.cos(turn * order + rng.uniform(0, 2 * np.pi, waves)) * rng.normal(0, 1, waves) / order).sum(1)
    return polar(radius * np.clip(1 + roughness * wobble, 0.25, 1.8))


def lathe(half_widths: ArrayLike, length: float) -> Outline:
    """A shape mirrored about the vertical axis, as a bottle seen from the side; widths from top to bottom."""
    widths = np.asarray(half_widths, np.float32)
    along = np.linspace(-length / 2, length / 2, len(widths), dtype=np.float32)
    right = np.stack([widths, along], 1)
    left = np.stack([-widths[::-1], along[::-1]], 1)
    return np.concatenate([right, left])


def band(radius: float, span: float, widths: ArrayLike) -> Outline:
    """A bent strip (cashew, macaroni, hook) along an arc of `span` radians; half widths along it, centred."""
    half = np.asarray(widths, np.float32)
    turn = np.linspace(-span / 2, span / 2, len(half), dtype=np.float32)
    outer = np.stack([np.sin(turn) * (radius + half), -np.cos(turn) * (radius + half)], 1)
    inner = np.stack([np.sin(turn) * (radius - half), -np.cos(turn) * (radius - half)], 1)[::-1]
    points = np.concatenate([outer, inner])
    return (points - (points.max(0) + points.min(0)) / 2).astype(np.float32)


def rounded(outline: Outline, amount: float, count: int = 96) -> Outline:
    """The outline with its corners smoothed over a share `amount` of its length."""
    closed = np.concatenate([outline, outline[:1]])
    run = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    even = np.linspace(0, run[-1], count, endpoint=False)
    points = np.stack([np.interp(even, run, closed[:, axis]) for axis in (0, 1)], 1)
    reach = max(1, round(amount * count))
    kernel = np.hanning(2 * reach + 1)
    kernel /= kernel.sum()
    padded = np.concatenate([points[-reach:], points, points[:reach]])
    return np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)], 1).astype(np.float32)


def moved(outline: Outline, x: float = 0.0, y: float = 0.0, angle: float = 0.0, scale: float = 1.0) -> Outline:
    """The outline scaled, turned by `angle` radians and shifted."""
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    return outline @ np.array([[cos, sin], [-sin, cos]], np.float32) + np.array([x, y], np.float32)


def bent(points: Outline, pivot: float, angle: float) -> Outline:
    """Points beyond x = `pivot` turned about (pivot, 0) by `angle` radians."""
    beyond = points[:, 0] > pivot
    offset = points[beyond] - np.array([pivot, 0], np.float32)
    cos, sin = np.cos(angle), np.sin(angle)
    result = points.copy()
    result[beyond] = offset @ np.array([[cos, sin], [-sin, cos]], np.float32) + np.array([pivot, 0], np.float32)
    return result


def _fixed(points: Outline, size: int) -> NDArray[np.int32]:
    return np.round(((points + 1) * (size / 2) - 0.5) * 16).astype(np.int32)


def fill(size: int, outlines: Iterable[Outline]) -> FloatImage:
    """The anti-aliased union of filled outlines, float32 size×size in [0, 1]."""
    mask = np.zeros((size, size), np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [_fixed(outline, size)], 255, cv2.LINE_AA, 4)
    return np.multiply(mask, np.float32(1 / 255), dtype=np.float32)


def stroke(size: int, paths: Sequence[Outline], width: float, closed: bool = False) -> FloatImage:
    """Anti-aliased lines along open paths, `width` in the canvas frame, float32 size×size in [0, 1]."""
    fine = np.zeros((2 * size, 2 * size), np.uint8)
    thickness = width * size
    if len(paths):
        fixed = [_fixed(path, 2 * size) for path in paths]
        cv2.polylines(fine, fixed, closed, 255, max(1, round(thickness)), cv2.LINE_AA, 4)
    mask = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
    return np.multiply(mask, np.float32(min(1.0, thickness) / 255), dtype=np.float32)


def lettering(text: str, height: float) -> list[Outline]:
    """The strokes of one line of plain capital letters and digits, centred on the origin."""
    paths: list[Outline] = []
    unit = height / 4
    start = -(len(text) * 3 - 1) / 2
    for place, letter in enumerate(text):
        for line in filter(None, _GLYPHS.get(letter, "").split("|")):
            points = np.array([[float(pair[0]), float(pair[1])] for pair in line.split()], np.float32)
            paths.append(((points + np.array([start + 3 * place, -2], np.float32)) * unit).astype(np.float32))
    return paths


def inside_distance(mask: FloatImage) -> FloatImage:
    """How deep each pixel lies inside a mask, in the canvas frame, smoothed a little so that bevels show no steps."""
    return np.asarray(cv2.GaussianBlur(mask_depth(mask), (3, 3), 0.8), np.float32)


def distance(x: FloatImage, y: FloatImage) -> FloatImage:
    """The length of (x, y), the same for the same numbers.

    OpenCV's own differs in the last bit with the place in memory.
    """
    squares = x * x
    squares += y * y
    return np.sqrt(squares, out=squares)


def clear_border(alpha: FloatImage) -> FloatImage:
    """The coverage with nothing on the outermost pixels: what is cut off there is not taken to go on beyond."""
    alpha[[0, -1]] = 0
    alpha[:, [0, -1]] = 0
    return alpha
