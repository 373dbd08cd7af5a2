"""Relief shading: colour, height and gloss of a part, lit in one go."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from anomalygpt.simulation.base import FloatImage
from anomalygpt.simulation.shading import Light


def aimed(rng: Generator, azimuth: float, jitter: float, elevation: float = 0.95) -> Light:
    """A lamp near `azimuth` (radians, in the canvas frame) at about `elevation` (radians over the table)."""
    around = azimuth + rng.normal(0, jitter)
    up = float(np.clip(elevation + rng.normal(0, 0.08), 0.35, 1.4))
    return Light(float(np.cos(around) * np.cos(up)), float(np.sin(around) * np.cos(up)), float(np.sin(up)))


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
            tone = (
                np.broadcast_to(np.asarray(color, np.float32).T, 3)
                if np.ndim(color) < 2
                else np.asarray(color, np.float32)
            )
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
        hard = cv2.warpAffine(mask, matrix, (self.size, self.size))
        cast = np.asarray(cv2.GaussianBlur(hard, (0, 0), max(0.6, 0.35 * shift)), np.float32)
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
        nx, ny = (
            np.asarray(
                cv2.Sobel(self.height, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=-scale, borderType=cv2.BORDER_REPLICATE),
                np.float32,
            )
            for dx in (1, 0)
        )
        # In place throughout: fresh arrays of this size cost more than the sums.
        nz = nx * nx
        square = ny * ny
        nz += square
        nz += 1
        np.sqrt(nz, out=nz)
        np.divide(1, nz, out=nz)
        nx *= nz
        ny *= nz
        level = _facing(nx, ny, nz, light.x / light.z, light.y / light.z, 1.0)
        level *= np.float32(1 - ambient)
        level += np.float32(ambient)
        reach = max(3, self.size // 24) | 1
        depth = np.asarray(cv2.blur(self.height, (reach, reach), borderType=cv2.BORDER_REPLICATE), np.float32)
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
        return np.asarray(cv2.merge(list(np.clip(lit, 0, 1, out=lit))), np.float32)


def _facing(
    nx: FloatImage, ny: FloatImage, nz: FloatImage, x: float, y: float, z: float, floor: float = 0.0
) -> FloatImage:
    """The cosine between the normals and a direction (times its length), not below `floor`."""
    cosine = nx * np.float32(x)
    term = ny * np.float32(y)
    cosine += term
    np.multiply(nz, np.float32(z), out=term)
    cosine += term
    return np.maximum(cosine, np.float32(floor), out=cosine)
