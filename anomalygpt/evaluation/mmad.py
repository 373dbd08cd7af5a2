"""MMAD: the multiple-choice questions of its own file, answered by the likelihood of each option."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from anomalygpt.datasets.mmad import MMADItem
from anomalygpt.dialogue.phrasebook import phrasebook
from anomalygpt.evaluation.asking import KINDS, LETTERS, with_options
from anomalygpt.evaluation.dialogue import pick_option
from anomalygpt.evaluation.units import Progress, read_unit, write_json
from anomalygpt.imaging.read import PhotoError
from anomalygpt.inspection.inspector import Inspector
from anomalygpt.model.generation import ContextFull


def measure_mmad(
    inspector: Inspector, items: Sequence[MMADItem], shots: int, run: dict[str, Any], out: Path, advance: Progress
) -> list[dict[str, Any]]:
    """Asks all questions about all photos; a record each, or one with an error for a photo that cannot be used.

    Finished categories are kept in files and not asked again.

    Args:
        inspector: the model.
        items: photos with their questions.
        shots: how many of the file's good photos are references.
        run: what the answers depend on, JSON-able.
        out: folder of the run.
        advance: called with the number of photos done since the last call.
    """
    records: list[dict[str, Any]] = []
    for category in dict.fromkeys(item.category for item in items):
        own = [item for item in items if item.category == category]
        names = [[item.name, len(item.questions)] for item in own]
        fingerprint = hashlib.sha256(json.dumps([run, shots, names], sort_keys=True).encode()).hexdigest()
        path = out / "units" / f"mmad-{category.replace('/', '_')}-{shots}shot.json"
        unit = read_unit(path, fingerprint)
        if unit is None:
            found = []
            for item in own:
                found += _ask(inspector, item, shots)
                advance(1)
            unit = {"fingerprint": fingerprint, "records": found}
            write_json(path, unit)
        else:
            advance(len(own))
        records += unit["records"]
    return records


def summarize_mmad(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Accuracy by kind, its mean over the kinds, and by data set, of the questions that could be asked."""
    asked = [record for record in records if "error" not in record]
    choice = {}
    for kind in KINDS:
        own = [record for record in asked if record["kind"] == kind]
        if own:
            choice[kind] = {
                "accuracy": mean(float(record["picked"] == record["right"]) for record in own),
                "chance": mean(1 / record["options"] for record in own),
                "count": len(own),
            }
    datasets = {}
    for name in dict.fromkeys(record["dataset"] for record in asked):
        right = [float(record["picked"] == record["right"]) for record in asked if record["dataset"] == name]
        datasets[name] = {"accuracy": mean(right), "count": len(right)}
    return {
        "choice": choice,
        "choice_mean": mean(entry["accuracy"] for entry in choice.values()) if choice else None,
        "free": {},
        "datasets": datasets,
        "failed": [record for record in records if "error" in record],
    }


def _ask(inspector: Inspector, item: MMADItem, shots: int) -> list[dict[str, Any]]:
    session = inspector.new_session()
    try:
        session.set_references(item.references[:shots])
        session.set_image(item.photo)
    except PhotoError as error:
        return [{"name": item.name, "error": str(error)}]
    book = phrasebook("en")
    records: list[dict[str, Any]] = []
    for question in item.questions:
        record: dict[str, Any] = {"name": item.name, "dataset": item.dataset, "kind": question.kind}
        try:
            picked = pick_option(session, with_options(question.text, question.options), question.options, book)
        except (ContextFull, ValueError) as error:
            records.append({"name": item.name, "error": str(error)})
            continue
        right = LETTERS[question.right]
        records.append({**record, "picked": LETTERS[picked], "right": right, "options": len(question.options)})
    return records
