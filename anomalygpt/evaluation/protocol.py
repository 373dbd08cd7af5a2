"""What is measured on what: the settings of a run, and its units (category × shots × round) with their references."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anomalygpt.datasets.index import Category, DataError

QUESTION = "Is there any anomaly in the image?"
"""The paper's first question; the verdict is read from its answer."""

WHERE = "Where is the anomaly?"
"""Asked only where the first answer says that there is one but names no place."""

BASELINES = ("absolute-difference", "ssim", "handmade", "random-weights", "paper-rule", "fitted-threshold")

NEED_REFERENCES = ("absolute-difference", "ssim", "handmade", "fitted-threshold")
"""Baselines that have nothing to compare with, and so no figures, at zero shots."""

OURS = "ours"
"""The name of the system itself among the methods."""

PAPER_ROUND = {"mvtec": 3, "visa": 14}
"""The published few-shot runs take the training photos 4r to 4r + k - 1 of this round r."""


class SettingsError(ValueError):
    """Settings of a run that contradict each other; the message says which."""


@dataclass(frozen=True)
class RunSettings:
    """All that decides the figures of a run.

    Attributes:
        data: a folder, or "simulated:N".
        layout: of the folder.
        checkpoint: name or folder.
        adapter: folder of an adapter of that checkpoint, "" for none.
        shots: numbers of references to measure with.
        rounds: how many choices of references.
        seed: of that choice, and of simulated samples.
        references: "seeded", "first" (the first by name; own references and pooled products, see `index_mvtec`) or
            "paper" (fixed indices).
        baselines: of `BASELINES`.
        words: whether questions are asked.
        map_size: long side to which maps and masks are reduced before pixels are compared; 0 for none.
        partial_masks: whether defective photos may lack masks.
        describe: whether the session is told the category's name as the description of the part.
        dialogue: whether simulated samples are also talked about at length.
        categories: names wanted; all where empty.
    """

    data: str
    layout: str = "auto"
    checkpoint: str = "embedded"
    adapter: str = ""
    shots: tuple[int, ...] = (1,)
    rounds: int = 1
    seed: int = 0
    references: str = "seeded"
    baselines: tuple[str, ...] = ()
    words: bool = True
    map_size: int = 256
    partial_masks: bool = False
    describe: bool = False
    dialogue: bool = False
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.shots or min(self.shots) < 0 or len(set(self.shots)) < len(self.shots):
            raise SettingsError(f"--shots {self.shots}: give different numbers of references, such as 0,1,2,4")
        if self.rounds < 1:
            raise SettingsError(f"--rounds {self.rounds}: at least one")
        for name in self.baselines:
            if name not in BASELINES:
                raise SettingsError(f"--baseline {name}: not known. Choose of: {', '.join(BASELINES)}")
        if self.dialogue and not self.data.startswith("simulated:"):
            raise SettingsError("--dialogue needs facts that only simulated samples have: give --data simulated:50")
        if self.describe and self.data.startswith("simulated:"):
            raise SettingsError("--describe tells the category's name, and simulated samples have none: leave it out")

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of all that is measured, the system itself first."""
        return (OURS, *self.baselines)

    def methods_at(self, shots: int) -> tuple[str, ...]:
        """Those of them that can work with that many references."""
        return tuple(name for name in self.methods if shots or name not in NEED_REFERENCES)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Unit:
    """One category with one choice of references: what is measured, kept and resumed as a whole.

    Attributes:
        category: with its cases.
        shots: how many references each case is compared with.
        round: of the choice, from 0.
        references: chosen files; empty at zero shots and where cases bring their own.
    """

    category: Category
    shots: int
    round: int
    references: tuple[Path, ...]

    @property
    def description(self) -> str:
        """What a user would call the part: the category's own name in words."""
        return self.category.name.rsplit("/", 1)[-1].replace("_", " ")

    @property
    def key(self) -> str:
        """A file name for it."""
        plain = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in self.category.name)
        return f"{plain}-{zlib.crc32(self.category.name.encode()):08x}-{self.shots}shot-{self.round}"


def plan(categories: Sequence[Category], settings: RunSettings, layout: str) -> list[Unit]:
    """All units of a run in order. Where the rounds would not differ there is one round only.

    Raises:
        DataError: a category has too few good photos.
    """
    units = []
    for category in categories:
        for shots in settings.shots:
            if not shots or category.own_references:
                units.append(Unit(category, shots, 0, ()))
                continue
            for number in range(1 if settings.references == "first" else settings.rounds):
                units.append(Unit(category, shots, number, _chosen(category, shots, number, settings, layout)))
    return units


def _chosen(category: Category, shots: int, number: int, settings: RunSettings, layout: str) -> tuple[Path, ...]:
    count = len(category.normals)
    if count < shots:
        raise DataError(
            f"{category.name}: {shots} references are wanted and there are {count} good photos. Give fewer --shots."
        )
    if settings.references == "first":
        return category.normals[:shots]
    if settings.references == "paper":
        start = 4 * (PAPER_ROUND.get(layout, 0) + number)
        return tuple(category.normals[(start + index) % count] for index in range(shots))
    rng = np.random.default_rng((settings.seed, zlib.crc32(category.name.encode()), number))
    return tuple(category.normals[int(index)] for index in rng.permutation(count)[:shots])
