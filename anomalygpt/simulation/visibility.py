"""Whether a defect that was put on can be seen in the photo, so that labels are honest."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from anomalygpt.simulation.base import FloatImage
from anomalygpt.simulation.strokes import Mask, greyness, strongest

Surface = Literal["object", "drawn", "pasted"]

LEAST_AREA = 20
"""Fewest pixels of a defect in a photo of 224×224."""
LEAST_CONTRAST = 0.08
"""Smallest mean difference within the mask, in [0, 1] units of the channel that differs most."""
LEAST_SIGNAL = 12.0
"""Smallest mean difference times the root of the area, in deviations of the sensor noise."""
LEAST_WEIGHT = 1.0
"""Smallest mean difference times the root of the area in pixels at 224×224."""
LEAST_RELIEF = 0.9
"""Smallest mean difference as a share of the part's own roughness at the place, unless the change is large."""
LEAST_STRANGENESS = 3.2
"""On a surface: how unusual a pasted patch must be in colour or roughness, in deviations of the good surface."""
LEAST_NOVELTY = 2.2
"""On a surface: smallest change of local colour or roughness, in deviations of the good surface."""
LEAST_SPREAD = 0.65
"""Share of the smallest change that is enough for a defect which covers much."""


def visible(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    mask: Mask,
    part: Mask,
    noise: float,
    surface: Surface = "object",
) -> bool:
    """Whether the change from one photo to the other is one that a careful inspector would see.

    Args:
        before, after: uint8 S×S×3, the photos of the good and the defective part in the same exposure.
        mask: bool S×S, where they differ.
        part: bool S×S, where the part is.
        noise: deviation of the sensor noise in [0, 1] units.
        surface: "drawn" and "pasted" are for defects on a surface, which must stand out from its own variation too:
            a pasted patch that looks like any other place of the surface is none.
    """
    area = int(np.count_nonzero(mask))
    relative = area / (before.shape[0] / 224) ** 2
    if relative < LEAST_AREA:
        return False
    contrast = float(strongest(cv2.absdiff(before[mask][None], after[mask][None])).mean()) / 255
    if contrast < LEAST_CONTRAST or contrast * np.sqrt(relative) < max(LEAST_WEIGHT, LEAST_SIGNAL * noise):
        return False
    sigma = 1.6 * before.shape[0] / 224
    window = _window(mask)
    new, old = _features(after[window], sigma)[mask[window]], _features(before[window], sigma)[mask[window]]
    if contrast < LEAST_RELIEF * float(old[:, 3].mean()) / 255 * min(1.0, 400 / relative):
        return False
    if surface == "object":
        return True
    own = part & ~mask if np.count_nonzero(part & ~mask) > 100 else part
    usual = _features(before, sigma)[::2, ::2][own[::2, ::2]]
    deviation = usual.std(axis=0) + 1.5
    if surface == "drawn":
        # The eye sums along a long line or over a wide spot what it would not see in a small one.
        spread = max(LEAST_SPREAD, min(1.0, np.sqrt(400 / relative)))
        return _ninth_decile(new - old, deviation) > LEAST_NOVELTY * spread
    shift = np.abs(new.mean(axis=0) - old.mean(axis=0)) / deviation
    return _ninth_decile(new - usual.mean(axis=0), deviation) > LEAST_STRANGENESS or float(shift.max()) > 1.2


def _window(mask: Mask) -> tuple[slice, slice]:
    """The box around the mask, wide enough for the features."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    rim = 8 + mask.shape[0] // 28
    return slice(max(top - rim, 0), top + height + rim), slice(max(left - rim, 0), left + width + rim)


def _features(photo: NDArray[np.uint8], sigma: float) -> FloatImage:
    """Local colour (3 channels) and local roughness (1), float32 H×W×4."""
    image = photo.astype(np.float32)
    smooth = cv2.GaussianBlur(image, (0, 0), sigma)
    rough = cv2.sqrt(cv2.GaussianBlur(greyness(cv2.multiply(image - smooth, image - smooth)), (0, 0), 1.5 * sigma))
    return np.dstack([smooth, rough])


def _ninth_decile(change: FloatImage, deviation: FloatImage) -> float:
    """How many deviations the strongest feature changed by, at the place where nine in ten changed less; change N×4."""
    return float(np.percentile((np.abs(change) / deviation).max(axis=1), 90))
