"""Simulated photos as a finished eye is shown them: how large they are, and with how many references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from anomalygpt.config.training import TrainingConfig
from anomalygpt.records import Sample
from anomalygpt.simulation.scene import make_sample

SMALLEST = 224
"""Side in pixels of every second photo."""


def photo_side(index: int, image_size: int) -> int:
    """Side of photo number `index`: by turns the eye's own, which loses nothing, and a smaller one that is enlarged.

    Users' photos come in any resolution, and what is enlarged is softer.
    """
    return max(SMALLEST, image_size) if index % 2 else SMALLEST


class ShownSamples(torch.utils.data.Dataset[tuple[Sample, int]]):
    """Item i is a sample and how many references it is shown with, 0 for none.

    Args:
        config: the recipe.
        shots: how many references, with the chance of each.
        indices: numbers of the recipe's samples.
        image_size: of the eye.
    """

    def __init__(
        self, config: TrainingConfig, shots: Mapping[int, float], indices: Sequence[int], image_size: int
    ) -> None:
        self.config, self.shots, self.indices, self.image_size = config, shots, indices, image_size

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> tuple[Sample, int]:
        seed = self.config.first_seed + self.indices[position]
        chance = np.random.default_rng((self.config.seed, seed, 2))
        count = int(chance.choice(list(self.shots), p=list(self.shots.values())))
        return make_sample((seed,), photo_side(seed, self.image_size), max(count, 1)), count


def as_is(item: Any) -> Any:
    """Hands an item on: samples are not tensors, and stay single."""
    return item
