"""Multiple choice: an answer is one of the options, and the likeliest where the eye can tell.

Of options that are places, shapes, sizes, colours, counts, products (by name, material or purpose) or kinds of defect
(by name or cause), the one that the eye leans to most stays: what was measured first, and where nothing was, what comes
nearest to it. What the eye knows nothing of is left to the language model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from anomalygpt.dialogue.measures import color_of, shapes_near, size_of
from anomalygpt.dialogue.phrasebook import LANGUAGES, read_names
from anomalygpt.dialogue.words import color_phrases
from anomalygpt.records import Leanings

_MARK = re.compile(r"(?<![a-z])[(（]?([a-h])\s?[)）:：.、]\s?")
_BETWEEN = re.compile(r"(?:[\s,;.，；。?？(（]|\bor\b|还是|或者?)+$")
_ARTICLE = re.compile(r"^(?:an?|the|in the|at the|on the)\s+")


def options_in(question: str) -> dict[str, str]:
    """The options of a question by letter, both in small letters; empty where it has not at least two."""
    text = question.lower()
    marks = list(_MARK.finditer(text))
    if len(marks) < 2 or [mark[1] for mark in marks] != list("abcdefgh"[: len(marks)]):
        return {}
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return {mark[1]: _BETWEEN.sub("", text[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)}


def possible(options: dict[str, str], leanings: Leanings) -> dict[str, str]:
    """The options that the eye leans to no less than to any other of their sort; all of them where it knows no sort."""
    for sort, ranked in _ranked(leanings):
        classes = {letter: _table(sort).get(_ARTICLE.sub("", text), frozenset()) for letter, text in options.items()}
        ranks = {
            letter: min(ranked.index(name) for name in names if name in ranked)
            for letter, names in classes.items()
            if not names.isdisjoint(ranked)
        }
        if ranks:
            best = min(ranks.values())
            options = {
                letter: text for letter, text in options.items() if not classes[letter] or ranks.get(letter) == best
            }
    return options


class KnownOptions:
    """What an answer to a multiple-choice question may be.

    Args:
        question: as the user typed it; anything is allowed where it has no options.
        leanings: of the eye.
    """

    def __init__(self, question: str, leanings: Leanings) -> None:
        self._answers = tuple(
            form.format(option=option, letter=letter)
            for letter, option in possible(options_in(question), leanings).items()
            for form in ("{option} ({letter})", "{option}（{letter}）", "{letter})", "({letter})")
        )

    def allow(self, text: str, piece: str) -> bool:
        """Whether an answer may go on with a piece: it is, so far, one of the options with its letter."""
        written = (text + piece).strip().lower()
        return not self._answers or any(
            answer.startswith(written) or written.startswith(answer) for answer in self._answers
        )


def _ranked(leanings: Leanings) -> Iterator[tuple[str, Sequence[str]]]:
    """The classes of each sort, the likeliest first."""
    regions = leanings.regions
    yield "places", leanings.places
    yield "shapes", shapes_near(regions[0]) if regions else ()
    yield "sizes", [size_of(region) for region in regions]
    yield "colors", [color_of(region) for region in regions]
    yield "numbers", [] if leanings.count is None else [str(leanings.count)]
    yield "products", leanings.products
    yield "defects", leanings.kinds


@cache
def _table(sort: str) -> dict[str, frozenset[str]]:
    """The classes that an option of a sort stands for, in every language."""
    found: dict[str, set[str]] = {}
    for language in LANGUAGES:
        for text, name in _named(sort, read_names(language)):
            found.setdefault(_ARTICLE.sub("", text.lower()), set()).add(name)
    return {text: frozenset(names) for text, names in found.items()}


def _named(sort: str, names: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a language calls the classes of a sort: pairs of text and class."""
    if sort == "places":
        for place, entry in names["places"].items():
            yield from ((text, place) for text in (entry["name"], *entry["at"], *entry["asked"]))
    elif sort == "products":
        for product, entry in names["products"].items():
            texts = (entry["name"], *entry["other"], entry["material"], entry["purpose"])
            yield from ((text, product) for text in texts)
    elif sort == "numbers":
        for number, word in enumerate(names["numbers"]):
            yield from ((text, str(number)) for text in (word, str(number)))
    elif sort == "colors":
        yield from ((text, name) for name, text in color_phrases(names["colors"]).items())
    elif sort == "defects":
        for kind, entry in names["defects"].items():
            texts = (entry["name"], entry["plural"], *entry["other"], *entry["cause"])
            yield from ((_BETWEEN.sub("", text), kind) for text in texts)
    else:
        yield from ((text, name) for name, text in names[sort].items())
