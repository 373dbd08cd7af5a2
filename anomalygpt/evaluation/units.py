"""One unit measured from end to end, and kept as a file, so that a run goes on where it was stopped."""

from __future__ import annotations

import json
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from typing import Any

import torch

from anomalygpt.datasets.index import Case
from anomalygpt.evaluation.measuring import Bench, Measured
from anomalygpt.evaluation.metrics import (
    accuracy,
    agreement,
    auroc,
    average_precision,
    balanced_accuracy,
    calibration_error,
    f1_at_best_test_threshold,
    miss_rate,
    neither,
    overkill,
    share,
)
from anomalygpt.evaluation.pixels import PixelStore
from anomalygpt.evaluation.protocol import OURS, RunSettings, Unit
from anomalygpt.imaging.read import PhotoError

Progress = Callable[[int], None]

MAPS = ".maps-"
"""Beginning of the name of the folder in which maps wait; what a killed run left of it may be removed."""


def measure_unit(
    unit: Unit, benches: Sequence[Bench], settings: RunSettings, folder: Path, advance: Progress
) -> dict[str, Any]:
    """Measures all photos of a unit.

    Args:
        unit: what to measure.
        benches: with the model loaded; as many photos are measured side by side, with the same figures.
        settings: of the run.
        folder: in which maps wait until the unit is done.
        advance: called with the number of photos done since the last call.

    Returns:
        JSON-able: the records of all photos, the figures of each method, and the speed.
    """
    records: list[dict[str, Any]] = []
    seconds: dict[str, list[float]] = {}
    figures: dict[str, dict[str, float | None]] = {method: {} for method in settings.methods}
    curves: dict[str, Any] = {}
    try:
        if unit.references or not unit.category.own_references:
            seconds["set_references"] = [bench.set_references(unit.references) for bench in benches]
    except PhotoError as error:
        records = [{"name": case.name, "error": f"reference: {error}"} for case in unit.category.cases]
        advance(len(records))
        return _result(unit, records, figures, curves, seconds)
    with tempfile.TemporaryDirectory(prefix=MAPS, dir=folder) as maps:
        methods = settings.methods_at(unit.shots)
        store = PixelStore(Path(maps), methods)
        for measured in _in_order(unit.category.cases, unit.shots, benches):
            records.append(measured.record)
            for step, value in measured.seconds.items():
                seconds.setdefault(step, []).append(value)
            if measured.mask is not None:
                store.add(measured.mask, measured.maps)
            advance(1)
        for method in methods:
            pixels = asdict(store.figures(method))
            curves[method] = pixels.pop("curve")
            figures[method] = photo_figures(records, method) | {f"pixel_{key}": value for key, value in pixels.items()}
    return _result(unit, records, figures, curves, seconds)


def _in_order(cases: Sequence[Case], shots: int, benches: Sequence[Bench]) -> Iterator[Measured]:
    """Measures cases side by side and gives them in their order, a few at a time."""
    if len(benches) == 1:
        yield from (benches[0].measure(case, shots) for case in cases)
        return
    free: SimpleQueue[Bench] = SimpleQueue()
    for bench in benches:
        free.put(bench)

    def measure(case: Case) -> Measured:
        bench = free.get()
        try:
            return bench.measure(case, shots)
        finally:
            free.put(bench)

    waiting: deque[Future[Measured]] = deque()
    # Each thread gets its share of the cores: more threads than cores only wait for each other.
    cores = torch.get_num_threads()
    each = max(1, cores // len(benches))
    with ThreadPoolExecutor(len(benches), initializer=torch.set_num_threads, initargs=(each,)) as pool:
        try:
            for case in cases:
                waiting.append(pool.submit(measure, case))
                if len(waiting) >= 2 * len(benches):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            torch.set_num_threads(cores)


def photo_figures(records: list[dict[str, Any]], method: str) -> dict[str, float | None]:
    """The metrics of photos and words of one method over the records of one unit."""
    good = [record for record in records if "error" not in record]
    truth = [bool(record["anomalous"]) for record in good]
    scores = [float(record["scores"][method]) for record in good]
    figures = {
        "image_auroc": auroc(truth, scores),
        "image_average_precision": average_precision(truth, scores),
        "image_f1_at_best_test_threshold": f1_at_best_test_threshold(truth, scores),
    }
    if method == OURS:
        map_says = [bool(record["map_says"]) for record in good]
        figures |= {
            "calibration_error": calibration_error(truth, scores),
            "map_accuracy": accuracy(truth, map_says),
            "map_balanced_accuracy": balanced_accuracy(truth, map_says),
        }
    spoken = [record for record in good if method in record["verdicts"]]
    if spoken:
        truth = [bool(record["anomalous"]) for record in spoken]
        said = [record["verdicts"][method] for record in spoken]
        figures |= {
            "verdict_accuracy": accuracy(truth, said),
            "verdict_balanced_accuracy": balanced_accuracy(truth, said),
            "verdict_overkill": overkill(truth, said),
            "verdict_miss_rate": miss_rate(truth, said),
        }
    if spoken and method == OURS:
        placed = [record for record in spoken if "place_right" in record]
        figures |= {
            "verdict_neither": neither(said),
            "words_agree_with_map": agreement(said, [bool(record["map_says"]) for record in spoken]),
            "place_accuracy": share([record["place_right"] for record in placed]),
            "place_accuracy_strict": share([record["place_right_strict"] for record in placed]),
        }
    return figures


def _result(
    unit: Unit,
    records: list[dict[str, Any]],
    figures: dict[str, dict[str, float | None]],
    curves: dict[str, Any],
    seconds: dict[str, list[float]],
) -> dict[str, Any]:
    good = [record for record in records if "error" not in record]
    return {
        "category": unit.category.name,
        "shots": unit.shots,
        "round": unit.round,
        "references": [path.name for path in unit.references],
        "photos": len(good),
        "anomalous": sum(bool(record["anomalous"]) for record in good),
        "failed": [record for record in records if "error" in record],
        "figures": figures,
        "curves": curves,
        "milliseconds": {step: round(1000 * median(values), 2) for step, values in seconds.items()},
        "records": good,
    }


def read_unit(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """A finished unit from its file; None where there is none, or one of other settings or other files."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if content.get("fingerprint") == fingerprint else None


def write_json(path: Path, content: Any) -> None:
    """Writes beside, then renames: a file is never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    os.replace(beside, path)
