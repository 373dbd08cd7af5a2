"""Losses on maps and scores. All take logits or similarities in float32 and return a scalar."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def cell_targets(masks: Tensor, grid: int) -> Tensor:
    """Which cells of a grid are anomalous, B×grid×grid of 0 and 1.

    A cell counts when a fifth of it is, or when it holds at least half of what the fullest cell holds: no defect is
    too small to be asked for.

    Args:
        masks: B×S×S, 1 where anomalous.
    """
    filled = F.adaptive_avg_pool2d(masks[:, None].float(), grid)[:, 0]
    fullest = filled.amax((1, 2), keepdim=True)
    return ((filled > 0) & (filled >= (fullest / 2).clamp(max=0.2))).float()


def focal(logits: Tensor, targets: Tensor, gamma: float = 2.0, positive: float = 1.0) -> Tensor:
    """Focal loss of binary logits (paper, equation 3), mean over all cells.

    Args:
        logits, targets: of one shape; for a two-channel map, abnormal less normal.
        positive: factor on anomalous cells.
    """
    plain = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    missed = 1 - torch.exp(-plain)
    weight = 1 + (positive - 1) * targets
    return (weight * missed.pow(gamma) * plain).mean()


def dice(logits: Tensor, targets: Tensor) -> Tensor:
    """Dice loss of the abnormal channel (paper, equation 4), mean over the photos; smoothed by one cell."""
    probabilities = logits.sigmoid().flatten(1)
    flat = targets.flatten(1)
    overlap = 2 * (probabilities * flat).sum(1) + 1
    return (1 - overlap / (probabilities.square().sum(1) + flat.sum(1) + 1)).mean()


def photo_score(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the photo's score, which is the highest value of its map.

    A normal photo answers for its highest cell wherever that is; an anomalous one for the highest within the defect,
    so that being right for the wrong place earns nothing.
    """
    anomalous = targets.flatten(1).amax(1)
    inside = logits.masked_fill(targets == 0, float("-inf")).flatten(1).amax(1)
    highest = torch.where(anomalous > 0, inside, logits.flatten(1).amax(1))
    return F.binary_cross_entropy_with_logits(highest, anomalous)


def margin(distances: Tensor, targets: Tensor, near: float = 0.1, far: float = 0.6) -> Tensor:
    """Hinge on cosine distances: normal cells below `near`, anomalous ones above `far`."""
    pull = (distances - near).clamp(min=0) * (1 - targets)
    push = (far - distances).clamp(min=0) * targets
    return pull.sum() / (1 - targets).sum().clamp(min=1) + push.sum() / targets.sum().clamp(min=1)
