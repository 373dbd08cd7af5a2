import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


def run(*arguments):
    return subprocess.run(
        [sys.executable, "benchmarks/full_size.py", *map(str, arguments)],
        cwd=ROOT, env=None, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_a_small_size_is_measured_on_the_cpu(tiny_inspector, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "config.json").write_text(tiny_inspector.model.config.model_dump_json())
    result = run(
        "--device", "cpu", "--config", tmp_path / "config.json", "--precision", "fp32", "--tokens", 4, "--rounds", 1,
        "--out", tmp_path / "figures.json",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures == json.loads(result.stdout) and figures["config"] == "tiny"
    assert figures["parameters"] == sum(parameter.numel() for parameter in tiny_inspector.model.parameters())
    assert figures["tokens_per_second"] > 0 and figures["first_word_ms"] > 0 and figures["peak_gb"] > 0
    assert 0 <= figures["share_of_bandwidth"] < 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    result = run()
    assert result.returncode == 2 and "There is no GPU here" in result.stdout and not result.stderr
