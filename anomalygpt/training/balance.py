"""Where 0.5 lies: two numbers of the trained eye, set on simulated photos that no stage has learned from.

Training holds the highest cell of a normal photo under 0.5, but with all turned copies in memory a photo has more to be
near to than in most episodes, and scores fall; with several references they fall further. So the bias of the map, and
what is added to it for each doubling of the references, are set once more, to where simulated photos are right as often
when they are good as when they are faulty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log2

import numpy as np
import torch
from rich.progress import track
from scipy.special import logit
from torch import Tensor

from anomalygpt.model.encoder import Features
from anomalygpt.model.eye import Eye
from anomalygpt.model.looking import encode_photos
from anomalygpt.model.references import References, look_beside
from anomalygpt.records import Sample
from anomalygpt.simulation.scene import make_sample
from anomalygpt.training.shown import photo_side

FIRST_SEED = 4_000_000
"""Of the samples; no other stage draws from there."""

COUNTS = (1, 4)
"""References with which each sample is compared."""


def balancing_shift(good: Sequence[float], faulty: Sequence[float]) -> float:
    """What to add to all logits so that, at 0, the shares of good and of faulty photos that are right come closest.

    Args:
        good, faulty: logits of the scores of photos, at least one each.
    """
    candidates = np.unique(np.concatenate([good, faulty]))
    thresholds = (candidates[1:] + candidates[:-1]) / 2
    right = [abs(float(np.mean(np.less(good, t)) - np.mean(np.greater_equal(faulty, t)))) for t in thresholds]
    return -float(thresholds[int(np.argmin(right))])


@torch.inference_mode()
def unbalanced_by(eye: Eye, episodes: Iterable[Sequence[Sample]]) -> float:
    """What would have to be added to the eye's logits for these samples to be right as often good as faulty.

    It is 0 where they are all good or all faulty.

    Args:
        eye: with a fusion network, in evaluation mode.
        episodes: samples with the same references, some of them good and some faulty, on the encoder's square.
    """
    logits: dict[bool, list[float]] = {False: [], True: []}
    states = eye.states([""])
    for episode in episodes:
        known = References(eye, episode[0].references, eye.config.memory.rotations)
        for sample in episode:
            query = encode_photos(eye, [sample.query])
            logits[sample.anomalous].append(_score(eye, sample, query, states, known))
    if not (logits[False] and logits[True]):
        return 0.0
    return balancing_shift(logits[False], logits[True])


def _score(eye: Eye, sample: Sample, query: Features, states: Tensor, known: References) -> float:
    """The logit of a sample's score, as a session would see it; `query` is its encoded photo."""
    seen = look_beside(eye, sample.query, query, states, known, "fused")
    return float(logit(np.clip(np.float64(seen.score), 1e-9, 1 - 1e-9)))


@torch.inference_mode()
def balance(eye: Eye, samples: int) -> tuple[float, float]:
    """Sets the bias of the eye's map and what each doubling of the references adds to it.

    Args:
        eye: with a fusion network, in evaluation mode.
        samples: how many simulated ones, about half of them faulty; each is compared with as many references as
            `COUNTS` says.

    Returns:
        What was added to the bias, and what each doubling adds from now on.
    """
    if eye.fusion is None or eye.fusion.local.bias is None:
        raise ValueError("only an eye with a fusion network has a bias to set")
    eye.fusion.per_doubling.zero_()
    logits: dict[tuple[int, bool], list[float]] = {(count, faulty): [] for count in COUNTS for faulty in (False, True)}
    states = eye.states([""])
    for index in track(range(samples), description="balance"):
        sample = make_sample((FIRST_SEED + index,), photo_side(index, eye.config.encoder.image_size), shots=COUNTS[-1])
        query = encode_photos(eye, [sample.query])
        for count in COUNTS:
            known = References(eye, sample.references[:count], eye.config.memory.rotations)
            logits[count, sample.anomalous].append(_score(eye, sample, query, states, known))
    one, many = (balancing_shift(logits[count, False], logits[count, True]) for count in COUNTS)
    eye.fusion.local.bias += one
    eye.fusion.per_doubling.fill_((many - one) / log2(COUNTS[-1]))
    return one, float(eye.fusion.per_doubling)
