"""The building blocks of surfaces: grain, cells, weaves, relief, and the tones and colours they are turned into.

All lengths are shares of the canvas or counts across it, so that one identity looks the same at every resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.base import FloatImage, Layer, grid_xy, random_color, smooth_noise


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """A number between `low` and `high`, each octave being equally likely."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def white_noise(rng: Generator, size: int) -> FloatImage:
    """Pixel noise of zero mean and unit deviation, float32 size×size; uniform, being five times faster."""
    noise = rng.random((size, size), dtype=np.float32)
    noise -= np.float32(0.5)
    noise *= np.float32(12**0.5)
    return noise


def odd(whole: FloatImage) -> FloatImage:
    """1 where a whole number is odd, 0 where it is even; ten times faster than the remainder of floats."""
    return whole - 2 * np.floor(whole * np.float32(0.5))


def blurred(image: FloatImage, sigma: float) -> FloatImage:
    """The image (S×S or S×S×3) blurred by a Gaussian of deviation `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def sampled(table: FloatImage, x: FloatImage, y: FloatImage) -> FloatImage:
    """An endlessly repeated image (H×W) read at columns `x` and rows `y`, float32 like `x`."""
    return np.asarray(cv2.remap(table, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)


def gray(brightness: FloatImage) -> FloatImage:
    """A grey image S×S×3 of a brightness S×S."""
    return np.asarray(cv2.cvtColor(brightness, cv2.COLOR_GRAY2RGB), np.float32)


def laid(image: FloatImage, size: int, angle: float) -> FloatImage:
    """The middle size×size of a larger square image, turned anticlockwise by `angle` degrees."""
    wide = image.shape[0]
    turn = cv2.getRotationMatrix2D((wide / 2, wide / 2), angle, 1.0)
    turn += np.array([[0, 0, (size - wide) / 2], [0, 0, (size - wide) / 2]])
    flat = cv2.warpAffine(image, turn, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(flat, np.float32)


def band_noise(rng: Generator, size: int, cells: float, evenness: float = 1.0) -> FloatImage:
    """Round blobs of one size, zero mean and about unit deviation, float32 size×size.

    Args:
        rng: chance.
        size: side of the canvas in pixels.
        cells: how many blobs lie side by side across the canvas.
        evenness: 1 for blobs of one size evenly spread, 0 for sizes and gaps as they come.
    """
    sigma = max(0.22 * size / cells, 0.5)
    step = max(int(sigma / 1.2), 1)  # what is blurred this much needs no finer raster
    sigma /= step
    coarse = white_noise(rng, -(-size // step) + 2)
    coarse = blurred(coarse, sigma) - np.float32(evenness) * blurred(coarse, 1.8 * sigma)
    coarse *= np.float32(1.0 / max(float(coarse.std()), 1e-6))
    side = coarse.shape[0] * step
    if step > 1:
        coarse = np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
    return coarse[:size, :size]


def streaks(rng: Generator, size: int, cells: float, length: float, angle: float = 0.0) -> FloatImage:
    """Fine parallel streaks, zero mean and about unit deviation, float32 size×size.

    Args:
        rng: chance.
        size: side of the canvas in pixels.
        cells: streaks side by side across the canvas.
        length: a streak's length as a share of the canvas.
        angle: degrees clockwise from vertical.
    """
    if angle == 0.0:
        return smooth_noise(rng, size, cells, stretch=max(length * cells, 1.0))
    noise = smooth_noise(rng, int(size * 1.45), cells * 1.45, stretch=max(length * cells, 1.0))
    return laid(noise, size, -angle)


def scattered(rng: Generator, size: int, across: float, jitter: float) -> NDArray[np.uint8]:
    """Zeros at the points of a shaken lattice, ones elsewhere, uint8 size×size.

    Args:
        rng: chance.
        size: side of the canvas in pixels.
        across: points side by side across the canvas.
        jitter: 0 for the bare lattice, 1 for points anywhere in their cell.
    """
    pitch = size / across
    count = int(np.ceil(across)) + 2
    points = np.arange(count, dtype=np.float32)[:, None, None] + np.zeros((count, count, 2), np.float32)
    points[..., 1] = points[..., 0].T
    points += rng.random(2, dtype=np.float32) - 1.0 + jitter * (rng.random((count, count, 2), dtype=np.float32) - 0.5)
    where = np.rint(points.reshape(-1, 2) * pitch).astype(np.int64)
    where = where[((where >= 0) & (where < size)).all(axis=1)]
    field = np.ones((size, size), np.uint8)
    field[where[:, 0], where[:, 1]] = 0
    return field


def cells(rng: Generator, size: int, across: float, jitter: float = 1.0) -> tuple[FloatImage, NDArray[np.int32], int]:
    """Voronoi cells of a shaken lattice.

    Returns:
        The distance to the own point in cell widths, float32 size×size; the number of the cell, int32 size×size;
        one more than the largest number.
    """
    points = scattered(rng, size, min(across, size / 2.5), jitter)
    distance, label = cv2.distanceTransformWithLabels(points, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    width = np.asarray(distance * np.float32(across / size), np.float32)
    return width, np.asarray(label, np.int32), int(points.size - np.count_nonzero(points)) + 1


def borders(label: NDArray[np.int32], across: float) -> FloatImage:
    """Distance to the nearest border between cells, in cell widths, float32 size×size."""
    same = np.ones(label.shape, np.uint8)
    same[:, 1:] &= label[:, 1:] == label[:, :-1]
    same[1:] &= label[1:] == label[:-1]
    same[0, 0] = 0  # one zero at least, or the distance has no meaning
    return np.asarray(cv2.distanceTransform(same, cv2.DIST_L2, 3) * np.float32(across / label.shape[0]), np.float32)


def soft_step(field: FloatImage, at: float, width: float) -> FloatImage:
    """0 well below `at`, 1 well above, rising over `width`."""
    return np.clip((field - np.float32(at)) * np.float32(1.0 / width) + np.float32(0.5), 0.0, 1.0)


def relief(height: FloatImage, angle: float, strength: float) -> FloatImage:
    """Brightness of a relief under slanting light, about zero on flat ground, float32 like `height`.

    Args:
        height: in units of one 224th of the canvas.
        angle: slopes that rise in this direction are bright, degrees clockwise from right.
        strength: brightness for a unit slope.
    """
    gain = strength * height.shape[0] / 224.0
    kernel = np.zeros((3, 3), np.float32)
    kernel[1, 2], kernel[1, 0] = np.cos(np.radians(angle)) * np.array([0.5, -0.5]) * gain
    kernel[2, 1], kernel[0, 1] = np.sin(np.radians(angle)) * np.array([0.5, -0.5]) * gain
    return np.asarray(cv2.filter2D(height, -1, kernel), np.float32)


def _spread(color: FloatImage, weight: FloatImage) -> FloatImage:
    """One colour (3) weighted by S×S, S×S×3; several times faster than numpy's broadcasting over a last axis of 3."""
    return np.asarray(cv2.merge([weight * channel for channel in color.astype(np.float32)]), np.float32)


def toned(color: FloatImage, tone: FloatImage) -> FloatImage:
    """A colour (3, or S×S×3) made brighter by the share `tone` (S×S), float32 S×S×3."""
    light = np.asarray(tone + np.float32(1.0), np.float32)
    return _spread(color, light) if color.ndim == 1 else color * gray(light)


def mixed(base: FloatImage, other: FloatImage, weight: FloatImage) -> FloatImage:
    """From `base` (3, or S×S×3) to `other` (the same) by `weight` (S×S), float32 S×S×3."""
    weight = np.asarray(weight, np.float32)
    if other.ndim > 1:
        return np.asarray(base + gray(weight) * (other - base), np.float32)
    rest = np.float32(1.0) - weight
    return (_spread(base, rest) if base.ndim == 1 else base * gray(rest)) + _spread(other, weight)


def muted_color(rng: Generator, value: tuple[float, float] = (0.1, 0.95)) -> FloatImage:
    """A random RGB colour as materials have it: mostly of low saturation, now and then strong."""
    return random_color(rng, (0.0, 0.15 + 0.65 * rng.random() ** 2), value)


def hsv_color(
    rng: Generator, hue: tuple[float, float], saturation: tuple[float, float], value: tuple[float, float]
) -> FloatImage:
    """A random RGB colour in [0, 1] within ranges of hue (degrees), saturation and value."""
    hsv = np.array([[[rng.uniform(*hue) % 360, rng.uniform(*saturation), rng.uniform(*value)]]], np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]


def surface(color: FloatImage) -> Layer:
    """A layer that fills the canvas."""
    return Layer(color, np.ones(color.shape[:2], np.float32))


def batch(rng: Generator, amount: float) -> FloatImage:
    """The factor (3) by which one batch's colours differ from another's, about 1."""
    return (1.0 + rng.normal(0.0, amount) + rng.normal(0.0, 0.35 * amount, 3)).astype(np.float32)


def shifted(color: FloatImage, rng: Generator, amount: float) -> FloatImage:
    """A colour a little lighter or darker and of another hue, float32, clipped to [0.01, 1]."""
    return np.asarray(np.clip(color * batch(rng, amount), 0.01, 1.0), np.float32)


def finished(color: FloatImage, rng: Generator, drift: float = 0.02, grain: float = 0.01) -> FloatImage:
    """Adds what every piece has: slow changes of brightness and fine grain; clips to [0, 1].

    Args:
        color: float32 S×S×3.
        rng: chance.
        drift: deviation of the slow change, relative.
        grain: deviation of the pixel grain, absolute.
    """
    size = color.shape[0]
    tone = smooth_noise(rng, size, rng.uniform(2, 4)) * np.float32(drift)
    tone += np.float32(1.0)
    color = color * gray(tone)
    color += gray(white_noise(rng, size) * np.float32(grain))
    return np.clip(color, 0.0, 1.0, out=color)


def turned_xy(size: int, angle: float) -> tuple[FloatImage, FloatImage]:
    """Coordinates turned by `angle` degrees, from -0.5 to 0.5 over the canvas's side, each float32 size×size."""
    x, y = grid_xy(size)
    cos, sin = np.float32(0.5 * np.cos(np.radians(angle))), np.float32(0.5 * np.sin(np.radians(angle)))
    return cos * x + sin * y, cos * y - sin * x


def bump(x: FloatImage, y: FloatImage, cx: float, cy: float, rx: float, ry: float) -> FloatImage:
    """A smooth hill of height 1 that is exactly 0 outside its ellipse, float32 like `x`."""
    square = ((x - np.float32(cx)) / np.float32(rx)) ** 2 + ((y - np.float32(cy)) / np.float32(ry)) ** 2
    return np.maximum(1.0 - square, 0.0) ** 2


@dataclass(frozen=True)
class Weave:
    """How threads cross.

    Attributes:
        over: bool q×p, whether the upright thread lies on top where weft row (index 0) and warp column (index 1) meet.
        dip: float32 q×p, how strongly the thread on top dives at both ends of the crossing: 1 alone, 0 within a float.
    """

    over: NDArray[np.bool_]
    dip: FloatImage

    def at(self, column: FloatImage, row: FloatImage) -> tuple[FloatImage, FloatImage]:
        """`over` (as 0 or 1) and `dip` at the crossings of whole-numbered warp columns and weft rows."""
        rows, columns = (np.float32(count) for count in self.over.shape)
        across = column - columns * np.floor(column / columns + np.float32(1e-4))
        down = row - rows * np.floor(row / rows + np.float32(1e-4))
        flat = (down * columns + across).astype(np.int32)
        return np.take(self.over.astype(np.float32), flat), np.take(self.dip, flat)

    @staticmethod
    def make(rng: Generator, kind: str) -> Weave:
        """A plain, basket, twill, satin, herringbone or rib weave.

        Raises:
            ValueError: for another kind.
        """
        if kind == "plain":
            over = np.indices((2, 2)).sum(0) % 2 == 0
        elif kind == "basket":
            n = int(rng.integers(2, 4))
            over = (np.indices((2 * n, 2 * n)) // n).sum(0) % 2 == 0
        elif kind == "rib":
            row, column = np.indices((4, 2))
            over = (row // 2 + column) % 2 == 0
        elif kind in ("twill", "herringbone"):
            n = int(rng.integers(3, 5))
            row, column = np.indices((n, n))
            over = (row + column) % n < int(rng.integers(1, n))
            if kind == "herringbone":
                over = np.hstack([np.tile(over, (1, 2)), np.tile(over[:, ::-1], (1, 2))])
        elif kind == "satin":
            row, column = np.indices((5, 5))
            over = (column + 2 * row) % 5 != 0
        else:
            raise ValueError(f"no weave is called {kind!r}")
        along_warp = (over == np.roll(over, 1, 0)) | (over == np.roll(over, -1, 0))
        along_weft = (over == np.roll(over, 1, 1)) | (over == np.roll(over, -1, 1))
        dip = np.where(np.where(over, along_warp, along_weft), 0.35, 1.0).astype(np.float32)
        return Weave(over, dip)
