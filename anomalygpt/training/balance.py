"""Where 0.5 lies: one number of the trained eye, set on simulated photos that no stage has learned from.

Training holds the highest cell of a normal photo under 0.5, but with all turned copies in memory a photo has more to be
near to than in most episodes, and scores fall. So the bias of the map is set once more, to where simulated photos
are right as often when they are good as when they are faulty.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from rich.progress import track

from anomalygpt.model.eye import Eye
from anomalygpt.model.looking import encode_photos, remember_photos
from anomalygpt.simulation.scene import make_sample
from anomalygpt.training.shown import photo_side

FIRST_SEED = 4_000_000
"""Of the samples; no other stage draws from there."""


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
def balance(eye: Eye, samples: int) -> float:
    """Sets the bias of the eye's map on simulated samples with one reference each; returns what was added to it.

    Args:
        eye: with a fusion network, in evaluation mode.
        samples: how many, about half of them faulty.
    """
    if eye.fusion is None or eye.fusion.local.bias is None:
        raise ValueError("only an eye with a fusion network has a bias to set")
    logits: dict[bool, list[float]] = {False: [], True: []}
    states = eye.states([""])
    for index in track(range(samples), description="balance"):
        sample = make_sample((FIRST_SEED + index,), photo_side(index, eye.config.encoder.image_size))
        memory, _ = remember_photos(eye, sample.references, eye.config.memory.rotations)
        seen = eye.anomaly_map(encode_photos(eye, [sample.query]), states, memory, "fused")
        logits[bool(sample.mask.any())].append(float(seen.amax().double().logit(1e-9)))
    shift = balancing_shift(logits[False], logits[True])
    eye.fusion.local.bias += shift
    return shift
