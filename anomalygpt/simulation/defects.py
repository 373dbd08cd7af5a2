"""The kinds of defect, and those that are drawn onto the picture of a part."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation import defect_cracks, defect_lines, defect_spots
from anomalygpt.simulation.base import FloatImage
from anomalygpt.simulation.strokes import Mask, strongest

KINDS: tuple[str, ...] = (
    "scratch",
    "crack",
    "hole",
    "stain",
    "dent",
    "cut",
    "missing part",
    "misplaced part",
    "bent part",
    "color fault",
    "contamination",
    "print fault",
    "damage",
)
"""Every kind of defect that a sample may carry; "damage" is a pasted patch (`cut_paste`)."""

_DRAWN: dict[str, Callable[[FloatImage, Mask, Generator], FloatImage]] = {
    "scratch": defect_lines.scratch,
    "crack": defect_cracks.crack,
    "cut": defect_lines.cut,
    "hole": defect_spots.hole,
    "stain": defect_spots.stain,
    "dent": defect_spots.dent,
    "color fault": defect_spots.color_fault,
    "contamination": defect_spots.contamination,
}

DRAWN: tuple[str, ...] = tuple(_DRAWN)
"""The kinds that `apply_defect` can draw."""


_NOTHING = 0.014
"""Smallest difference of a channel, in [0, 1] units, that is more than rounding."""
_FAINT = 0.035
"""Difference that always counts, unless the defect is so strong that this is only its halo."""
_FADING = 0.35
"""Share of its strongest difference down to which a faint defect is followed."""
_HALO = 0.12
"""Share of its strongest difference below which the rim of a strong defect no longer counts as part of it."""


def apply_defect(kind: str, image: FloatImage, part: Mask, rng: Generator) -> tuple[FloatImage, Mask]:
    """Draws one defect onto a part.

    Args:
        kind: one of `DRAWN`.
        image: float32 S×S×3 in [0, 1]; left as it is.
        part: bool S×S, where the part is; nothing changes outside.

    Returns:
        The new image, float32 in [0, 1], and bool S×S, where it differs from the old one so that it can be seen.

    Raises:
        ValueError: the kind is not among `DRAWN`.
    """
    if kind not in _DRAWN:
        raise ValueError(f"'{kind}' is no defect that can be drawn; choose one of {', '.join(DRAWN)}")
    inside = cv2.GaussianBlur(part.astype(np.float32), (3, 3), 0) * part
    drawn = _DRAWN[kind](image, part, rng)
    changed = np.clip(image + (drawn - image) * inside[..., None], 0.0, 1.0).astype(np.float32, copy=False)
    return changed, difference_mask(image, changed)


def difference_mask(
    before: FloatImage | NDArray[np.uint8], after: FloatImage | NDArray[np.uint8], solid: bool = False
) -> Mask:
    """Where two pictures differ visibly, cleaned of specks and pinholes, bool S×S.

    Args:
        before, after: S×S×3, both float32 in [0, 1] or both uint8.
        solid: whether wider gaps are closed, too: for a changed form, whose inside may look the same by chance.
    """
    gap = strongest(cv2.absdiff(before, after))
    full = 255.0 if gap.dtype == np.uint8 else 1.0
    over = gap[gap > _NOTHING * full]
    if not over.size:
        return np.zeros(gap.shape, bool)
    strong = float(np.percentile(over, 95)) / full
    least = np.clip(_FADING * strong, _NOTHING, max(_FAINT, _HALO * strong))
    seen = (gap > least * full).astype(np.uint8)
    unit = before.shape[0] / 224
    side = max(3, 2 * round((4 if solid else 2) * unit) + 1)
    closed = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= max(4, round(5 * unit * unit))
    keep[0] = False
    clean = np.asarray(keep[labels] if count > 1 else closed, np.uint8)
    return _fill(clean, limit=(0.03 if solid else 0.002) * clean.size).astype(bool)


def _fill(mask: NDArray[np.uint8], limit: float) -> NDArray[np.uint8]:
    """The mask with enclosed gaps of at most `limit` pixels filled."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    if count < 3:
        return mask
    small = stats[:, cv2.CC_STAT_AREA] <= limit
    small[0] = False
    return np.maximum(mask, small[labels].astype(np.uint8))
