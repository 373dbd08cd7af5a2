"""Composes dialogues about one photo from its facts: the corpus that the voice is trained on."""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate

from numpy.random import Generator

from anomalygpt.dialogue.asking import ask
from anomalygpt.dialogue.kinds import KINDS, Asked, case_of, regions_at
from anomalygpt.dialogue.phrasebook import LANGUAGES, Language, Phrasebook, phrasebook
from anomalygpt.dialogue.template import expand, pick, pick_early, tidy
from anomalygpt.dialogue.verdict import parse_verdict
from anomalygpt.dialogue.words import (
    Filled,
    defect_entry,
    defect_values,
    ordinal,
    photo_values,
    product_values,
    region_values,
)
from anomalygpt.records import Facts, Turn

MAX_TURNS = 10

_SWITCH = 0.03
_NO_REFERENCE = 0.35
_OF_SEVERAL = ("region", "list", "compare", "smallest", "strongest", "more", "count")
_TAILED = ("presence", "okay", "certainty", "describe")


def compose(facts: Facts, rng: Generator, language: Language, turns: int) -> list[Turn]:
    """A dialogue of that many turns in which every answer follows from the facts.

    Now and then a user writes one question in the other language, and is answered in it.

    Args:
        facts: what may be known of the photo.
        rng: all chance; the same state composes the same dialogue.
        language: "en" or "zh".
        turns: 1 to `MAX_TURNS`.

    Raises:
        ValueError: turns out of range, a language without phrases, or a product or defect that the phrases do not know.
    """
    if not 1 <= turns <= MAX_TURNS:
        raise ValueError(f"a dialogue has 1 to {MAX_TURNS} turns, not {turns}")
    book = phrasebook(language)
    _check(book, facts)
    other = phrasebook(next(name for name in LANGUAGES if name != language))
    asked: list[Asked] = []
    composed: list[Turn] = []
    for number in range(turns):
        spoken = other if number and rng.random() < _SWITCH else book
        kind = _next_kind(facts, asked, last=number > 0 and number == turns - 1, rng=rng)
        question = ask(spoken, facts, kind, not asked, _pinned(facts, asked), rng)
        text = answer(spoken, facts, question, asked, rng)
        composed.append(Turn(question.text, text, parse_verdict(text), kind=kind))
        asked.append(question)
    return composed


def answer(book: Phrasebook, facts: Facts, asked: Asked, before: list[Asked], rng: Generator) -> str:
    """One answer to a question, given the questions before it."""
    if asked.answer:
        return asked.answer
    about = asked
    case, index = case_of(asked, facts)
    phrases = book.kinds[asked.kind]
    options = phrases.answer.get(case) or book.shared[case]
    if asked.kind == "shorter" and before:
        previous = before[-1]
        previous_case, previous_index = case_of(previous, facts) if not previous.answer else ("", 0)
        if short := book.kinds[previous.kind].short.get(previous_case):
            options, index, phrases = short, previous_index, book.kinds[previous.kind]
            about = previous  # said again in few words, of what that question was about
    values = answer_values(book, facts, about, index, rng)
    text = expand(pick_early(options, rng), values, phrases.parts, rng)
    if asked.kind in _TAILED and not facts.evidence.references and rng.random() < _NO_REFERENCE:
        text = f"{text} {expand(pick(book.shared['no_reference'], rng), values, phrases.parts, rng)}"
    return tidy(text, book.language)


def describe(product: str | None, texture: bool, language: Language, rng: Generator) -> str:
    """What a user might write into the description of the part, often just its name ("a metal nut").

    An unknown product gets an invented name, so that the voice learns to take names from the description.
    """
    book = phrasebook(language)
    entry = book.names["products"].get(product)
    names = [entry["name"], *entry["other"]] if entry else book.names["made_up"]["texture" if texture else "object"]
    return tidy(pick(book.frames["description"], rng).replace("{x}", pick(names, rng)), language).strip()


def answer_values(book: Phrasebook, facts: Facts, asked: Asked, index: int, rng: Generator) -> Filled:
    """All placeholders of an answer about the region of that index (0 for none)."""
    values = photo_values(book, facts) | product_values(book, facts)
    values |= region_values(book, facts, index) if index else defect_values(book, None)
    if asked.focus:
        values["nth"] = ordinal(book, asked.focus)
    if asked.one:
        values["asked_one"] = asked.one
    if asked.place:
        place = book.names["places"][asked.place]
        values |= {"asked": place["name"], "at_asked": place["at"]}
    if asked.defect:
        entry = defect_entry(book, asked.defect)
        values |= {"asked_kind": entry["name"], "asked_kinds": entry["plural"]}
        values["a_asked_kind"] = ("a " if entry.get("article") else "") + entry["name"]
    if index and asked.kind in ("list", "longer", "describe", "summary"):
        values["list"] = _listed(book, facts, rng)
    return values


def _listed(book: Phrasebook, facts: Facts, rng: Generator) -> str:
    phrases = book.kinds["list"]
    item = pick(phrases.item, rng)
    entries = [
        expand(item, region_values(book, facts, region.index) | {"number": str(region.index)}, phrases.parts, rng)
        for region in facts.evidence.regions
    ]
    return str(book.names["grammar"]["list"]).join(entries)


def _next_kind(facts: Facts, asked: list[Asked], last: bool, rng: Generator) -> str:
    """The kind of the next question: by its weight, seldom twice, and as it suits the turn before."""
    previous = asked[-1].kind if asked else ""
    chance = rng.random()
    if previous in ("contradict", "insist") and chance < 0.45:
        return "insist"
    if last and chance < 0.12:
        return "thanks" if chance < 0.08 else "bye"
    if previous == "kind" and chance < 0.12:
        return "why"
    regions = len(facts.evidence.regions)
    before = {turn.kind for turn in asked}
    weights = []
    for name, kind in KINDS.items():
        weight = kind.later if asked else kind.first
        if kind.defects and asked and not regions:
            weight *= 0.5
        if regions > 1 and name in _OF_SEVERAL:
            weight *= 1.8
        weights.append(weight * 0.3 if name in before else weight)
    sums = list(accumulate(weights))
    return list(KINDS)[bisect(sums, float(rng.random()) * sums[-1])]


def _pinned(facts: Facts, asked: list[Asked]) -> int | None:
    """The region that "it" means after the turn before, if that spoke of one of several in particular."""
    count = len(facts.evidence.regions)
    if not asked or count < 2:
        return None
    previous = asked[-1]
    if previous.kind == "place" and (there := regions_at(facts, previous.place)):
        return there[0].index
    return previous.focus if previous.focus is not None and previous.focus <= count else None


def _check(book: Phrasebook, facts: Facts) -> None:
    if facts.product is not None and facts.product not in book.names["products"]:
        raise ValueError(f"the phrases know no product {facts.product!r}; add it to names.json of every language")
    for kind in facts.defects:
        if kind is not None and kind not in book.names["defects"]:
            raise ValueError(f"the phrases know no defect {kind!r}; add it to names.json of every language")
