"""Multiple-choice questions: a stem, two to four options with letters, and the option that is right."""

from __future__ import annotations

from numpy.random import Generator

from anomalygpt.dialogue.kinds import Asked
from anomalygpt.dialogue.measures import shape_of, size_of
from anomalygpt.dialogue.phrasebook import Phrasebook
from anomalygpt.dialogue.template import expand, pick, tidy
from anomalygpt.dialogue.words import Filled, defect_of, things
from anomalygpt.records import PLACES, Facts

_LETTERS = "ABCD"


def multiple_choice(book: Phrasebook, facts: Facts, rng: Generator) -> Asked:
    """Draws a multiple-choice question whose right option follows from the facts."""
    subject, right, wrong = _subject(book, facts, rng)
    phrases = book.kinds["choice"]
    others = [wrong[int(index)] for index in rng.permutation(len(wrong))[: int(rng.integers(1, 4))]]
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
    names, evidence = book.names, facts.evidence
    subjects = ["presence"]
    subjects += ["product"] if facts.product in names["products"] else []
    subjects += ["place", "size", "shape", "count"] if evidence.regions else []
    subjects += ["kind", "kind"] if defect_of(facts, 1) else []
    subject = pick(subjects, rng)
    if subject == "presence":
        both = list(book.kinds["choice"].parts["presence"])
        return subject, both[0 if evidence.anomalous else 1], [both[1 if evidence.anomalous else 0]]
    if subject == "product":
        table, key = {name: str(entry["name"]) for name, entry in names["products"].items()}, str(facts.product)
    elif subject == "kind":
        table = {name: str(entry["name"]) for name, entry in names["defects"].items() if name != "unknown"}
        key = str(defect_of(facts, 1))
    elif subject == "place":
        table, key = {place: str(names["places"][place]["name"]) for place in PLACES}, evidence.regions[0].place
    elif subject == "size":
        table, key = dict(names["sizes"]), size_of(evidence.regions[0])
    elif subject == "shape":
        table, key = dict(names["shapes"]), shape_of(evidence.regions[0])
    else:
        table, key = {str(n): str(n) for n in range(1, 9)}, str(len(evidence.regions))
    return subject, table[key], [name for other, name in table.items() if other != key]
