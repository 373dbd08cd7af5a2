"""MMAD's question file and folders: `mmad.json` beside the folders of the data sets that its photos come from.

The file maps each photo's path to its questions (`conversation`, each with `Question`, `Options` by letter, `Answer`, a
letter, and `type`), and to good photos of the same product (`random_templates`, `similar_templates`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anomalygpt.datasets.index import DataError

QUESTIONS = "mmad.json"

KIND_OF_TYPE = {
    "anomaly detection": "discrimination",
    "defect classification": "defect classification",
    "defect localization": "defect localization",
    "defect description": "defect description",
    "defect analysis": "defect analysis",
    "object classification": "object classification",
    "object analysis": "object analysis",
    # The file splits questions about the object further; the benchmark reports them as one kind.
    "object structure": "object analysis",
    "object details": "object analysis",
    "object function": "object analysis",
}
"""The seven kinds that are reported, by the types in the file, in lower case."""


@dataclass(frozen=True)
class MMADQuestion:
    """One multiple-choice question.

    Attributes:
        kind: one of the values of `KIND_OF_TYPE`.
        text: without the options.
        options: texts in the order of their letters.
        right: index of the right one.
    """

    kind: str
    text: str
    options: tuple[str, ...]
    right: int


@dataclass(frozen=True)
class MMADItem:
    """One photo and what is asked about it.

    Attributes:
        name: path in the file.
        photo: the photo itself.
        references: good photos of the same product, in the file's order.
        questions: in the file's order.
    """

    name: str
    photo: Path
    references: tuple[Path, ...]
    questions: tuple[MMADQuestion, ...]

    @property
    def dataset(self) -> str:
        """The data set it comes from: the first folder of its path."""
        return self.name.split("/")[0]

    @property
    def category(self) -> str:
        """Data set and product: the first two folders of its path."""
        return "/".join(self.name.split("/")[:2])


def is_mmad(source: str, layout: str) -> bool:
    """Whether a folder is MMAD's, or is said to be."""
    return layout == "mmad" or (layout == "auto" and (Path(source) / QUESTIONS).is_file())


def index_mmad(root: Path) -> list[MMADItem]:
    """Reads MMAD's question file; photos are not opened, and those of data sets that are not there are left out.

    Raises:
        DataError: the file is missing or not of this form, or none of its data sets is there.
    """
    path = root / QUESTIONS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: MMAD's question file cannot be read ({error}). Restore it.") from error
    if not isinstance(content, dict) or not content:
        raise DataError(f"{path}: this is no question file of MMAD: it should map photos to their questions.")
    items = [_item(root, name, entry, path) for name, entry in content.items() if (root / name.split("/")[0]).is_dir()]
    if not items:
        wanted = ", ".join(sorted({name.split("/")[0] for name in content}))
        raise DataError(f"{root}: none of the data sets of {QUESTIONS} is here. Put at least one beside it: {wanted}.")
    return items


def _item(root: Path, name: str, entry: Any, path: Path) -> MMADItem:
    try:
        templates = entry.get("random_templates") or entry.get("similar_templates") or []
        questions = tuple(_question(turn) for turn in entry["conversation"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: the entry '{name}' is not of MMAD's form ({error!r}). Restore the file.") from error
    return MMADItem(name, root / name, tuple(root / template for template in templates), questions)


def _question(turn: dict[str, Any]) -> MMADQuestion:
    options = dict(sorted(turn["Options"].items()))
    answer = str(turn["Answer"]).strip().rstrip(".")
    kind = KIND_OF_TYPE.get(str(turn["type"]).strip().lower())
    if kind is None:
        raise ValueError(f"question type {turn['type']!r} is not known")
    texts = tuple(str(text).strip() for text in options.values())
    return MMADQuestion(kind, str(turn["Question"]).strip(), texts, list(options).index(answer))
