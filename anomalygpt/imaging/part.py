"""Estimates where the part lies in a photo, by the colours along the photo's border."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

WORK_SIDE = 160
"""The estimate is made on a copy of this long side."""

BORDER = 0.03
"""Width of the border that shows the background, as a share of the long side."""


LARGEST_SPREAD = 5.0
"""Of the border's colours around the fitted background, CIELAB units; above it the border is patterned."""

LARGEST_SHADING = 30.0
"""How far the fitted background may go from its mean colour, CIELAB units; light alone does no more."""

LARGEST_COVER = 0.45
"""Share of the border that parts may cover."""

MOST_ENTRIES = 2
"""Stretches of the border that parts may cover. A pattern enters the photo at many places."""

SMALLEST_PIECE = 0.004
"""Share of the photo below which a piece is a crumb, not a part."""

SMALLEST_SHARE = 0.05
"""Share of the photo below which all pieces together are stains on a surface."""

SMALLEST_SPAN = 0.35
"""The same for the longer side of their box."""

SMALLEST_STRENGTH = 1.5
"""Half of the part must differ this many times more than the decision asks; light on a surface does not."""


def part_mask(photo: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Estimates which pixels show the part, where it lies on a plain or smoothly shaded background.

    The background is taken for a quadratic surface in CIELAB, fitted robustly to the photo's border. What differs
    from it is the part, holes filled. Where the border is patterned or mostly covered, or what differs is too
    little to be a part (a stain on a plain surface), there is no background to tell: the photo shows a surface.

    Args:
        photo: RGB uint8 H×W×3.

    Returns:
        Bool H×W, True on the part; all True where no background can be told.
    """
    height, width = photo.shape[:2]
    scale = min(1.0, WORK_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    rim = _rim(*lab.shape[:2])
    difference = _difference_to_background(lab, rim)
    if difference is not None:
        part = _cleaned(difference)
        if _plausible(part, difference):
            return cv2.resize(part * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR) > 127
    return np.ones((height, width), np.bool_)


def _rim(height: int, width: int) -> NDArray[np.bool_]:
    """Bool h×w, True along the border."""
    thickness = max(2, round(BORDER * max(height, width)))
    rim = np.ones((height, width), np.bool_)
    rim[thickness:-thickness, thickness:-thickness] = False
    return rim


def _difference_to_background(lab: NDArray[Any], rim: NDArray[np.bool_]) -> NDArray[Any] | None:
    """Distance in CIELAB of each pixel from the fitted background, 1 at the decision; None where there is none.

    Args:
        lab: CIELAB float32 h×w×3.
        rim: bool h×w, the pixels that show the background.
    """
    height, width = lab.shape[:2]
    x, y = np.meshgrid(np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32))
    surface = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    terms, colors = surface[rim], lab[rim]
    # Robust least squares: what covers a part of the border loses its weight round by round. The slopes are held
    # back a little, so that they stay tame where only one side shows the background.
    ridge = np.diag(np.array([0, 1, 1, 1, 1, 1], np.float32)) * np.float32(0.01 * len(terms))
    model = np.zeros((6, 3), np.float32)
    model[0] = np.median(colors, axis=0)
    for _ in range(8):
        residual = np.linalg.norm(colors - terms @ model, axis=1)
        scale = 2 * max(1.0, float(np.median(residual)))
        weighted = terms / (1 + (residual / scale)[:, None] ** 2)
        model = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ colors)
    fitted = terms @ model
    residual = np.linalg.norm(colors - fitted, axis=1)
    spread = float(np.median(residual))
    shading = float(np.linalg.norm(fitted - fitted.mean(axis=0), axis=1).max())
    # A part differs by several times the grain of the background, and by what an eye sees at once (8 units).
    limit = float(np.clip(4 * spread, 8, 16))
    if spread > LARGEST_SPREAD or shading > LARGEST_SHADING or np.mean(residual > limit) > LARGEST_COVER:
        return None
    difference = np.linalg.norm(lab - surface @ model, axis=2)
    # On an uneven background, shadows and light differ too, but less than the part itself does.
    parted = difference[difference > limit]
    if len(parted):
        limit = float(np.clip(0.4 * np.percentile(parted, 75), limit, max(limit, min(8 * spread, 24))))
    return difference / np.float32(limit)


def _cleaned(difference: NDArray[Any]) -> NDArray[np.uint8]:
    """The part as 0 or 1, h×w: specks removed, gaps closed, holes filled."""
    part: NDArray[Any] = (difference > 1).astype(np.uint8)
    part = cv2.morphologyEx(part, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    part = cv2.morphologyEx(part, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    # What is no part and not joined to the border is a hole, or a gap, in the part.
    _, labels = cv2.connectedComponents(1 - part, connectivity=4)
    outside = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    filled = np.where(np.isin(labels, outside) & (part == 0), 0, 1).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(filled)
    kept = stats[:, cv2.CC_STAT_AREA] >= SMALLEST_PIECE * filled.size
    kept[0] = False
    return kept[labels].astype(np.uint8)


def _plausible(part: NDArray[np.uint8], difference: NDArray[Any]) -> bool:
    """Whether what differs is a part, rather than stains, grain or the pattern of a surface."""
    if not part.any():
        return False
    left, top, width, height = cv2.boundingRect(part)
    span = max(width / part.shape[1], height / part.shape[0])
    middle = left <= part.shape[1] / 2 <= left + width and top <= part.shape[0] / 2 <= top + height
    edge = np.concatenate([part[0], part[1:, -1], part[-1, -2::-1], part[-2:0:-1, 0]])
    entries = int(np.count_nonzero(np.diff(edge, append=edge[:1]) == 1))
    return bool(
        part.mean() >= SMALLEST_SHARE
        and span >= SMALLEST_SPAN
        and middle  # a part is photographed for its own sake
        and entries <= MOST_ENTRIES
        and np.median(difference[part > 0]) >= SMALLEST_STRENGTH
    )
