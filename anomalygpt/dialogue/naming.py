"""Which known product a user means by the description of a part."""

from __future__ import annotations

import re
from functools import cache

from anomalygpt.dialogue.phrasebook import LANGUAGES, read_names

_CLAUSE = re.compile(r"[,;.:()，；。：（）]")
_LATIN = re.compile(r"[a-z0-9]")


@cache
def _products_by_name() -> dict[str, str]:
    """Every name of a product in every language, in small letters, that no other product shares, with its key.

    The longest come first.
    """
    found: dict[str, set[str]] = {}
    for language in LANGUAGES:
        for key, entry in read_names(language)["products"].items():
            for name in (key, entry["name"], *entry["other"]):
                found.setdefault(name.lower(), set()).add(key)
    longest_first = sorted(found.items(), key=lambda pair: -len(pair[0]))
    return {name: next(iter(keys)) for name, keys in longest_first if len(keys) == 1}


def product_told(description: str) -> str:
    """The key of the product that a description ends with in its first clause, or "".

    "a brown hazelnut, seen from above" is a hazelnut; "the cap of a bottle" is a bottle to it, "a bottle cap" is not.
    """
    clause = _CLAUSE.split(description.strip().lower(), maxsplit=1)[0].strip()
    endings = (clause, clause.removesuffix("s"))
    for name, key in _products_by_name().items():
        for ending in endings:
            before = ending.removesuffix(name)
            if before != ending and not (_LATIN.match(name) and _LATIN.match(before[-1:])):
                return key
    return ""
