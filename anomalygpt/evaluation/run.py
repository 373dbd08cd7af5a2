"""A whole run: units measured or found finished, figures summed up, everything written to one folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import anomalygpt
from anomalygpt.datasets.index import FileCase
from anomalygpt.datasets.mmad import MMADItem, index_mmad, is_mmad
from anomalygpt.datasets.opening import open_data
from anomalygpt.datasets.simulated_cases import SimulatedCase
from anomalygpt.evaluation.against import compare, read_run
from anomalygpt.evaluation.dialogue import measure_dialogue, summarize_dialogue
from anomalygpt.evaluation.gallery import draw_galleries
from anomalygpt.evaluation.measuring import Bench
from anomalygpt.evaluation.mmad import measure_mmad, summarize_mmad
from anomalygpt.evaluation.plots import draw_plots
from anomalygpt.evaluation.protocol import RunSettings, SettingsError, Unit, plan
from anomalygpt.evaluation.provenance import command, machine, peak_memory, versions, weights_hash
from anomalygpt.evaluation.report import write_reports
from anomalygpt.evaluation.summary import summarize
from anomalygpt.evaluation.units import MAPS, measure_unit, read_unit, write_json
from anomalygpt.inspection.inspector import Inspector
from anomalygpt.inspection.loading import find_checkpoint

FORMAT = 2
"""Of results.json and of the units' files."""

SIDE_BY_SIDE = 4
"""Most photos that are measured side by side unless more are asked for: each takes memory of its own."""

CHUNK = 10
"""Samples talked about in one unit of dialogue."""


def evaluate(
    settings: RunSettings, out: Path, device: str = "auto", batch: int | None = None, against: Path | None = None
) -> dict[str, Any]:
    """Measures a checkpoint on a data set; writes `results.json`, `report.md`, `report.html` and `plots` to a folder.

    Units that the folder already holds, of the same settings, files and weights, are not measured again, so that a run
    that was stopped at any moment ends with the same figures.

    Args:
        settings: all that decides the figures.
        out: the folder; made where missing.
        device: where the model runs.
        batch: how many photos are measured side by side, which changes figures by rounding at most; None: on a CPU as
            many as it has cores, up to `SIDE_BY_SIDE`, and one on a GPU.
        against: folder of another run to compare with.

    Raises:
        DataError, SettingsError, CheckpointError, ConfigError: their messages may be shown as they are.
    """
    if against is not None:
        read_run(against)  # before any work is done
    questions = index_mmad(Path(settings.data)) if is_mmad(settings.data, settings.layout) else []
    units, layout = ([], "mmad") if questions else _units(settings)
    folder, adapter = find_checkpoint(settings.checkpoint), settings.adapter or None
    run = {"settings": settings.as_dict(), "layout": layout, "weights": weights_hash(folder, adapter), "format": FORMAT}
    _claim(out, run)
    inspector = anomalygpt.load(settings.checkpoint, device, adapter=adapter)
    if batch is None:
        batch = min(SIDE_BY_SIDE, torch.get_num_threads()) if inspector.model.device.type == "cpu" else 1
    with _progress() as progress:
        results = _measure(units, inspector, settings, run, out, batch, progress) if units else []
        dialogue = None
        if questions:
            dialogue = _ask_mmad(questions, inspector, settings, run, out, progress)
        elif settings.dialogue:
            dialogue = _talk(units, inspector, settings, run, out, progress)
    content = {
        "command": command(settings),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **run,
        "model": inspector.name,
        "versions": versions(),
        "machine": machine(inspector.model.device),
        "batch": batch,
        "peak_memory_mb": peak_memory(inspector.model.device),
        "summary": summarize(results),
        "dialogue": dialogue,
        "units": [_brief(unit, result) for unit, result in zip(units, results, strict=True)],
    }
    content["against"] = None if against is None else compare(content, results, against)
    content["plots"] = _draw(units, results, inspector, settings, out) if units else {}
    write_json(out / "results.json", content)
    write_reports(content, out)
    return content


def _units(settings: RunSettings) -> tuple[list[Unit], str]:
    """All units, and the layout that was found."""
    paired = settings.references == "first"
    data, layout = open_data(
        settings.data,
        settings.layout,
        seed=settings.seed,
        shots=max(settings.shots),
        partial_masks=settings.partial_masks or paired,
        paired=paired,
        only=settings.categories,
    )
    return plan(data, settings, layout), layout


def _claim(out: Path, run: dict[str, Any]) -> None:
    """Marks a folder as this run's, and clears what a killed run left of its maps.

    Raises:
        SettingsError: the folder holds a run of other settings.
    """
    path = out / "run.json"
    if path.exists():
        try:
            held = json.loads(path.read_text(encoding="utf-8"))["settings"]
        except (OSError, ValueError, KeyError):
            held = None
        if held != json.loads(json.dumps(run["settings"])):
            raise SettingsError(f"{out} holds a run of other settings. Give another folder with --out, or remove it.")
    write_json(path, run)
    for left in out.glob(f"{MAPS}*"):
        shutil.rmtree(left, ignore_errors=True)


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))


def _measure(
    units: Sequence[Unit],
    inspector: Inspector,
    settings: RunSettings,
    run: dict[str, Any],
    out: Path,
    batch: int,
    progress: Progress,
) -> list[dict[str, Any]]:
    """The results of all units, with the records of their photos."""
    results = []
    twin = Bench.twin_for(inspector, settings)
    task = progress.add_task("photos", total=sum(len(unit.category.cases) for unit in units))
    for unit in units:
        progress.update(task, description=f"{unit.category.name}, {unit.shots}-shot, round {unit.round + 1}")
        path, fingerprint = out / _file(unit), _fingerprint(unit, run)
        result = read_unit(path, fingerprint)
        if result is None:
            benches = [Bench(inspector, twin, settings, unit.description) for _ in range(batch)]
            result = measure_unit(unit, benches, settings, out, partial(progress.advance, task))
            write_json(path, {"fingerprint": fingerprint, **result})
        else:
            progress.advance(task, len(unit.category.cases))
        results.append(result)
    return results


def _talk(
    units: Sequence[Unit],
    inspector: Inspector,
    settings: RunSettings,
    run: dict[str, Any],
    out: Path,
    progress: Progress,
) -> dict[str, Any]:
    """The summary of the dialogues about all simulated samples, with the references of the first unit that has some."""
    unit = next((unit for unit in units if unit.shots), units[0])
    cases = [case for case in unit.category.cases if isinstance(case, SimulatedCase)]
    task = progress.add_task("dialogues", total=len(cases))
    records: list[dict[str, Any]] = []
    for start in range(0, len(cases), CHUNK):
        path, fingerprint = out / "units" / f"dialogue-{start:05d}.json", _hash([run, unit.shots, start, "dialogue"])
        chunk = read_unit(path, fingerprint)
        if chunk is None:
            talked = []
            for case in cases[start : start + CHUNK]:
                sample, session = case.sample, inspector.new_session()
                session.set_references(sample.references[: unit.shots])
                session.set_image(sample.query)
                talked.append({"name": case.name, **measure_dialogue(session, sample, (settings.seed, case.index))})
                progress.advance(task)
            chunk = {"fingerprint": fingerprint, "records": talked}
            write_json(path, chunk)
        else:
            progress.advance(task, len(chunk["records"]))
        records += chunk["records"]
    return summarize_dialogue(records)


def _ask_mmad(
    questions: Sequence[MMADItem],
    inspector: Inspector,
    settings: RunSettings,
    run: dict[str, Any],
    out: Path,
    progress: Progress,
) -> dict[str, Any]:
    """The summary of MMAD's questions, by number of shots."""
    summary = {}
    for shots in settings.shots:
        task = progress.add_task(f"MMAD, {shots}-shot", total=len(questions))
        records = measure_mmad(inspector, questions, shots, run, out, partial(progress.advance, task))
        summary[f"MMAD, {shots}-shot"] = summarize_mmad(records)
    return summary


def _draw(
    units: Sequence[Unit], results: Sequence[dict[str, Any]], inspector: Inspector, settings: RunSettings, out: Path
) -> dict[str, list[str]]:
    """Draws plots and galleries of each number of shots; their paths below the folder."""
    drawn = {}
    for shots in settings.shots:
        pairs = [pair for pair in zip(units, results, strict=True) if pair[0].shots == shots]
        own_units, own_results = [unit for unit, _ in pairs], [result for _, result in pairs]
        folder = out / "plots" / f"{shots}-shot"
        names = draw_plots(own_results, folder)
        names += draw_galleries(inspector, own_units, own_results, settings.describe, folder)
        drawn[str(shots)] = [f"plots/{shots}-shot/{name}" for name in names]
    return drawn


def _file(unit: Unit) -> str:
    return f"units/{unit.key}.json"


def _brief(unit: Unit, result: dict[str, Any]) -> dict[str, Any]:
    """A unit's results without what is said of each photo; that stays in the unit's own file."""
    brief = {key: value for key, value in result.items() if key not in ("records", "curves", "fingerprint")}
    return {**brief, "file": _file(unit)}


def _fingerprint(unit: Unit, run: dict[str, Any]) -> str:
    """Changes when anything that the unit's figures depend on changes."""
    files = [path.name for path in unit.references]
    for case in unit.category.cases:
        if isinstance(case, FileCase):
            paths = [path for path in (case.photo, case.mask, case.reference) if path is not None]
            files += [f"{path.name}:{path.stat().st_size}" for path in paths if path.exists()]
    return _hash([run, unit.category.name, len(unit.category.cases), unit.shots, unit.round, files])


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
