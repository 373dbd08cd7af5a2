"""Numbers in answers: a figure that was not measured, told or asked is not written.

A small language model copies digits by attention and now and then slips from one figure into another ("56x13" for
"56x39"). While it writes a figure, only what continues a known one is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

CONSTANTS: tuple[str, ...] = ("0", "0.5", "1", "100%")
"""Figures that stand for themselves: the ends of the scale and the border between normal and anomalous."""

_FIGURE = re.compile(r"\d[\d.x]*%?")
_LONGEST = 16
"""Characters of the longest figure with its unit, "10000x10000" or so; more of the text need not be looked at."""


class KnownFigures:
    """The figures that an answer may hold: "0.93", "4.2%", "38x21", and the sides of a box alone.

    Args:
        texts: what the language model was told: measured evidence, description, questions.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        found = {match.rstrip(".") for text in (*CONSTANTS, *texts) for match in _FIGURE.findall(text)}
        sides = {side for figure in found for side in figure.rstrip("%").split("x")}
        self._known = found | sides
        self._begun = {figure[:length] for figure in self._known for length in range(1, len(figure) + 1)}

    def allow(self, text: str, piece: str) -> bool:
        """Whether a text may go on with a piece: all of its figures are known, and the last may become so."""
        tail = text[-_LONGEST:]
        written = tail + piece
        for match in _FIGURE.finditer(written):
            if match.end() < len(tail):
                continue  # written before, and judged then
            figure = match[0].rstrip(".")
            if match.end() < len(written):
                if figure not in self._known:
                    return False
            elif match[0] not in self._begun and figure not in self._known:
                return False
        return True
