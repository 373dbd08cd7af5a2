"""Metrics of photos: scores, verdicts and calibration. A metric that has no value is None, never 0 or 1.

No threshold is picked on the test set, but for the one metric whose name says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CALIBRATION_BINS = 10


def auroc(truth: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Area under the ROC curve; None unless there are good and anomalous photos."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, scores)) if _both(truth) else None


def average_precision(truth: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Average precision of the anomalous photos; None unless there are good and anomalous ones."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, scores)) if _both(truth) else None


def f1_at_best_test_threshold(truth: Sequence[bool], scores: Sequence[float]) -> float | None:
    """The F1 score at the threshold that gives the highest one on these very photos ("F1-max")."""
    from sklearn.metrics import precision_recall_curve

    if not _both(truth):
        return None
    precision, recall, _ = precision_recall_curve(truth, scores)
    total = precision + recall
    return float(np.max(np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)))


def accuracy(truth: Sequence[bool], said: Sequence[bool | None]) -> float | None:
    """Share of photos of which the right thing was said; None counts as wrong."""
    return share([_right(value, verdict) for value, verdict in zip(truth, said, strict=True)])


def balanced_accuracy(truth: Sequence[bool], said: Sequence[bool | None]) -> float | None:
    """Mean of the accuracy on good and on anomalous photos; None unless there are both."""
    if not _both(truth):
        return None
    right = np.array([_right(value, verdict) for value, verdict in zip(truth, said, strict=True)])
    anomalous = np.array(truth, bool)
    return float((right[anomalous].mean() + right[~anomalous].mean()) / 2)


def overkill(truth: Sequence[bool], said: Sequence[bool | None]) -> float | None:
    """Share of the good photos that were called anomalous."""
    return share([bool(verdict) for value, verdict in zip(truth, said, strict=True) if not value])


def miss_rate(truth: Sequence[bool], said: Sequence[bool | None]) -> float | None:
    """Share of the anomalous photos that were not called anomalous."""
    return share([not verdict for value, verdict in zip(truth, said, strict=True) if value])


def neither(said: Sequence[bool | None]) -> float | None:
    """Share of the answers that say neither yes nor no."""
    return share([verdict is None for verdict in said])


def agreement(said: Sequence[bool | None], other: Sequence[bool]) -> float | None:
    """Share of the answers with a verdict that say what the map says."""
    return share([verdict == value for verdict, value in zip(said, other, strict=True) if verdict is not None])


def calibration_bins(truth: Sequence[bool], scores: Sequence[float]) -> list[tuple[float, float, int]]:
    """Mean score, share of anomalous photos and number of photos of each bin of equal width; empty bins left out."""
    values, labels = np.asarray(scores, float), np.asarray(truth, bool)
    which = np.clip((values * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1)
    bins = []
    for index in range(CALIBRATION_BINS):
        inside = which == index
        if inside.any():
            bins.append((float(values[inside].mean()), float(labels[inside].mean()), int(inside.sum())))
    return bins


def calibration_error(truth: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Expected calibration error of scores in [0, 1] read as probabilities, over ten bins of equal width."""
    if not len(truth):
        return None
    bins = calibration_bins(truth, scores)
    return sum(count * abs(score - share) for score, share, count in bins) / len(truth)


def _right(value: bool, verdict: bool | None) -> bool:
    return verdict is not None and bool(verdict) == bool(value)


def _both(truth: Sequence[bool]) -> bool:
    return any(truth) and not all(truth)


def share(hits: Sequence[bool]) -> float | None:
    """Share of what is true; None of nothing."""
    return float(np.mean(hits)) if len(hits) else None
