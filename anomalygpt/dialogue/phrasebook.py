"""The phrase files of one language, read once and checked for their form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import log2
from pathlib import Path
from typing import Any, Literal, get_args

from anomalygpt.dialogue.template import ways

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

Lists = dict[str, tuple[str, ...]]

_FOLDER = Path(__file__).parent / "phrases"
_HELPERS = ("names", "frames", "parts", "shared")
_SECTIONS = ("ask", "clause", "noun", "parts", "answer", "short", "item")


@dataclass(frozen=True)
class KindPhrases:
    """All wordings of one kind of question.

    Attributes:
        ask: whole questions by group.
        clause, noun: the same questions as embedded clauses and as noun phrases, for the frames.
        parts: lists that the phrases refer to as `<name>`, the shared ones included.
        answer: answers by case.
        short: answers by case for when the user asks for less.
        item: one entry of an enumeration (only the kind "list").
        reach: for each group of `ask`, running sums of the weights by which its wordings are drawn.
    """

    ask: Lists
    clause: Lists
    noun: Lists
    parts: Lists
    answer: Lists
    short: Lists
    item: tuple[str, ...]
    reach: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Phrasebook:
    """Everything that can be said in one language.

    Attributes:
        language: "en" or "zh".
        kinds: by kind of question.
        names: products, defects, places and the other small tables.
        frames: what clauses, nouns and whole questions are put into.
        shared: answers by case for kinds that have none of their own, and tails.
    """

    language: Language
    kinds: dict[str, KindPhrases]
    names: dict[str, Any]
    frames: Lists
    shared: Lists


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ValueError(f"phrase file {path} cannot be read ({error}); restore it from the package") from error


@cache
def read_names(language: Language) -> dict[str, Any]:
    """The small tables of a language alone, without the thousands of phrases: products, defects, places and so on."""
    return _read(_FOLDER / language / "names.json")


def _lists(content: dict[str, list[str]]) -> Lists:
    return {name: tuple(phrases) for name, phrases in content.items()}


def _reach(phrases: tuple[str, ...], parts: Lists) -> tuple[float, ...]:
    """A wording that unfolds in many ways is drawn more often than a plain one, but far less than in proportion."""
    return tuple(accumulate(1.0 + log2(ways(phrase, parts)) for phrase in phrases))


@cache
def phrasebook(language: Language) -> Phrasebook:
    """The phrase files of a language.

    Raises:
        ValueError: a language without phrases, or a file that is missing, malformed or has an unknown section.
    """
    if language not in LANGUAGES:
        raise ValueError(f"no phrases for language {language!r}; there are {', '.join(LANGUAGES)}")
    folder = _FOLDER / language
    helpers = {name: _read(folder / f"{name}.json") for name in _HELPERS}
    shared_parts = _lists(helpers["parts"])
    kinds: dict[str, KindPhrases] = {}
    for path in sorted(folder.glob("*.json")):
        if path.stem in _HELPERS:
            continue
        content = _read(path)
        if unknown := set(content) - set(_SECTIONS):
            raise ValueError(f"phrase file {path} has unknown sections: {', '.join(sorted(unknown))}")
        ask, parts = _lists(content.get("ask", {})), shared_parts | _lists(content.get("parts", {}))
        kinds[path.stem] = KindPhrases(
            ask=ask,
            clause=_lists(content.get("clause", {})),
            noun=_lists(content.get("noun", {})),
            parts=parts,
            answer=_lists(content["answer"]),
            short=_lists(content.get("short", {})),
            item=tuple(content.get("item", ())),
            reach={group: _reach(phrases, parts) for group, phrases in ask.items()},
        )
    return Phrasebook(language, kinds, helpers["names"], _lists(helpers["frames"]), _lists(helpers["shared"]))
