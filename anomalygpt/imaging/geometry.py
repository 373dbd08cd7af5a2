"""The one geometry between a photo and the square that the encoder sees, and its exact inverse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Resampling = Literal["area", "bicubic"]

MASK_COVERAGE = 0.25
"""A pixel of a reduced mask is True where at least this share of it is covered: a crack of half a pixel is kept."""


@dataclass(frozen=True)
class Geometry:
    """How a photo lies in a square: scaled with its aspect ratio kept, centred, the rest padded.

    Query, references and masks all go through it, so one place of the square is one place of the part.
    Pixel centres are mapped to pixel centres: photo x becomes `left + (x + 0.5) * inner_width / width - 0.5`.

    Attributes:
        height, width: of the photo, pixels.
        size: side of the square, pixels.
    """

    height: int
    width: int
    size: int

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.size) < 1:
            raise ValueError(f"a photo of {self.width}×{self.height} pixels does not fit a square of {self.size}")

    @classmethod
    def fit(cls, height: int, width: int, size: int) -> Geometry:
        """The geometry of a photo of `height`×`width` in a square of side `size`, any integer type."""
        return cls(int(height), int(width), int(size))

    @property
    def inner_height(self) -> int:
        """Height of the photo within the square, pixels."""
        return max(1, round(self.height * self.size / max(self.height, self.width)))

    @property
    def inner_width(self) -> int:
        """Width of the photo within the square, pixels."""
        return max(1, round(self.width * self.size / max(self.height, self.width)))

    @property
    def top(self) -> int:
        """First row of the photo within the square."""
        return (self.size - self.inner_height) // 2

    @property
    def left(self) -> int:
        """First column of the photo within the square."""
        return (self.size - self.inner_width) // 2

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Bool S×S, True where the square shows the photo, False in the padding. Read-only."""
        inside = np.zeros((self.size, self.size), np.bool_)
        inside[self._window] = True
        inside.setflags(write=False)
        return inside

    def to_square(self, image: NDArray[Any], resampling: Resampling = "area") -> NDArray[Any]:
        """Places a photo or a map of it into the square.

        Args:
            image: H×W×3, padded by repeating its edge, or a mask or map H×W, padded with zero. Of any type that
                OpenCV resizes (uint8, uint16, float32, float64), or bool, which stays bool.
            resampling: "area" (by area where the image shrinks, cubic where it grows) or, for uint8 photos, "bicubic"
                (Pillow's, as CLIP's own preprocessing).

        Returns:
            S×S×3 or S×S of the same type.

        Raises:
            ValueError: the image is not of this geometry's size.
        """
        self._check(image, (self.height, self.width))
        if image.dtype == np.bool_:
            return self.to_square(image.astype(np.float32)) >= MASK_COVERAGE
        if resampling == "bicubic":
            photo = Image.fromarray(image)
            inner = np.asarray(photo.resize((self.inner_width, self.inner_height), Image.Resampling.BICUBIC))
        else:
            inner = _resized(image, self.inner_height, self.inner_width)
        bottom = self.size - self.top - self.inner_height
        right = self.size - self.left - self.inner_width
        border = cv2.BORDER_REPLICATE if image.ndim == 3 else cv2.BORDER_CONSTANT
        return cv2.copyMakeBorder(inner, self.top, bottom, self.left, right, border)

    def to_photo(self, square: NDArray[Any]) -> NDArray[Any]:
        """Brings a map or mask of the square back to the pixels of the photo: the inverse, padding cut off.

        Args:
            square: S×S, float32, float64, uint8 or bool.

        Returns:
            H×W of the same type, within the range of the values given.

        Raises:
            ValueError: the map is not of this geometry's size.
        """
        self._check(square, (self.size, self.size))
        if square.dtype == np.bool_:
            return self.to_photo(square.astype(np.float32)) >= 0.5
        inner = np.ascontiguousarray(square[self._window])
        # A cubic overshoots, and the peak of a map means something.
        return np.clip(_resized(inner, self.height, self.width), inner.min(), inner.max())

    @property
    def _window(self) -> tuple[slice, slice]:
        return slice(self.top, self.top + self.inner_height), slice(self.left, self.left + self.inner_width)

    @staticmethod
    def _check(image: NDArray[Any], shape: tuple[int, int]) -> None:
        if image.ndim not in (2, 3) or image.shape[:2] != shape:
            raise ValueError(f"an array of shape {image.shape} was given where {shape[0]}×{shape[1]} is expected")


def _resized(image: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Resizes by area where the image shrinks and by cubic interpolation where it grows; always a copy."""
    if image.shape[:2] == (height, width):
        return image.copy()
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
