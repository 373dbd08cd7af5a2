"""Two processes, for real: accelerate starts them, gloo joins them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from anomalygpt.config.training import TrainingConfig, load_recipe
from anomalygpt.training import loop
from anomalygpt.training.stages import train

SCRIPT = Path(__file__).with_name("two_processes.py")


def test_two_processes_learn_what_one_learns(tiny_checkpoint, good_folder, tmp_path, monkeypatch):
    """The same losses and weights with the same global batch, also when the two are killed and go on."""
    content = load_recipe("paper-vicuna-7b").model_dump() | {"model": str(tiny_checkpoint), "data": str(good_folder)}
    small = {"batch": 4, "steps": 6, "warmup": 2, "workers": 0, "precision": "no", "save_minutes": 1e-9}
    recipe = TrainingConfig.model_validate(content | small)
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    train(recipe, tmp_path / "one", "cpu")
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), str(tmp_path / "recipe.json"), str(tmp_path / "two")]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-4000:]
    one, two = (
        [json.loads(line) for line in (tmp_path / run / "log.jsonl").read_text().splitlines()] for run in ("one", "two")
    )
    assert [line["step"] for line in two] == [1, 2, 3, 4, 5, 6]
    for first, second in zip(one, two, strict=True):
        for name in ("words", "focal", "dice", "total"):
            assert second[name] == pytest.approx(first[name], rel=2e-4), (first["step"], name)
    weights = [load_file(tmp_path / run / "adapter" / "adapter.safetensors") for run in ("one", "two")]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=2e-4)
