"""Makes the showcase in assets/examples from the simulation: seven cases, each a photo and a photo of a good part.

Run `PYTHONPATH=. python assets/make_examples.py` from the repository. The seeds were chosen by looking at the pictures,
among cases whose map the shipped model gets right: a showcase says what the model can do, and the model card how often.
They lie outside the seeds that training draws from.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from anomalygpt.simulation.scene import make_sample

FOLDER = Path(__file__).parent / "examples"
SIZE = 448
QUESTION = "Is there any anomaly in the image?"


@dataclass(frozen=True)
class Case:
    """One case: its name, product, kinds of defect that fit the name (none for a good part), seed, description."""

    name: str
    key: str
    kinds: tuple[str, ...]
    seed: int
    description: str


CASES = (
    Case("Concrete with a crack", "concrete", ("crack",), 70, "a concrete surface"),
    Case("Cracked capsule", "capsule", ("crack", "cut"), 20, "a capsule"),
    Case("Cut hazelnut", "hazelnut", ("cut",), 27, "a hazelnut"),
    Case("Broken bottle", "bottle", ("damage", "missing part"), 15, "a bottle, seen from above"),
    Case("Carpet", "carpet", (), 2, "a carpet"),
    Case("Wood with a hole", "wood", ("hole",), 73, "a piece of wood"),
    Case("Fabric", "fabric", (), 0, "a fabric"),
)


def main() -> None:
    """Writes pictures and index.json."""
    FOLDER.mkdir(exist_ok=True)
    index = []
    for case in CASES:
        sample = make_sample((90, case.seed), SIZE, 1, case.key, bool(case.kinds))
        if len(sample.defects) != bool(case.kinds) or any(d.kind not in case.kinds for d in sample.defects):
            raise SystemExit(f"{case.name}: seed {case.seed} gives {sample.defects}; choose another")
        stem = case.name.lower().replace(" ", "-")
        files = {"photo": f"{stem}.jpg", "reference": f"{stem}-good.jpg"}
        for role, pixels in (("photo", sample.query), ("reference", sample.references[0])):
            Image.fromarray(pixels).save(FOLDER / files[role], quality=92)
        truth = {
            "product": case.key,
            "anomalous": sample.anomalous,
            "places": sorted({defect.place for defect in sample.defects}),
        }
        index.append(
            {"name": case.name, **files, "question": QUESTION, "description": case.description, "truth": truth}
        )
    beside = FOLDER / "index.json.part"
    beside.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    os.replace(beside, FOLDER / "index.json")


if __name__ == "__main__":
    main()
