"""Dialogue about simulated samples: multiple choice, free answers, and whether later answers agree with the first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import mean
from typing import Any

import numpy as np
from numpy.random import Generator

from anomalygpt.dialogue.phrasebook import LANGUAGES, Phrasebook, phrasebook
from anomalygpt.dialogue.template import tidy
from anomalygpt.dialogue.verdict import parse_verdict
from anomalygpt.evaluation.answers import (
    closest_statement,
    count_named,
    defect_statements,
    kinds_named,
    names_product,
    product_statements,
    shape_named,
)
from anomalygpt.evaluation.asking import (
    KINDS,
    LETTERS,
    Truth,
    asked_kinds,
    choice_question,
    follow_up,
    free_question,
    truth_of,
)
from anomalygpt.evaluation.conversation import converse, summarize_conversations
from anomalygpt.evaluation.places import places_said
from anomalygpt.inspection.session import Session
from anomalygpt.records import Sample

_YES_OR_NO = re.compile(r"\W*(yes|no|是的?|可以|对的?|不|不是|不可以|不能|不对)\W*", re.IGNORECASE)
_YES = ("yes", "是", "是的", "可以", "对", "对的")

Verdicts = dict[str, bool | None]


def measure_dialogue(session: Session, sample: Sample, seed: tuple[int, ...]) -> dict[str, Any]:
    """Asks everything about one sample, in both languages; the session has its references and its photo.

    Args:
        session: of the model.
        sample: the truth.
        seed: of the wordings, the options and their order.

    Returns:
        JSON-able: "anomalous", the truth, and by language "choice" and "free" by kind, "follow" and "talk".
    """
    truth = truth_of(sample)
    record: dict[str, Any] = {"anomalous": truth.anomalous}
    for number, language in enumerate(LANGUAGES):
        book, rng = phrasebook(language), np.random.default_rng((*seed, number))
        kinds = asked_kinds(truth)
        record[language] = {
            "choice": {kind: _choose(session, kind, truth, book, rng) for kind in kinds},
            "free": {kind: _answer_freely(session, kind, truth, book, rng) for kind in kinds},
            "follow": _follow(session, truth, book, rng),
            "talk": converse(session, truth, book, rng),
        }
    session.reset_dialogue()
    return record


def pick_option(session: Session, question: str, options: Sequence[str], book: Phrasebook) -> int:
    """The index of the option that is the likeliest answer to a question, as the first of a dialogue."""
    session.reset_dialogue()
    form = book.kinds["choice"].parts["answer"][0]
    answers = [
        tidy(form.replace("#", letter).replace("%", option.rstrip(".。")), book.language)
        for letter, option in zip(LETTERS, options, strict=False)
    ]
    return int(np.argmax(session.likelihoods(question, answers)))


def judge(kind: str, answer: str, truth: Truth, book: Phrasebook) -> float:
    """How right a free answer is, 0 to 1.

    A description is judged by the share of what it states (place, kind, form) that is true; a question of analysis by
    whether the answer repeats more of what is known of the true kind or product than of any other; the others are right
    or wrong.
    """
    if kind == "discrimination":
        return float(parse_verdict(answer) is truth.anomalous)
    if kind == "defect localization":
        return float(places_said(answer)[:1] != () and places_said(answer)[0] in truth.places)
    if kind == "defect classification":
        return float(kinds_named(answer, book)[:1] == [truth.kind])
    if kind == "defect analysis":
        return float(truth.kind in closest_statement(answer, defect_statements(book)))
    if kind == "object classification":
        return float(names_product(answer, str(truth.product), book))
    if kind == "object analysis":
        return float(truth.product in closest_statement(answer, product_statements(book)))
    stated = [places_said(answer)[0] in truth.places] if places_said(answer) else []
    if truth.kind is not None and (named := kinds_named(answer, book)):
        stated.append(named[0] == truth.kind)
    if (shape := shape_named(answer, book)) is not None:
        stated.append(shape == truth.shape)
    return mean(map(float, stated)) if stated else 0.0


def judge_follow(
    name: str, answer: str, first: str, regions: Sequence[str], map_says: bool, truth: Truth, book: Phrasebook
) -> Verdicts:
    """Whether a later answer agrees with the first answer, the map and the facts; None where that cannot be said.

    Args:
        name: "okay", "sure", "where" or "count".
        answer: to that question.
        first: the first answer of the dialogue, to whether there is an anomaly.
        regions: places of the map's regions, strongest first.
        map_says: whether the map is anomalous.
        truth: of the sample.
        book: the language.
    """
    if name in ("okay", "sure"):
        said = _said_of_okay(answer) if name == "okay" else _said_of_sure(answer, parse_verdict(first))
        before = parse_verdict(first)
        if said is None:
            return {"first": None, "map": None, "facts": None}
        return {
            "first": None if before is None else said == before,
            "map": said == map_says,
            "facts": said == truth.anomalous,
        }
    if name == "where":
        places, before_places = places_said(answer), places_said(first)
        if not places:
            return {"first": None, "map": None, "facts": None}
        return {
            "first": places[0] in before_places if before_places else None,
            "map": places[0] in regions if regions else None,
            "facts": places[0] in truth.places if truth.anomalous else None,
        }
    count = count_named(answer, book)
    if count is None:
        return {"first": None, "map": None, "facts": None}
    return {"first": None, "map": count == len(regions), "facts": count == truth.count}


def summarize_dialogue(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """By language: accuracy of choices and of free answers by kind and their mean over the kinds; agreement; talks."""
    summary: dict[str, Any] = {}
    for language in LANGUAGES:
        own = [record[language] for record in records]
        choice, free = {}, {}
        for kind in KINDS:
            chosen = [entry["choice"][kind] for entry in own if kind in entry["choice"]]
            if chosen:
                right = [float(entry["picked"] == entry["right"]) for entry in chosen]
                chance = mean(1 / entry["options"] for entry in chosen)
                choice[kind] = {"accuracy": mean(right), "chance": chance, "count": len(chosen)}
            scores = [entry["free"][kind]["score"] for entry in own if kind in entry["free"]]
            if scores:
                free[kind] = {"accuracy": mean(scores), "count": len(scores)}
        summary[language] = {
            "choice": choice,
            "choice_mean": mean(entry["accuracy"] for entry in choice.values()) if choice else None,
            "free": free,
            "free_mean": mean(entry["accuracy"] for entry in free.values()) if free else None,
            "agreement": _agreement([turn for entry in own for turn in entry["follow"]]),
            "talk": summarize_conversations(
                [entry["talk"] for entry in own],
                [
                    entry["talk"][0]["verdict"] is record["anomalous"]
                    for entry, record in zip(own, records, strict=True)
                ],
            ),
        }
    return summary


def _agreement(turns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How often later answers agree with the first one, the map and the facts, and how often they say nothing of it."""
    found: dict[str, Any] = {"answers": len(turns)}
    for side in ("first", "map", "facts"):
        known = [turn[side] for turn in turns if turn[side] is not None]
        found[side] = mean(map(float, known)) if known else None
    silent = [all(turn[side] is None for side in ("first", "map", "facts")) for turn in turns]
    found["silent"] = mean(map(float, silent)) if silent else None
    return found


def _choose(session: Session, kind: str, truth: Truth, book: Phrasebook, rng: Generator) -> dict[str, Any]:
    choice = choice_question(kind, truth, book, rng)
    picked = pick_option(session, choice.question, choice.options, book)
    return {
        "question": choice.question,
        "picked": LETTERS[picked],
        "right": LETTERS[choice.right],
        "options": len(choice.options),
    }


def _answer_freely(session: Session, kind: str, truth: Truth, book: Phrasebook, rng: Generator) -> dict[str, Any]:
    session.reset_dialogue()
    question = free_question(kind, book.language, rng)
    answer = _ask(session, question)
    return {"question": question, "answer": answer, "score": judge(kind, answer, truth, book)}


def _follow(session: Session, truth: Truth, book: Phrasebook, rng: Generator) -> list[dict[str, Any]]:
    """The paper's first question, and what is asked after its answer."""
    session.reset_dialogue()
    assert session.inspection is not None
    evidence = session.inspection.evidence
    first = _ask(session, book.kinds["presence"].ask["paper"][0])
    names = ["okay", "sure"] + (["where", "count"] if parse_verdict(first) else [])
    places = [region.place for region in evidence.regions]
    turns = []
    for name in (names[int(index)] for index in rng.permutation(len(names))):
        question = follow_up(name, book.language, rng)
        answer = _ask(session, question)
        verdicts = judge_follow(name, answer, first, places, evidence.anomalous, truth, book)
        turns.append({"name": name, "question": question, "answer": answer, **verdicts})
    return turns


def _ask(session: Session, question: str) -> str:
    """The greedy answer to a question, "" where none came."""
    turns = len(session.turns)
    for _ in session.ask(question, temperature=0):
        pass
    return session.turns[-1].answer if len(session.turns) > turns else ""


def _said_of_okay(answer: str) -> bool | None:
    """Whether an answer to "is it flawless?" says that the part is anomalous: a bare yes means that it is not."""
    if match := _YES_OR_NO.fullmatch(answer):
        return match.group(1).lower() not in _YES
    return parse_verdict(answer)


def _said_of_sure(answer: str, first: bool | None) -> bool | None:
    """The verdict that an answer to "do you stand by it?" comes down to: a bare yes repeats the first one."""
    if (match := _YES_OR_NO.fullmatch(answer)) and first is not None:
        return first == (match.group(1).lower() in _YES)
    return parse_verdict(answer)
