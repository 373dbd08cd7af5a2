"""Makes a question: its kind's wording, the region, place or defect it is about, and how it was typed."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass

from numpy.random import Generator

from anomalygpt.dialogue.choice import multiple_choice
from anomalygpt.dialogue.kinds import KINDS, Asked, opposite_claim, regions_at
from anomalygpt.dialogue.phrasebook import KindPhrases, Phrasebook
from anomalygpt.dialogue.template import expand, names_in, pick, tidy
from anomalygpt.dialogue.typing_noise import typed
from anomalygpt.dialogue.words import Filled, defect_entry, defect_of, ordinal, things
from anomalygpt.records import PLACES, Facts

PAPER_SHARE = 0.62
"""How many of the opening presence questions are the paper's own."""

_ALONE = ("greeting", "bye", "thanks", "ack", "unclear", "really", "insist")


@dataclass(frozen=True)
class Reference:
    """How a question points at a region.

    Attributes:
        words: fillings of `{it}`.
        focus: index of the region meant, None in general.
        one: the words after "the" where it may point at nothing, else "".
        place: the place pointed at, if it points by place.
    """

    words: list[str]
    focus: int | None = None
    one: str = ""
    place: str | None = None


def ask(book: Phrasebook, facts: Facts, kind: str, first: bool, pinned: int | None, rng: Generator) -> Asked:
    """Draws one question of that kind.

    Args:
        book: the language.
        facts: of the photo.
        kind: one of `KINDS`.
        first: whether it opens the dialogue.
        pinned: index of the region that the turn before spoke of in particular: "it" then means that one.
        rng: all chance.
    """
    if kind == "choice":
        return multiple_choice(book, facts, rng)
    phrases = book.kinds[kind]
    if kind == "presence" and first and rng.random() < PAPER_SHARE:
        paper = pick(phrases.ask["paper"], rng)
        return Asked(kind, paper if rng.random() < 0.8 else typed(paper, book.language, rng))
    group, template = _template(book, phrases, _groups(kind, facts, first, phrases), rng)
    if kind == "region" or "it" in names_in(template, phrases.parts):
        reference = _reference(book, facts, kind, pinned, rng)
    else:
        reference = Reference(book.names["it"]["plain"], pinned if group == "follow" or kind == "why" else None)
    place, place_word = _place_asked(book, facts, rng) if kind in ("place", "place_check") else (reference.place, "")
    defect = _defect_asked(book, facts, rng) if kind == "kind_check" else None
    values: Filled = {"it": reference.words, "thing": things(book, facts), "place": place_word}
    if reference.focus is not None and kind == "region":
        values["nth"] = ordinal(book, reference.focus)
        values["number"] = str(reference.focus)
    if defect is not None:
        entry = defect_entry(book, defect)
        names = [entry["name"], entry["name"], *entry["other"]]
        article = "a " if entry.get("article") else ""
        if "adjective" in entry:
            values["adjective"] = entry["adjective"]
        values |= {"kind": names, "a_kind": [article + name for name in names], "kinds": entry["plural"]}
    text = tidy(expand(template, values, phrases.parts, rng), book.language)
    text = _surrounded(book, text, rng) if kind not in _ALONE else text
    return Asked(kind, typed(text, book.language, rng), reference.focus, place, place_word, defect, reference.one)


def _groups(kind: str, facts: Facts, first: bool, phrases: KindPhrases) -> tuple[str, ...]:
    if kind in ("contradict", "insist"):
        return (opposite_claim(facts),)
    if kind == "agree":
        return ("bad" if facts.evidence.anomalous else "good",)
    return ("any",) if first or "follow" not in phrases.ask else ("any", "any", "any", "follow")


def _template(book: Phrasebook, phrases: KindPhrases, groups: tuple[str, ...], rng: Generator) -> tuple[str, str]:
    """A group and one wording of it: by hand, or a clause or noun phrase in a frame."""
    group = groups[int(rng.integers(len(groups)))]
    source = rng.random()
    if group in phrases.clause and source < 0.2:
        return group, pick(book.frames["clause"], rng).replace("{x}", pick(phrases.clause[group], rng))
    if group in phrases.noun and source > 0.8:
        return group, pick(book.frames["noun"], rng).replace("{x}", pick(phrases.noun[group], rng))
    sums = phrases.reach[group]
    return group, phrases.ask[group][bisect(sums, float(rng.random()) * sums[-1])]


def _surrounded(book: Phrasebook, text: str, rng: Generator) -> str:
    """Now and then a greeting, a reason or a courtesy around the question."""
    chance = rng.random()
    if chance < 0.08:
        before = pick(book.frames["before"], rng)
        if before[-1] not in ".!。！" and text[1:2].islower():
            text = text[0].lower() + text[1:]
        return tidy(f"{before} {text}", book.language)
    if chance < 0.13:
        return tidy(f"{text} {pick(book.frames['after'], rng)}", book.language)
    return text


def _reference(book: Phrasebook, facts: Facts, kind: str, pinned: int | None, rng: Generator) -> Reference:
    table = book.names["it"]
    regions = facts.evidence.regions
    count = len(regions)
    by_number = kind == "region"
    if not KINDS[kind].focus or (not count and not by_number):
        return Reference(table["plain"])
    chance = rng.random()
    particular = 0.45 if count > 1 else 0.05
    if not by_number and chance > particular:
        return Reference(table["pronoun"], pinned) if pinned else Reference(table["plain"])
    if by_number or rng.random() < 0.6 or not count:
        return _by_number(book, count, by_number, rng)
    absent = [place for place in PLACES if not regions_at(facts, place)]
    if rng.random() < 0.15 and absent:
        place, focus = pick(absent, rng), count + 1
    else:
        region = regions[int(rng.integers(count))]
        place, focus = region.place, regions_at(facts, region.place)[0].index
    at = pick(book.names["places"][place]["at"], rng)
    return Reference(
        [form.replace("#", at) for form in table["placed"]], focus, table["placed_one"].replace("#", at), place
    )


def _by_number(book: Phrasebook, count: int, by_number: bool, rng: Generator) -> Reference:
    table = book.names["it"]
    first = 2 if by_number else 1
    last = max(count, first)
    focus = int(rng.integers(first, last + 1)) if rng.random() < 0.85 else last + 1
    forms = list(table["ordinal"])
    if (count, focus) == (2, 2) and not by_number:
        forms += table["other"]
    word = ordinal(book, focus)
    return Reference(
        [form.replace("#", word).replace("%", str(focus)) for form in forms],
        focus,
        table["ordinal_one"].replace("#", word),
    )


def _place_asked(book: Phrasebook, facts: Facts, rng: Generator) -> tuple[str, str]:
    regions = facts.evidence.regions
    hit = bool(regions) and rng.random() < 0.45
    place = regions[int(rng.integers(len(regions)))].place if hit else pick(PLACES, rng)
    return place, pick(book.names["places"][place]["asked"], rng)


def _defect_asked(book: Phrasebook, facts: Facts, rng: Generator) -> str:
    true = [kind for index in range(1, len(facts.defects) + 1) if (kind := defect_of(facts, index))]
    if true and rng.random() < 0.45:
        return pick(true, rng)
    return pick([kind for kind in book.names["defects"] if kind not in ("unknown", "damage")], rng)
