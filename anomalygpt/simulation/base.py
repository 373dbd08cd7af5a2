"""What a procedural product is, and the noise that all of them are painted with.

A product is sampled once (its identity: colours, sizes, layout) and painted many times (its natural variation: grain,
texture phase, small tolerances). Painting knows no pose, background, light or camera; `scene` adds those.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]


@dataclass
class Layer:
    """A painted part before it is placed into a photo.

    Attributes:
        color: float32 S×S×3, RGB in [0, 1].
        alpha: float32 S×S in [0, 1], 1 where the part is. All 1 for a surface.
    """

    color: FloatImage
    alpha: FloatImage


@dataclass(frozen=True)
class Pose:
    """How freely the part lies in the photo, each drawn anew for each photo.

    Attributes:
        rotation: largest turn in degrees either way (180: any direction).
        shift: largest offset from the centre as a share of the photo's side.
        scale: largest relative change of size.
        flip: whether it may lie mirrored.
    """

    rotation: float = 3.0
    shift: float = 0.02
    scale: float = 0.03
    flip: bool = False


class Product(ABC):
    """One product of fixed identity that can be painted any number of times.

    Attributes:
        key: its name, or None where it has none.
        texture: True for a surface that fills the photo, False for an object on a background.
        pose: how freely it lies.
        faults: the structural or logical kinds of defect that only the product itself can paint
            ("missing part", "misplaced part", "bent part", "print fault", ...).
    """

    key: str | None = None
    texture: bool = False
    pose: Pose = Pose()
    faults: tuple[str, ...] = ()

    @abstractmethod
    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints one instance.

        The same `rng` state with and without a fault paints the same instance, which differs only where the fault
        is: everything a fault draws at random comes from `fault_rng`, never from `rng`, and `rng` is consumed the
        same way in both cases. The truth mask of a fault is the difference of the two paintings.

        Args:
            size: side of the square canvas in pixels.
            rng: natural variation between instances.
            fault: one of `faults`, or None for a good instance.
            fault_rng: the chance within the fault; given whenever `fault` is.
        """


def smooth_noise(rng: Generator, size: int, cells: float, stretch: float = 1.0) -> FloatImage:
    """Band-limited noise of zero mean and about unit deviation, float32 size×size.

    Args:
        cells: how many bumps lie side by side across the canvas; `size` gives white noise.
        stretch: bumps are this many times longer along y than along x (grain, brushing).
    """
    across = int(np.clip(round(cells), 2, size))
    along = int(np.clip(round(cells / stretch), 2, size))
    coarse = rng.standard_normal((along, across), dtype=np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC).astype(np.float32, copy=False)


def fractal_noise(
    rng: Generator, size: int, cells: float, octaves: int = 4, roughness: float = 0.5, stretch: float = 1.0
) -> FloatImage:
    """Sum of octaves of `smooth_noise`, each `roughness` times weaker, scaled to about unit deviation."""
    total = np.zeros((size, size), np.float32)
    power = 0.0
    for octave in range(octaves):
        if cells * 2**octave > size and octave:
            break
        weight = roughness**octave
        total += weight * smooth_noise(rng, size, cells * 2**octave, stretch)
        power += weight**2
    return total / np.float32(np.sqrt(power))


def grid_xy(size: int) -> tuple[FloatImage, FloatImage]:
    """Pixel-centre coordinates (x, y), each float32 size×size, from -1 to 1; y points down."""
    line = (np.arange(size, dtype=np.float32) + 0.5) * (2.0 / size) - 1.0
    x, y = np.meshgrid(line, line)
    return x, y


def random_color(
    rng: Generator, saturation: tuple[float, float] = (0.0, 1.0), value: tuple[float, float] = (0.1, 0.95)
) -> FloatImage:
    """A random RGB colour in [0, 1] by hue, saturation and value."""
    hsv = np.array([[[rng.uniform(0, 360), rng.uniform(*saturation), rng.uniform(*value)]]], np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
