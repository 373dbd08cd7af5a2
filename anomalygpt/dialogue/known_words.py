"""Colours, shapes, counts and products in answers: an answer says those that were measured, and no others.

What `model.figures` is for numbers this is for words. Where an answer begins to state a colour or a shape, only what
continues that of a found region is left to it: a small language model knows how to say "darker and redder than its
surroundings" and does not always look up which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from anomalygpt.dialogue.measures import color_of, shape_of
from anomalygpt.dialogue.phrasebook import LANGUAGES, read_names
from anomalygpt.dialogue.words import color_phrases
from anomalygpt.records import Evidence

_SHAPED = ("shape", "region", "describe", "summary", "longer", "place", "difference")
"""Kinds of question whose answers give shapes; elsewhere "round" may be said of a good part."""

_ANOTHER = re.compile(
    r"\b(?:others?|second|third|fourth|fifth|sixth|seventh|eighth|next(?! to)|both|all|each|every)\b"
    r"|\b(?:small|weak|larg|bigg)est\b"
    r"|(?:\bno\.|\bnumber|\bregion|\bdefect|\banomaly|#) ?[2-9]|第 ?[二三四五六七八2-9]"
    r"|[2-9二三四五六七八] ?号|另|其[他它余]|剩下|每|都|各|最[小弱大]"
)
"""What questions call one region among several by, but for its place."""

_IGNORANT = re.compile(
    r"\b(?:i (?:do|can|am)|it is not (?:known|clear))\b|不知道|不认识|不清楚|认不出|说不|看不出|无法|不能|不确定"
)
"""How an answer begins to say that it cannot name a part."""

_UNFINISHED = "\ufffd"
"""What a piece of text ends with that is a part of a sign only."""


@dataclass(frozen=True)
class _Stated:
    """The statements of one sort in one language.

    Attributes:
        by_class: the statement for each class of `measures`.
        always: where one begins, whatever was asked.
        asked: where one begins in an answer to the question about it.
        more: what would go on with a further word of the same sort.
    """

    by_class: dict[str, str]
    always: re.Pattern[str]
    asked: re.Pattern[str]
    more: str


class KnownWords:
    """The colours, the shapes and the count that an answer may state.

    Args:
        evidence: what was measured. Without regions no colour, shape or count is forbidden. Where the product is known,
            an answer to what it is does not say that it is not.
        asked: the question, and the one before it that "it" may hark back to. Unless one of them points at one of
            several regions, a colour or a shape that is asked for is the strongest region's.
    """

    def __init__(self, evidence: Evidence, asked: Iterable[str] = ()) -> None:
        every = evidence.regions
        meant = every if any(points(question) for question in asked) else every[:1]
        self._colors = _both("colors", map(color_of, every), map(color_of, meant))
        self._shapes = _both("shapes", map(shape_of, every), map(shape_of, meant))
        self._product = bool(evidence.product)
        self._miscounts = _other_counts(len(evidence.regions)) if evidence.regions else None

    def allow(self, kind: str, text: str, piece: str) -> bool:
        """Whether a text may go on with a piece.

        Args:
            kind: of the question, one of `dialogue.kinds.KINDS`, or "" where it is not known.
            text, piece: the answer so far, and what would be added.
        """
        written = (text + piece).rstrip(_UNFINISHED).lower()
        if (
            kind == "product"
            and self._product
            and any(begun.end() > len(text) for begun in _IGNORANT.finditer(written))
        ):
            return False
        counts = self._miscounts.finditer(written) if kind == "count" and self._miscounts else ()
        return not any(match.end() > len(text) for match in counts) and all(
            _fits(stated, meant if kind == name else known, written, len(text), kind == name)
            for name, every in (("color", self._colors), ("shape", self._shapes if kind in _SHAPED else []))
            for stated, known, meant in every
        )


def points(question: str) -> bool:
    """Whether a question points at one of several regions, by its number, its rank or its place, or at all of them."""
    text = question.lower()
    return bool(_ANOTHER.search(text) or _places().search(text))


@cache
def _places() -> re.Pattern[str]:
    """Any name of a place, in every language."""
    tables = (read_names(language)["places"].values() for language in LANGUAGES)
    names = [re.escape(name) for table in tables for entry in table for name in (entry["name"], *entry["asked"])]
    return re.compile("|".join(rf"(?<![a-z]){name}(?![a-z])" for name in names))


def _both(
    table: str, every: Iterable[str], meant: Iterable[str]
) -> list[tuple[_Stated, tuple[str, ...], tuple[str, ...]]]:
    """In every language: the statements of a sort, those that are known, and those of the regions that are meant."""
    classes, asked = [*every], [*meant]
    return [(stated, _known(stated, classes), _known(stated, asked)) for stated in _statements(table)]


def _fits(stated: _Stated, known: tuple[str, ...], written: str, before: int, asked: bool) -> bool:
    """Whether a piece, written from `before` on, leaves every statement a known one so far that was one until then."""
    longest = max(map(len, stated.by_class.values()))
    starts = (stated.asked if asked else stated.always).finditer(written, max(0, before - longest))
    return not known or all(
        _begins(written[match.start() :], known, stated.more)
        or not _begins(written[match.start() : before], known, stated.more)
        for match in starts
    )


def _begins(said: str, known: tuple[str, ...], more: str) -> bool:
    """Whether a text may become a known statement, or is one and does not go on with more of the same."""
    return any(
        one.startswith(said) or (said.startswith(one) and not said[len(one) :].startswith(more)) for one in known
    )


def _known(stated: _Stated, classes: Iterable[str]) -> tuple[str, ...]:
    """The statements of these classes, from their first word and from the first that tells them apart."""
    found = dict.fromkeys(stated.by_class[name] for name in classes)
    return tuple(one[match.start() :] for one in found for match in [*stated.asked.finditer(one)])


@cache
def _other_counts(count: int) -> re.Pattern[str]:
    """Any number of regions but that one, as an answer to "how many" gives it."""
    english, chinese = ([str(name) for name in read_names(language)["numbers"]] for language in LANGUAGES)
    others = [word for number, word in enumerate(english) if number != count]
    # "The strongest one" and "一共" (in all) are no counts; of digits only those after "there are" are.
    spoken = [word for number, word in enumerate(chinese) if number not in (1, count)]
    digits = "".join(str(number) for number in range(10) if number != count)
    ways = [
        rf"(?<![a-z])(?<!strongest )(?:{'|'.join(others)})(?![a-z])",
        "(?<![a-z])(?:none|zero)" if count else r"(?!)",
        "(?<![a-z])single" if count != 1 else r"(?!)",
        "|".join(spoken),
        "一[处个]" if count != 1 else r"(?!)",
        rf"(?<=[共到有现] )[{digits}](?![\d.])",
    ]
    return re.compile("|".join(ways))


@cache
def _statements(table: str) -> tuple[_Stated, ...]:
    """The statements of colours or shapes in every language."""
    return tuple((_colors if table == "colors" else _shapes)(read_names(language)) for language in LANGUAGES)


def _colors(names: dict[str, Any]) -> _Stated:
    table = names["colors"]
    words = [table[word] for word in table if word not in ("join", "frame", "same color")]
    return _stated(color_phrases(table), words, table["join"])


def _shapes(names: dict[str, Any]) -> _Stated:
    table = dict(names["shapes"])
    # Two English words or three Chinese signs tell the beginning of a shape: "long and", "细长且".
    begun = (re.match(r"[a-z]+( and)?|\w{2,3}", one) for one in table.values())
    return _stated(table, [match[0] for match in begun if match], "\0")


def _stated(by_class: dict[str, str], words: list[str], more: str) -> _Stated:
    """Statements that begin with whole words, and with any first word where they are asked for."""
    first = (re.match(r"[a-z]+|\w{2}", one) for one in by_class.values())
    return _Stated(by_class, _any_of(words), _any_of([*words, *(match[0] for match in first if match)]), more)


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Any of these, the longest first, from the beginning of a word where words are parted by spaces."""
    ordered = sorted(set(words), key=len, reverse=True)
    return re.compile("|".join(rf"(?<![a-z]){re.escape(word)}" for word in ordered))
