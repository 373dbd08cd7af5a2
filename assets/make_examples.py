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
QUESTION_CHINESE = "图中有异常吗？"


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        name, description: in English and Chinese.
        key: of the product.
        kinds: of defect that fit the name; none for a good part.
        seed: of the sample.
    """

    name: tuple[str, str]
    key: str
    kinds: tuple[str, ...]
    seed: int
    description: tuple[str, str]


CASES = (
    Case(("Concrete with a crack", "有裂纹的混凝土"), "concrete", ("crack",), 82, ("a concrete surface", "混凝土表面")),
    Case(("Cracked capsule", "开裂的胶囊"), "capsule", ("crack", "cut"), 35, ("a capsule", "一粒胶囊")),
    Case(("Cut hazelnut", "被切伤的榛子"), "hazelnut", ("cut",), 239, ("a hazelnut", "一颗榛子")),
    Case(
        ("Broken bottle", "破损的瓶口"),
        "bottle",
        ("damage", "missing part"),
        38,
        ("a bottle, seen from above", "瓶子，俯视"),
    ),
    Case(("Carpet", "地毯"), "carpet", (), 2, ("a carpet", "地毯")),
    Case(("Wood with a hole", "有孔洞的木材"), "wood", ("hole",), 73, ("a piece of wood", "一块木材")),
    Case(("Fabric", "布料"), "fabric", (), 0, ("a fabric", "一块布料")),
)


def main() -> None:
    """Writes pictures and index.json."""
    FOLDER.mkdir(exist_ok=True)
    index = []
    for case in CASES:
        sample = make_sample((90, case.seed), SIZE, 1, case.key, bool(case.kinds))
        if len(sample.defects) != bool(case.kinds) or any(d.kind not in case.kinds for d in sample.defects):
            raise SystemExit(f"{case.name[0]}: seed {case.seed} gives {sample.defects}; choose another")
        stem = case.name[0].lower().replace(" ", "-")
        files = {"photo": f"{stem}.jpg", "reference": f"{stem}-good.jpg"}
        for role, pixels in (("photo", sample.query), ("reference", sample.references[0])):
            Image.fromarray(pixels).save(FOLDER / files[role], quality=92)
        truth = {
            "product": case.key,
            "anomalous": sample.anomalous,
            "places": sorted({defect.place for defect in sample.defects}),
        }
        english, chinese = (
            {"name": name, "question": question, "description": description}
            for name, question, description in zip(
                case.name, (QUESTION, QUESTION_CHINESE), case.description, strict=True
            )
        )
        index.append({**english, "chinese": chinese, **files, "truth": truth})
    beside = FOLDER / "index.json.part"
    beside.write_text(json.dumps(index, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(beside, FOLDER / "index.json")


if __name__ == "__main__":
    main()
