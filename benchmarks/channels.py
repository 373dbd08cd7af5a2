"""How often a voice says what was measured: presence, place, count, sizes, shape and colour, in held-out wordings.

`python benchmarks/channels.py --checkpoint DIR` asks each as the first question about fresh simulated photos. Voices
that are told differently (`voice.evidence` and `voice.region_vectors` of a recipe) are compared by it, see
docs/decisions/0003.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
import torch

import anomalygpt
from anomalygpt.datasets.simulated import SimulatedSamples
from anomalygpt.dialogue.phrasebook import LANGUAGES, phrasebook
from anomalygpt.evaluation.asking import truth_of, wordings
from anomalygpt.evaluation.conversation import judge_answer
from anomalygpt.inspection.session import Session
from anomalygpt.records import Sample

ASKED = {
    "presence": "presence",
    "where": "place",
    "count": "count",
    "percent": "size",
    "pixels": "size",
    "shape": "shape",
    "color": "color",
}
"""Kinds of question, with what `judge_answer` judges of each."""


def answers_right(session: Session, sample: Sample, rng: np.random.Generator) -> dict[str, list[bool]]:
    """For each kind of question, whether the answer in each language is what was measured."""
    assert session.inspection is not None
    truth, found = truth_of(sample), defaultdict(list)
    for language in LANGUAGES:
        book = phrasebook(language)
        for kind, judged in ASKED.items():
            session.reset_dialogue()
            question = str(rng.choice(wordings(language)["kinds"][kind]))
            answer = "".join(session.ask(question))
            right = judge_answer(kind, answer, session.inspection.evidence, truth, book).get(judged)
            if right is not None:
                found[kind].append(right)
    return found


def main() -> None:
    """Prints the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="embedded")
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    inspector = anomalygpt.load(given.checkpoint, device="cpu")
    found: dict[str, list[bool]] = defaultdict(list)
    for index, sample in enumerate(SimulatedSamples(given.photos, given.seed)):
        session = inspector.new_session()
        session.set_references(sample.references)
        session.set_image(sample.query)
        for kind, right in answers_right(session, sample, np.random.default_rng((given.seed, index))).items():
            found[kind] += right
    for kind in ASKED:
        print(f"{kind:10s} {100 * np.mean(found[kind]):5.1f}% of {len(found[kind])}")


if __name__ == "__main__":
    main()
