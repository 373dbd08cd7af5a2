"""Two runs compared: what changed, by how much, and how sure one can be of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomalygpt.evaluation.protocol import OURS, SettingsError

RESAMPLES = 500

_COMPARED = (
    "image_auroc",
    "image_average_precision",
    "pixel_auroc",
    "pixel_average_precision",
    "pixel_aupro",
    "verdict_accuracy",
    "verdict_balanced_accuracy",
    "place_accuracy",
    "calibration_error",
)


def read_run(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The results of a finished run, and its units with the records of all photos.

    Raises:
        SettingsError: the folder holds no finished run.
    """
    path = folder / "results.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        units = [json.loads((folder / unit["file"]).read_text(encoding="utf-8")) for unit in content["units"]]
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(f"{path}: this is no finished run to compare with ({error}).") from error
    return content, units


def compare(
    content: dict[str, Any], units: Sequence[dict[str, Any]], folder: Path, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Compares a run with the one in a folder.

    Args:
        content, units: of this run.
        folder: of the other.
        resamples: of the photos, for the interval of the difference in image AUROC.

    Returns:
        JSON-able: for each number of shots that both have, every figure of both and their difference; how many verdicts
        became right and wrong; and the 95% interval of the difference in mean image AUROC, by resampling the photos
        that both measured, within each category and class.
    """
    other, other_units = read_run(folder)
    shared = [shots for shots in content["summary"] if shots in other["summary"]]
    return {
        "folder": str(folder),
        "command": other["command"],
        "model": other["model"],
        "commit": other["versions"]["commit"],
        "shots": {
            shots: {
                "figures": _figures(content["summary"][shots], other["summary"][shots]),
                "categories": _categories(
                    [unit for unit in units if str(unit["shots"]) == shots],
                    [unit for unit in other_units if str(unit["shots"]) == shots],
                ),
                "photos": _photos(
                    [unit for unit in units if str(unit["shots"]) == shots],
                    [unit for unit in other_units if str(unit["shots"]) == shots],
                    resamples,
                ),
            }
            for shots in shared
        },
    }


def _figures(here: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name in _COMPARED:
        ours, theirs = (summary[OURS].get(name, {}).get("mean") for summary in (here, there))
        if ours is not None or theirs is not None:
            found[name] = _difference(ours, theirs)
    return found


def _categories(here: Sequence[dict[str, Any]], there: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Image AUROC by category, mean over the rounds."""

    def means(units: Sequence[dict[str, Any]]) -> dict[str, float]:
        values: dict[str, list[float]] = {}
        for unit in units:
            if (value := unit["figures"][OURS].get("image_auroc")) is not None:
                values.setdefault(unit["category"], []).append(value)
        return {category: sum(found) / len(found) for category, found in values.items()}

    ours, theirs = means(here), means(there)
    return {category: _difference(ours[category], theirs[category]) for category in ours if category in theirs}


def _difference(ours: float | None, theirs: float | None) -> dict[str, float | None]:
    difference = None if ours is None or theirs is None else ours - theirs
    return {"this": ours, "other": theirs, "difference": difference}


def _photos(here: Sequence[dict[str, Any]], there: Sequence[dict[str, Any]], resamples: int) -> dict[str, Any]:
    """What changed photo by photo, over the categories and rounds that both runs have."""
    partners = {(unit["category"], unit["round"]): unit for unit in there}
    pairs, better, worse, count = [], 0, 0, 0
    for unit in here:
        partner = partners.get((unit["category"], unit["round"]))
        if partner is None:
            continue
        known = {record["name"]: record for record in partner["records"]}
        both = [(record, known[record["name"]]) for record in unit["records"] if record["name"] in known]
        count += len(both)
        for mine, theirs in both:
            right, was = (record["verdicts"].get(OURS) is record["anomalous"] for record in (mine, theirs))
            better += right and not was
            worse += was and not right
        truth = np.array([mine["anomalous"] for mine, _ in both], bool)
        if truth.any() and not truth.all():
            scores = np.array([[record["scores"][OURS] for record in pair] for pair in both], float)
            pairs.append((scores[truth], scores[~truth]))
    return {
        "shared": count,
        "verdicts_became_right": better,
        "verdicts_became_wrong": worse,
        "image_auroc_difference_95": _interval(pairs, resamples),
    }


def _interval(pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]], resamples: int) -> list[float] | None:
    """The 95% interval of the mean difference in image AUROC; None where no category has both classes."""
    if not pairs:
        return None
    rng = np.random.default_rng(0)
    differences = np.zeros(resamples)
    for anomalous, good in pairs:
        # Each anomalous photo against each good one, once for both runs; resampling then only picks rows and columns.
        wins = (anomalous[:, None] > good[None]) + 0.5 * (anomalous[:, None] == good[None])
        gain = wins[..., 0] - wins[..., 1]
        for index in range(resamples):
            rows, columns = rng.integers(len(anomalous), size=len(anomalous)), rng.integers(len(good), size=len(good))
            differences[index] += gain[np.ix_(rows, columns)].mean() / len(pairs)
    low, high = np.percentile(differences, [2.5, 97.5])
    return [float(low), float(high)]
