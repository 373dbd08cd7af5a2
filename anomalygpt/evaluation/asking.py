"""Questions of the seven kinds that MMAD asks, about simulated samples, in wordings that training does not have."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.random import Generator

from anomalygpt.dialogue.measures import shape_of
from anomalygpt.dialogue.phrasebook import Language, Phrasebook
from anomalygpt.evaluation.places import right_places, true_places
from anomalygpt.imaging.regions import find_regions
from anomalygpt.records import PLACES, Region, Sample

KINDS = (
    "discrimination",
    "defect classification",
    "defect localization",
    "defect description",
    "defect analysis",
    "object classification",
    "object analysis",
)
"""The seven kinds, as MMAD names them."""

LETTERS = "ABCDEFGH"

OPTIONS = 4


@dataclass(frozen=True)
class Choice:
    """A multiple-choice question.

    Attributes:
        kind: one of `KINDS`.
        question: with its options, as it is asked.
        options: their texts.
        right: index of the right one.
    """

    kind: str
    question: str
    options: tuple[str, ...]
    right: int


@dataclass(frozen=True)
class Truth:
    """What is true of a sample, for questions and their judges.

    Attributes:
        anomalous: whether it has defects.
        product: its key, None for an unnamed one.
        kind: of its defects where all are of one nameable kind, else None.
        places: right to name, the main one first; empty for a good one.
        shape: class of form of its only region, None where there are several or none.
        count: of its true regions.
    """

    anomalous: bool
    product: str | None
    kind: str | None
    places: tuple[str, ...]
    shape: str | None
    count: int


def truth_of(sample: Sample) -> Truth:
    """The truth about a sample, measured on its mask as the eye's map is measured."""
    regions: tuple[Region, ...] = find_regions(sample.mask.astype(np.float32), sample.query)
    kinds = {defect.kind for defect in sample.defects} - {"damage"}  # damage may look like any other kind
    main = true_places(sample.mask)
    places = (*main, *sorted(right_places(sample.mask) - set(main)))
    nameable = len(kinds) == 1 and all(defect.kind != "damage" for defect in sample.defects)
    shape = shape_of(regions[0]) if len(regions) == 1 else None
    return Truth(sample.anomalous, sample.product, next(iter(kinds)) if nameable else None, places, shape, len(regions))


@cache
def wordings(language: Language) -> dict[str, Any]:
    """The held-out wordings of one language."""
    path = resources.files("anomalygpt.evaluation") / "questions" / f"{language}.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def asked_kinds(truth: Truth) -> list[str]:
    """The kinds of question that the truth decides."""
    kinds = ["discrimination"]
    if truth.kind is not None:
        kinds += ["defect classification", "defect analysis"]
    if truth.places:
        kinds.append("defect localization")
    if truth.shape is not None:
        kinds.append("defect description")
    if truth.product is not None:
        kinds += ["object classification", "object analysis"]
    return [kind for kind in KINDS if kind in kinds]


def free_question(kind: str, language: Language, rng: Generator) -> str:
    """A question to be answered in free words."""
    return str(rng.choice(wordings(language)["free"][kind]))


def follow_up(name: str, language: Language, rng: Generator) -> str:
    """A later question: "okay", "sure", "where" or "count"."""
    return str(rng.choice(wordings(language)["follow"][name]))


def choice_question(kind: str, truth: Truth, book: Phrasebook, rng: Generator) -> Choice:
    """A multiple-choice question whose right option follows from the truth.

    Raises:
        ValueError: the truth does not decide that kind of question.
    """
    right, wrong = _options(kind, truth, book, rng)
    others = [wrong[int(index)] for index in rng.permutation(len(wrong))[: OPTIONS - 1]]
    options = [right, *others]
    options = [options[int(index)] for index in rng.permutation(len(options))]
    stem = str(rng.choice(wordings(book.language)["choice"][kind]))
    return Choice(kind, with_options(stem, options), tuple(options), options.index(right))


def with_options(stem: str, options: list[str] | tuple[str, ...]) -> str:
    """A question with its options behind it."""
    listed = " ".join(f"{letter}) {option}" for letter, option in zip(LETTERS, options, strict=False))
    return f"{stem} {listed}"


def _options(kind: str, truth: Truth, book: Phrasebook, rng: Generator) -> tuple[str, list[str]]:
    """The right option and the wrong ones."""
    names = book.names
    if kind == "discrimination":
        yes, no = wordings(book.language)["yes_no"]
        return (yes, [no]) if truth.anomalous else (no, [yes])
    if kind == "defect localization" and truth.places:
        table = names["places"]
        return table[truth.places[0]]["name"], [table[place]["name"] for place in PLACES if place not in truth.places]
    if kind == "defect description" and truth.shape is not None:
        return names["shapes"][truth.shape], [text for key, text in names["shapes"].items() if key != truth.shape]
    if kind in ("defect classification", "defect analysis") and truth.kind is not None:
        field = "name" if kind == "defect classification" else "cause"
        return _from_table(names["defects"], truth.kind, field, {"unknown", "damage"}, rng)
    if kind in ("object classification", "object analysis") and truth.product is not None:
        field = "name" if kind == "object classification" else "purpose"
        return _from_table(names["products"], truth.product, field, set(), rng)
    raise ValueError(f"the truth about this sample does not decide a question of {kind}")


def _from_table(
    table: dict[str, Any], key: str, field: str, without: set[str], rng: Generator
) -> tuple[str, list[str]]:
    """One entry's text and all others that differ from it."""

    def text(entry: dict[str, Any]) -> str:
        value = entry[field]
        return value if isinstance(value, str) else str(rng.choice(value))

    right = text(table[key])
    own = {right} if isinstance(table[key][field], str) else set(table[key][field])
    others = [text(entry) for name, entry in table.items() if name != key and name not in without]
    return right, [other for other in dict.fromkeys(others) if other not in own]
