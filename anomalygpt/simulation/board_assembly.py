"""All components of a board at their places, painted at once through a palette."""

from __future__ import annotations

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from anomalygpt.simulation.base import FloatImage
from anomalygpt.simulation.board_parts import Component, Style
from anomalygpt.simulation.relief import Relief

TOP_HEIGHT = 0.16
"""The height that the highest value of the palette stands for, in the canvas frame."""


class Assembly:
    """All components of one board at their places, ready to be painted with small offsets.

    Args:
        parts: the components.
        places: N×3, x, y and angle (radians) of each.
    """

    def __init__(self, parts: list[Component], places: NDArray[np.float64]) -> None:
        self.parts, self.places = parts, places
        self.styles: list[Style] = []
        numbers: dict[Style, int] = {}
        points = [np.zeros((0, 2), np.float32)]
        owners: list[int] = []
        self.ends, self.tones, self.lines, self.first = [0], list[int](), list[bool](), list[int]()
        for number, part in enumerate(parts):
            self.first.append(len(self.tones))
            for outline, style, line in part.pieces:
                if style not in numbers:
                    numbers[style] = min(len(self.styles) + 1, 255)
                    self.styles.append(style)
                points.append(outline)
                owners += [number] * len(outline)
                self.ends.append(self.ends[-1] + len(outline))
                self.tones.append(numbers[style])
                self.lines.append(line)
        self.points = np.concatenate(points)
        self.owners = np.array(owners, np.int64)
        table = np.zeros((256, 6), np.uint8)
        for number, (color, height, gloss, metal) in enumerate(self.styles[:255]):
            table[number + 1] = np.clip(
                [*(np.array(color) * 255), height / TOP_HEIGHT * 255, gloss * 255, metal * 255], 0, 255
            )
        self.table = table

    def lay(
        self, board: Relief, offsets: NDArray[np.float64], absent: set[int], bend: dict[int, tuple[float, float]]
    ) -> FloatImage:
        """Paints all components onto `board` and returns what they cover, S×S in [0, 1].

        Args:
            board: the bare board.
            offsets: N×3, added to the places.
            absent: numbers of components to leave out.
            bend: number of a piece to (pivot, angle): its points past y = pivot in the part's frame are turned.
        """
        size = board.size
        local = self.points.copy()
        for piece, (pivot, angle) in bend.items():
            span = local[self.ends[piece] : self.ends[piece + 1]]
            middle = np.array([span[:, 0].mean(), pivot], np.float32)
            cos, sin = np.cos(angle), np.sin(angle)
            beyond = span[:, 1] > pivot
            span[beyond] = (span[beyond] - middle) @ np.array([[cos, sin], [-sin, cos]], np.float32) + middle
        x, y, turn = (self.places + offsets).T.astype(np.float32)
        cos, sin = np.cos(turn)[self.owners], np.sin(turn)[self.owners]
        world = np.stack(
            [
                local[:, 0] * cos - local[:, 1] * sin + x[self.owners],
                local[:, 0] * sin + local[:, 1] * cos + y[self.owners],
            ],
            1,
        )
        fixed = np.round(((world + 1) * size - 0.5) * 16).astype(np.int32)
        index = np.zeros((2 * size, 2 * size), np.uint8)
        for number, start in enumerate(self.first):
            if number in absent:
                continue
            stop = self.first[number + 1] if number + 1 < len(self.first) else len(self.tones)
            for piece in range(start, stop):
                shape = fixed[self.ends[piece] : self.ends[piece + 1]]
                if self.lines[piece]:
                    cv2.polylines(index, [shape], False, self.tones[piece], max(1, size // 190), cv2.LINE_8, 4)
                else:
                    cv2.fillConvexPoly(index, shape, self.tones[piece], cv2.LINE_8, 4)
        three = cv2.merge([index] * 3)
        cover = self._halved((index > 0).astype(np.uint8) * np.uint8(255))
        # Both are 0 where no component is, so the halved ones are already weighted with the cover.
        color = self._halved(cv2.LUT(three, self.table[:, None, :3].copy()))
        height, gloss, metal = cv2.split(self._halved(cv2.LUT(three, self.table[:, None, 3:].copy())))
        rest = 1 - cover
        board.tone(rest)
        for plane, over in zip(board.albedo, cv2.split(color), strict=True):
            plane += over
        raised = board.height * rest + height * np.float32(TOP_HEIGHT)
        board.height = np.asarray(cv2.GaussianBlur(raised, (3, 3), 0.6), np.float32)
        board.gloss = board.gloss * rest + gloss
        board.metal = np.asarray(metal, np.float32)
        return cover

    @staticmethod
    def _halved(image: MatLike) -> FloatImage:
        """An 8-bit image at half its size, in [0, 1]."""
        half = (image.shape[1] // 2, image.shape[0] // 2)
        return np.multiply(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.float32(1 / 255), dtype=np.float32)
