"""Curves and histograms of a run, drawn without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anomalygpt.evaluation.metrics import calibration_bins
from anomalygpt.evaluation.pixels import PRO_LIMIT
from anomalygpt.evaluation.protocol import OURS
from anomalygpt.records import ANOMALOUS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GOOD, _BAD = "#2a78b5", "#d1495b"


def draw_plots(units: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """Draws all plots of one number of shots into a folder; gives the names of the files.

    Args:
        units: with records and curves.
        folder: made where missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, draw in (
        ("image-roc", _image_roc),
        ("pixel-roc", _pixel_roc),
        ("pro", _pro),
        ("scores", _scores),
        ("reliability", _reliability),
    ):
        figure = _figure()
        if draw(figure.subplots(), units):
            figure.savefig(folder / f"{name}.png", dpi=110)
            drawn.append(f"{name}.png")
    return drawn


def _figure() -> Figure:
    from matplotlib.figure import Figure  # not pyplot: no global state, no screen

    return Figure(figsize=(5.6, 4.4), layout="constrained")


def _image_roc(axes: Axes, units: Sequence[dict[str, Any]]) -> bool:
    """Photos of all categories and rounds, ranked within their own: the mean of their curves."""
    from sklearn.metrics import roc_curve

    grid = np.linspace(0, 1, 201)
    for method in units[0]["figures"]:
        curves = []
        for unit in units:
            truth, scores = _truth_and_scores([unit], method)
            if any(truth) and not all(truth):
                false, true, _ = roc_curve(truth, scores)
                curves.append(np.interp(grid, false, true))
        if curves:
            axes.plot(grid, np.mean(curves, 0), label=method, linewidth=2 if method == OURS else 1)
    return _finish(axes, "ROC of photos, mean over categories", "False positive rate", "True positive rate")


def _pixel_roc(axes: Axes, units: Sequence[dict[str, Any]]) -> bool:
    _mean_curves(axes, units, 1, 1.0)
    return _finish(axes, "ROC of pixels, mean over categories", "False positive rate", "True positive rate")


def _pro(axes: Axes, units: Sequence[dict[str, Any]]) -> bool:
    _mean_curves(axes, units, 2, PRO_LIMIT)
    return _finish(axes, "Per-region overlap, mean over categories", "False positive rate", "Mean overlap")


def _mean_curves(axes: Axes, units: Sequence[dict[str, Any]], column: int, limit: float) -> None:
    grid = np.linspace(0, limit, 201)
    for method in units[0]["figures"]:
        found = [np.array(unit["curves"][method]) for unit in units if unit["curves"].get(method)]
        if found:
            curves = [np.interp(grid, points[:, 0], points[:, column]) for points in found]
            axes.plot(grid, np.mean(curves, 0), label=method, linewidth=2 if method == OURS else 1)


def _scores(axes: Axes, units: Sequence[dict[str, Any]]) -> bool:
    truth, scores = _truth_and_scores(units, OURS)
    if not truth:
        return False
    values, labels = np.array(scores), np.array(truth, bool)
    for chosen, color, label in ((~labels, _GOOD, "good"), (labels, _BAD, "anomalous")):
        axes.hist(values[chosen], bins=np.linspace(0, 1, 31).tolist(), color=color, alpha=0.6, label=label)
    axes.axvline(ANOMALOUS, color="black", linewidth=1, linestyle="--")
    return _finish(axes, "Scores", "Score", "Photos")


def _reliability(axes: Axes, units: Sequence[dict[str, Any]]) -> bool:
    truth, scores = _truth_and_scores(units, OURS)
    if not truth:
        return False
    bins = calibration_bins(truth, scores)
    axes.plot([0, 1], [0, 1], color="gray", linewidth=1, linestyle="--", label="calibrated")
    axes.plot([entry[0] for entry in bins], [entry[1] for entry in bins], marker="o", color=_GOOD, label=OURS)
    for score, share, count in bins:
        axes.annotate(str(count), (score, share), textcoords="offset points", xytext=(4, 4), fontsize=7)
    return _finish(axes, "Reliability of the score", "Mean score", "Share that is anomalous")


def _truth_and_scores(units: Sequence[dict[str, Any]], method: str) -> tuple[list[bool], list[float]]:
    records = [record for unit in units for record in unit["records"] if method in record["scores"]]
    return [bool(record["anomalous"]) for record in records], [float(record["scores"][method]) for record in records]


def _finish(axes: Axes, title: str, across: str, up: str) -> bool:
    """Labels the axes; whether there is anything on them."""
    if not axes.has_data():
        return False
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8)
    return True
