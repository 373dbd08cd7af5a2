"""Thumbs up and down, kept on this computer: one JSON object a line, for whoever improves the model."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from anomalygpt.records import Turn


class Feedback:
    """A file of ratings. Photos are not kept in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def add(self, liked: bool, model: str, score: float, turns: Sequence[Turn]) -> None:
        """Appends one rating.

        Args:
            liked: thumbs up, else down.
            model: name of the model that answered.
            score: of the map that was talked about, in [0, 1].
            turns: the dialogue up to the answer that is rated, which is the last one.

        Raises:
            OSError: the file cannot be written.
        """
        line = {
            "date": datetime.now().astimezone().isoformat(timespec="seconds"),
            "liked": liked,
            "model": model,
            "score": round(score, 4),
            "dialogue": [asdict(turn) for turn in turns],
        }
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
