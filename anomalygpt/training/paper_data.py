"""The data of the paper's own training: spoiled photos with their originals, and general conversations in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from anomalygpt.config.training import TrainingConfig
from anomalygpt.datasets.instructions import Conversation
from anomalygpt.datasets.spoiled import SpoiledPhotos
from anomalygpt.dialogue import PromptFormat
from anomalygpt.imaging.read import read_photo
from anomalygpt.imaging.regions import find_regions
from anomalygpt.model.language import Language
from anomalygpt.records import Turn
from anomalygpt.simulation.photos import GoodPhoto, PhotoSample
from anomalygpt.training.wording import Wording, WordingBatch, pad, word

QUESTIONS = (
    "Is there any anomaly in the image?",
    "Is there anything wrong with the part in the image?",
    "Does this image show a defect?",
    "Is the part in the image faulty?",
)
"""The first is the one that verdicts are measured with; half of the questions are this one."""

_TOLD = 0.5
"""Share of dialogues in which the user names the product."""


@dataclass(frozen=True)
class PaperItem:
    """One photo and its dialogue.

    Attributes:
        square: RGB uint8 S×S×3.
        reference: RGB uint8 S×S×3 of another good part, whose map stands in for the text map; None where none does.
        mask: bool S×S, None for a general image.
        name: of the product as it is told, "" where it is not.
        wording: the dialogue.
    """

    square: NDArray[np.uint8]
    reference: NDArray[np.uint8] | None
    mask: NDArray[np.bool_] | None
    name: str
    wording: Wording


@dataclass
class PaperBatch:
    """B photos and dialogues.

    Attributes:
        squares: B×3×S×S uint8.
        references: F×3×S×S uint8, one for each of the photos in `rows`.
        rows: F, which photos get the few-shot map.
        masks: B×S×S bool, None for general images.
        names: of the products as they are told.
        words: the dialogues.
    """

    squares: Tensor
    references: Tensor
    rows: Tensor
    masks: Tensor | None
    names: list[str]
    words: WordingBatch

    def to(self, device: torch.device) -> PaperBatch:
        """The same on another device."""
        return PaperBatch(
            self.squares.to(device),
            self.references.to(device),
            self.rows.to(device),
            None if self.masks is None else self.masks.to(device),
            self.names,
            self.words.to(device),
        )


class PaperData(torch.utils.data.Dataset[PaperItem]):
    """Item i is determined by the recipe's seeds and i alone; so is whether its step is one of general images.

    Args:
        config: the recipe.
        photos: the user's good ones.
        general: conversations of which every second step consists; empty for none.
        language: whose tokens are taken.
        prompt_format: the strings.
        vectors: how many prompt vectors the model has.
    """

    def __init__(
        self,
        config: TrainingConfig,
        photos: SpoiledPhotos,
        general: Sequence[Conversation],
        language: Language,
        prompt_format: PromptFormat,
        vectors: int,
    ) -> None:
        assert config.paper is not None
        self.config, self.paper = config, config.paper
        self.photos, self.general = photos, general
        self.language, self.format, self.vectors = language, prompt_format, vectors
        self._last: tuple[int, str, list[PhotoSample]] = (-1, "", [])

    def __len__(self) -> int:
        return self.config.steps * self.config.batch

    def __getitem__(self, index: int) -> PaperItem:
        step, position = divmod(index, self.config.batch)
        if not self.general:
            return self._photo(index)
        number = step // 2 * self.config.batch + position
        return self._conversation(number) if step % 2 else self._photo(number)

    def _photo(self, number: int) -> PaperItem:
        """Photos come in pairs: a spoiled one, then its untouched original."""
        rng = np.random.default_rng((self.config.seed, number, 7))
        name, pair = self._pair(number // 2)
        sample = pair[number % 2]
        told = name.rsplit("/", 1)[-1].replace("_", " ") if rng.random() < _TOLD else ""
        few_shot = rng.random() < self.paper.few_shot
        turns = [Turn(_question(rng), _answer(sample))]
        return PaperItem(
            sample.query, sample.references[0] if few_shot else None, sample.mask, told, self._word(turns, told)
        )

    def _pair(self, number: int) -> tuple[str, list[PhotoSample]]:
        if self._last[0] != number:
            seed = (self.config.first_seed + number,)
            name = self.photos.names[int(np.random.default_rng((*seed, 8)).integers(len(self.photos.names)))]
            self._last = number, name, self.photos.episode(name, seed, 1, 2)
        return self._last[1], self._last[2]

    def _conversation(self, number: int) -> PaperItem:
        turn, position = divmod(number, len(self.general))
        order = np.random.default_rng((self.config.seed, turn, 9)).permutation(len(self.general))
        chosen = self.general[int(order[position])]
        square = GoodPhoto.of(read_photo(chosen.image), self.photos.size).square
        return PaperItem(square, None, None, "", self._word(chosen.turns, ""))

    def _word(self, turns: Sequence[Turn], description: str) -> Wording:
        return word(turns, description, None, self.language, self.format, self.vectors)


def collate(items: Sequence[PaperItem]) -> PaperBatch:
    """Joins items of one kind to a batch."""
    few = [row for row, item in enumerate(items) if item.reference is not None]
    masks = [item.mask for item in items if item.mask is not None]
    return PaperBatch(
        _stack([item.square for item in items]),
        _stack([item.reference for item in items if item.reference is not None]),
        torch.tensor(few, dtype=torch.long),
        torch.from_numpy(np.stack(masks)) if masks else None,
        [item.name for item in items],
        pad([item.wording for item in items]),
    )


def _stack(photos: Sequence[NDArray[np.uint8]]) -> Tensor:
    if not photos:
        return torch.empty(0, dtype=torch.uint8)
    return torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2).contiguous()


def _question(rng: Generator) -> str:
    return QUESTIONS[0] if rng.random() < 0.5 else QUESTIONS[int(rng.integers(1, len(QUESTIONS)))]


def _answer(sample: PhotoSample) -> str:
    """Yes or no, and the places on the 3×3 grid of the photo itself, each named once, the largest first."""
    if not sample.anomalous:
        return "No, there is no anomaly in the image."
    rows, columns = np.flatnonzero(sample.inside.any(1)), np.flatnonzero(sample.inside.any(0))
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    regions = find_regions(sample.mask[window].astype(np.float32), np.ascontiguousarray(sample.query[window]))
    places = list(dict.fromkeys(region.place for region in regions))
    listed = " and ".join("in the center" if place == "center" else f"at the {place}" for place in places[:3])
    return f"Yes, there is an anomaly in the image, {listed}."
