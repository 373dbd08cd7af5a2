"""Simulated samples as an indexable sequence; every process can make any of them from the seed alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import overload

from anomalygpt.records import Sample
from anomalygpt.simulation.scene import make_sample


class SimulatedSamples(Sequence[Sample]):
    """A fixed number of simulated samples, made when asked for and not kept.

    Args:
        length: how many.
        seed: two sequences of different seeds share no sample.
        size: side of the photos in pixels.
        shots: normal references with each.
        key: of a product, "any", or None for unnamed ones only (see `make_sample`).
        anomalous: whether all (True), none (False) or about half (None) of the queries have defects.
    """

    def __init__(
        self,
        length: int,
        seed: int = 0,
        size: int = 224,
        shots: int = 1,
        key: str | None = "any",
        anomalous: bool | None = None,
    ) -> None:
        if length < 0 or seed < 0:
            raise ValueError(f"length and seed must not be negative (length {length}, seed {seed})")
        self.length = length
        self.seed = seed
        self.size = size
        self.shots = shots
        self.key = key
        self.anomalous = anomalous

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self.length))]
        at = index + self.length if index < 0 else index
        if not 0 <= at < self.length:
            raise IndexError(f"sample {index} of {self.length}")
        return make_sample((self.seed, at), self.size, self.shots, self.key, self.anomalous)

    def __iter__(self) -> Iterator[Sample]:
        return (self[at] for at in range(self.length))

    def parallel(self, workers: int) -> Iterator[Sample]:
        """All samples in order, made by several processes side by side.

        Args:
            workers: how many processes; with 1 they are made here.
        """
        if workers == 1:
            yield from self
            return
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
            yield from pool.map(self.__getitem__, range(self.length), chunksize=4)


def _one_thread() -> None:
    """Keeps OpenCV from starting threads in each of several processes, which would slow all of them."""
    import cv2

    cv2.setNumThreads(1)
