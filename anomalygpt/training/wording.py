"""Dialogues as the language model reads them in training: token ids, what is learned, and where vectors stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from numpy.random import Generator
from torch import Tensor

from anomalygpt.dialogue import PromptFormat
from anomalygpt.dialogue.prompt_format import plan_token
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.model.language import IGNORED, Language
from anomalygpt.records import Evidence, Turn

MULTIPLE = 32
"""Batches are padded to a multiple of so many tokens: each new length costs a library the making of new kernels."""

CUT_QUESTIONS = 0.5
"""Share of the questions that are cut into tokens at chance places."""

CUT = 0.12
"""Chance of a cut between two characters of such a question."""


@dataclass(frozen=True)
class Wording:
    """One dialogue.

    Attributes:
        ids: token ids; 0 where a vector stands.
        labels: as many, `IGNORED` but on answers.
        image_at, prompt_at: position of the image vector and of the first prompt vector.
    """

    ids: list[int]
    labels: list[int]
    image_at: int
    prompt_at: int


@dataclass
class WordingBatch:
    """B dialogues, padded on the right, where nothing that comes before can see the padding.

    Attributes:
        ids, labels: B×T.
        image_at, prompt_at: B.
    """

    ids: Tensor
    labels: Tensor
    image_at: Tensor
    prompt_at: Tensor

    def to(self, device: torch.device) -> WordingBatch:
        """The same on another device."""
        return WordingBatch(**{name: value.to(device) for name, value in vars(self).items()})


def word(
    turns: Sequence[Turn],
    description: str,
    evidence: Evidence | None,
    language: Language,
    prompt_format: PromptFormat,
    vectors: int,
    cuts: Generator | None = None,
) -> Wording:
    """Brings a dialogue into the form of the prompt, cut off where the language model holds no more.

    A small vocabulary holds the words of its corpus whole, so a new word, or a known one misspelt, falls into pieces
    that the model has hardly met. Cutting questions at chance places shows it the pieces too (in the manner of
    BPE-dropout, arXiv 1910.13267).

    Args:
        turns: at least one; each with its kind where the prompt format plans answers.
        description: what the user says of the part, or "".
        evidence: what was measured, where the prompt format speaks of it.
        language: whose tokens are taken.
        prompt_format: the strings.
        vectors: how many prompt vectors there are.
        cuts: the chance of cutting questions; None cuts none.
    """

    def ids_of(text: str, bos: bool = False) -> list[int]:
        return language.token_ids(text, bos)[0].tolist()

    def asked_ids(text: str, question: str) -> list[int]:
        start = text.rindex(question) if (question := prompt_format.clean(question)) else 0
        places = [0, *(start + place for place in _cut_places(len(question), cuts)), len(text)]
        return [index for left, right in pairwise(places) for index in ids_of(text[left:right])]

    before, between, after = prompt_format.first_turn(turns[0].question, description, evidence)
    ids = ids_of(before, bos=True)
    image_at = len(ids)
    ids += [0, *ids_of(between)]
    prompt_at = len(ids)
    ids += [0] * vectors + asked_ids(after, turns[0].question)
    labels = [IGNORED] * len(ids)
    planned = prompt_format.config.plan
    plans = language.special_ids([plan_token(turn.kind) for turn in turns]) if planned else []
    for number, turn in enumerate(turns):
        if number:
            question = asked_ids(prompt_format.later_turn(turn.question), turn.question)
            ids += question
            labels += [IGNORED] * len(question)
        # Answer and stop string are cut into tokens apart, as they are when an answer is closed for a cut-off.
        answer = ids_of(prompt_format.config.lead + turn.answer) + ids_of(prompt_format.stop)
        answer = [*plans[number : number + 1], *answer]
        ids += answer
        labels += answer
    limit = language.max_positions
    return Wording(ids[:limit], labels[:limit], image_at, prompt_at)


def _cut_places(length: int, cuts: Generator | None) -> list[int]:
    """Where a question of that many characters is cut, in order."""
    if cuts is None or cuts.random() >= CUT_QUESTIONS:
        return []
    return [place for place in range(1, length) if cuts.random() < CUT]


def pad(wordings: Sequence[Wording]) -> WordingBatch:
    """Joins dialogues to a batch."""
    length = -(-max(len(wording.ids) for wording in wordings) // MULTIPLE) * MULTIPLE

    def padded(rows: list[list[int]], fill: int) -> Tensor:
        return torch.tensor([row + [fill] * (length - len(row)) for row in rows])

    return WordingBatch(
        padded([wording.ids for wording in wordings], 0),
        padded([wording.labels for wording in wordings], IGNORED),
        torch.tensor([wording.image_at for wording in wordings]),
        torch.tensor([wording.prompt_at for wording in wordings]),
    )


def embed(model: AnomalyGPT, batch: WordingBatch, image: Tensor, vectors: Tensor) -> Tensor:
    """The embeddings of a batch of dialogues, B×T×H, with the vectors in their places.

    Args:
        image: B×H.
        vectors: B×V×H.
    """
    embeddings = model.language.embed_ids(batch.ids)
    rows = torch.arange(len(batch.ids), device=embeddings.device)
    columns = batch.prompt_at[:, None] + torch.arange(vectors.shape[1], device=embeddings.device)
    embeddings = embeddings.index_put((rows, batch.image_at), image.to(embeddings.dtype))
    return embeddings.index_put((rows[:, None], columns), vectors.to(embeddings.dtype))
