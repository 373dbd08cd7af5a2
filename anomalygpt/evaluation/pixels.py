"""Metrics of pixels, exact and in memory that does not grow with the number of photos.

Maps wait in a file. Their values are sorted group by group: a first pass counts how many values share the upper 16
bits of their float32 form, which order as the values do; then each group of neighbouring prefixes that fits into
memory is read, sorted and added to the curves, the highest values first. The result is that of sorting all at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

PRO_LIMIT = 0.3
"""Share of false positive pixels up to which the PRO curve is integrated."""

GROUP_VALUES = 4_000_000
"""So many values are sorted in memory at a time."""

CURVE_POINTS = 200
"""Points kept of each curve, for plots."""

_PREFIXES = 1 << 16


@dataclass(frozen=True)
class PixelFigures:
    """Metrics of the pixels of one category; None where there is nothing to tell apart.

    Attributes:
        auroc: area under the ROC curve.
        average_precision: of the anomalous pixels.
        f1_at_best_test_threshold: highest F1 score over all thresholds.
        aupro: area under the per-region-overlap curve up to `PRO_LIMIT` false positives, divided by `PRO_LIMIT`.
        curve: points (false positive rate, true positive rate, mean overlap of the regions), rising.
    """

    auroc: float | None = None
    average_precision: float | None = None
    f1_at_best_test_threshold: float | None = None
    aupro: float | None = None
    curve: tuple[tuple[float, float, float], ...] = ()


class PixelStore:
    """Maps of several methods and the regions of the masks, appended photo by photo to files in a folder.

    Args:
        folder: to write into; must exist.
        methods: names.
    """

    def __init__(self, folder: Path, methods: tuple[str, ...]) -> None:
        self._paths = {method: folder / f"{index}.f32" for index, method in enumerate(methods)}
        self._regions = folder / "regions.u16"
        for path in (*self._paths.values(), self._regions):
            path.write_bytes(b"")
        self._lengths: list[int] = []
        self._sizes: list[NDArray[np.int64]] = []

    def add(self, mask: NDArray[np.bool_], maps: dict[str, NDArray[np.float32]]) -> None:
        """Adds one photo: its mask and each method's map, all H×W.

        Raises:
            ValueError: a map is not of the mask's size or holds values that are not finite.
        """
        # OpenCV counts pixels that touch at a corner as connected, as the published measure does.
        count, regions = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_16U)
        for method, path in self._paths.items():
            values = np.ascontiguousarray(maps[method], np.float32) + np.float32(0)  # no negative zero
            if values.shape != mask.shape or not np.isfinite(values).all():
                raise ValueError(f"the map of '{method}' is {values.shape}, or not finite; the mask is {mask.shape}")
            _append(path, values)
        _append(self._regions, regions)
        self._lengths.append(mask.size)
        self._sizes.append(np.bincount(regions.ravel(), minlength=count)[1:])

    def figures(self, method: str) -> PixelFigures:
        """The metrics of one method over all photos added."""
        positives = int(sum(int(sizes.sum()) for sizes in self._sizes))
        negatives = sum(self._lengths) - positives
        if not positives or not negatives:
            return PixelFigures()
        areas = _Areas(negatives, positives)
        regions = sum(len(sizes) for sizes in self._sizes)
        for chunk in self._descending(self._paths[method], regions):
            areas.add(*chunk)
        return areas.figures()

    def _photos(self, path: Path) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.uint16], NDArray[np.int64]]]:
        """Sortable values, region numbers and region sizes of each photo."""
        with path.open("rb") as maps, self._regions.open("rb") as numbers:
            for length, sizes in zip(self._lengths, self._sizes, strict=True):
                values = np.frombuffer(maps.read(4 * length), np.float32)
                yield _sortable(values), np.frombuffer(numbers.read(2 * length), np.uint16), sizes

    def _descending(
        self, path: Path, regions: int
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
        """Normal pixels, anomalous pixels and region overlap gained at each distinct value, from the highest on."""
        counts = np.zeros(_PREFIXES, np.int64)
        for values, _, _ in self._photos(path):
            counts += np.bincount(values >> 16, minlength=_PREFIXES)
        for low, high in _groups(counts):
            if high - low == 1 and counts[low] > GROUP_VALUES:
                gained = self._one_prefix(path, low, regions)
            else:
                gained = self._sorted(path, low, high, regions)
            yield gained[0][::-1], gained[1][::-1], gained[2][::-1]

    def _sorted(self, path: Path, low: int, high: int, regions: int) -> tuple[Any, Any, Any]:
        """Gains at the distinct values whose prefix is in [low, high), ascending."""
        kept, weights = [], []
        for values, numbers, sizes in self._photos(path):
            prefixes = values >> 16
            inside = np.flatnonzero((prefixes >= low) & (prefixes < high))
            kept.append(values[inside])
            weights.append(_weights(numbers[inside], sizes, regions))
        distinct, which = np.unique(np.concatenate(kept), return_inverse=True)
        weight = np.concatenate(weights)
        anomalous = weight > 0
        return (
            np.bincount(which[~anomalous], minlength=len(distinct)),
            np.bincount(which[anomalous], minlength=len(distinct)),
            np.bincount(which, weights=weight, minlength=len(distinct)),
        )

    def _one_prefix(self, path: Path, prefix: int, regions: int) -> tuple[Any, Any, Any]:
        """The same for a prefix that very many values share: they differ in 16 bits only, so they are counted."""
        gains = (np.zeros(_PREFIXES, np.int64), np.zeros(_PREFIXES, np.int64), np.zeros(_PREFIXES))
        for values, numbers, sizes in self._photos(path):
            inside = np.flatnonzero(values >> 16 == prefix)
            rest = values[inside] & (_PREFIXES - 1)
            weight = _weights(numbers[inside], sizes, regions)
            anomalous = weight > 0
            gains[0][:] += np.bincount(rest[~anomalous], minlength=_PREFIXES)
            gains[1][:] += np.bincount(rest[anomalous], minlength=_PREFIXES)
            gains[2][:] += np.bincount(rest, weights=weight, minlength=_PREFIXES)
        used = gains[0] + gains[1] > 0
        return gains[0][used], gains[1][used], gains[2][used]


class _Areas:
    """Areas under the curves, summed up while the threshold falls."""

    def __init__(self, negatives: int, positives: int) -> None:
        self.negatives, self.positives = negatives, positives
        self.false, self.true, self.overlap = 0.0, 0.0, 0.0
        self.roc, self.precision, self.f1, self.pro = 0.0, 0.0, 0.0, 0.0
        self.points: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)]

    def add(self, normal: NDArray[np.int64], anomalous: NDArray[np.int64], overlap: NDArray[np.float64]) -> None:
        """Takes the gains at the next lower values."""
        false = self.false + np.concatenate([[0], np.cumsum(normal)])
        true = self.true + np.concatenate([[0], np.cumsum(anomalous)])
        regions = self.overlap + np.concatenate([[0.0], np.cumsum(overlap)])
        self.roc += float(np.sum(np.diff(false) * (true[1:] + true[:-1]))) / 2
        self.precision += float(np.sum(np.diff(true) * (true[1:] / (true[1:] + false[1:]))))
        self.f1 = max(self.f1, float(np.max(2 * true[1:] / (true[1:] + false[1:] + self.positives))))
        rate = false / self.negatives
        self.pro += _area_up_to(rate, regions, PRO_LIMIT)
        self._keep_points(rate, true / self.positives, regions)
        self.false, self.true, self.overlap = false[-1], true[-1], regions[-1]

    def figures(self) -> PixelFigures:
        """The metrics, once all values are taken."""
        return PixelFigures(
            self.roc / (self.negatives * self.positives),
            self.precision / self.positives,
            self.f1,
            self.pro / PRO_LIMIT,
            (*self.points, (1.0, 1.0, 1.0)),
        )

    def _keep_points(self, rate: NDArray[Any], true: NDArray[Any], regions: NDArray[Any]) -> None:
        """Keeps a point for each step of either axis that is reached."""
        for axis in (rate, true):
            steps = np.floor(axis * CURVE_POINTS)
            for index in np.flatnonzero(np.diff(steps) > 0) + 1:
                self.points.append((float(rate[index]), float(true[index]), float(regions[index])))
        self.points = sorted(set(self.points))


def _area_up_to(x: NDArray[Any], y: NDArray[Any], limit: float) -> float:
    """Area under a piecewise linear curve with rising x, cut off at x = limit."""
    if x[0] >= limit:
        return 0.0
    width = np.diff(x)
    kept = np.clip(limit - x[:-1], 0.0, width)
    share = np.divide(kept, width, out=np.zeros_like(width), where=width > 0)
    return float(np.sum(kept * (y[:-1] + (y[1:] - y[:-1]) * share / 2)))


def _groups(counts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of prefixes from the highest to the lowest, each of at most `GROUP_VALUES` values or of one prefix."""
    high = _PREFIXES
    filled = 0
    for prefix in np.flatnonzero(counts)[::-1]:
        if filled and filled + counts[prefix] > GROUP_VALUES:
            yield int(prefix) + 1, high
            high, filled = int(prefix) + 1, 0
        filled += int(counts[prefix])
        if filled > GROUP_VALUES:
            yield int(prefix), int(prefix) + 1
            high, filled = int(prefix), 0
    if filled:
        yield 0, high


def _sortable(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """The bits of float32 values, changed so that they order as the values do."""
    bits = values.view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))


def _weights(numbers: NDArray[np.uint16], sizes: NDArray[np.int64], regions: int) -> NDArray[np.float64]:
    """What each pixel adds to the mean overlap of all regions: nothing where normal."""
    table = np.concatenate([[0.0], 1.0 / (sizes * max(1, regions))])
    return table[numbers]


def _append(path: Path, values: NDArray[Any]) -> None:
    with path.open("ab") as file:
        file.write(values.tobytes())


def reduce_map(values: NDArray[Any], long_side: int) -> NDArray[Any]:
    """A map (float32) or mask (bool) H×W reduced by area to that long side; as it is where it is not larger.

    A pixel of a reduced mask is anomalous where a quarter of it is, so that thin defects stay.
    """
    height, width = values.shape
    scale = long_side / max(height, width)
    if long_side == 0 or scale >= 1:
        return values
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if values.dtype == np.bool_:
        return cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.25
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)
