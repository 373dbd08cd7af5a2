"""Vector outlines, anti-aliased masks and relief shading for the objects that are built of many parts.

Outlines are float32 N×2 in the canvas frame: x right, y down, from -1 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from anomalygpt.simulation.base import FloatImage
from anomalygpt.simulation.shading import Light, mask_depth

Outline = NDArray[np.float32]

_GLYPHS = {
    "0": "00 20 24 04 00", "1": "01 10 14", "2": "00 20 22 02 04 24", "3": "00 20 24 04|02 22", "4": "00 02 22|20 24",
    "5": "20 00 02 22 24 04", "6": "20 00 04 24 22 02", "7": "00 20 14", "8": "00 20 24 04 00|02 22", "9": "22 02 00 20 24 04",
    "A": "04 01 10 21 24|03 23", "B": "00 04 14 23 12 02|12 21 10 00", "C": "20 00 04 24", "D": "00 04 14 23 21 10 00",
    "E": "20 00 04 24|02 12", "F": "20 00 04|02 12", "G": "20 00 04 24 22 12", "H": "00 04|20 24|02 22", "J": "20 24 04 03", "K": "00 04|20 02 24",
    "L": "00 04 24", "M": "04 00 12 20 24", "N": "04 00 24 20", "P": "04 00 20 22 02", "R": "04 00 20 22 02|12 24",
    "S": "20 00 02 22 24 04", "T": "00 20|10 14", "U": "00 04 24 20", "V": "00 14 20", "X": "00 24|20 04", "Y": "00 12 20|12 14",
    "Z": "00 20 04 24", "+": "11 13|02 22", "-": "02 22", "/": "20 04",
}  # fmt: skip


def aimed(rng: Generator, azimuth: float, jitter: float, elevation: float = 0.95) -> Light:
    """A lamp near `azimuth` (radians, in the canvas frame) at about `elevation` (radians over the table)."""
    around = azimuth + rng.normal(0, jitter)
    up = float(np.clip(elevation + rng.normal(0, 0.08), 0.35, 1.4))
    return Light(float(np.cos(around) * np.cos(up)), float(np.sin(around) * np.cos(up)), float(np.sin(up)))


def superellipse(rx: float, ry: float, power: float = 2.0, count: int = 56) -> Outline:
    """An ellipse for power 2, a rounded rectangle for more, a cushion-cornered rhomb for less."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    cos, sin = np.cos(turn), np.sin(turn)
    points = np.stack([rx * np.sign(cos) * np.abs(cos) ** (2 / power), ry * np.sign(sin) * np.abs(sin) ** (2 / power)], 1)
    return points.astype(np.float32)


def rectangle(rx: float, ry: float) -> Outline:
    """A sharp rectangle of half sides rx and ry."""
    return np.array([[-rx, -ry], [rx, -ry], [rx, ry], [-rx, ry]], np.float32)


def polar(radius: ArrayLike, phase: float = 0.0) -> Outline:
    """The outline whose radius at equal steps of angle is given."""
    radii = np.asarray(radius, np.float32)
    turn = np.linspace(0, 2 * np.pi, len(radii), endpoint=False) + phase
    return np.stack([radii * np.cos(turn), radii * np.sin(turn)], 1).astype(np.float32)


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
    return cv2.GaussianBlur(mask_depth(mask), (3, 3), 0.8)


class Relief:
    """A part being built up: colour, height and gloss of every pixel, shaded in one go at the end.

    Attributes:
        albedo: float32 3×S×S, a plane for each of R, G and B.
        height: float32 S×S in the canvas frame.
        gloss: float32 S×S, strength of the highlight.
        metal: float32 S×S, how much the surface mirrors its surroundings.
    """

    def __init__(self, size: int, color: ArrayLike = 0.5, gloss: float = 0.1, metal: float = 0.0) -> None:
        self.size = size
        self.albedo: FloatImage = np.empty((3, size, size), np.float32)
        self.albedo[:] = np.broadcast_to(np.asarray(color, np.float32), 3)[:, None, None]
        self.height: FloatImage = np.zeros((size, size), np.float32)
        self.gloss: FloatImage = np.full((size, size), gloss, np.float32)
        self.metal: FloatImage = np.full((size, size), metal, np.float32)

    def copy(self) -> Relief:
        """A relief of its own with the same contents."""
        other = Relief(self.size)
        other.albedo, other.height = self.albedo.copy(), self.height.copy()
        other.gloss, other.metal = self.gloss.copy(), self.metal.copy()
        return other

    def lay(
        self,
        mask: FloatImage,
        color: ArrayLike | None = None,
        height: float | FloatImage | None = None,
        gloss: float | None = None,
        metal: float | None = None,
        add: float | FloatImage | None = None,
    ) -> None:
        """Covers what is under `mask` (S×S in [0, 1]); None leaves a property as it is.

        Args:
            mask: how much of each pixel is covered.
            color: RGB, or planes 3×S×S.
            height: replaces the height.
            gloss: replaces the strength of the highlight.
            metal: replaces how much it mirrors.
            add: raises the height.
        """
        left, top, width, tall = cv2.boundingRect((mask > 0).astype(np.uint8))
        if not width:
            return
        box = (slice(top, top + tall), slice(left, left + width))
        cover = mask[box]
        if color is not None:
            tone = np.broadcast_to(np.asarray(color, np.float32).T, 3) if np.ndim(color) < 2 else np.asarray(color, np.float32)
            for plane, over in zip(self.albedo, tone, strict=True):
                under = plane[box]
                under += cover * ((over[box] if over.ndim else over) - under)
        for field, value in ((self.height, height), (self.gloss, gloss), (self.metal, metal)):
            if value is not None:
                part = field[box]
                part += cover * ((value[box] if isinstance(value, np.ndarray) else np.float32(value)) - part)
        if add is not None:
            self.height[box] += cover * (add[box] if isinstance(add, np.ndarray) else np.float32(add))

    def tone(self, factor: FloatImage | float) -> None:
        """Makes all colours lighter or darker by a factor, S×S."""
        self.albedo *= factor

    def shadow(self, mask: FloatImage, light: Light, reach: float, strength: float = 0.5) -> None:
        """Darkens beside raised parts, away from the lamp; lay the parts themselves afterwards."""
        shift = reach * self.size / 2
        matrix = np.array([[1, 0, -light.x * shift], [0, 1, -light.y * shift]], np.float32)
        cast = cv2.warpAffine(mask, matrix, (self.size, self.size))
        cast = cv2.GaussianBlur(cast, (0, 0), max(0.6, 0.35 * shift))
        cast *= np.float32(-strength)
        cast += 1
        self.albedo *= cast

    def shade(
        self, light: Light, ambient: float = 0.45, shininess: int = 4, scene: float = 0.0, hollow: float = 0.5
    ) -> FloatImage:
        """The lit colour, float32 S×S×3 in [0, 1].

        Args:
            light: the lamp.
            ambient: share of the light that comes from everywhere.
            shininess: the highlight is the cosine to the power of two to this.
            scene: phase of the surroundings that metal mirrors.
            hollow: how much darker it is in recesses, where less of the light from everywhere comes in.
        """
        scale = self.size / 16
        nx = cv2.Sobel(self.height, cv2.CV_32F, 1, 0, ksize=3, scale=-scale, borderType=cv2.BORDER_REPLICATE)
        ny = cv2.Sobel(self.height, cv2.CV_32F, 0, 1, ksize=3, scale=-scale, borderType=cv2.BORDER_REPLICATE)
        # In place throughout: fresh arrays of this size cost more than the sums.
        nz = cv2.magnitude(nx, ny)
        nz *= nz
        nz += 1
        np.sqrt(nz, out=nz)
        np.divide(1, nz, out=nz)
        nx *= nz
        ny *= nz
        level = _facing(nx, ny, nz, light.x / light.z, light.y / light.z, 1.0)
        level *= np.float32(1 - ambient)
        level += np.float32(ambient)
        reach = max(3, self.size // 24) | 1
        depth = cv2.blur(self.height, (reach, reach), borderType=cv2.BORDER_REPLICATE)
        depth -= self.height
        np.clip(depth, 0, 1 / 12, out=depth)
        depth *= np.float32(-12 * hollow)
        depth += 1
        level *= depth
        half = np.array([light.x, light.y, light.z + 1])
        half /= np.linalg.norm(half)
        spark = _facing(nx, ny, nz, float(half[0]), float(half[1]), float(half[2]), 0.3)
        for _ in range(shininess):
            spark *= spark
        spark *= self.gloss
        if self.metal.any():
            nx *= nz
            nx *= 5
            nx += np.float32(scene)
            ny *= nz
            ny *= 4
            ny -= np.float32(1.7 * scene)
            mirror = np.sin(nx, out=nx)
            mirror *= np.float32(0.6)
            np.sin(ny, out=ny)
            ny *= np.float32(0.5)
            mirror += ny
            mirror -= np.float32(0.6 * np.sin(scene) - 0.5 * np.sin(1.7 * scene))
            mirror *= self.metal
            mirror += 1
            level *= mirror
        lit = self.albedo * level
        lit += spark
        return cv2.merge(list(np.clip(lit, 0, 1, out=lit)))


def _facing(nx: FloatImage, ny: FloatImage, nz: FloatImage, x: float, y: float, z: float, floor: float = 0.0) -> FloatImage:
    """The cosine between the normals and a direction (times its length), not below `floor`."""
    cosine = nx * np.float32(x)
    term = ny * np.float32(y)
    cosine += term
    np.multiply(nz, np.float32(z), out=term)
    cosine += term
    return np.maximum(cosine, np.float32(floor), out=cosine)
