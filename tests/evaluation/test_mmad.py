import json

import numpy as np
import pytest
from PIL import Image

from anomalygpt.evaluation.protocol import RunSettings
from anomalygpt.evaluation.run import evaluate


@pytest.fixture
def mmad(tmp_path):
    """MMAD's folder with two photos, one of which is damaged."""
    root = tmp_path / "mmad"
    folder = root / "DS-MVTec" / "bottle" / "image"
    for name in ("good/000.png", "broken/000.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(len(name)).integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    (folder / "broken" / "001.png").write_text("no image")
    turns = [
        {"Question": "Any defect?", "Answer": "A", "Options": {"A": "Yes.", "B": "No."}, "type": "Anomaly Detection"},
        {
            "Question": "Where?",
            "Answer": "B",
            "Options": {"A": "Top", "B": "Left", "C": "Right"},
            "type": "Defect Localization",
        },
    ]
    entry = {"conversation": turns, "random_templates": ["DS-MVTec/bottle/image/good/000.png"]}
    names = [f"DS-MVTec/bottle/image/broken/{index:03d}.png" for index in range(2)]
    (root / "mmad.json").write_text(json.dumps(dict.fromkeys(names, entry)))
    return root


def test_questions_are_answered_and_summed_up_by_kind(mmad, tiny_checkpoint, tmp_path):
    settings = RunSettings(str(mmad), checkpoint=str(tiny_checkpoint), shots=(0, 1))
    content = evaluate(settings, tmp_path / "out")
    assert content["layout"] == "mmad" and content["units"] == []
    assert list(content["dialogue"]) == ["MMAD, 0-shot", "MMAD, 1-shot"]
    for found in content["dialogue"].values():
        assert {kind: entry["count"] for kind, entry in found["choice"].items()} == {
            "discrimination": 1,
            "defect localization": 1,
        }
        assert found["choice"]["defect localization"]["chance"] == pytest.approx(1 / 3)
        assert found["choice_mean"] in (0, 0.5, 1)
        assert [entry["name"][-7:] for entry in found["failed"]] == ["001.png"]
    report = (tmp_path / "out" / "report.md").read_text()
    assert "MMAD, 1-shot: DS-MVTec" in report and "Photos that failed: 2" in report
    again = evaluate(settings, tmp_path / "out")
    assert again["dialogue"] == content["dialogue"]
