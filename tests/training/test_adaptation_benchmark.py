import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from anomalygpt.checkpoint.store import save_checkpoint
from anomalygpt.config.training import load_recipe
from anomalygpt.dialogue.prompt_format import PLAN_TOKENS
from anomalygpt.evaluation import run as run_module
from anomalygpt.model.build import build_model
from anomalygpt.model.tokenizer import train_tokenizer

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "adaptation.py"


@pytest.fixture
def product(tmp_path):
    rng = np.random.default_rng(0)
    for kind, count in (("train/good", 4), ("test/good", 2), ("test/spot", 2)):
        folder = tmp_path / "plate" / kind
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(90, 130, (48, 48, 3), dtype=np.uint8)
            pixels[10:20, 10:20] = 250 if "spot" in kind else pixels[10:20, 10:20]
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "plate"


def test_it_prints_figures_before_and_after(product, small_config, tmp_path, monkeypatch, capsys):
    torch.manual_seed(0)
    tokenizer = train_tokenizer(["Is there any anomaly?"] * 5, 400, list(PLAN_TOKENS))
    save_checkpoint(build_model(small_config, tokenizer), tmp_path / "base")
    content = load_recipe("adapt-eye").model_dump(mode="json")
    content |= {"eye": {"size": 32, "shots": {"1": 1.0}, "queries": 2}, "steps": 4, "warmup": 1, "workers": 0}
    (tmp_path / "recipe.json").write_text(json.dumps(content))
    monkeypatch.setattr(run_module, "_draw", lambda *_: {})
    arguments = ["--data", str(product), "--checkpoint", str(tmp_path / "base"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["adaptation.py", *arguments, "--config", str(tmp_path / "recipe.json")])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    printed = capsys.readouterr().out
    assert (
        "4 good photos, 4 steps" in printed and "| 1 | image_auroc |" in printed and "| 4 | map_accuracy |" in printed
    )
    result = json.loads((tmp_path / "out" / "adaptation.json").read_text())
    assert result["before"].keys() == result["after"].keys() == {"1", "4"}
