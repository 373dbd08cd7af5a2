"""The exact text around image, map and words (paper's form by default), safe against forged turns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from anomalygpt.config.schema import PromptFormatConfig
from anomalygpt.dialogue.kinds import KINDS
from anomalygpt.dialogue.measures import (
    box_text,
    color_of,
    largest_of,
    level_of,
    shape_of,
    share_text,
    size_of,
    smallest_of,
    unit_text,
)
from anomalygpt.records import Evidence

_SPECIAL = re.compile(r"<\|[^|<>]{0,40}\|>|</?s>|<(?:unk|pad|bos|eos|mask)>", re.IGNORECASE)
_ROLE = re.compile(r"\b(human|assistant|user|system)\s*[:：]", re.IGNORECASE)
_PARTS = re.compile(r"#{2,}|\[/?[A-Z_]+\]|<[^<>\s]+>")
_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060\ufeff]")


def plan_token(kind: str) -> str:
    """The unseen token that begins an answer to a question of that kind."""
    return f"<|{kind}|>"


PLAN_TOKENS: dict[str, str] = {plan_token(kind): kind for kind in KINDS}
"""Every plan token, with its kind."""


def evidence_text(evidence: Evidence) -> str:
    """What was measured, as short regular text, one line for the photo and one for each region.

    Every figure stands in the form in which answers repeat it: "score 0.93", "4.2%", "38x21".
    """
    state = "anomalous" if evidence.anomalous else "normal"
    lines = [
        f"score {unit_text(evidence.score)} {state}, {level_of(evidence.score)}; "
        f"photo {evidence.width}x{evidence.height}; references {evidence.references}; regions {len(evidence.regions)}"
    ]
    if evidence.product:
        lines[0] += f"; product {evidence.product}"
    marks = {}
    if len(evidence.regions) > 1:
        marks = {id(largest_of(evidence)): "; largest", id(smallest_of(evidence)): "; smallest"}
    for region in evidence.regions:
        lines.append(
            f"{region.index}: {region.place}; {share_text(region)} {size_of(region)}; {box_text(region)} pixels; "
            f"peak {unit_text(region.peak)}; {shape_of(region)}; {color_of(region)}{marks.get(id(region), '')}"
        )
    return "\n".join(lines)


class PromptFormat:
    """Puts questions and answers into the form that the language model was trained on.

    Args:
        config: the strings.
        special: what else the language model's tokenizer does not read as plain characters.

    Attributes:
        config: the strings.
        stop: ends every answer and never stands in user text.
        plans: the plan tokens with their kinds; none where answers are not planned.
    """

    def __init__(self, config: PromptFormatConfig, special: Sequence[str] = ()) -> None:
        self.config = config
        self.stop = config.stop
        self.plans = PLAN_TOKENS if config.plan else {}
        edges = (config.first_human, config.later_human, config.assistant)
        strings = (config.image_open, config.image_close, config.stop, *edges)
        # A marker of several parts, such as "<s>[INST]", is not to be forged by one of them either.
        marks = {mark for text in strings for mark in (text.strip(), *_PARTS.findall(text)) if mark}
        marks |= set(special)
        longest_first = sorted(marks, key=len, reverse=True)
        self._marks = re.compile("|".join(re.escape(mark) for mark in longest_first) + r"|#{2,}", re.IGNORECASE)

    def clean(self, text: str) -> str:
        """User text on one line, without anything that could pass for a turn, an image or a special token."""
        text = _UNSEEN.sub("", text)
        before = None
        while before != text:
            before = text
            text = _ROLE.sub(r"\1", _SPECIAL.sub(" ", self._marks.sub(" ", text)))
            text = re.sub(r"\s+", " ", text).strip()
        return text

    def first_turn(self, question: str, description: str, evidence: Evidence | None) -> tuple[str, str, str]:
        """The three texts of the first turn.

        Args:
            question: as the user typed it.
            description: what the user said of the part, or "".
            evidence: what was measured; spoken of only where the config says so.

        Returns:
            the text before the image vector; between it and the prompt vectors; and after those, up to and
            including the assistant marker.

        Raises:
            ValueError: the config wants evidence and there is none.
        """
        config = self.config
        told = self.clean(description)
        if told and told[-1] not in ".!?。！？":
            told += "。" if "\u4e00" <= told[-1] <= "\u9fff" else "."
        words = f"{told} {self.clean(question)}".strip()
        if config.evidence:
            if evidence is None:
                raise ValueError("this prompt format speaks of measured evidence: give the evidence of the photo")
            words = f"{evidence_text(evidence)}\n{words}"
        if config.instruction:
            words = f"{config.instruction}\n\n{words}"
        return config.first_human + config.image_open, config.image_close, words + config.assistant

    def later_turn(self, question: str) -> str:
        """The text of a later turn, up to and including the assistant marker."""
        return self.config.later_human + self.clean(question) + self.config.assistant

    def answer(self, text: str) -> str:
        """An answer as it follows the assistant marker in training, with the stop string."""
        return f"{self.config.lead}{text.strip()}{self.stop}"
