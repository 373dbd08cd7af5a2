"""Two processes, for real: accelerate starts them, gloo joins them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import accelerate
import pytest
import torch
from safetensors.torch import load_file

from anomalygpt.config.training import TrainingConfig, load_recipe
from anomalygpt.training import loop
from anomalygpt.training.stages import train

SCRIPT = Path(__file__).with_name("two_processes.py")


SPREAD = pytest.param(
    "fsdp",
    marks=pytest.mark.skipif(
        not accelerate.__version__.startswith("1.15."), reason="reaches into accelerate, as this version 1.15 has it"
    ),
)


@pytest.fixture(scope="module")
def recipe(tiny_checkpoint, good_folder):
    content = load_recipe("paper-vicuna-7b").model_dump() | {"model": str(tiny_checkpoint), "data": str(good_folder)}
    small = {"batch": 4, "steps": 6, "warmup": 2, "workers": 0, "precision": "no", "save_minutes": 1e-9}
    return TrainingConfig.model_validate(content | small)


@pytest.fixture(scope="module")
def alone(recipe, tmp_path_factory):
    """The run of one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "LOG_EVERY", 1)
        return train(recipe, tmp_path_factory.mktemp("one"), "cpu").parent


def logged(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("how", ["ddp", SPREAD])
def test_two_processes_learn_what_one_learns(recipe, alone, how, tmp_path):
    """The same losses and weights with the same global batch, also when the two are killed and go on."""
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), str(tmp_path / "recipe.json"), str(tmp_path / "two"), how]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-4000:]
    one, two = logged(alone), logged(tmp_path / "two")
    assert [line["step"] for line in two] == [1, 2, 3, 4, 5, 6]
    for first, second in zip(one, two, strict=True):
        for name in ("words", "focal", "dice", "total"):
            assert second[name] == pytest.approx(first[name], rel=2e-5), (first["step"], name)
    weights = [load_file(run / "adapter" / "adapter.safetensors") for run in (alone, tmp_path / "two")]
    assert weights[0].keys() == weights[1].keys()
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-4, atol=2e-5)
