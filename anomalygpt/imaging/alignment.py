"""How a part lies in a photo beside how it lies in another: the turn, shift and scale that lay one on the other.

Only where both photos show the part whole on a plain background, and only where it is sure: form and colours of the two
must agree once they are laid on each other. A surface, or a part that fills the photo, has no pose to speak of, and a
round part no turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anomalygpt.imaging.part import part_mask

LARGEST_SIDE = 640
"""Photos are reduced to this longest side first; no pose is told more exactly than the model sees."""

SIDE = 48
"""Poses are compared on copies of this side, the part centred."""

SPREAD = 2.2
"""Half of such a copy is this many times the part's mean distance from its centre (root mean square)."""

STEP = 5
"""Turns that are tried, degrees."""

SMALLEST, LARGEST = 0.01, 0.75
"""Share of the photo that a part with a pose covers."""

SCALES = (0.75, 1.33)
"""How much larger or smaller the part may be than in the other photo."""

OVERLAP = 0.8
"""Least intersection over union of the two parts, laid on each other."""

BETTER = 0.03
"""A turn must agree by so much better than none."""

ASKED = 0.01
"""The outline alone must agree by so much better: what is lit on a round part stays where the lamp is when it turns."""

KEPT = 0.98
"""Share of the part that must stay in the photo when it is laid on the other."""

WORK_SIDE = 160
"""Longest side of the copies on which an alignment is settled."""

SETTLED = 0.05
"""By more of the long side than this the part may not move when it is settled: it then went astray."""

STILL_SHIFT, STILL_SCALE = 0.02, 0.04
"""A shift of this share of the long side, and a change of scale of this share, are none."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """What lays a photo on another one of the same proportions: a turn with a shift and a scale.

    Attributes:
        matrix: 2×3, from the photo's pixels to those of the other, enlarged or reduced to the photo's size.
    """

    matrix: NDArray[Any]

    def to_other(self, image: NDArray[Any]) -> NDArray[Any]:
        """A photo H×W×3, uint8, or a map of it H×W, float32, as the other photo would show it, in the same size.

        Beyond its edge a photo repeats it, and a map is zero.
        """
        return self._moved(image, cv2.INTER_CUBIC if image.ndim == 3 else cv2.INTER_LINEAR)

    def to_photo(self, anomaly_map: NDArray[np.float32]) -> NDArray[np.float32]:
        """A map of the other view, float32 H×W, back on the photo; zero where that view does not reach."""
        return self._moved(anomaly_map, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)

    def _moved(self, image: NDArray[Any], flags: int) -> NDArray[Any]:
        height, width = image.shape[:2]
        border = cv2.BORDER_REPLICATE if image.ndim == 3 else cv2.BORDER_CONSTANT
        return cv2.warpAffine(image, self.matrix, (width, height), flags=flags, borderMode=border)


class Posed:
    """One photo whose pose others are compared with.

    Args:
        photo: RGB uint8 H×W×3.
    """

    def __init__(self, photo: NDArray[np.uint8]) -> None:
        self._photo = _reduced(photo)[0]
        self._view = _View.of(self._photo)

    def alignment_of(self, photo: NDArray[np.uint8]) -> Alignment | None:
        """What lays another photo of the product on this one; None where it lies alike, or that is not sure.

        Args:
            photo: RGB uint8 H×W×3, of any size.
        """
        if self._view is None:
            return None
        photo, zoom = _reduced(photo)
        (height, width), (own_height, own_width) = photo.shape[:2], self._photo.shape[:2]
        own, other = self._view, _View.of(photo)
        if other is None or abs(height * own_width - width * own_height) > 0.02 * height * own_width:
            return None
        factor = height / own_height
        scale = own.radius * factor / other.radius
        if not SCALES[0] <= scale <= SCALES[1]:
            return None
        overlaps, likeness = own.compared(other)
        agreement = overlaps + 0.5 * likeness
        best = int(agreement.argmax())
        if agreement[best] < agreement[0] + BETTER or overlaps[best] < overlaps[0] + ASKED:
            best = 0
        if overlaps[best] < OVERLAP:
            return None
        center, target = other.center, own.center * factor
        shift = float(np.abs(target - center).max()) / max(height, width)
        if best == 0 and shift < STILL_SHIFT and abs(scale - 1) < STILL_SCALE:
            return None
        # The other photo's turns were tried on this one, so the photo itself is turned back.
        matrix = cv2.getRotationMatrix2D((float(center[0]), float(center[1])), -STEP * best, scale)
        matrix[:, 2] += target - center
        matrix = self._settled(matrix, photo, other)
        part = other.part.astype(np.float32)
        kept = Alignment(matrix).to_other(part).sum()
        if kept < KEPT * np.linalg.det(matrix[:, :2]) * part.sum():
            return None
        return Alignment(matrix / (1, 1, zoom))

    def _settled(self, matrix: NDArray[Any], photo: NDArray[np.uint8], view: _View) -> NDArray[Any]:
        """An alignment 2×3 made exact by the photos' brightness; as it was where that leads astray.

        By the enhanced correlation coefficient (Evangelidis and Psarakis, 2008), affine, of which turn, shift and scale
        are kept.
        """
        height, width = photo.shape[:2]
        zoom = WORK_SIDE / max(height, width)
        size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
        own, other = (
            cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
            for image in (self._photo, photo)
        )
        small = matrix * (1, 1, zoom)
        back = cv2.invertAffineTransform(small).astype(np.float32)
        ends = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
        try:
            warp = cv2.findTransformECC(own, other, back, cv2.MOTION_AFFINE, ends)[1]
        except cv2.error:  # it did not converge
            return matrix
        affine = cv2.invertAffineTransform(warp.astype(np.float64))
        turn = np.arctan2(affine[1, 0] - affine[0, 1], affine[0, 0] + affine[1, 1])
        scale = np.sqrt(abs(np.linalg.det(affine[:, :2])))
        found = np.empty((2, 3))
        found[:, :2] = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        center = zoom * view.center
        found[:, 2] = affine @ (*center, 1) - found[:, :2] @ center
        found[:, 2] /= zoom
        around = view.center + view.radius * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
        moved = np.abs(cv2.transform(around[None], found) - cv2.transform(around[None], matrix)).max()
        return found if moved <= SETTLED * max(height, width) else matrix


def _reduced(photo: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """A photo of at most `LARGEST_SIDE`, and its size as a share of the given one's."""
    zoom = min(1.0, LARGEST_SIDE / max(photo.shape[:2]))
    if zoom < 1.0:
        size = (max(1, round(photo.shape[1] * zoom)), max(1, round(photo.shape[0] * zoom)))
        photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return photo, zoom


@dataclass(frozen=True, eq=False)
class _View:
    """A part in its own frame: centred, at one size.

    Attributes:
        part: bool H×W, where the part is.
        center: (x, y) of the part, pixels.
        radius: root mean square distance of its pixels from the centre.
        colors: `SIDE`×`SIDE`×3 CIELAB.
        cover: `SIDE`×`SIDE` in [0, 1], of the part.
    """

    part: NDArray[np.bool_]
    center: NDArray[Any]
    radius: float
    colors: NDArray[Any]
    cover: NDArray[Any]

    @classmethod
    def of(cls, photo: NDArray[np.uint8]) -> _View | None:
        """The part of a photo; None where it has no pose."""
        part = part_mask(photo)
        if not SMALLEST <= part.mean() <= LARGEST:
            return None
        moments = cv2.moments(part.view(np.uint8), binaryImage=True)
        center = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
        radius = float(np.sqrt((moments["mu20"] + moments["mu02"]) / moments["m00"]))
        zoom = SIDE / 2 / (SPREAD * radius)
        offset = (SIDE - 1) / 2 - zoom * center
        matrix = np.array([[zoom, 0, offset[0]], [0, zoom, offset[1]]])
        # Reduced first: a warp alone would leave out pixels.
        reduction = min(1.0, zoom)
        size = (max(1, round(photo.shape[1] * reduction)), max(1, round(photo.shape[0] * reduction)))
        matrix[:, :2] /= np.array([size[0] / photo.shape[1], size[1] / photo.shape[0]])
        small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        cover = cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        colors = cv2.warpAffine(
            cv2.cvtColor(small, cv2.COLOR_RGB2LAB), matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE
        )
        return cls(part, center, radius, colors, cv2.warpAffine(cover, matrix, (SIDE, SIDE)))

    @cached_property
    def turned(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """For every turn: covers T×N, and the colours under them as vectors of length one, T×3N."""
        covers, colors = [], []
        for degrees in range(0, 360, STEP):
            middle = ((SIDE - 1) / 2, (SIDE - 1) / 2)
            matrix = cv2.getRotationMatrix2D(middle, degrees, 1.0)
            cover = cv2.warpAffine(self.cover, matrix, (SIDE, SIDE))
            covers.append(cover.ravel())
            colors.append(_unit(cv2.warpAffine(self.colors, matrix, (SIDE, SIDE)), cover))
        return np.stack(covers), np.stack(colors)

    def compared(self, other: _View) -> tuple[NDArray[Any], NDArray[Any]]:
        """For every turn of this part: intersection over union with the other, and correlation of the colours."""
        covers, colors = self.turned
        theirs = other.cover.ravel()
        overlaps = np.minimum(covers, theirs).sum(1) / np.maximum(covers, theirs).sum(1)
        return overlaps, colors @ _unit(other.colors, other.cover)


def _unit(colors: NDArray[Any], cover: NDArray[Any]) -> NDArray[Any]:
    """Colours less their mean under a cover, as one vector of length one."""
    mean = np.einsum("hwc,hw->c", colors, cover) / max(float(cover.sum()), 1e-6)
    vector = ((colors - mean) * cover[..., None]).ravel()
    return vector / max(float(np.linalg.norm(vector)), 1e-6)
