"""Regions of an anomaly map: where they lie, how large and strong they are, and how their colour differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anomalygpt.imaging.part import part_mask
from anomalygpt.records import ANOMALOUS, PLACES, Region

MAX_REGIONS = 8
"""More than this many are not listed."""

MERGE_GAP = 0.02
"""Areas closer to each other than this share of the photo's long side are one region."""

SPECK_SHARE = 0.0003
"""A region that covers less than this share of the photo is a speck."""

SPECK_PIXELS = 4
"""A region of fewer pixels than this is a speck on a photo of any size."""

SURROUNDINGS = 0.03
"""Width of the ring around a region to which its colour is compared, as a share of the long side."""

WORK_SIDE = 512
"""Areas are joined, and their form and colour measured, on a copy of this long side; box, area and peak exactly."""


def place_of(x: float, y: float, width: float, height: float) -> str:
    """Names the cell of the 3×3 grid of thirds in which a point lies (paper, section 3.3).

    Args:
        x: from 0 at the left edge of the photo to `width` at the right one; the centre of pixel i is at i + 0.5.
        y: from 0 at the upper edge to `height` at the lower one.
        width: of the photo. A point outside is taken to the nearest cell.
        height: of the photo.

    Returns:
        One of `PLACES`.
    """
    column = min(max(int(3 * x / width), 0), 2)
    row = min(max(int(3 * y / height), 0), 2)
    return PLACES[3 * row + column]


def find_regions(
    anomaly_map: NDArray[np.float32],
    photo: NDArray[np.uint8],
    threshold: float = ANOMALOUS,
    part: NDArray[np.bool_] | None = None,
) -> tuple[Region, ...]:
    """Finds the connected areas where a map reaches the threshold.

    Areas less than `MERGE_GAP` apart are joined first, so that a broken line is one scratch. Then specks (fewer
    pixels than `SPECK_PIXELS` or a smaller share than `SPECK_SHARE`) are dropped; where there are only specks, the
    one with the highest peak stays. So there is a region wherever the map reaches the threshold at all.

    Args:
        anomaly_map: float32 H×W in [0, 1].
        photo: RGB uint8 H×W×3, the photo of the map.
        threshold: the least value inside a region.
        part: bool H×W, True on the part, for shares and surroundings; `part_mask` of the photo where not given.

    Returns:
        At most `MAX_REGIONS`, the highest peak first, of equal peaks the larger area first. A region without
        surroundings (it fills the photo) has no colour difference: zeros.

    Raises:
        ValueError: map, photo and part are not of one size.
    """
    shape = anomaly_map.shape
    if photo.shape != (*shape, 3) or (part is not None and part.shape != shape):
        raise ValueError(
            f"map {shape}, photo {photo.shape} and part {None if part is None else part.shape} are not of one size"
        )
    above = (anomaly_map >= threshold).view(np.uint8)
    if not above.any():
        return ()
    scale = -(-max(shape) // WORK_SIDE)
    size = (-(-shape[1] // scale), -(-shape[0] // scale))
    coverage = _reduced(above * np.uint8(255), size).astype(np.float32) / 255
    groups, areas = _grouped(coverage)
    areas *= above.size / coverage.size
    # The cells of the reduced copy are the pixels' nearest, so every pixel finds the group of its own cell.
    full_groups = cv2.resize(groups, shape[::-1], interpolation=cv2.INTER_NEAREST)
    kept: NDArray[Any] = np.flatnonzero(areas >= max(SPECK_PIXELS, SPECK_SHARE * above.size))
    if not kept.size:
        x, y = cv2.minMaxLoc(anomaly_map)[3]
        kept = full_groups[y : y + 1, x]
    cores = [_core(int(group), groups, full_groups, above, anomaly_map) for group in kept]
    cores.sort(key=lambda core: (-core.peak, -core.area, core.box))
    scene = _Scene.of(anomaly_map, photo, part, coverage, groups, size)
    return tuple(scene.describe(core, index) for index, core in enumerate(cores[:MAX_REGIONS], 1))


def _reduced(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Reduces an array to (width, height) by area."""
    return image if image.shape[1::-1] == size else cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _grouped(coverage: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Joins what is close: (group of each cell, with a margin around it, 0 for none; cells in each group)."""
    radius = max(1, round(MERGE_GAP / 2 * max(coverage.shape)))
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    count, labels = cv2.connectedComponents(cv2.dilate((coverage > 0).astype(np.uint8), near))
    areas = np.bincount(labels.ravel(), weights=coverage.ravel(), minlength=count)
    return labels.astype(np.uint16), areas


@dataclass(frozen=True)
class _Core:
    """What is measured of a region in the photo's own pixels."""

    group: int
    window: tuple[slice, slice]
    box: tuple[int, int, int, int]
    area: int
    peak: float


def _core(
    group: int,
    groups: NDArray[Any],
    full_groups: NDArray[Any],
    above: NDArray[Any],
    anomaly_map: NDArray[Any],
) -> _Core:
    """Measures box, area and peak of one group."""
    left, top, width, height = cv2.boundingRect((groups == group).view(np.uint8))
    window = (slice(top, top + height), slice(left, left + width))
    step_y, step_x = above.shape[0] / groups.shape[0], above.shape[1] / groups.shape[1]
    x, y = int(left * step_x), int(top * step_y)
    crop = (slice(y, int(np.ceil((top + height) * step_y))), slice(x, int(np.ceil((left + width) * step_x))))
    inside = (full_groups[crop] == group).view(np.uint8) & above[crop]
    box_left, box_top, box_width, box_height = cv2.boundingRect(inside)
    return _Core(
        group=group,
        window=window,
        box=(x + box_left, y + box_top, x + box_left + box_width, y + box_top + box_height),
        area=cv2.countNonZero(inside),
        peak=float(cv2.minMaxLoc(anomaly_map[crop], inside)[1]),
    )


@dataclass(frozen=True, eq=False)
class _Scene:
    """The reduced copy on which form and colour of the regions are measured."""

    shape: tuple[int, int]
    weights: NDArray[Any]
    coverage: NDArray[Any]
    groups: NDArray[Any]
    lab: NDArray[Any]
    part: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        anomaly_map: NDArray[Any],
        photo: NDArray[Any],
        part: NDArray[np.bool_] | None,
        coverage: NDArray[Any],
        groups: NDArray[Any],
        size: tuple[int, int],
    ) -> _Scene:
        """Reduces map, photo and part to the size of the groups."""
        small = _reduced(photo, size)
        lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        small_part = part_mask(small) if part is None else _reduced(part.view(np.uint8) * np.uint8(255), size) > 127
        weights = _reduced(anomaly_map, size) * coverage
        return cls((photo.shape[0], photo.shape[1]), weights, coverage, groups, lab, small_part)

    def describe(self, core: _Core, index: int) -> Region:
        """Measures form, place and colour of a region."""
        inside = (self.groups[core.window] == core.group) * self.coverage[core.window]
        weights = (inside > 0) * self.weights[core.window]
        step_y, step_x = self.shape[0] / self.coverage.shape[0], self.shape[1] / self.coverage.shape[1]
        rows = (np.arange(core.window[0].start, core.window[0].stop) + 0.5) * step_y
        columns = (np.arange(core.window[1].start, core.window[1].stop) + 0.5) * step_x
        total = max(float(weights.sum()), 1e-12)
        x = float(weights.sum(axis=0) @ columns) / total
        y = float(weights.sum(axis=1) @ rows) / total
        elongation, angle = _form(inside, rows, columns)
        outside_part = float(inside[~self.part[core.window]].sum())
        part_area = float(np.count_nonzero(self.part) + outside_part) * step_x * step_y
        return Region(
            index=index,
            box=core.box,
            centroid=(x, y),
            area=core.area,
            share=min(1.0, core.area / max(part_area, core.area)),
            peak=core.peak,
            place=place_of(x, y, self.shape[1], self.shape[0]),
            elongation=elongation,
            angle=angle,
            color_difference=self._color_difference(core),
        )

    def _color_difference(self, core: _Core) -> tuple[float, float, float]:
        """Mean CIELAB colour of a region less that of the ring around it, on the part where it can be."""
        reach = max(2, round(SURROUNDINGS * max(self.coverage.shape)))
        window = tuple(slice(max(0, side.start - reach), side.stop + reach) for side in core.window)
        coverage, lab, part = self.coverage[window], self.lab[window], self.part[window]
        inside = (self.groups[window] == core.group) * coverage
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        ring = (cv2.dilate((inside > 0).astype(np.uint8), disc) > 0) & (coverage == 0)
        if np.count_nonzero(ring & part) >= 0.25 * np.count_nonzero(ring):
            ring &= part
        if not ring.any():
            return 0.0, 0.0, 0.0
        own = np.einsum("hw,hwc->c", inside, lab) / inside.sum()
        difference = own - lab[ring].mean(axis=0)
        return float(difference[0]), float(difference[1]), float(difference[2])


def _form(inside: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any]) -> tuple[float, float]:
    """(elongation, angle) of an area from its second moments.

    Args:
        inside: h×w, share of each cell that belongs to the area.
        rows: where the centres of the cells lie, pixels down.
        columns: the same, pixels to the right.
    """
    total = inside.sum()
    across, down = inside.sum(axis=0), inside.sum(axis=1)
    x = columns - across @ columns / total
    y = rows - down @ rows / total
    # A cell has an extent of its own, which makes a line of one cell's width long and not infinitely thin.
    step = columns[1] - columns[0] if len(columns) > 1 else 1.0
    xx = float(across @ x**2 / total) + step**2 / 12
    yy = float(down @ y**2 / total) + step**2 / 12
    xy = -float(y @ inside @ x / total)  # the photo's y points down, the angle is measured upwards
    root = float(np.hypot(xx - yy, 2 * xy))
    elongation = np.sqrt((xx + yy + root) / max(xx + yy - root, 1e-12))
    angle = np.degrees(0.5 * np.arctan2(2 * xy, xx - yy)) % 180
    return float(elongation), float(angle) % 180.0
