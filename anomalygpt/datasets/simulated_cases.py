"""Simulated samples as a data set to measure on: every case brings its own references and its exact mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import overload

from anomalygpt.datasets.index import Case, Category, DataError, Loaded
from anomalygpt.datasets.simulated import SimulatedSamples
from anomalygpt.records import Sample

TRAINING_SEEDS = 1_000_000
"""Training draws its samples from seeds at and over this number (see the recipes), measuring from smaller ones."""


@dataclass(frozen=True)
class SimulatedCase:
    """One simulated sample; see `Case`. Its truth is known only once it is made, which its first use does."""

    samples: SimulatedSamples
    index: int

    @property
    def name(self) -> str:
        """Number in the sequence."""
        return f"{self.index:05d}"

    @property
    def sample(self) -> Sample:
        """The sample, kept until some others have been made."""
        return _made(self.samples, self.index)

    @property
    def anomalous(self) -> bool:
        """Whether anything was done to the query."""
        return self.sample.anomalous

    @property
    def kind(self) -> str:
        """Kind of the first defect, or "good"."""
        return self.sample.defects[0].kind if self.sample.defects else "good"

    def load(self) -> Loaded:
        """Photo, mask and references of the sample."""
        return Loaded(self.sample.query, self.sample.mask, self.sample.references)


@lru_cache(maxsize=8)
def _made(samples: SimulatedSamples, index: int) -> Sample:
    return samples[index]


class SimulatedCases(Sequence[Case]):
    """A fixed number of simulated cases, made when used and not kept."""

    def __init__(self, samples: SimulatedSamples) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    @overload
    def __getitem__(self, index: int) -> Case: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Case]: ...

    def __getitem__(self, index: int | slice) -> Case | Sequence[Case]:
        if isinstance(index, slice):
            return [SimulatedCase(self.samples, at) for at in range(*index.indices(len(self)))]
        return SimulatedCase(self.samples, range(len(self))[index])

    def __iter__(self) -> Iterator[Case]:
        return (SimulatedCase(self.samples, at) for at in range(len(self)))


def index_simulated(count: int, seed: int, shots: int, size: int = 224) -> list[Category]:
    """One category of simulated cases, with that many references each.

    Raises:
        DataError: the seed is one that training draws from.
    """
    if not 0 <= seed < TRAINING_SEEDS:
        raise DataError(f"seed {seed}: simulated samples are measured on seeds 0 to {TRAINING_SEEDS - 1:,} only.")
    samples = SimulatedSamples(count, seed, size, max(1, shots))
    return [Category("simulated", (), SimulatedCases(samples), own_references=True)]
