"""A whole run: units measured or found finished, figures summed up, everything written to one folder."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import resource
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import anomalygpt
from anomalygpt.datasets.index import Category, FileCase
from anomalygpt.datasets.opening import open_data
from anomalygpt.evaluation.measuring import Bench
from anomalygpt.evaluation.protocol import RunSettings, Unit, plan
from anomalygpt.evaluation.tables import markdown_report
from anomalygpt.evaluation.units import measure_unit, read_unit, write_json
from anomalygpt.inspection.loading import find_checkpoint
from anomalygpt.inspection.session import Inspector

FORMAT = 1
"""Of results.json and of the units' files."""


def evaluate(settings: RunSettings, out: Path, device: str = "auto") -> dict[str, Any]:
    """Measures a checkpoint on a data set and writes `results.json` and `report.md` into a folder.

    Units that the folder already holds, of the same settings, files and weights, are not measured again.

    Raises:
        DataError, SettingsError, CheckpointError, ConfigError: their messages may be shown as they are.
    """
    units, layout = _units(settings)
    folder = find_checkpoint(settings.checkpoint)
    inspector = anomalygpt.load(settings.checkpoint, device)
    run = {"settings": settings.as_dict(), "weights": _weights(folder), "layout": layout, "format": FORMAT}
    results = _measure(units, inspector, settings, run, out)
    content = {
        "command": _command(settings),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **run,
        "model": inspector.name,
        "versions": _versions(),
        "machine": _machine(inspector),
        "peak_memory_mb": _peak_memory(),
        "summary": summarize(results),
        "units": [{key: value for key, value in result.items() if key != "records"} for result in results],
    }
    write_json(out / "results.json", content)
    (out / "report.md").write_text(markdown_report(content), encoding="utf-8")
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


def _measure(
    units: Sequence[Unit], inspector: Inspector, settings: RunSettings, run: dict[str, Any], out: Path
) -> list[dict[str, Any]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    results = []
    twin = Bench.twin_for(inspector, settings)
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("photos", total=sum(len(unit.category.cases) for unit in units))
        for unit in units:
            progress.update(task, description=f"{unit.category.name}, {unit.shots}-shot, round {unit.round + 1}")
            path = out / "units" / f"{unit.key}.json"
            fingerprint = _fingerprint(unit, run)
            result = read_unit(path, fingerprint)
            if result is None:
                bench = Bench(inspector, twin, settings, unit.category.name.rsplit("/", 1)[-1].replace("_", " "))
                result = measure_unit(unit, bench, settings, lambda done: progress.advance(task, done))
                write_json(path, {"fingerprint": fingerprint, **result})
                result = json.loads(json.dumps(result))  # as it will be read next time
            else:
                result.pop("fingerprint")
                progress.advance(task, len(unit.category.cases))
            results.append(result)
    return results


def summarize(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """By number of shots and method: each figure's mean over the rounds, then over the categories, and its spread.

    The spread is the standard deviation over the rounds of the mean over the categories; None with one round.
    A category where a figure is undefined is left out of its mean, and counted.
    """
    summary: dict[str, Any] = {}
    for shots in sorted({result["shots"] for result in results}):
        chosen = [result for result in results if result["shots"] == shots]
        methods: dict[str, Any] = {}
        for method in chosen[0]["figures"]:
            names = list(dict.fromkeys(name for result in chosen for name in result["figures"][method]))
            methods[method] = {name: _over(chosen, method, name) for name in names}
        summary[str(shots)] = methods
    return summary


def _over(results: Sequence[dict[str, Any]], method: str, name: str) -> dict[str, Any]:
    by_category: dict[str, list[float]] = {}
    by_round: dict[int, list[float]] = {}
    for result in results:
        value = result["figures"][method].get(name)
        by_category.setdefault(result["category"], [])
        if value is not None:
            by_category[result["category"]].append(value)
            by_round.setdefault(result["round"], []).append(value)
    defined = [mean(values) for values in by_category.values() if values]
    rounds = [mean(values) for values in by_round.values()]
    return {
        "mean": mean(defined) if defined else None,
        "spread": stdev(rounds) if len(rounds) > 1 else None,
        "categories": len(defined),
        "undefined": len(by_category) - len(defined),
    }


def _fingerprint(unit: Unit, run: dict[str, Any]) -> str:
    """Changes when anything that the unit's figures depend on changes."""
    files = [path.name for path in unit.references]
    for case in unit.category.cases:
        if isinstance(case, FileCase):
            paths = [path for path in (case.photo, case.mask, case.reference) if path is not None]
            files += [f"{path.name}:{path.stat().st_size}" for path in paths]
    text = json.dumps([run, unit.shots, unit.round, _count(unit.category), files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _count(category: Category) -> list[Any]:
    return [category.name, len(category.cases)]


def _weights(folder: Path) -> str:
    """A hash of the checkpoint's manifest and config, which vouch for all its files."""
    digest = hashlib.sha256()
    for name in ("manifest.json", "config.json"):
        digest.update((folder / name).read_bytes() if (folder / name).is_file() else b"")
    return digest.hexdigest()


def _command(settings: RunSettings) -> str:
    """The settings as a command that gives the same figures."""
    plain = RunSettings(settings.data)
    parts = ["python -m anomalygpt evaluate", f"--data {settings.data}", f"--checkpoint {settings.checkpoint}"]
    parts.append("--shots " + ",".join(map(str, settings.shots)))
    parts += [f"--rounds {settings.rounds}", f"--seed {settings.seed}"]
    parts += [f"--layout {settings.layout}"] if settings.layout != plain.layout else []
    parts += (
        [f"--{settings.references}-references".replace("first-references", "first-reference")]
        if (settings.references != plain.references)
        else []
    )
    parts += ["--baseline " + ",".join(settings.baselines)] if settings.baselines else []
    parts += [] if settings.words else ["--no-words"]
    parts += [f"--map-size {settings.map_size}"] if settings.map_size != plain.map_size else []
    parts += ["--partial-masks"] if settings.partial_masks else []
    parts += ["--describe"] if settings.describe else []
    parts += [f"--category {name}" for name in settings.categories]
    return " ".join(parts)


def _versions() -> dict[str, str]:
    found = {"anomalygpt": anomalygpt.__version__, "python": platform.python_version(), "commit": _commit()}
    for name in ("torch", "transformers", "open_clip_torch", "numpy", "opencv-python-headless", "scikit-learn"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def _commit() -> str:
    """The commit of the program's repository, with a mark where files differ from it."""
    root = Path(__file__).resolve().parents[2]
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip() or "unknown"


def _machine(inspector: Inspector) -> dict[str, Any]:
    device = inspector.model.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {"system": platform.platform(), "device": str(device), "processor": name, "cores": os.cpu_count()}


def _peak_memory() -> float:
    """Largest resident memory of this process so far, in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if platform.system() == "Darwin" else 2**10), 1)
