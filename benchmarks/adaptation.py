"""Measures what adapting to a product's own good photos changes on its photos that were not trained on.

`python benchmarks/adaptation.py --data DIR --out results/adaptation` measures the checkpoint on the product's `test`,
adapts it to the product's `train/good` with the recipe, measures again, and prints both with the minutes that it took.
DIR is one product in MVTec-AD's layout.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from anomalygpt.config.training import load_recipe, with_changes
from anomalygpt.datasets.spoiled import good_photos
from anomalygpt.evaluation.protocol import OURS, RunSettings
from anomalygpt.evaluation.run import evaluate
from anomalygpt.inspection.loading import find_checkpoint
from anomalygpt.training.stages import train


def measure(options: argparse.Namespace, adapter: str, out: Path) -> dict[str, dict[str, float | None]]:
    """Figures by number of shots, with the first photos of `train/good` as references."""
    settings = RunSettings(
        options.data,
        checkpoint=options.checkpoint,
        adapter=adapter,
        shots=tuple(int(shots) for shots in options.shots.split(",")),
        references="first",
        words=options.words,
    )
    summary = evaluate(settings, out, options.device)["summary"]
    return {shots: {name: figure["mean"] for name, figure in by[OURS].items()} for shots, by in summary.items()}


def main() -> None:
    """Measures, adapts, measures again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="one product in MVTec-AD's layout")
    parser.add_argument("--checkpoint", default="embedded", help="name or folder")
    parser.add_argument("--out", required=True, type=Path, help="folder for both measurements and the run")
    parser.add_argument("--config", default="adapt-eye", help="the recipe of the adaptation")
    parser.add_argument("--shots", default="1,4", help="numbers of references")
    parser.add_argument("--words", action="store_true", help="also ask, and measure the answers")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    recipe = with_changes(
        load_recipe(options.config), model=str(find_checkpoint(options.checkpoint)), data=options.data
    )
    before = measure(options, "", options.out / "before")
    began = time.monotonic()
    adapter = train(recipe, options.out / "run", options.device)
    minutes = (time.monotonic() - began) / 60
    after = measure(options, str(adapter), options.out / "after")
    count = sum(len(photos) for photos in good_photos(options.data).values())
    print(f"\n{options.data}: {count} good photos, {recipe.steps} steps, {minutes:.1f} minutes\n")
    print("| shots | figure | before | after |\n|---|---|---|---|")
    for shots, figures in before.items():
        for name, value in figures.items():
            changed = after[shots][name]
            if value is not None and changed is not None:
                print(f"| {shots} | {name} | {value:.3f} | {changed:.3f} |")
    result = {"photos": count, "minutes": minutes, "before": before, "after": after}
    (options.out / "adaptation.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
