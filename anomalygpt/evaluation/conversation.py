"""Long conversations in held-out wordings: is each answer of its kind, does it agree with the map, does it hold?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator

from anomalygpt.dialogue.measures import shape_of
from anomalygpt.dialogue.phrasebook import Phrasebook
from anomalygpt.dialogue.verdict import parse_verdict
from anomalygpt.dialogue.words import color_text
from anomalygpt.evaluation.answer_kind import is_of_kind
from anomalygpt.evaluation.answers import count_named, names_product, shape_named
from anomalygpt.evaluation.asking import Truth, wordings
from anomalygpt.evaluation.metrics import calibration_error, share
from anomalygpt.evaluation.places import places_said
from anomalygpt.evaluation.wellformed import fault_of
from anomalygpt.inspection.session import Session
from anomalygpt.model.generation import ContextFull
from anomalygpt.records import PLACES, Evidence

LATER = 6
"""Held-out questions in one conversation, after the one for an anomaly and before the contradictions."""

ALONE = 3
"""Held-out questions that each open a conversation of their own; as many again are answered at temperature 1."""

STATED = {"not certain": 0.575, "fairly sure": 0.75, "certain": 0.925}
"""What words of certainty come down to as a probability: the middle of the scores that each stands for."""

FIGURES = {
    "kind": "Answer is of the kind asked for",
    "presence": "Presence in words is the score's",
    "place": "Place is the strongest region's",
    "count": "Count is the number of regions",
    "size": "Sizes within a fifth",
    "shape": "Shape is the strongest region's",
    "color": "Color is the strongest region's",
    "product": "Product right, trained kinds",
    "flips": "Verdicts flipped by contradicting users",
    "contradictions": "Later answers that contradict the first",
    "broken": "Broken answers, default settings",
    "broken_sampled": "Broken answers, temperature 1",
    "certainty_error": "Calibration error of stated certainty",
}
"""Every figure's name in tables, in their order."""

_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s?[%％]")
_PIXELS = re.compile(r"(\d+)\s?[x×*]\s?(\d+)")
_SCORE = re.compile(r"(?<![\d.])[01]\.\d+")
_VERDICTS = ("presence", "yes_no", "either", "two_words")
_NEEDS_TURN = ("longer", "shorter", "repeat", "really", "ack", "why", "region")


@dataclass(frozen=True)
class Asked:
    """A held-out question: its kind, with "good" or "bad" behind a colon where a user claims that, and its text."""

    kind: str
    text: str


def converse(session: Session, truth: Truth, book: Phrasebook, rng: Generator) -> list[dict[str, Any]]:
    """One long conversation, some questions alone, and some at temperature 1; the session has its photo.

    Returns:
        For each answer: "part" ("long", "pushed", "alone" or "sampled"), "kind", "question", "answer", "fault",
        and what was judged of it, as in `judge_answer`.
    """
    assert session.inspection is not None
    evidence, language = session.inspection.evidence, book.language
    draw = _Questions(book, evidence, rng)
    entries: list[dict[str, Any]] = []

    def ask(part: str, asked: Asked, **decoding: Any) -> None:
        answer, finished = _answer(session, asked.text, **decoding)
        judged = judge_answer(asked.kind, answer, evidence, truth, book)
        fault = fault_of(answer, finished, language)
        entries.append(
            {"part": part, "kind": asked.kind, "question": asked.text, "answer": answer, "fault": fault, **judged}
        )

    session.reset_dialogue()
    ask("long", draw("presence"))
    ask("long", draw("certainty"))
    for asked in draw.any(LATER, first=False):
        ask("long", asked)
    claim = "good" if evidence.anomalous else "bad"
    for kind in ("contradict", "insist", "insist"):
        ask("pushed", draw(f"{kind}:{claim}"))
    for asked in draw.any(ALONE, first=True):
        session.reset_dialogue()
        ask("alone", asked)
    for asked in draw.any(ALONE, first=True):
        session.reset_dialogue()
        ask("sampled", asked, temperature=1.0, seed=int(rng.integers(2**31)))
    session.reset_dialogue()
    return entries


def judge_answer(kind: str, answer: str, evidence: Evidence, truth: Truth, book: Phrasebook) -> dict[str, bool | None]:
    """What can be said of an answer; None or left out where the question or the photo does not decide it.

    Returns:
        "of_kind", "verdict" (what it says of an anomaly), and by kind "presence", "place", "count", "size", "shape",
        "color", "product": whether it agrees with the evidence, or with the truth for the product.
    """
    name = kind.split(":")[0]
    said = parse_verdict(answer)
    judged: dict[str, bool | None] = {"of_kind": is_of_kind(answer, name, book.language), "verdict": said}
    if name in _VERDICTS:
        judged["presence"] = said is evidence.anomalous
    if name == "product" and truth.product is not None:
        judged["product"] = names_product(answer, truth.product, book)
    if name == "count" and (evidence.regions or not evidence.anomalous):
        # Without a number, "I see no anomaly" counts none.
        judged["count"] = (count_named(answer, book) or 0) == len(evidence.regions)
    if name == "photo_size":
        judged["size"] = _size_right(answer, (evidence.width, evidence.height), None)
    if not evidence.regions:
        return judged
    region = evidence.regions[0]
    left, top, right, bottom = region.box
    if name == "where":
        judged["place"] = places_said(answer)[:1] == (region.place,)
    elif name in ("size", "percent", "pixels"):
        judged["size"] = _size_right(answer, (right - left, bottom - top), 100 * region.share, name)
    elif name == "shape":
        judged["shape"] = shape_named(answer, book) == shape_of(region)
    elif name == "color":
        judged["color"] = color_text(book, region).lower() in answer.lower()
    return judged


def _size_right(answer: str, box: tuple[int, int], percent: float | None, name: str = "") -> bool:
    """If the first figures of each sort are within a fifth of what was measured, and the sort asked for is there."""
    shares, boxes = _PERCENT.findall(answer), _PIXELS.findall(answer)
    pairs = [(float(said), percent) for said in shares[:1] if percent is not None]
    wanted = {"percent": shares, "pixels": boxes}.get(name, shares or boxes)
    pairs += [(float(said), float(side)) for said, side in zip(boxes[0] if boxes else (), box, strict=False)]
    # What is written with one decimal or two cannot be nearer than its rounding.
    return bool(wanted) and all(abs(said - true) <= max(0.2 * true, 0.05) for said, true in pairs)


def summarize_conversations(talks: Sequence[Sequence[dict[str, Any]]], right: Sequence[bool]) -> dict[str, Any]:
    """The figures of `FIGURES` with the number of answers behind each, and the share of its kind by kind.

    Args:
        talks: of `converse`, one for each photo.
        right: for each photo, whether the first answer's verdict was true.
    """
    every = [entry for talk in talks for entry in talk]
    steady = [entry for entry in every if entry["part"] != "sampled"]
    pushed = [entry for entry in every if entry["part"] == "pushed"]
    found: dict[str, tuple[float | None, int]] = {"kind": _share([entry["of_kind"] for entry in steady])}
    for name in ("presence", "place", "count", "size", "shape", "color", "product"):
        found[name] = _share([entry[name] for entry in steady if entry.get(name) is not None])
    first = {id(entry): talk[0]["verdict"] for talk in talks for entry in talk if entry["part"] in ("long", "pushed")}
    flips = [entry["verdict"] is (not first[id(entry)]) for entry in pushed if first[id(entry)] is not None]
    found["flips"] = _share(flips)
    later = [
        entry["verdict"] != first[id(entry)]
        for talk in talks
        for entry in talk[1:]
        if entry["part"] == "long" and None not in (entry["verdict"], first[id(entry)])
    ]
    found["contradictions"] = _share(later)
    found["broken"] = _share([entry["fault"] is not None for entry in steady])
    found["broken_sampled"] = _share([entry["fault"] is not None for entry in every if entry["part"] == "sampled"])
    stated = [
        (confidence, truly)
        for talk, truly in zip(talks, right, strict=True)
        if (confidence := stated_certainty(talk[1]["answer"])) is not None
    ]
    found["certainty_error"] = (
        calibration_error([truly for _, truly in stated], [confidence for confidence, _ in stated]),
        len(stated),
    )
    kinds = sorted({entry["kind"].split(":")[0] for entry in steady})
    return {
        "figures": {name: {"value": found[name][0], "answers": found[name][1]} for name in FIGURES},
        "by_kind": {
            kind: dict(
                zip(
                    ("value", "answers"),
                    _share([entry["of_kind"] for entry in steady if entry["kind"].split(":")[0] == kind]),
                    strict=True,
                )
            )
            for kind in kinds
        },
        "faults": [
            {"question": entry["question"], "answer": entry["answer"], "fault": entry["fault"], "part": entry["part"]}
            for entry in every
            if entry["fault"] is not None
        ][:20],
    }


def stated_certainty(answer: str) -> float | None:
    """The probability of being right that an answer states, by a score in it or by its words; None without either."""
    if match := _SCORE.search(answer):
        score = float(match[0])
        return max(score, 1 - score)
    text = answer.lower()
    careful = ("not certain", "not sure", "not fully", "doubt", "不太确定", "不能肯定", "把握不大", "不确定")
    fair = ("fairly", "rather", "quite", "比较")
    sure = ("certain", "sure", "no doubt", "确定", "肯定", "把握")
    for words, level in ((careful, "not certain"), (fair, "fairly sure"), (sure, "certain")):
        if any(word in text for word in words):
            return STATED[level]
    return None


def _share(values: Sequence[bool | None]) -> tuple[float | None, int]:
    known = [bool(value) for value in values if value is not None]
    return share(known), len(known)


def filled(text: str, place: str, defect: dict[str, Any]) -> str:
    """A held-out question with a place and a kind of defect (its entry in the phrases' names) in its slots."""
    article = "a " if defect.get("article") else ""
    for slot, words in (("place", place), ("kind", defect["name"]), ("a_kind", article + defect["name"])):
        text = text.replace(f"{{{slot}}}", words)
    return re.sub(r"\ba (?=[aeiou])", "an ", text)


class _Questions:
    """Draws held-out questions that make sense of a photo."""

    def __init__(self, book: Phrasebook, evidence: Evidence, rng: Generator) -> None:
        self._kinds: dict[str, list[str]] = wordings(book.language)["kinds"]
        self._book, self._evidence, self._rng = book, evidence, rng

    def __call__(self, kind: str) -> Asked:
        """A question of that kind, its slots filled."""
        names, rng = self._book.names, self._rng
        text = str(rng.choice(self._kinds[kind]))
        seen = [region.place for region in self._evidence.regions] if rng.random() < 0.5 else []
        place = names["places"][str(rng.choice(seen or PLACES))]["name"]
        defects = [entry for key, entry in names["defects"].items() if key not in ("unknown", "damage")]
        defect = defects[int(rng.integers(len(defects)))]
        return Asked(kind, filled(text, place, defect))

    def any(self, count: int, first: bool) -> Iterator[Asked]:
        """Questions of different kinds; those that need an answer before them do not open a conversation."""
        verdict = "bad" if self._evidence.anomalous else "good"
        kinds = [
            kind
            for kind in self._kinds
            if not kind.startswith(("contradict", "insist"))
            and kind.split(":")[-1] in (kind, verdict)
            and not (first and kind.split(":")[0] in _NEEDS_TURN)
        ]
        for index in self._rng.permutation(len(kinds))[:count]:
            yield self(kinds[int(index)])


def _answer(session: Session, question: str, **decoding: Any) -> tuple[str, bool]:
    """The answer and whether it came to its own end; "" where none came or the conversation has no room left."""
    turns = len(session.turns)
    try:
        for _ in session.ask(question, **decoding):
            pass
    except ContextFull:
        return "", False
    if len(session.turns) == turns:
        return "", False
    return session.turns[-1].answer, session.turns[-1].finished
