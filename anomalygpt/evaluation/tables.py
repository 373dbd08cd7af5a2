"""Figures as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anomalygpt.evaluation.protocol import OURS

UNDEFINED = "undefined"

LABELS = {
    "image_auroc": "Image AUROC",
    "image_average_precision": "Image AP",
    "image_f1_at_best_test_threshold": "Image F1-max (threshold picked on the test set)",
    "pixel_auroc": "Pixel AUROC",
    "pixel_average_precision": "Pixel AP",
    "pixel_f1_at_best_test_threshold": "Pixel F1-max (threshold picked on the test set)",
    "pixel_aupro": "AUPRO at 30%",
    "verdict_accuracy": "Verdict accuracy",
    "verdict_balanced_accuracy": "Verdict balanced accuracy",
    "verdict_overkill": "Overkill",
    "verdict_miss_rate": "Miss rate",
    "verdict_neither": "Says neither",
    "words_agree_with_map": "Words agree with map",
    "place_accuracy": "Place in words",
    "place_accuracy_strict": "Place in words, by centroid",
    "map_accuracy": "Map at 0.5: accuracy",
    "map_balanced_accuracy": "Map at 0.5: balanced accuracy",
    "calibration_error": "Calibration error of the score",
}
"""Every figure's name in tables, in their order."""

_BY_CATEGORY = (
    "image_auroc",
    "image_average_precision",
    "pixel_auroc",
    "pixel_average_precision",
    "pixel_aupro",
    "verdict_accuracy",
    "verdict_balanced_accuracy",
    "place_accuracy",
)


def percent(value: float | None) -> str:
    """A share or area as a percentage with one decimal."""
    return UNDEFINED if value is None else f"{100 * value:.1f}"


def with_spread(entry: dict[str, Any]) -> str:
    """A mean, its spread, and in how many categories it has no value."""
    text = percent(entry["mean"])
    if entry["spread"] is not None:
        text += f" ± {100 * entry['spread']:.1f}"
    if entry["undefined"] and entry["mean"] is not None:
        text += f" ({entry['categories']} of {entry['categories'] + entry['undefined']})"
    return text


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, first column to the left, the others to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def summary_rows(summary: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of one number of shots: a row for each figure, a column for each method."""
    methods = list(summary)
    names = [name for name in LABELS if any(name in summary[method] for method in methods)]
    rows = [
        [LABELS[name], *(with_spread(summary[method][name]) if name in summary[method] else "–" for method in methods)]
        for name in names
    ]
    return ["%", *methods], rows


def category_rows(units: Sequence[dict[str, Any]], method: str = OURS) -> tuple[list[str], list[list[str]]]:
    """Header and rows of one number of shots: a row for each category, means over its rounds."""
    names = [name for name in _BY_CATEGORY if any(name in unit["figures"][method] for unit in units)]
    rows = []
    for category in dict.fromkeys(unit["category"] for unit in units):
        own = [unit for unit in units if unit["category"] == category]
        cells = []
        for name in names:
            values = [unit["figures"][method].get(name) for unit in own]
            defined = [value for value in values if value is not None]
            cells.append(percent(sum(defined) / len(defined) if defined else None))
        counts = f"{own[0]['photos']} ({own[0]['anomalous']})"
        rows.append([category, counts, *cells])
    return ["Category", "Photos (anomalous)", *(LABELS[name] for name in names)], rows


def markdown_report(content: dict[str, Any]) -> str:
    """The report of a run."""
    parts = [f"# {content['model']} on {content['settings']['data']}\n", f"`{content['command']}`\n"]
    machine, versions = content["machine"], content["versions"]
    parts.append(
        f"{content['date'][:10]}, commit {versions['commit']}, {machine['device']} ({machine['processor']}, "
        f"{machine['cores']} cores), peak memory {content['peak_memory_mb']:.0f} MB.\n"
    )
    for shots, summary in content["summary"].items():
        units = [unit for unit in content["units"] if str(unit["shots"]) == shots]
        parts.append(f"## {shots}-shot\n")
        rounds = len({unit["round"] for unit in units})
        parts.append(f"Means over the categories, in percent; {rounds} round(s) of references.\n")
        parts.append(markdown_table(*summary_rows(summary)))
        parts.append(f"### By category ({OURS})\n")
        parts.append(markdown_table(*category_rows(units)))
        times = [unit["milliseconds"] for unit in units]
        steps = list(dict.fromkeys(step for entry in times for step in entry))
        cells = [max(entry[step] for entry in times if step in entry) for step in steps]
        parts.append(
            "Milliseconds (the slowest category's median): "
            + ", ".join(f"{step} {cell:.0f}" for step, cell in zip(steps, cells, strict=True))
            + ".\n"
        )
    failed = [(unit, entry) for unit in content["units"] for entry in unit["failed"]]
    parts.append(f"## Photos that failed: {len(failed)}\n")
    parts += [f"- {unit['category']}/{entry['name']}: {entry['error']}" for unit, entry in failed]
    return "\n".join(parts) + "\n"
