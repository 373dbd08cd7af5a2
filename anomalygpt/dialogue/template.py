"""The small language that phrases are written in: placeholders, alternatives, parts, and the tidying afterwards.

`{name}` is filled from facts, `[a|b|]` is one of its alternatives, `<name>` is one phrase of a named list. All nest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from numpy.random import Generator

Values = Mapping[str, str | Sequence[str]]
Parts = Mapping[str, Sequence[str]]

_CLOSING = {"[": "]", "{": "}", "<": ">"}


class PhraseError(ValueError):
    """A phrase that cannot be filled; the message quotes it."""


def pick(options: str | Sequence[str], rng: Generator) -> str:
    """One of the options, evenly; a lone string is itself."""
    return options if isinstance(options, str) else options[int(rng.integers(len(options)))]


def pick_early(options: Sequence[str], rng: Generator) -> str:
    """One of the options, the first ones somewhat more often: a main wording and its variants are easier to learn."""
    return options[int(len(options) * float(rng.random()) ** 1.6)]


def expand(template: str, values: Values, parts: Parts, rng: Generator) -> str:
    """Fills a template; what stands in `values` is inserted as it is and never read as a template.

    Raises:
        PhraseError: an unknown placeholder or part, or brackets that do not close.
    """
    pieces: list[str] = []
    for mark, inner in _tokens(template):
        if mark == "":
            pieces.append(inner)
        elif mark == "[":
            pieces.append(expand(pick(_alternatives(inner), rng), values, parts, rng))
        elif mark == "{":
            if inner not in values:
                raise PhraseError(f"unknown placeholder {{{inner}}} in phrase: {template}")
            pieces.append(pick(values[inner], rng))
        else:
            if inner not in parts:
                raise PhraseError(f"unknown part <{inner}> in phrase: {template}")
            pieces.append(expand(pick(parts[inner], rng), values, parts, rng))
    return "".join(pieces)


def names_in(template: str, parts: Parts) -> set[str]:
    """All placeholders that any way of filling the template may ask for."""
    names: set[str] = set()
    for mark, inner in _tokens(template):
        if mark == "{":
            names.add(inner)
        elif mark == "[":
            for option in _alternatives(inner):
                names |= names_in(option, parts)
        elif mark == "<":
            if inner not in parts:
                raise PhraseError(f"unknown part <{inner}> in phrase: {template}")
            for option in parts[inner]:
                names |= names_in(option, parts)
    return names


def ways(template: str, parts: Parts) -> int:
    """In how many ways the template can be worded, placeholders not counted."""
    total = 1
    for mark, inner in _tokens(template):
        if mark == "[":
            total *= sum(ways(option, parts) for option in set(_alternatives(inner)))
        elif mark == "<":
            total *= sum(ways(option, parts) for option in set(parts[inner]))
    return total


def tidy(text: str, language: str) -> str:
    """Sets spaces right and, in English, the articles and the capitals at sentence starts."""
    text = re.sub(r"\s+", " ", text).strip()
    if language == "zh":
        text = re.sub(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])", "", text)
        return re.sub(r" ?([，。？！：；、（）]) ?", r"\1", text)
    text = re.sub(r" +([,.;:!?)])", r"\1", text)
    text = re.sub(r"\b([Aa])n? (?=([\w'-]+))", _article, text)
    return re.sub(r"(^|[.!?] )([a-z])", lambda match: match[1] + match[2].upper(), text)


def _article(match: re.Match[str]) -> str:
    word = match[2].lower()
    if word[0].isdigit():
        vowel = word[0] == "8" or re.match(r"1[18](?!\d)", word) is not None
    else:
        vowel = re.match(r"(?!uni|use|usa|usu|one|eu)[aeiou]|hour|honest", word) is not None
    return f"{match[1]}n " if vowel else f"{match[1]} "


@lru_cache(maxsize=1 << 16)
def _tokens(template: str) -> tuple[tuple[str, str], ...]:
    """Splits into (opening mark or "", inner text), outermost brackets only."""
    tokens = []
    start = position = 0
    while position < len(template):
        mark = template[position]
        if mark not in _CLOSING:
            position += 1
            continue
        if position > start:
            tokens.append(("", template[start:position]))
        end = _matching(template, position)
        tokens.append((mark, template[position + 1 : end]))
        start = position = end + 1
    if start < len(template):
        tokens.append(("", template[start:]))
    return tuple(tokens)


def _matching(template: str, position: int) -> int:
    opening, closing = template[position], _CLOSING[template[position]]
    depth = 0
    for index in range(position, len(template)):
        if template[index] == opening:
            depth += 1
        elif template[index] == closing:
            depth -= 1
            if depth == 0:
                return index
    raise PhraseError(f"'{opening}' is not closed in phrase: {template}")


@lru_cache(maxsize=1 << 14)
def _alternatives(inner: str) -> tuple[str, ...]:
    options, depth, start = [], 0, 0
    for index, mark in enumerate(inner):
        if mark in "[{<":
            depth += 1
        elif mark in "]}>":
            depth -= 1
        elif mark == "|" and depth == 0:
            options.append(inner[start:index])
            start = index + 1
    return (*options, inner[start:])
