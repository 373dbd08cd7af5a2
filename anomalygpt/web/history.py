"""The record of one visit: every inspection small enough to keep, and its photos on disk until the visitor leaves."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anomalygpt.dialogue.verdict import stated_verdict
from anomalygpt.inspection.report import data_uri, reduced
from anomalygpt.records import Inspection, Turn

MOST_CASES = 50
"""Inspections kept for one visit; over it the oldest goes first."""

THUMBNAIL = 112
"""Long side of the picture in the strip, pixels."""


@dataclass(frozen=True)
class Case:
    """One inspection of a visit, without map and features: returning to it looks at the photo again.

    Attributes:
        number: 1 for the first of the visit.
        photo, references: files in the visit's own folder, under the names they were uploaded by.
        description: what the visitor said of the part, or "".
        rule, rotations: as the map was made; see `inspection.session.Session`.
        score: of the map, in [0, 1].
        thumbnail: the photo, reduced, as a data address.
        turns: the dialogue.
    """

    number: int
    photo: Path
    references: tuple[Path, ...]
    description: str
    rule: str
    rotations: bool
    score: float
    thumbnail: str
    turns: tuple[Turn, ...] = ()

    @property
    def verdict(self) -> bool | None:
        """What the words said last of the presence of an anomaly, None if they said nothing of it."""
        return stated_verdict(self.turns)


class History:
    """The inspections of one visit, the oldest first, one of them open."""

    def __init__(self, most: int = MOST_CASES) -> None:
        self._most = most
        self._cases: dict[int, Case] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._count = 0
        self._seen: Inspection | None = None
        self.current: int | None = None
        """Number of the inspection that is open on the page, None for none."""

    @property
    def cases(self) -> tuple[Case, ...]:
        """The inspections that are kept, the oldest first."""
        return tuple(self._cases.values())

    @property
    def folder(self) -> Path:
        """Where the files of this visit lie."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="anomalygpt-visit-", ignore_cleanup_errors=True)
        return Path(self._folder.name)

    def __getitem__(self, number: int) -> Case:
        return self._cases[number]

    def keep(self, path: str) -> Path:
        """Copies an uploaded file into the visit's folder, where it outlives the page's uploads.

        Raises:
            OSError: the file cannot be read, or the disk is full.
        """
        kept = self.folder / digest(path) / Path(path).name
        if not kept.is_file():
            kept.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, kept)
        return kept

    def note(
        self,
        inspection: Inspection,
        *,
        photo: Path,
        references: tuple[Path, ...],
        description: str,
        rule: str,
        rotations: bool,
        turns: Sequence[Turn],
    ) -> None:
        """Notes the present state of the open inspection; opens a new one where none is open."""
        turns = tuple(turns)
        if self.current is not None and inspection is self._seen:
            self._cases[self.current] = replace(self._cases[self.current], turns=turns)
            return
        if self.current is None:
            self._count += 1
            self.current = self._count
        self._seen = inspection
        thumbnail = data_uri(reduced(inspection.photo, THUMBNAIL))
        self._cases[self.current] = Case(
            self.current, photo, references, description, rule, rotations, inspection.score, thumbnail, turns
        )
        if len(self._cases) > self._most:
            del self._cases[min(self._cases)]
            self._sweep()

    def clear(self) -> None:
        """Forgets every inspection and removes the files."""
        self._cases.clear()
        self.current = self._seen = None
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def _sweep(self) -> None:
        """Removes the files that no inspection needs any more."""
        needed = {path.parent for case in self._cases.values() for path in (case.photo, *case.references)}
        for folder in self.folder.iterdir():
            if folder not in needed:
                shutil.rmtree(folder, ignore_errors=True)


def digest(path: str) -> str:
    """A short name of a file's content, or of its path where it cannot be read (the reader will say why)."""
    try:
        return hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return hashlib.blake2b(path.encode(), digest_size=16).hexdigest()
