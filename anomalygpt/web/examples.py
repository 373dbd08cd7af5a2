"""The showcase: cases that load with one click, each with a photo, a photo of a good part and a first question."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

EXAMPLES_FOLDER = Path(__file__).parents[2] / "assets" / "examples"


@dataclass(frozen=True)
class Example:
    """One case of the showcase.

    Attributes:
        name: as shown on its card.
        photo, reference: image files.
        question: asked when it is loaded.
        description: what a user would say of the part, or "".
    """

    name: str
    photo: Path
    reference: Path
    question: str
    description: str = ""


def read_examples(folder: Path = EXAMPLES_FOLDER) -> tuple[Example, ...]:
    """Reads `index.json` of a showcase folder; an installation without the folder has no showcase.

    The file holds a list of objects with `name`, `photo`, `reference` (file names in the folder), `question` and
    optionally `description`. Further keys are left to those who test the showcase.
    """
    index = folder / "index.json"
    if not index.is_file():
        return ()
    return tuple(
        Example(
            name=entry["name"],
            photo=folder / entry["photo"],
            reference=folder / entry["reference"],
            question=entry["question"],
            description=entry.get("description", ""),
        )
        for entry in json.loads(index.read_text(encoding="utf-8"))
    )
