"""The showcase: cases that load with one click, each with a photo, a photo of a good part and a first question."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from anomalygpt.web.labels import Language

EXAMPLES_FOLDER = Path(__file__).parents[2] / "assets" / "examples"


@dataclass(frozen=True)
class Words:
    """What is said of an example in one language.

    Attributes:
        name: as shown on its card.
        question: asked when it is loaded.
        description: what a user would say of the part, or "".
    """

    name: str
    question: str
    description: str = ""


@dataclass(frozen=True)
class Example:
    """One case of the showcase.

    Attributes:
        photo, reference: image files.
        english: what is said of it.
        chinese: the same, None where nobody has said it in Chinese.
    """

    photo: Path
    reference: Path
    english: Words
    chinese: Words | None = None

    def words(self, language: Language) -> Words:
        """What is said of it in a visitor's language, if it can be."""
        return self.chinese if language == "zh" and self.chinese is not None else self.english


@cache  # the page's words and its cards are both made from them at the start
def read_examples(folder: Path = EXAMPLES_FOLDER) -> tuple[Example, ...]:
    """Reads `index.json` of a showcase folder; an installation without the folder has no showcase.

    The file holds a list of objects with `photo`, `reference` (file names in the folder), `name`, `question` and
    optionally `description`, and with `chinese`, an object with these three in Chinese, if they have been translated.
    Further keys are left to those who test the showcase.
    """
    index = folder / "index.json"
    if not index.is_file():
        return ()
    return tuple(
        Example(
            photo=folder / entry["photo"],
            reference=folder / entry["reference"],
            english=_words(entry),
            chinese=_words(entry["chinese"]) if "chinese" in entry else None,
        )
        for entry in json.loads(index.read_text(encoding="utf-8"))
    )


def card_names(examples: Iterable[Example]) -> dict[str, tuple[str, str]]:
    """The names on the cards in English and Chinese, by the English one."""
    return {example.english.name: (example.english.name, example.words("zh").name) for example in examples}


def _words(entry: dict[str, str]) -> Words:
    return Words(entry["name"], entry["question"], entry.get("description", ""))
