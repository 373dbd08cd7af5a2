"""One visitor's inspection session, and what of it belongs to their open page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from anomalygpt.imaging.read import PhotoError, RGBImage, read_photo
from anomalygpt.inspection.report import Record, Setting, record_of
from anomalygpt.records import Inspection, Turn
from anomalygpt.web.history import Case, History, digest
from anomalygpt.web.labels import Language
from anomalygpt.web.messages import user_message

if TYPE_CHECKING:
    from anomalygpt.inspection.session import Session

PAUSE_SECONDS = 0.04
"""Least time between two states of a streaming answer: more often than the eye can follow only costs time."""


class Visitor:
    """One visitor of the page.

    Every method may be called from any thread. A step of the model holds the lock, a pause between two words does
    not, so another photo, another question or leaving never waits for the end of an answer.
    """

    def __init__(self, new_session: Callable[[], Session]) -> None:
        self._new_session = new_session
        self._session: Session | None = None
        self._lock = threading.Lock()
        self._answer: tuple[Iterator[str], threading.Event] | None = None
        self._photo: Path | None = None
        self._photo_key: str | None = None
        self._references: tuple[Path, ...] = ()
        # As the page last showed them, and without those that could not be read: both mean these references.
        self._reference_keys: tuple[tuple[str, ...], ...] = ((),)
        self._description = ""
        self._rule: str | None = None
        self._rotations: bool | None = None
        self._awaited: dict[str, tuple[str, ...]] = {}
        self.history = History()
        self.language: Language = "en"
        """Of the page."""
        self.pending: str | None = None
        """The question that the page has sent and no answer has taken up yet."""
        self.asked = 0
        """How many questions the page has sent: an answer that is not to the last one shows nothing any more."""
        self.highlighted: int | None = None
        """Index of the region picked in the table or on the photo, None for none."""
        self.ratings: dict[int, bool] = {}
        """Whether the visitor liked an answer, by the index of its turn."""

    @property
    def inspection(self) -> Inspection | None:
        """What was measured of the photo on the page, None where there is none."""
        return self._session.inspection if self._session is not None else None

    @property
    def turns(self) -> Sequence[Turn]:
        """The dialogue so far."""
        return tuple(self._session.turns) if self._session is not None else ()

    def send(self, question: str) -> None:
        """Takes a question that is to be answered as soon as the model is free."""
        self.pending = question
        self.asked += 1

    def await_part(self, photo: str, references: Sequence[str]) -> None:
        """The page is about to show this part; until it does, it may still tell of the one before."""
        self._awaited = {"photo": (digest(photo),), "references": tuple(digest(path) for path in references)}

    def is_late(self, shown: Literal["photo", "references"], paths: Sequence[str]) -> bool:
        """Whether the page tells of photo or references that have given way to awaited ones."""
        return shown in self._awaited and tuple(digest(path) for path in paths) != self._awaited[shown]

    def arrived(self, *shown: Literal["photo", "references"]) -> None:
        """The page shows what was awaited; from now on it tells of what the visitor does."""
        for part in shown:
            self._awaited.pop(part, None)

    def session(self) -> Session:
        """The session as it is, for its model's name and defaults; a new one where there is none yet."""
        with self._lock:
            return self._open_session()

    def set_photo(self, path: str | None) -> bool:
        """Inspects the photo at `path`, or takes the photo away with None.

        Returns:
            False where it is the photo that is already inspected, and nothing was done.

        Raises:
            PhotoError: the file is no usable photo; the visitor has no photo then.
        """
        with self._lock:
            key = digest(path) if path is not None else None
            if key == self._photo_key:
                return False
            self._close_case()
            # A session cannot give a photo back, so without a usable one there is a new session.
            self._photo, self._photo_key, session, self._session = None, None, self._session, None
            if path is not None:
                photo = read_photo(path)
                self._photo = self.history.keep(path)
                self._session = session
                self._open_session().set_image(photo)
                self._photo_key = key
                self._note()
            return True

    def set_references(self, paths: Sequence[str]) -> tuple[bool, list[str], list[str]]:
        """Compares with the normal photos at `paths` from now on; broken files are left out.

        Returns:
            Whether anything changed; the paths that are in use; a message for each file that is not.
        """
        with self._lock:
            keys = tuple(digest(path) for path in paths)
            if keys in self._reference_keys:
                return False, list(paths), []
            photos: dict[str, RGBImage] = {}
            messages = []
            for path in paths:
                try:
                    photos[path] = read_photo(path)
                except PhotoError as error:
                    messages.append(user_message(error, self.language))
            self._start_anew()
            self._open_session().set_references(list(photos.values()))
            self._references = tuple(self.history.keep(path) for path in photos)
            self._reference_keys = (keys, tuple(key for key, path in zip(keys, paths, strict=True) if path in photos))
            self._note()
        return True, list(photos), messages

    def describe(self, description: str) -> bool:
        """Sets what the visitor says of the part; True where that is new, and the dialogue starts anew."""
        with self._lock:
            description = description.strip()
            if description == self._description:
                return False
            self._start_anew()
            self._open_session().description = description
            self._description = description
            self._note()
            return True

    def set_map_rule(self, rule: str, rotations: bool) -> bool:
        """Sets how the map is made; True where that is new, and the photo was looked at anew.

        Raises:
            ValueError: the model cannot join its maps by that rule.
        """
        with self._lock:
            session = self._open_session()
            if (rule, rotations) == (session.rule, session.rotations):
                return False
            self._start_anew()
            session.rule, session.rotations = rule, rotations
            self._rule, self._rotations = rule, rotations
            self._note()
            return True

    def ask(self, question: str, **decoding: float | int | None) -> Iterator[str]:
        """Yields the answer so far, longer each time.

        Ends early when it is stopped, when the part changes or when another question is asked.

        Args:
            decoding: as `Session.ask` takes it.

        Raises:
            NoPhotoError, QuestionError: from the session, with a message for the visitor.
        """
        cancel = threading.Event()
        with self._lock:
            self._end_answer()
            pieces = iter(self._open_session().ask(question, cancel=cancel, **decoding))  # type: ignore[arg-type]
            self._answer = mine = (pieces, cancel)
        text, shown = "", 0.0
        try:
            while True:
                with self._lock:
                    if self._answer is not mine:
                        return
                    piece = next(pieces, None)
                if piece is None:
                    return
                text += piece
                if time.monotonic() - shown >= PAUSE_SECONDS:
                    yield text
                    shown = time.monotonic()
        finally:
            with self._lock:
                if self._answer is mine:
                    self._end_answer()
                    self._note()

    def stop(self) -> None:
        """Ends the answer that is streaming, and drops a question that waits; what was said stays."""
        self.pending = None
        answer = self._answer
        if answer is not None:
            answer[1].set()

    def rewind(self, count: int) -> list[Turn]:
        """Takes the last turns back until `count` are left; gives those taken back, the oldest first."""
        self.pending = None
        with self._lock:
            self._end_answer()
            taken: list[Turn] = []
            while self._session is not None and len(self._session.turns) > count:
                taken.insert(0, self._session.turns[-1])
                self._session.undo()
            self.ratings = {turn: liked for turn, liked in self.ratings.items() if turn < count}
            self._note()
            return taken

    def reset_dialogue(self) -> None:
        """Forgets the turns and keeps photo, references and description."""
        with self._lock:
            self._start_anew()
            self._note()

    def recall(self, number: int) -> Case:
        """Returns to an earlier inspection of the visit: looks at its photo again and takes its dialogue up.

        Raises:
            KeyError: there is no such inspection (any more).
        """
        self.pending, self._awaited = None, {}
        with self._lock:
            case = self.history[number]
            self._close_case()
            self._session = None
            self._photo, self._photo_key = case.photo, digest(str(case.photo))
            self._references = case.references
            self._reference_keys = (tuple(digest(str(path)) for path in case.references),)
            self._description, self._rule, self._rotations = case.description, case.rule, case.rotations
            session = self._open_session()
            session.set_image(read_photo(case.photo))
            session.resume(case.turns)
            self.history.current = number
            self._note()
            return case

    def snapshot(self, settings: Mapping[str, Setting]) -> Record:
        """What there is of the inspection at this moment, for a report.

        Raises:
            ValueError: there is no photo.
        """
        with self._lock:
            name = self._photo.name if self._photo is not None else ""
            return record_of(self._open_session(), name, settings)

    def clear(self) -> None:
        """Empties the page; the record of the visit stays."""
        self.pending, self._awaited = None, {}
        with self._lock:
            self._close_case()
            self._session = None
            self._photo = self._photo_key = None
            self._references, self._reference_keys, self._description = (), ((),), ""

    def leave(self) -> None:
        """Forgets everything, the record too."""
        self.clear()
        self.history.clear()

    def _open_session(self) -> Session:
        """The session; a new one with the references and the description on the page where there is none."""
        if self._session is None:
            session = self._new_session()
            session.description = self._description
            session.rule = self._rule or session.rule
            session.rotations = session.rotations if self._rotations is None else self._rotations
            session.set_references([read_photo(path) for path in self._references])
            self._session = session
        return self._session

    def _start_anew(self) -> None:
        self._end_answer()
        self.highlighted = None
        self.ratings = {}
        if self._session is not None:
            self._session.reset_dialogue()

    def _close_case(self) -> None:
        """Ends what belongs to the photo on the page; the record keeps what was said of it."""
        self._end_answer()
        self._note()
        self._start_anew()
        self.history.current = None

    def _note(self) -> None:
        """Puts the present state into the record of the visit. The lock is held by the caller."""
        session = self._session
        if session is not None and session.inspection is not None and self._photo is not None:
            self.history.note(
                session.inspection,
                photo=self._photo,
                references=self._references,
                description=self._description,
                rule=session.rule,
                rotations=session.rotations,
                turns=session.turns,
            )

    def _end_answer(self) -> None:
        """Closes the answer that is streaming or was abandoned. The lock is held by the caller."""
        if self._answer is not None:
            pieces, cancel = self._answer
            self._answer = None
            cancel.set()
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
