"""Results as sections of a report: titles, lines, tables of text and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from anomalygpt.evaluation.conversation import FIGURES
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

_LANGUAGES = {"en": "English", "zh": "Chinese"}


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        title: its heading.
        level: of the heading, 2 and below.
        lines: paragraphs.
        header, rows: of its table; empty where there is none.
        images: paths below the run's folder.
    """

    title: str
    level: int = 2
    lines: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    images: tuple[str, ...] = ()


def percent(value: float | None) -> str:
    """A share or area as a percentage with one decimal."""
    return UNDEFINED if value is None else f"{100 * value:.1f}"


def provenance_line(content: dict[str, Any]) -> str:
    """When, from what and on what the figures were measured."""
    where, memory = content["machine"], content["peak_memory_mb"]
    peak = ", ".join(f"{name} {value:,.0f} MB" for name, value in memory.items())
    return (
        f"{content['date'][:10]}, commit {content['versions']['commit']}, on {where['device']} ({where['processor']}, "
        f"{where['cores']} cores); peak memory: {peak}."
    )


def sections(content: dict[str, Any]) -> list[Section]:
    """All sections of a run's report."""
    found = []
    for shots, summary in content["summary"].items():
        units = [unit for unit in content["units"] if str(unit["shots"]) == shots]
        images = tuple(content["plots"].get(shots, ()))
        found += _of_shots(shots, summary, units, content, images)
    if content["dialogue"]:
        found += _of_dialogue(content["dialogue"])
    if content["against"]:
        found += _of_comparison(content["against"])
    failed = [(f"{unit['category']}/", entry) for unit in content["units"] for entry in unit["failed"]]
    failed += [("", entry) for part in (content["dialogue"] or {}).values() for entry in part.get("failed", ())]
    lines = tuple(f"{where}{entry['name']}: {entry['error']}" for where, entry in failed)
    found.append(Section(f"Photos that failed: {len(failed)}", lines=lines))
    return found


def _of_shots(
    shots: str,
    summary: dict[str, Any],
    units: Sequence[dict[str, Any]],
    content: dict[str, Any],
    images: tuple[str, ...],
) -> list[Section]:
    map_size = content["settings"]["map_size"]
    rounds = len({unit["round"] for unit in units})
    spread = f", ± the standard deviation over {rounds} rounds of references" if rounds > 1 else ""
    pixels = f"with maps reduced to a long side of {map_size} pixels" if map_size else "on maps of the photos' own size"
    lines = (f"In percent, mean over the categories{spread}. Pixels are measured {pixels}.",)
    methods = list(summary)
    names = [name for name in LABELS if any(name in summary[method] for method in methods)]
    rows = [
        (LABELS[name], *(_with_spread(summary[method][name]) if name in summary[method] else "–" for method in methods))
        for name in names
    ]
    found = [Section(f"{shots}-shot", 2, lines, ("", *methods), tuple(rows))]
    found.append(_by_category(units))
    if len(methods) > 1:
        found.append(_methods_by_category(units, methods))
    found.append(_speed(units, content["batch"]))
    if images:
        found.append(Section("Plots", 3, images=images))
    return found


def _with_spread(entry: dict[str, Any]) -> str:
    """A mean, its spread, and in how many categories it has a value where not in all."""
    text = percent(entry["mean"])
    if entry["spread"] is not None:
        text += f" ± {100 * entry['spread']:.1f}"
    if entry["undefined"] and entry["mean"] is not None:
        text += f" ({entry['categories']} of {entry['categories'] + entry['undefined']})"
    return text


def _mean_of(units: Sequence[dict[str, Any]], method: str, name: str) -> str:
    """A figure's mean over the rounds of one category, and its spread."""
    values = [value for unit in units if (value := unit["figures"][method].get(name)) is not None]
    if not values:
        return UNDEFINED
    text = percent(mean(values))
    if len(values) > 1:
        middle = mean(values)
        deviation = (sum((value - middle) ** 2 for value in values) / (len(values) - 1)) ** 0.5
        text += f" ± {100 * deviation:.1f}"
    return text


def _grouped(units: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for unit in units:
        groups.setdefault(unit["category"], []).append(unit)
    return groups


def _by_category(units: Sequence[dict[str, Any]]) -> Section:
    names = [name for name in _BY_CATEGORY if any(name in unit["figures"][OURS] for unit in units)]
    rows = [
        (
            category,
            f"{own[0]['photos']} ({own[0]['anomalous']})",
            *(_mean_of(own, OURS, name) for name in names),
        )
        for category, own in _grouped(units).items()
    ]
    header = ("Category", "Photos (anomalous)", *(LABELS[name] for name in names))
    return Section("By category", 3, header=header, rows=tuple(rows))


def _methods_by_category(units: Sequence[dict[str, Any]], methods: Sequence[str]) -> Section:
    rows = [
        (category, *(_mean_of(own, method, "image_auroc") for method in methods))
        for category, own in _grouped(units).items()
    ]
    return Section("Image AUROC by category and method", 3, header=("Category", *methods), rows=tuple(rows))


def _speed(units: Sequence[dict[str, Any]], batch: int) -> Section:
    steps = list(dict.fromkeys(step for unit in units for step in unit["milliseconds"]))
    row = []
    for step in steps:
        values = [unit["milliseconds"][step] for unit in units if step in unit["milliseconds"]]
        row.append(f"{mean(values):,.0f}")
    rows = (("Milliseconds", *row),) if steps else ()
    line = f"Mean over the categories of the median photo, with {batch} measured side by side."
    return Section("Speed", 3, (line,), header=("", *steps), rows=rows)


def _of_dialogue(dialogue: dict[str, Any]) -> list[Section]:
    rows, agreement = [], []
    for language, found in dialogue.items():
        name = _LANGUAGES.get(language, language)
        for kind, entry in found["choice"].items():
            free = found["free"].get(kind, {}).get("accuracy")
            cells = (percent(entry["accuracy"]), percent(entry["chance"]), percent(free), str(entry["count"]))
            rows.append((f"{name}: {kind}", *cells))
        rows.append(
            (f"{name}: mean of the kinds", percent(found["choice_mean"]), "", percent(found.get("free_mean")), "")
        )
        for dataset, entry in found.get("datasets", {}).items():
            rows.append((f"{name}: {dataset}", percent(entry["accuracy"]), "", "", str(entry["count"])))
        if "agreement" in found:
            sides = [percent(found["agreement"][side]) for side in ("first", "map", "facts", "silent")]
            agreement.append((name, *sides, str(found["agreement"]["answers"])))
    header = ("Kind of question", "Choice", "Chance", "Free answer", "Questions")
    made = [Section("Dialogue", 2, ("In percent.",), header, tuple(rows))]
    if agreement:
        lines = ("Answers to later questions that agree with the first answer, with the map and with the facts.",)
        columns = ("Language", "First answer", "Map", "Facts", "Says nothing of it", "Answers")
        made.append(Section("Agreement of later answers", 3, lines, columns, tuple(agreement)))
    talks = {
        _LANGUAGES.get(language, language): found["talk"] for language, found in dialogue.items() if "talk" in found
    }
    return made + (_of_conversations(talks) if talks else [])


def _of_conversations(talks: dict[str, dict[str, Any]]) -> list[Section]:
    """Figures of the long conversations, the kinds of question one by one, and answers that were broken."""

    def cells(entries: Sequence[dict[str, Any] | None]) -> tuple[str, ...]:
        return tuple("" if entry is None else f"{percent(entry['value'])} ({entry['answers']})" for entry in entries)

    rows = tuple((label, *cells([talk["figures"][name] for talk in talks.values()])) for name, label in FIGURES.items())
    kinds = sorted({kind for talk in talks.values() for kind in talk["by_kind"]})
    by_kind = tuple((kind, *cells([talk["by_kind"].get(kind) for talk in talks.values()])) for kind in kinds)
    faults = tuple(
        f"{name}, {fault['part']}, {fault['fault']}: “{fault['question']}” “{fault['answer']}”"
        for name, talk in talks.items()
        for fault in talk["faults"]
    )
    line = "In percent, with the number of answers. Wordings are held out: training has none of them."
    return [
        Section("Conversations", 3, (line,), ("", *talks), rows),
        Section("Answers of the kind asked for", 3, header=("Kind", *talks), rows=by_kind),
        Section("Some broken answers", 3, faults or ("None.",)),
    ]


def _of_comparison(against: dict[str, Any]) -> list[Section]:
    line = f"{against['folder']}: {against['model']}, commit {against['commit']}. {against['command']}"
    found = [Section("Against another run", 2, (line,))]
    for shots, entry in against["shots"].items():
        photos, interval = entry["photos"], entry["photos"]["image_auroc_difference_95"]
        lines = [
            f"{photos['shared']} photos in both; verdicts that became right: {photos['verdicts_became_right']}, wrong: "
            f"{photos['verdicts_became_wrong']}."
        ]
        if interval:
            low, high = (f"{100 * value:+.1f}" for value in interval)
            lines.append(f"Difference in mean image AUROC, 95% interval over resampled photos: {low} to {high}.")
        rows = [(LABELS[name], *_three(values)) for name, values in entry["figures"].items()]
        rows += [(f"Image AUROC, {category}", *_three(values)) for category, values in entry["categories"].items()]
        header = ("%", "This run", "Other run", "Difference")
        found.append(Section(f"{shots}-shot", 3, tuple(lines), header, tuple(rows)))
    return found


def _three(values: dict[str, Any]) -> tuple[str, str, str]:
    difference = values["difference"]
    signed = UNDEFINED if difference is None else f"{100 * difference:+.1f}"
    return percent(values["this"]), percent(values["other"]), signed
