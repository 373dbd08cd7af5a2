"""One inspection session per visitor of the page, kept apart, and forgotten when it is idle or left."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anomalygpt.imaging.read import PhotoError, RGBImage, read_photo
from anomalygpt.records import Inspection, Turn

if TYPE_CHECKING:
    from anomalygpt.inspection.session import Session

IDLE_SECONDS = 3600.0
"""A visitor who does nothing for so long is forgotten."""

MOST_VISITORS = 128
"""Sessions kept at once; over it the one idle longest goes first."""

PAUSE_SECONDS = 0.04
"""Least time between two states of a streaming answer: more often than the eye can follow only costs time."""


class Visitor:
    """One visitor's inspection session, and what of it belongs to their open page.

    Every method may be called from any thread. A step of the model holds the lock, a pause between two words does
    not, so another photo, another question or leaving never waits for the end of an answer.
    """

    def __init__(self, new_session: Callable[[], Session]) -> None:
        self._new_session = new_session
        self._session: Session | None = None
        self._lock = threading.Lock()
        self._answer: tuple[Iterator[str], threading.Event] | None = None
        self._photo_key: str | None = None
        self._references: tuple[str, ...] = ()
        # As the page last showed them, and without those that could not be read: both mean these references.
        self._reference_keys: tuple[tuple[str, ...], ...] = ((),)
        self._description = ""
        self.pending: str | None = None
        """The question that the page has sent and no answer has taken up yet."""
        self.asked = 0
        """How many questions the page has sent: an answer that is not to the last one shows nothing any more."""
        self.highlighted: int | None = None
        """Index of the region picked in the table, None for none."""

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

    def set_photo(self, path: str | None) -> bool:
        """Inspects the photo at `path`, or takes the photo away with None.

        Returns:
            False where it is the photo that is already inspected, and nothing was done.

        Raises:
            PhotoError: the file is no usable photo; the visitor has no photo then.
        """
        with self._lock:
            key = _digest(path) if path is not None else None
            if key == self._photo_key:
                return False
            self._start_anew()
            # A session cannot give a photo back, so without a usable one there is a new session.
            self._photo_key, session, self._session = None, self._session, None
            if path is not None:
                photo = read_photo(path)
                self._session = session
                self._open_session().set_image(photo)
                self._photo_key = key
            return True

    def set_references(self, paths: Sequence[str]) -> tuple[bool, list[str], list[str]]:
        """Compares with the normal photos at `paths` from now on; broken files are left out.

        Returns:
            Whether anything changed; the paths that are in use; a message for each file that is not.
        """
        with self._lock:
            keys = tuple(_digest(path) for path in paths)
            if keys in self._reference_keys:
                return False, list(paths), []
            photos: dict[str, RGBImage] = {}
            messages = []
            for path in paths:
                try:
                    photos[path] = read_photo(path)
                except PhotoError as error:
                    messages.append(str(error))
            self._start_anew()
            self._open_session().set_references(list(photos.values()))
            self._references = tuple(photos)
            self._reference_keys = (keys, tuple(key for key, path in zip(keys, paths, strict=True) if path in photos))
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
            return True

    def ask(self, question: str) -> Iterator[str]:
        """Yields the answer so far, longer each time.

        Ends early when it is stopped, when the part changes or when another question is asked.

        Raises:
            NoPhotoError, QuestionError: from the session, with a message for the visitor.
        """
        cancel = threading.Event()
        with self._lock:
            self._end_answer()
            pieces = iter(self._open_session().ask(question, cancel=cancel))
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

    def stop(self) -> None:
        """Ends the answer that is streaming, and drops a question that waits; what was said stays."""
        self.pending = None
        answer = self._answer
        if answer is not None:
            answer[1].set()

    def reset_dialogue(self) -> None:
        """Forgets the turns and keeps photo, references and description."""
        with self._lock:
            self._start_anew()

    def clear(self) -> None:
        """Forgets everything."""
        self.pending = None
        with self._lock:
            self._end_answer()
            self._session = None
            self._photo_key, self._references, self._reference_keys, self._description = None, (), ((),), ""
            self.highlighted = None

    def _open_session(self) -> Session:
        """The session; a new one with the references and the description on the page where there is none."""
        if self._session is None:
            session = self._new_session()
            session.description = self._description
            session.set_references([read_photo(path) for path in self._references])
            self._session = session
        return self._session

    def _start_anew(self) -> None:
        self._end_answer()
        self.highlighted = None
        if self._session is not None:
            self._session.reset_dialogue()

    def _end_answer(self) -> None:
        """Closes the answer that is streaming or was abandoned. The lock is held by the caller."""
        if self._answer is not None:
            pieces, cancel = self._answer
            self._answer = None
            cancel.set()
            close = getattr(pieces, "close", None)
            if close is not None:
                close()


class Visitors:
    """The visitors at this moment, each by the key of their open page."""

    def __init__(
        self,
        new_session: Callable[[], Session],
        idle_seconds: float = IDLE_SECONDS,
        most: int = MOST_VISITORS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._new_session = new_session
        self._idle_seconds = idle_seconds
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, Visitor]] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def get(self, key: str) -> Visitor:
        """The visitor with this page; a new one where it is unknown or was forgotten."""
        now = self._clock()
        with self._lock:
            _, visitor = self._seen.pop(key, (0.0, None))
            visitor = visitor or Visitor(self._new_session)
            # Put back at the end: the dict is ordered from the one idle longest to the one seen last.
            self._seen[key] = (now, visitor)
            gone = []
            for old, (seen, _) in list(self._seen.items()):
                if len(self._seen) <= self._most and now - seen <= self._idle_seconds:
                    break
                gone.append(self._seen.pop(old)[1])
        for other in gone:
            other.clear()
        return visitor

    def forget(self, key: str) -> None:
        """Ends the visitor's answer and gives their memory back; an unknown key is no error."""
        with self._lock:
            _, visitor = self._seen.pop(key, (0.0, None))
        if visitor is not None:
            visitor.clear()


def _digest(path: str) -> str:
    """A short name of a file's content, or of its path where it cannot be read (the reader will say why)."""
    try:
        return hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return path
