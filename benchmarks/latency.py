"""Times what a user waits for: a photo with known references, and a follow-up with and without the kept cache.

`python benchmarks/latency.py --threads 2` prints medians and longest times in milliseconds, and its memory.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import psutil
import torch

import anomalygpt
from anomalygpt.datasets.simulated import SimulatedSamples
from anomalygpt.inspection.session import Session
from anomalygpt.model.generation import KVSession, Settings, Stream

QUESTIONS = (
    "Is there any anomaly in the image?",
    "Where is it?",
    "How large is it?",
    "What kind of defect is it?",
)


def first_words(session: Session, question: str) -> float:
    """Milliseconds from the question to the first piece of the answer; the answer is then read to its end."""
    began = time.perf_counter()
    pieces = session.ask(question)
    next(pieces)
    elapsed = 1000 * (time.perf_counter() - began)
    for _ in pieces:
        pass
    return elapsed


def with_and_without_cache(session: Session) -> tuple[float, float]:
    """First words of a fourth question, with the cache kept and with everything before it computed again."""
    for question in QUESTIONS[:3]:
        first_words(session, question)
    kept = first_words(session, QUESTIONS[3])
    session.undo()
    language, prompt_format = session.inspector.model.language, session.inspector.prompt_format
    turns, plans = list(session.turns), session.inspector.plans
    session.reset_dialogue()
    began = time.perf_counter()
    prompt = [session._prompt(turns[0].question)]
    for number, turn in enumerate(turns):
        if number:
            prompt.append(language.embed_ids(language.token_ids(prompt_format.later_turn(turn.question))))
        planned = [index for index, kind in plans.items() if kind == turn.kind]
        prompt.append(language.embed_ids(torch.tensor([planned], dtype=torch.long)))
        prompt.append(language.embed_ids(language.token_ids(prompt_format.answer(turn.answer))))
    prompt.append(language.embed_ids(language.token_ids(prompt_format.later_turn(QUESTIONS[3]))))
    with torch.inference_mode():
        next(Stream(KVSession(language), torch.cat(prompt, 1), Settings((prompt_format.stop,), plan=tuple(plans))))
    elapsed = 1000 * (time.perf_counter() - began)
    return kept, elapsed


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="embedded")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    began = time.perf_counter()
    inspector = anomalygpt.load(arguments.checkpoint, device="cpu")
    loading = 1000 * (time.perf_counter() - began)
    images, references, firsts, kept, recomputed, rates = [], [], [], [], [], []
    for sample in SimulatedSamples(arguments.rounds, seed=99):
        session = inspector.new_session()
        began = time.perf_counter()
        session.set_references(list(sample.references))
        references.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        session.set_image(sample.query)
        images.append(1000 * (time.perf_counter() - began))
        firsts.append(first_words(session, QUESTIONS[0]))
        session.undo()
        pair = with_and_without_cache(session)
        kept.append(pair[0])
        recomputed.append(pair[1])
        session.reset_dialogue()
        began = time.perf_counter()
        answer = "".join(session.ask("Describe the photo."))
        tokens = inspector.model.language.token_ids(answer).shape[1]
        rates.append(tokens / (time.perf_counter() - began))
    for name, values in (
        ("set_references, one photo", references),
        ("set_image, one known reference", images),
        ("first words of a first question", firsts),
        ("first words of a follow-up after three turns, cache kept", kept),
        ("the same, everything computed again", recomputed),
    ):
        print(f"{name}: {statistics.median(values):.0f} ms, at most {max(values):.0f}")
    ratio = statistics.median(np.array(recomputed) / np.array(kept))
    print(f"kept cache is sooner by a factor of {ratio:.1f}")
    print(f"words: {statistics.median(rates):.0f} tokens a second, the prompt included")
    print(f"loading: {loading:.0f} ms; memory of the process: {psutil.Process().memory_info().rss / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
