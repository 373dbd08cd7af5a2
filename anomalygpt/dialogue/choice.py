"""Multiple-choice questions: a stem, two to four options with letters, and the option that is right."""

from __future__ import annotations

from typing import Any

from numpy.random import Generator

from anomalygpt.dialogue.kinds import Asked
from anomalygpt.dialogue.measures import shape_of, size_of
from anomalygpt.dialogue.phrasebook import Phrasebook
from anomalygpt.dialogue.template import expand, pick, tidy
from anomalygpt.dialogue.words import Filled, color_phrases, color_text, defect_of, things
from anomalygpt.records import Facts

_LETTERS = "ABCD"
_WRONG = (0.2, 0.2, 0.6)
"""Chances of one, two and three wrong options; four in all are the usual number."""


def multiple_choice(book: Phrasebook, facts: Facts, rng: Generator) -> Asked:
    """Draws a multiple-choice question whose right option follows from the facts."""
    subject, right, wrong = _subject(book, facts, rng)
    phrases = book.kinds["choice"]
    count = int(rng.choice([1, 2, 3], p=_WRONG))
    others = [wrong[int(index)] for index in rng.permutation(len(wrong))[:count]]
    options = [right, *others]
    options = [options[int(index)] for index in rng.permutation(len(options))]
    layout = pick(phrases.parts["layout"], rng)
    listed = pick(phrases.parts["between"], rng).join(
        layout.replace("#", letter).replace("%", option) for letter, option in zip(_LETTERS, options, strict=False)
    )
    values: Filled = {"thing": things(book, facts), "it": book.names["it"]["plain"]}
    stem = expand(pick(phrases.ask[subject], rng), values, phrases.parts, rng)
    text = tidy(f"{stem} {listed}", book.language)
    answer = phrases.parts["answer"][0].replace("#", _LETTERS[options.index(right)]).replace("%", right)
    return Asked("choice", text, answer=tidy(answer, book.language))


def _subject(book: Phrasebook, facts: Facts, rng: Generator) -> tuple[str, str, list[str]]:
    """A subject that the facts decide: its name, the right option, and the wrong ones."""
    regions, kind = facts.evidence.regions, defect_of(facts, 1)
    subjects = ["presence", "yes_no"]
    subjects += ["product", "material", "purpose"] if facts.product is not None else []
    subjects += ["place", "size", "shape", "color", "count"] if regions else []
    subjects += ["kind", "kind", "effect", "cause"] if kind is not None else []
    subject = pick(subjects, rng)
    if subject in ("presence", "yes_no"):
        both = book.kinds["choice"].parts[subject]
        return subject, both[0 if facts.evidence.anomalous else 1], [both[1 if facts.evidence.anomalous else 0]]
    right, options = _options(book, facts, subject)
    return subject, right, sorted(set(options) - {right})


def _options(book: Phrasebook, facts: Facts, subject: str) -> tuple[str, list[str]]:
    """The right option and all options of a subject."""
    names, regions = book.names, facts.evidence.regions
    if subject in ("product", "material", "purpose"):
        key = "name" if subject == "product" else subject
        products = names["products"]
        return products[facts.product][key], [entry[key] for entry in products.values()]
    if subject == "kind":
        return names["defects"][defect_of(facts, 1)]["name"], [entry["name"] for entry in _known_defects(book)]
    if subject in ("effect", "cause"):
        sentences = [_bare(entry[subject][0]) for entry in _known_defects(book)]
        return _bare(names["defects"][defect_of(facts, 1)][subject][0]), sentences
    if subject == "place":
        return names["places"][regions[0].place]["name"], [place["name"] for place in names["places"].values()]
    if subject == "count":
        return str(len(regions)), [str(number) for number in range(1, 9)]
    if subject == "color":
        return color_text(book, regions[0]), list(color_phrases(names["colors"]).values())
    table, key = (names["sizes"], size_of(regions[0])) if subject == "size" else (names["shapes"], shape_of(regions[0]))
    return table[key], list(table.values())


def _known_defects(book: Phrasebook) -> list[dict[str, Any]]:
    return [entry for name, entry in book.names["defects"].items() if name != "unknown"]


def _bare(sentence: str) -> str:
    return sentence.rstrip(".。")
