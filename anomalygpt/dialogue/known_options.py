"""Multiple choice: an answer is one of the options, and none that the measurement contradicts.

Of options that are places, shapes, sizes, colours, counts or products, those that were not measured are left out where
one was. What nobody measured (the kind of a defect, its cause) is left to the language model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from anomalygpt.dialogue.measures import color_of, shape_of, size_of
from anomalygpt.dialogue.phrasebook import LANGUAGES, read_names
from anomalygpt.dialogue.words import color_phrases
from anomalygpt.records import Evidence

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


def possible(options: dict[str, str], evidence: Evidence) -> dict[str, str]:
    """The options that the measured evidence does not contradict; all of them where it knows none.

    Where options name several found regions, the strongest region's stays.
    """
    for sort, measured in _measured(evidence):
        classes = {letter: _table(sort).get(_ARTICLE.sub("", text)) for letter, text in options.items()}
        ranks = {letter: measured.index(name) for letter, name in classes.items() if name in measured}
        if ranks:
            best = min(ranks.values())
            options = {
                letter: text for letter, text in options.items() if classes[letter] is None or ranks.get(letter) == best
            }
    return options


class KnownOptions:
    """What an answer to a multiple-choice question may be.

    Args:
        question: as the user typed it; anything is allowed where it has no options.
        evidence: what was measured.
    """

    def __init__(self, question: str, evidence: Evidence) -> None:
        self._answers = tuple(
            form.format(option=option, letter=letter)
            for letter, option in possible(options_in(question), evidence).items()
            for form in ("{option} ({letter})", "{option}（{letter}）", "{letter})", "({letter})")
        )

    def allow(self, text: str, piece: str) -> bool:
        """Whether an answer may go on with a piece: it is, so far, one of the options with its letter."""
        written = (text + piece).strip().lower()
        return not self._answers or any(
            answer.startswith(written) or written.startswith(answer) for answer in self._answers
        )


def _measured(evidence: Evidence) -> Iterator[tuple[str, Sequence[str]]]:
    """The classes of each sort that were measured, the strongest region's first."""
    regions = evidence.regions
    if regions:
        yield "places", [region.place for region in regions]
        yield "shapes", [shape_of(region) for region in regions]
        yield "sizes", [size_of(region) for region in regions]
        yield "colors", [color_of(region) for region in regions]
        yield "numbers", [str(len(regions))]
    if evidence.product:
        yield "products", [evidence.product]


@cache
def _table(sort: str) -> dict[str, str]:
    """The class that an option of a sort stands for, in every language."""
    found: dict[str, str] = {}
    for language in LANGUAGES:
        names = read_names(language)
        if sort == "places":
            for place, entry in names["places"].items():
                found |= dict.fromkeys((entry["name"], *entry["at"], *entry["asked"]), place)
        elif sort == "products":
            for product, entry in names["products"].items():
                found |= {name: product for name in entry["other"] if name not in found} | {entry["name"]: product}
        elif sort == "numbers":
            found |= {name: str(number) for number, word in enumerate(names["numbers"]) for name in (word, str(number))}
        elif sort == "colors":
            found |= {text: name for name, text in color_phrases(names["colors"]).items()}
        else:
            found |= {text: name for name, text in names[sort].items()}
    return {_ARTICLE.sub("", text.lower()): name for text, name in found.items()}
