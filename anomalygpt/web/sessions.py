"""One inspection session per visitor of the page, kept apart, and forgotten when it is idle or left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from anomalygpt.web.memory import return_memory
from anomalygpt.web.visitor import Visitor

if TYPE_CHECKING:
    from anomalygpt.inspection.session import Session

IDLE_SECONDS = 4 * 3600.0
"""A visitor who does nothing for so long is forgotten: longer than a meeting, shorter than a shift."""

MOST_VISITORS = 128
"""Sessions kept at once; over it the one idle longest goes first."""


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

    def __contains__(self, key: str) -> bool:
        with self._lock:
            seen, visitor = self._seen.get(key, (0.0, None))
        return visitor is not None and self._clock() - seen <= self._idle_seconds

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
            other.leave()
        return visitor

    def forget(self, key: str) -> None:
        """Ends the visitor's answer and gives their memory back; an unknown key is no error."""
        with self._lock:
            _, visitor = self._seen.pop(key, (0.0, None))
        if visitor is not None:
            visitor.leave()
            del visitor
            return_memory()
