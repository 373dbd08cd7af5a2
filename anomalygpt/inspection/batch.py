"""Many photos of one product, one after the other: each is a row, and a bad file is a row that says why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anomalygpt.dialogue.verdict import FIRST_QUESTION
from anomalygpt.imaging.read import PhotoError
from anomalygpt.inspection.report import draw_overlay, reduced
from anomalygpt.inspection.session import Session
from anomalygpt.inspection.unpacking import Item
from anomalygpt.model.generation import ContextFull
from anomalygpt.records import Evidence

THUMBNAIL = 96
"""Long side of the pictures in a table, pixels."""


@dataclass(frozen=True, eq=False)
class Row:
    """What came out for one file.

    Attributes:
        name: of the file.
        error: why it could not be inspected, or ""; then nothing else is set.
        verdict: what the words say to the first question, None if they do not say.
        answer: these words.
        evidence: the measured numbers.
        thumbnail: the photo under its map, RGB uint8, long side `THUMBNAIL`.
    """

    name: str
    error: str = ""
    verdict: bool | None = None
    answer: str = ""
    evidence: Evidence | None = None
    thumbnail: NDArray[np.uint8] | None = None

    @property
    def score(self) -> float | None:
        """Of the map, in [0, 1]; None where the file could not be inspected."""
        return None if self.evidence is None else self.evidence.score

    @property
    def place(self) -> str:
        """Of the strongest region, or "" where there is none."""
        return self.evidence.regions[0].place if self.evidence is not None and self.evidence.regions else ""


def inspect_batch(
    session: Session, items: Iterable[Item | str | Path], question: str = FIRST_QUESTION
) -> Iterator[Row]:
    """Inspects photos one after the other with a session's references; stop by taking no further rows.

    The verdict is read from the greedy answer to the first question, as the evaluation does it.

    Args:
        session: with its references and description; its photo and dialogue are replaced.
        items: files, or what `unpacking.unpack` makes of them.
        question: asked about each photo.

    Yields:
        A row for each item, in order.
    """
    for item in items:
        if not isinstance(item, Item):
            item = Item(Path(item).name, Path(item))
        yield _row(session, item, question)


def _row(session: Session, item: Item, question: str) -> Row:
    if item.path is None:
        return Row(item.name, item.problem)
    try:
        inspection = session.set_image(item.path)
        answer = "".join(session.ask(question, temperature=0)).strip()
    except (PhotoError, ContextFull) as error:
        return Row(item.name, str(error))
    verdict = session.verdict
    picture = reduced(draw_overlay(inspection), THUMBNAIL)
    return Row(item.name, "", verdict, answer, inspection.evidence, picture)
