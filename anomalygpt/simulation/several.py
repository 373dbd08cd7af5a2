"""Several parts of one kind in one photo, laid out in rows as on a tray."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from anomalygpt.simulation.base import Layer, Pose, Product
from anomalygpt.simulation.station import unstacked

_LAYOUTS: tuple[tuple[int, int], ...] = ((2, 2), (1, 2), (2, 1), (2, 3), (3, 3))
_MISSING = "missing part"
_WHOLE_GONE = 0.3
"""Chance that a missing part is one of the parts on the tray, where the part itself can also lack something."""


class Several(Product):
    """Rows and columns of instances of one product, each with its own natural variation and pose.

    Args:
        inner: the product; an object.
        rng: the layout.
    """

    pose = Pose(rotation=3.0, shift=0.02, scale=0.02)

    def __init__(self, inner: Product, rng: Generator) -> None:
        self.inner = inner
        self.key = inner.key
        self.faults = tuple(sorted({*inner.faults, _MISSING}))
        self.rows, self.columns = _LAYOUTS[int(rng.choice(len(_LAYOUTS), p=[0.5, 0.15, 0.15, 0.12, 0.08]))]
        self.looseness = float(rng.uniform(0.0, 0.05))
        self.crowding = float(rng.uniform(0.78, 1.0))

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints all of them (see `Product.paint`); a fault befalls one."""
        count = self.rows * self.columns
        cell = size // max(self.rows, self.columns)
        seeds = rng.integers(2**63, size=count)
        poses = rng.uniform(-1.0, 1.0, (count, 4))
        faulty = int(fault_rng.integers(count)) if fault is not None and fault_rng is not None else -1
        color, alpha = np.full((size, size, 3), 0.5, np.float32), np.zeros((size, size), np.float32)
        top, left = (size - cell * self.rows) // 2, (size - cell * self.columns) // 2
        for index in range(count):
            own = fault if index == faulty else None
            if own == _MISSING and fault_rng is not None:
                gone = fault_rng.random() < _WHOLE_GONE
                if gone or _MISSING not in self.inner.faults:
                    continue
            layer = self.inner.paint(cell, default_rng(seeds[index]), own, fault_rng if own else None)
            moved = self._moved(layer, cell, poses[index])
            row, column = divmod(index, self.columns)
            at = np.s_[top + row * cell : top + (row + 1) * cell, left + column * cell : left + (column + 1) * cell]
            color[at], alpha[at] = moved.color, moved.alpha
        return Layer(color, alpha)

    def _moved(self, layer: Layer, cell: int, chance: NDArray[np.float64]) -> Layer:
        """One part turned and shifted within its cell; `chance` is four numbers in [-1, 1]."""
        pose = self.inner.pose
        turn = chance[0] * min(pose.rotation, 180.0)
        zoom = self.crowding * (1.0 + chance[1] * pose.scale)
        half = (cell - 1) / 2
        move = np.asarray(cv2.getRotationMatrix2D((half, half), turn, zoom), np.float64)
        move[:, 2] += chance[2:] * self.looseness * cell
        stacked = np.dstack([layer.color, layer.alpha])
        return unstacked(cv2.warpAffine(stacked, move, (cell, cell), borderMode=cv2.BORDER_CONSTANT))
