"""Whether an answer is of the kind that was asked for: the kind whose known answers it resembles most.

Facts are taken out of both sides first (numbers, places, products, defects become marks): an answer with a wrong
figure is still an answer of its kind; whether the figure is right is measured apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from anomalygpt.dialogue.compose import answer_values
from anomalygpt.dialogue.kinds import KINDS, Asked
from anomalygpt.dialogue.phrasebook import Language, Phrasebook, phrasebook
from anomalygpt.dialogue.template import expand, tidy
from anomalygpt.evaluation.answers import trigrams
from anomalygpt.records import Evidence, Facts, Region

ALIKE = 0.5
"""Least share of trigrams (Dice) that an answer must have in common with a known answer of the kind asked for."""

_MARGIN = 0.1
_DRAWS = 4

NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "presence": ("yes_no", "either"),
    "either": ("presence",),
    "two_words": ("either", "yes_no"),
    "size": ("percent", "pixels"),
    "percent": ("size",),
    "pixels": ("size", "photo_size"),
    "place": ("place_check",),
    "place_check": ("place",),
    "really": ("certainty",),
    "certainty": ("really",),
    "contradict": ("insist", "really"),
    "insist": ("contradict",),
    "describe": ("summary",),
    "summary": ("describe",),
    "longer": ("describe", "summary"),
    "thanks": ("bye",),
}
"""Kinds whose answers answer the kind asked for just as well."""


def is_of_kind(answer: str, kind: str, language: Language) -> bool:
    """Whether an answer resembles the known answers of a kind, and no other kind's clearly more.

    Args:
        answer: free text.
        kind: of `dialogue.kinds.KINDS`; multiple choice has no known answers.
        language: of the dialogue.
    """
    found = _likeness(answer, language)
    wanted = max(found[name] for name in (kind, *NEIGHBOURS.get(kind, ())))
    return wanted >= ALIKE and wanted >= max(found.values()) - _MARGIN


def _likeness(answer: str, language: Language) -> dict[str, float]:
    """For each kind, the share of trigrams in common with the known answer that is most alike (Dice)."""
    known = _known_answers(language)
    said = trigrams(_without_facts(answer, language))
    rows = [known.holders[trigram] for trigram in said if trigram in known.holders]
    common = np.bincount(np.concatenate(rows), minlength=len(known.sizes)) if rows else np.zeros(len(known.sizes))
    alike = 2 * common / (known.sizes + len(said))
    return {kind: float(alike[start:end].max()) for kind, (start, end) in known.spans.items()}


@dataclass(frozen=True)
class _Known:
    """The known answers of one language.

    Attributes:
        spans: which of them belong to each kind.
        sizes: how many trigrams each has.
        holders: by trigram, which of them have it.
    """

    spans: dict[str, tuple[int, int]]
    sizes: NDArray[np.int64]
    holders: dict[str, NDArray[np.int64]]


@cache
def _known_answers(language: Language) -> _Known:
    book, rng = phrasebook(language), np.random.default_rng(0)
    spans: dict[str, tuple[int, int]] = {}
    known: list[frozenset[str]] = []
    for kind in (kind for kind in KINDS if kind != "choice"):
        asked = Asked(kind, "", focus=2, place="left", defect="scratch", one="second")
        texts = set()
        for option in _options(book, kind):
            for _ in range(_DRAWS):
                values = answer_values(book, _FACTS, asked, 1, rng)
                text = tidy(expand(option, values, book.kinds[kind].parts, rng), language)
                texts.add(_without_facts(text, language))
        start = len(known)
        known += [trigrams(text) for text in sorted(texts)]
        spans[kind] = (start, len(known))
    holders: dict[str, list[int]] = {}
    for index, runs in enumerate(known):
        for run in runs:
            holders.setdefault(run, []).append(index)
    sizes = np.array([len(runs) for runs in known])
    return _Known(spans, sizes, {run: np.array(held) for run, held in holders.items()})


def _options(book: Phrasebook, kind: str) -> Iterator[str]:
    """All wordings of the answers of a kind, those included that it shares with others."""
    phrases = book.kinds[kind]
    for options in (*phrases.answer.values(), *phrases.short.values()):
        yield from options
    spoken_of = {"good": KINDS[kind].defects, "vague": "any" not in phrases.answer, "absent": KINDS[kind].focus}
    for case, possible in spoken_of.items():
        if possible and case not in phrases.answer:
            yield from book.shared[case]


def _without_facts(text: str, language: Language) -> str:
    pattern, marks = _facts_of(language)
    return re.sub(r"\d+(?:\.\d+)?", "0", pattern.sub(lambda match: marks[match[0]], text.lower()))


@cache
def _facts_of(language: Language) -> tuple[re.Pattern[str], dict[str, str]]:
    """What stands for facts in answers, and the mark that takes its place; a longer wording hides those inside it.

    Asides that any answer may have ("in this photo", "one normal photo would make me surer") leave no mark.
    """
    book = phrasebook(language)
    names = book.names
    marks: dict[str, str] = {}

    def add(mark: str, *texts: str | list[str]) -> None:
        for text in texts:
            for one in [text] if isinstance(text, str) else text:
                if one:
                    marks.setdefault(one.lower().rstrip(".。"), mark)

    for texts in (book.shared["no_reference"], book.kinds["presence"].parts.get("seen", ())):
        add("", [text.strip() for text in texts])
    for entry in names["defects"].values():
        add("§kind", entry["name"], entry["plural"], entry["other"])
        for field in ("cause", "effect", "action", "severity", "sign"):
            add(f"§{field}", entry[field])
    for entry in names["products"].values():
        add("§part", entry["name"])
        for field in ("look", "material", "purpose"):
            add(f"§{field}", entry[field])
    for entry in names["unknown"].values():
        add("§part", entry["name"])
        add("§look", entry["look"])
    for entry in names["places"].values():
        add("§place", entry["at"], entry["name"])
    for table, mark in (("sizes", "§size"), ("shapes", "§shape"), ("numbers", "§number"), ("ordinals", "§nth")):
        add(mark, list(names[table].values()) if isinstance(names[table], dict) else names[table])
    colors = [text for key, text in names["colors"].items() if key not in ("join", "frame")]
    add("§color", colors)
    longest_first = sorted(marks, key=len, reverse=True)
    edges = (r"(?<!\w)", r"(?!\w)") if language == "en" else ("", "")
    return re.compile(edges[0] + f"(?:{'|'.join(map(re.escape, longest_first))})" + edges[1]), marks


def _region(index: int, place: str) -> Region:
    return Region(
        index=index,
        box=(10 * index, 10, 10 * index + 30, 40),
        centroid=(10.0 * index, 25.0),
        area=600,
        share=0.02 * index,
        peak=0.9,
        place=place,
        elongation=2.0,
        angle=0.0,
        color_difference=(-10.0, 0.0, 0.0),
    )


_FACTS = Facts(
    Evidence(0.9, tuple(_region(index, place) for index, place in enumerate(("top", "left", "right"), 1)), 640, 480, 2),
    "screw",
    False,
    ("scratch", "dent", "hole"),
)
"""Something of everything, so that every wording can be filled."""
