"""Broken answers: cut off, repeating themselves, in the wrong language, or with signs that belong to no answer."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from anomalygpt.dialogue.phrasebook import Language

Fault = Literal["empty", "cut off", "stray signs", "wrong language", "repetition"]

_STRAY = re.compile(
    r"#{2,}|\ufffd|[{}<>\[\]|\\]|</?s>|\b(?:human|assistant|user)\s*[:：]|\s{2,}|[,;:，；：]{2,}", re.IGNORECASE
)
_END = re.compile(r"[.!?。！？][)\]）”\"']*$")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{2,}")
_KNOWN_LATIN = ("anomalygpt", "ok", "ng", "px", "bbox", "ai")


def fault_of(answer: str, finished: bool, language: Language) -> Fault | None:
    """What is broken about an answer, None where nothing is.

    Args:
        answer: as it was shown.
        finished: whether it came to its own end.
        language: in which it was asked.
    """
    text = answer.strip()
    if not text:
        return "empty"
    if not finished or not _END.search(text):
        return "cut off"
    if _STRAY.search(text):
        return "stray signs"
    if _is_foreign(text, language):
        return "wrong language"
    return "repetition" if _repeats(text, language) else None


def _is_foreign(text: str, language: Language) -> bool:
    if language == "en":
        return _CHINESE.search(text) is not None
    words = [word for word in _LATIN.findall(text) if word.lower() not in _KNOWN_LATIN]
    return bool(words)


def _repeats(text: str, language: Language) -> bool:
    """A sentence twice, a word twice in a row, or four words (six Chinese signs) three times."""
    sentences = [part.strip().lower() for part in re.split(r"(?<=[.!?。！？])(?:\s+|(?=\S))", text) if part.strip()]
    if language == "en":
        sentences = [part.strip().lower() for part in re.split(r"(?<=[.!?])\s+", text) if part.strip()]
    if len(set(sentences)) < len(sentences):
        return True
    pieces = re.findall(r"[\w.%]+", text.lower()) if language == "en" else re.findall(r"[\u3400-\u9fff]|[\w.%]+?", text)
    if language == "en" and any(one == other and one.isalpha() for one, other in itertools.pairwise(pieces)):
        return True
    length = 4 if language == "en" else 6
    return _most(pieces, length) >= 3


def _most(pieces: Sequence[str], length: int) -> int:
    runs = Counter(tuple(pieces[index : index + length]) for index in range(len(pieces) - length + 1))
    return max(runs.values(), default=0)
