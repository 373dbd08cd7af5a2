"""Measures a checkpoint on real photos and on fresh simulated samples, and writes the figures into accuracy.md.

`python benchmarks/accuracy.py --photos DIR --out FOLDER` evaluates with all baselines into folders below FOLDER, where
it goes on if it was stopped, and fills the part of `benchmarks/accuracy.md` between the markers. DIR holds products in
MVTec-AD's layout; the reference is the first good photo by name.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

from anomalygpt.evaluation.protocol import BASELINES, OURS, RunSettings
from anomalygpt.evaluation.provenance import command
from anomalygpt.evaluation.run import evaluate
from anomalygpt.evaluation.units import photo_figures

PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"

MEAN, POOL = "**Mean of products with several photos**", "**Pool of single-photo products**"

Figures = dict[str, dict[str, float | None]]
"""Of one line: by method, by figure."""

COLUMNS = {
    "image AUROC": "image_auroc",
    "pixel AUROC": "pixel_auroc",
    "AUPRO": "pixel_aupro",
    "right at 0.5": "map_accuracy",
    "balanced": "map_balanced_accuracy",
    "right in words": "verdict_accuracy",
    "balanced in words": "verdict_balanced_accuracy",
}
"""Of the table of the system itself."""

BARS: dict[int, dict[str, tuple[tuple[str, float], ...]]] = {
    1: {
        MEAN: (("image_auroc", 85), ("pixel_auroc", 90), ("map_balanced_accuracy", 78)),
        POOL: (("image_auroc", 85), ("pixel_auroc", 90), ("map_accuracy", 78)),
    },
    4: {MEAN: (("image_auroc", 88), ("pixel_auroc", 91), ("map_balanced_accuracy", 80))},
}
"""What the project aims at, in percent, by number of references."""

MARGIN = 10
"""Points of image AUROC by which the learned eye is to be ahead of hand-made features."""


def lines_of(content: dict[str, Any], out: Path, shots: int) -> dict[str, Figures]:
    """The lines of a run of real photos: each product with several photos, their mean, then the pool of the others."""
    units = [unit for unit in content["units"] if unit["shots"] == shots]
    several: dict[str, Figures] = {}
    pooled: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    for unit in units:
        own = json.loads((out / unit["file"]).read_text(encoding="utf-8"))["records"]
        if any(record["name"].endswith(" mirrored") for record in own):
            pooled.append(unit)
            records += own
        else:
            several[unit["category"]] = unit["figures"]
    methods = list(units[0]["figures"])  # some baselines have none at zero shots
    lines = dict(several)
    if several:
        lines[MEAN] = {method: _mean([figures[method] for figures in several.values()]) for method in methods}
    if pooled:
        for unit in pooled:
            lines[unit["category"]] = unit["figures"]
        # Pixels of families without masks have no figures, so that the mean over families is that of those with masks.
        lines[POOL] = {
            method: _mean([unit["figures"][method] for unit in pooled]) | photo_figures(records, method)
            for method in methods
        }
    return lines


def _mean(figures: Sequence[dict[str, float | None]]) -> dict[str, float | None]:
    """The mean of each figure where it is defined; None where it is nowhere."""
    names = dict.fromkeys(name for entry in figures for name in entry)
    found = {name: [value for entry in figures if (value := entry.get(name)) is not None] for name in names}
    return {name: mean(values) if values else None for name, values in found.items()}


def own_table(lines: dict[str, Figures]) -> str:
    """The system's own figures, a line a product."""
    rows = [[name, *(_percent(figures[OURS].get(key)) for key in COLUMNS.values())] for name, figures in lines.items()]
    return _table(["ours", *COLUMNS], rows)


def methods_table(lines: dict[str, Figures], figure: str, title: str) -> str:
    """One figure of all methods, a line a product."""
    # A fitted threshold changes no ranking: it has our AUROC.
    methods = [name for name in next(iter(lines.values())) if name != "fitted-threshold"]
    rows = [[name, *(_percent(found[method].get(figure)) for method in methods)] for name, found in lines.items()]
    return _table([title, *methods], rows)


def verdicts_table(lines: dict[str, Figures]) -> str:
    """Balanced share of right verdicts: by the map, in words, and by a threshold fitted on the references."""
    rows = []
    for name, figures in lines.items():
        fitted = figures.get("fitted-threshold", {}).get("verdict_balanced_accuracy")
        ours = figures[OURS]
        found = (ours.get("map_balanced_accuracy"), ours.get("verdict_balanced_accuracy"), fitted)
        rows.append([name, *map(_percent, found)])
    return _table(["balanced share right", "map at 0.5", "in words", "fitted-threshold"], rows)


def bars_table(lines: dict[str, Figures], shots: int) -> str:
    """What is aimed at, and what is reached."""
    names = {key: title for title, key in COLUMNS.items()}
    rows = []
    for line, bars in BARS.get(shots, {}).items():
        for figure, bar in bars if line in lines else ():
            value = lines[line][OURS].get(figure)
            title = "balanced share right at 0.5" if figure == "map_balanced_accuracy" else names[figure]
            rows.append([f"{line.strip('*')}: {title}", str(bar), _percent(value), _reached(value, bar)])
    for line in (MEAN, POOL):
        if line in lines and "handmade" in lines[line]:
            ours, plain = (lines[line][method].get("image_auroc") for method in (OURS, "handmade"))
            ahead = None if ours is None or plain is None else ours - plain
            title = f"{line.strip('*')}: points of image AUROC ahead of hand-made features"
            rows.append([title, str(MARGIN), _percent(ahead), _reached(ahead, MARGIN)])
    return _table(["aim", "at least", "is", "reached"], rows)


def _reached(value: float | None, bar: float) -> str:
    return "undefined" if value is None else "yes" if round(100 * value, 1) >= bar else "no"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def section(title: str, content: dict[str, Any], settings: RunSettings, folder: str) -> list[str]:
    """Where the figures of a run come from, without any path of the machine."""
    shown = replace(settings, checkpoint=Path(settings.checkpoint).name)
    shown = shown if settings.data.startswith("simulated:") else replace(shown, data="DIR")
    failed = sum(len(unit["failed"]) for unit in content["units"])
    about = (
        f"Model {content['model']}, weights {content['weights'][:12]}, program {content['versions']['anomalygpt']} at "
        f"{content['versions']['commit']}, {content['machine']['device']}, {content['date'][:10]}."
    )
    parts = [f"## {title}", f"`{command(shown)} --out FOLDER/{folder}`", about]
    return [*parts, f"Photos that failed: {failed}."] if failed else parts


def real_photos(content: dict[str, Any], settings: RunSettings, out: Path) -> str:
    """The part about real photos."""
    parts = section("Real photos", content, settings, out.name)
    for shots in settings.shots:
        lines = lines_of(content, out, shots)
        parts += [f"### {shots} reference{'s' if shots != 1 else ''}", own_table(lines)]
        parts += [
            methods_table(lines, "image_auroc", "image AUROC"),
            methods_table(lines, "pixel_auroc", "pixel AUROC"),
        ]
        parts += [verdicts_table(lines), bars_table(lines, shots)]
    return "\n\n".join(parts)


def simulated(content: dict[str, Any], settings: RunSettings, out: Path) -> str:
    """The part about simulated samples."""
    (unit,) = content["units"]
    lines: dict[str, Figures] = {settings.data: unit["figures"]}
    parts = section("Fresh simulated samples", content, settings, out.name)
    parts += [own_table(lines), methods_table(lines, "image_auroc", "image AUROC")]
    parts += [methods_table(lines, "pixel_auroc", "pixel AUROC"), verdicts_table(lines)]
    return "\n\n".join(parts)


def fill(page: Path, figures: str) -> None:
    """Puts the figures between the markers of a Markdown file, written beside it and then renamed.

    Raises:
        SystemExit: the file has no markers.
    """
    text = page.read_text(encoding="utf-8")
    if not 0 <= text.find(BEGIN) < text.find(END):
        raise SystemExit(f"{page}: the markers {BEGIN} and {END} are missing. Restore them.")
    head, tail = text[: text.find(BEGIN) + len(BEGIN)], text[text.find(END) :]
    beside = page.with_name(f".{page.name}.{os.getpid()}")
    beside.write_text(f"{head}\n\n{figures}\n\n{tail}", encoding="utf-8")
    os.replace(beside, page)


def main() -> None:
    """Evaluates and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, help="folder of products in MVTec-AD's layout")
    parser.add_argument("--out", required=True, type=Path, help="folder for both runs")
    parser.add_argument("--checkpoint", default="embedded", help="name or folder")
    parser.add_argument("--shots", default="1,4", help="numbers of references on real photos")
    parser.add_argument("--samples", type=int, default=200, help="simulated samples")
    parser.add_argument("--page", type=Path, default=PAGE, help="the Markdown file to fill")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    real = RunSettings(
        options.photos,
        checkpoint=options.checkpoint,
        shots=tuple(int(shots) for shots in options.shots.split(",")),
        references="first",
        baselines=BASELINES,
    )
    fresh = RunSettings(f"simulated:{options.samples}", checkpoint=options.checkpoint, baselines=BASELINES)
    parts = []
    for settings, name, write in ((real, "photos", real_photos), (fresh, "simulated", simulated)):
        out = options.out / name
        parts.append(write(evaluate(settings, out, options.device), settings, out))
        fill(options.page, "\n\n".join(parts))  # the real photos stand there already while samples are measured
    print(f"Written: {options.page}")


if __name__ == "__main__":
    main()
