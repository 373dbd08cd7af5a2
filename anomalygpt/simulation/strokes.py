"""The shapes that defects are made of: places on a part, blobs and paths, as soft float32 S×S masks in [0, 1]."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.base import FloatImage

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SHIFT = 4


def unit_of(picture: NDArray[Any]) -> float:
    """Pixels of a picture or mask S×S for one pixel of a 224-pixel photo."""
    return picture.shape[0] / 224.0


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """A number in [low, high], evenly distributed in its logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def pick_point(part: Mask, rng: Generator) -> tuple[float, float]:
    """A random pixel (x, y) of the part, seldom at the photo's edge; any pixel of the photo where the part is empty."""
    height, width = part.shape
    inside = np.flatnonzero(part)
    x = y = 0.0
    for _ in range(3):
        index = int(inside[rng.integers(inside.size)]) if inside.size else int(rng.integers(part.size))
        x, y = float(index % width), float(index // width)
        if 0.06 * width < x < 0.94 * width and 0.06 * height < y < 0.94 * height:
            break
    return x, y


def extent(part: Mask) -> float:
    """Side of the square with the part's area, in pixels, at least 8."""
    return float(max(np.sqrt(np.count_nonzero(part)), 8.0))


def blob(
    size: int, center: tuple[float, float], radius: float, rng: Generator, *, rough: float, stretch: float
) -> FloatImage:
    """A filled irregular disc.

    Args:
        size: side of the mask.
        radius: mean radius in pixels.
        rough: relative size of the bays and bumps of its outline, 0 for a smooth one.
        stretch: long axis over short axis.
    """
    count = 48
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    outline = np.ones(count)
    for wave in range(2, 9):
        outline += rough * rng.normal(0, 1.2 / wave) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    outline = np.clip(outline, 0.25, 2.2)
    if rough:
        outline *= 1 + 0.12 * rough * rng.standard_normal(count)
    long = np.sqrt(stretch)
    x, y = radius * long * outline * np.cos(angle), radius / long * outline * np.sin(angle)
    turn = rng.uniform(0, 2 * np.pi)
    corners = np.stack(
        [center[0] + x * np.cos(turn) - y * np.sin(turn), center[1] + x * np.sin(turn) + y * np.cos(turn)], 1
    )
    return polygon(size, corners)


def polygon(size: int, corners: Points) -> FloatImage:
    """A filled polygon with smooth edges; corners (x, y) in pixels."""
    canvas = np.zeros((size, size), np.uint8)
    cv2.fillPoly(canvas, [np.round(corners * 2**_SHIFT).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) * np.float32(1 / 255)


def stroke(
    size: int, path: Points, width: float | NDArray[np.float64], strength: NDArray[np.float64] | None = None
) -> FloatImage:
    """A line along a path.

    Args:
        path: N×2 points (x, y) in pixels.
        width: in pixels, one for all or one for each of the N-1 segments; below 1 the line is one pixel wide and paler.
        strength: in [0, 1] for each of the N-1 segments (tapering, gaps), 1 where not given.
    """
    canvas = np.zeros((size, size), np.uint8)
    fixed = np.round(path * 2**_SHIFT).astype(np.int32)
    if strength is None and isinstance(width, float):
        pale = 255 * min(width, 1.0)
        cv2.polylines(canvas, [fixed], False, pale, max(round(width), 1), cv2.LINE_AA, _SHIFT)
    else:
        count = len(path) - 1
        widths = np.broadcast_to(width, count)
        levels = 255 * np.minimum(widths, 1.0) * (1.0 if strength is None else strength)
        thick = np.maximum(np.round(widths), 1).astype(int)
        for start, end, level, wide in zip(
            fixed[:-1].tolist(), fixed[1:].tolist(), levels.tolist(), thick.tolist(), strict=True
        ):
            cv2.line(canvas, start, end, level, wide, cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) * np.float32(1 / 255)


def wander(
    start: tuple[float, float], angle: float, length: float, steps: int, jitter: float, drift: float, rng: Generator
) -> Points:
    """A path that goes on in one direction with noise: N+1 points from `start`.

    Args:
        angle: first direction in radians.
        length: in pixels along the path.
        jitter: deviation in radians of each step's direction, forgotten at the next step (jaggedness).
        drift: deviation in radians of each step's lasting change of direction (bending).
    """
    heading = angle + np.cumsum(rng.normal(0, drift, steps)) + rng.normal(0, jitter, steps)
    pace = length / steps * rng.uniform(0.6, 1.4, steps)
    moves = np.stack([np.cos(heading) * pace, np.sin(heading) * pace], 1)
    return np.vstack([np.array(start), np.array(start) + np.cumsum(moves, axis=0)])


def taper(steps: int, rng: Generator, gaps: float = 0.0) -> NDArray[np.float64]:
    """Strength along a stroke: fades at both ends, with random weak stretches; `steps` numbers in [0, 1]."""
    place = (np.arange(steps) + 0.5) / steps
    fade = np.clip(np.minimum(place, 1 - place) / rng.uniform(0.05, 0.4), 0.15, 1)
    if gaps:
        slow = np.interp(place, np.linspace(0, 1, 8), rng.uniform(0, 1, 8))
        fade = fade * np.clip(1.4 - gaps * 2 * slow, 0.0, 1.0)
    return np.clip(fade, 0, 1)


def soften(mask: FloatImage, sigma: float) -> FloatImage:
    """The mask with its edges blurred by `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.float32) if sigma > 0.2 else mask


def blend(image: FloatImage, color: NDArray[np.floating] | FloatImage, alpha: FloatImage) -> FloatImage:
    """`color` (RGB or S×S×3) laid over the image with opacity `alpha` (S×S)."""
    return image + (np.asarray(color, np.float32) - image) * alpha[..., None]


def scale_light(image: FloatImage, factor: FloatImage) -> FloatImage:
    """The image with its brightness multiplied by `factor` (S×S)."""
    return image * factor[..., None]


def relief(height: FloatImage, light_angle: float) -> FloatImage:
    """Shading of a height field lit from an angle in radians: positive where it faces the light, peak 1."""
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3)
    shade = np.asarray(-(np.float32(np.cos(light_angle)) * dx + np.float32(np.sin(light_angle)) * dy), np.float32)
    peak = float(np.abs(shade).max())
    return shade / np.float32(peak) if peak > 0 else shade


def strongest(picture: NDArray[Any]) -> NDArray[Any]:
    """The largest of the three channels at each pixel, S×S; many times faster than `max(axis=2)`."""
    return np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2])


def greyness(picture: NDArray[Any]) -> FloatImage:
    """The mean of the three channels at each pixel, S×S; many times faster than `mean(axis=2)`."""
    return np.asarray(cv2.transform(picture, np.full((1, 3), 1 / 3, np.float32)), np.float32)
