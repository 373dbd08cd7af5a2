"""How often the plan of an answer is the kind that was asked for: in wordings of training, and in held-out ones.

`python benchmarks/plans.py --checkpoint embedded` prints both shares in both languages. The gap between them tells
whether a voice needs longer training or more ways to ask; `--wrong` lists what it took for something else.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
import torch

import anomalygpt
from anomalygpt.datasets.simulated import SimulatedSamples
from anomalygpt.dialogue.asking import ask
from anomalygpt.dialogue.kinds import KINDS
from anomalygpt.dialogue.phrasebook import LANGUAGES, Phrasebook, phrasebook
from anomalygpt.evaluation.asking import wordings
from anomalygpt.evaluation.conversation import filled
from anomalygpt.inspection.session import Session
from anomalygpt.records import PLACES, Facts

NOT_FIRST = ("choice", "shorter", "repeat", "longer", "more", "really", "ack", "insist", "contradict", "agree")
"""Kinds that need a turn before them, or options."""

SAMPLES = 20


def trained_kinds(count: int) -> list[str]:
    """The kinds of which training's own wordings are asked, `count` times each."""
    return [kind for kind in KINDS if kind not in NOT_FIRST for _ in range(count)]


def held_out(book: Phrasebook, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Kinds and questions that training does not have."""
    asked = []
    for name, questions in wordings(book.language)["kinds"].items():
        kind = name.split(":")[0]
        for question in () if kind in NOT_FIRST else questions:
            place = book.names["places"][str(rng.choice(PLACES))]["asked"][0]
            asked.append((kind, filled(question, place, book.names["defects"]["scratch"])))
    return asked


def plan_of(session: Session, question: str) -> str:
    """The kind that the model plans to answer, as the first question of a dialogue."""
    session.reset_dialogue()
    for _ in session.ask(question, max_new_tokens=1):
        pass
    return session.turns[-1].kind


def main() -> None:
    """Prints the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="embedded")
    parser.add_argument("--count", type=int, default=3, help="trained wordings of each kind")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--wrong", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    session = anomalygpt.load(options.checkpoint, device="cpu").new_session()
    rng = np.random.default_rng(0)
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    others = {language: held_out(phrasebook(language), rng) for language in LANGUAGES}
    kinds = trained_kinds(options.count)
    for number, sample in enumerate(SimulatedSamples(SAMPLES, seed=77)):
        session.set_references(list(sample.references))
        evidence = session.set_image(sample.query).evidence
        facts = Facts(evidence, sample.product, sample.texture, (None,) * len(evidence.regions))
        for language in LANGUAGES:
            book = phrasebook(language)
            own = [(kind, ask(book, facts, kind, False, None, rng).text) for kind in kinds[number::SAMPLES]]
            for source, questions in (("trained", own), ("held out", others[language][number::SAMPLES])):
                for kind, question in questions:
                    planned = plan_of(session, question)
                    asked[f"{language}, {source}"] += 1
                    right[f"{language}, {source}"] += planned == kind
                    if options.wrong and planned != kind:
                        print(f"  {kind} as {planned}: {question}")
    for source, count in asked.items():
        print(f"{source}: {100 * right[source] / count:.1f}% of {count}")


if __name__ == "__main__":
    main()
