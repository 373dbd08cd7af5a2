"""Reads free answers: which kinds of defect, products, numbers and known statements they contain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from anomalygpt.dialogue.phrasebook import Phrasebook

STATED = 0.3
"""Share of a known statement's trigrams that an answer must have for the statement to count as made."""


def kinds_named(answer: str, book: Phrasebook) -> list[str]:
    """The kinds of defect that an answer names, in the order of the words, each once."""
    table: dict[str, set[str]] = {}
    for key, entry in book.names["defects"].items():
        if key != "unknown":
            for name in (entry["name"], entry["plural"], *entry["other"]):
                table.setdefault(str(name).lower(), set()).add(key)
    return [sorted(keys)[0] for keys in _named(answer, table, book.language)]


def names_product(answer: str, product: str, book: Phrasebook) -> bool:
    """Whether an answer names that product and no other; a name that several share ("nut") counts for each."""
    table: dict[str, set[str]] = {}
    for key, entry in book.names["products"].items():
        for name in (key, entry["name"], *entry["other"]):
            table.setdefault(str(name).lower(), set()).add(key)
    found = _named(answer, table, book.language)
    return bool(found) and all(product in keys for keys in found)


def shape_named(answer: str, book: Phrasebook) -> str | None:
    """The class of form that an answer names, None where it names none."""
    found = _named(answer, {str(name).lower(): {key} for key, name in book.names["shapes"].items()}, book.language)
    return next(iter(found[0])) if found else None


def count_named(answer: str, book: Phrasebook) -> int | None:
    """The first number from zero to eight in an answer, in digits or words; None where there is none."""
    words = {str(word).lower(): index for index, word in enumerate(book.names["numbers"])}
    words |= {str(index): index for index in range(9)}
    if book.language == "zh":
        words |= {"没有": 0, "二": 2}
        pattern = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
        match = re.search(rf"(?<![第\d.])({pattern})(?:\s*[处个块片条]|(?=$|[，。、]))", answer)
        return words[match.group(1)] if match else None
    words |= {"single": 1, "none": 0}
    match = re.search(rf"(?<![\d.])\b({'|'.join(words)})\b(?![.\d]*\d)(?! ?%)", answer.lower())
    return words[match.group(1)] if match else None


def closest_statement(answer: str, statements: Mapping[str, Iterable[str]]) -> set[str]:
    """The keys whose known statements the answer repeats most of; empty where it repeats none of them.

    Args:
        answer: free text.
        statements: what is known, by key.
    """
    said = trigrams(answer)
    shares = {
        key: max((len(said & known) / len(known) for text in texts if (known := trigrams(text))), default=0.0)
        for key, texts in statements.items()
    }
    best = max(shares.values(), default=0.0)
    return {key for key, share in shares.items() if share == best} if best >= STATED else set()


def defect_statements(book: Phrasebook) -> dict[str, list[str]]:
    """What is known of causes and effects, by kind of defect."""
    return _statements(book.names["defects"], ("cause", "effect", "sign"), {"unknown"})


def product_statements(book: Phrasebook) -> dict[str, list[str]]:
    """What is known of purpose, material and look, by product."""
    return _statements(book.names["products"], ("purpose", "material", "look"), set())


def _statements(table: Mapping[str, Any], fields: tuple[str, ...], without: set[str]) -> dict[str, list[str]]:
    found = {}
    for key, entry in table.items():
        if key not in without:
            values = [entry[field] for field in fields]
            found[key] = [text for value in values for text in ([value] if isinstance(value, str) else value)]
    return found


def _named(answer: str, table: Mapping[str, set[str]], language: str) -> list[set[str]]:
    """The entries whose names occur, in the order of the words, each once; a longer name hides those inside it."""
    longest_first = sorted(table, key=len, reverse=True)
    body = "|".join(re.escape(name) for name in longest_first)
    # English names may stand in the plural; Chinese has neither plurals nor spaces.
    pattern = rf"\b({body})(?:e?s)?\b" if language == "en" else f"({body})"
    found: list[set[str]] = []
    for match in re.finditer(pattern, answer.lower()):
        if table[match.group(1)] not in found:
            found.append(table[match.group(1)])
    return found


def trigrams(text: str) -> frozenset[str]:
    """The runs of three signs of a text, without regard to case and punctuation."""
    plain = re.sub(r"[\W_]+", " ", text.lower()).strip()
    runs = [plain[index : index + 3] for index in range(len(plain) - 2)]
    return frozenset(runs or ([plain] if plain else []))
