"""NSA: natural synthetic anomalies by Poisson blending (Schlüter et al. 2022; paper, section 3.4)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.base import FloatImage
from anomalygpt.simulation.strokes import Mask, blob, pick_point

Bytes = NDArray[np.uint8]

_ERODED = 3
_MARGIN = _ERODED + 1
"""Pixels that a patch keeps from the photo's edge."""


def cut_and_paste(
    image: FloatImage, part: Mask, source: FloatImage, rng: Generator, patches: int | None = None
) -> FloatImage:
    """Pastes one or two patches of another image onto a part.

    Sides are gamma-distributed, each patch is resized on its own, and each is blended at its own centre, on the part.

    Args:
        image: float32 S×S×3 in [0, 1]; left as it is.
        part: bool S×S, where patches may lie.
        source: float32 S×S×3, another product or another instance.
        patches: how many; 1 or 2 by chance where not given.

    Returns:
        The new image, float32 in [0, 1], unchanged outside the part.
    """
    size = image.shape[0]
    before = _bytes(image)
    after = before
    donor = _bytes(source)
    for _ in range(patches if patches is not None else int(rng.choice([1, 2], p=[0.65, 0.35]))):
        after = _paste(after, part, donor, rng)
    inside = cv2.GaussianBlur(part.astype(np.float32), (3, 3), 0) * part
    delta = (after.astype(np.float32) - before) * np.float32(1 / 255)
    return np.clip(image + delta * inside[..., None], 0.0, 1.0).reshape(size, size, 3)


def reblend(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    """The image with a patch of its own blended back where it was: the blending's traces and no anomaly."""
    size = image.shape[0]
    height, width = _sides(size, rng)
    top, left = (int(rng.integers(_MARGIN, size - side - _MARGIN)) for side in (height, width))
    before = _bytes(image)
    shape = _outline(height, width, rng)
    after = _blend(before, before[top : top + height, left : left + width], shape, left, top, cv2.NORMAL_CLONE)
    return np.clip(image + (after.astype(np.float32) - before) * np.float32(1 / 255) * part[..., None], 0.0, 1.0)


def _bytes(image: FloatImage) -> Bytes:
    return np.asarray(cv2.convertScaleAbs(np.maximum(image, 0.0), alpha=255.0), np.uint8)


def _sides(size: int, rng: Generator) -> tuple[int, int]:
    """Height and width of a patch in pixels, gamma-distributed, from 3% to 40% of the side."""
    sides = np.clip(0.03 + rng.gamma(2.0, 0.07, 2), 0.035, 0.4) * size
    return max(int(sides[0]), 6), max(int(sides[1]), 6)


def _outline(height: int, width: int, rng: Generator) -> Bytes:
    """The mask of a patch, 255 inside: a rectangle, an ellipse or an irregular blob."""
    kind = rng.random()
    if kind < 0.4:
        return np.full((height, width), 255, np.uint8)
    if kind < 0.6:
        mask = np.zeros((height, width), np.uint8)
        cv2.ellipse(
            mask, (width // 2, height // 2), (max(width // 2 - 1, 1), max(height // 2 - 1, 1)), 0, 0, 360, 255, -1
        )
        return mask
    shape = blob(64, (32.0, 32.0), 22.0, rng, rough=0.7, stretch=1.2)
    inside = cv2.resize(shape, (width, height)) > 0.5
    return (inside * 255).astype(np.uint8)


def _paste(image: Bytes, part: Mask, donor: Bytes, rng: Generator) -> Bytes:
    size = image.shape[0]
    height, width = _sides(size, rng)
    top, left = int(rng.integers(0, size - height)), int(rng.integers(0, size - width))
    patch = donor[top : top + height, left : left + width]
    factor = float(np.clip(rng.normal(1.0, 0.4), 0.6, 1.5))
    height, width = (int(np.clip(side * factor, 6, 0.45 * size)) for side in (height, width))
    smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    patch = np.asarray(cv2.resize(patch, (width, height), interpolation=smooth), np.uint8)
    if rng.random() < 0.5:
        patch = np.ascontiguousarray(patch[:, ::-1])
    x, y = pick_point(part, rng)
    left, top = (int(np.clip(at - side / 2, _MARGIN, size - side - _MARGIN)) for at, side in ((x, width), (y, height)))
    shape = _outline(height, width, rng)
    under = part[top : top + height, left : left + width]
    shape[~under] = 0
    if np.count_nonzero(shape) < 12:
        return image
    return _blend(image, patch, shape, left, top, cv2.MIXED_CLONE if rng.random() < 0.2 else cv2.NORMAL_CLONE)


def _blend(image: Bytes, patch: Bytes, shape: Bytes, left: int, top: int, mode: int) -> Bytes:
    """The patch blended into the image with its own top left corner at (left, top).

    seamlessClone centres the bounding box of the mask, not the patch, so the centre is taken from that box; and it
    shrinks the mask by `_ERODED` pixels on all sides, so the mask is grown by as much before.
    """
    x, y, width, height = cv2.boundingRect(shape)
    if width < 5 or height < 5:  # OpenCV 5 fails on a mask with fewer than three rows or columns inside its border
        return image
    patch = np.ascontiguousarray(patch[y : y + height, x : x + width])
    shape = np.ascontiguousarray(shape[y : y + height, x : x + width])
    framed = cv2.copyMakeBorder(patch, _ERODED, _ERODED, _ERODED, _ERODED, cv2.BORDER_REPLICATE)
    grown = cv2.copyMakeBorder(shape, _ERODED, _ERODED, _ERODED, _ERODED, cv2.BORDER_CONSTANT)
    grown = cv2.dilate(grown, np.ones((2 * _ERODED + 1, 2 * _ERODED + 1), np.uint8))
    center = (left + x + width // 2, top + y + height // 2)
    return np.asarray(cv2.seamlessClone(framed, image, grown, center, mode), np.uint8)
