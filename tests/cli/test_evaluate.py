import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from anomalygpt.cli import make_app


def evaluate(*arguments):
    return CliRunner().invoke(make_app(), ["evaluate", *map(str, arguments)], env={"COLUMNS": "160"})


@pytest.fixture
def data(tmp_path):
    """One product in MVTec-AD's layout."""
    for number, name in enumerate(("train/good/0", "test/good/1", "test/bad/2")):
        path = tmp_path / "data" / "part" / f"{name}.png"
        path.parent.mkdir(parents=True)
        pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return tmp_path / "data"


def test_figures_are_printed_and_written(data, tiny_checkpoint, tmp_path):
    out = tmp_path / "out"
    result = evaluate("--data", data, "--checkpoint", tiny_checkpoint, "--out", out, "--first-reference")
    assert result.exit_code == 0, result.output
    assert "Image AUROC" in result.output and "report.html" in result.output
    held = json.loads((out / "results.json").read_text())
    assert held["settings"]["references"] == "first" and "--first-reference" in held["command"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "nowhere"], "no such folder"),
        (["--data", "simulated:2", "--checkpoint", "nothing"], "no checkpoint 'nothing'"),
        (["--data", "simulated:2", "--shots", "one"], "--shots"),
        (["--data", "simulated:2", "--baseline", "guess"], "guess"),
        (["--data", "simulated:2", "--first-reference", "--paper-references"], "cannot both"),
        (["--data", "nowhere", "--dialogue"], "simulated"),
    ],
)
def test_what_cannot_be_used_ends_with_a_message(arguments, words, tmp_path):
    result = evaluate("--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2 and words in result.output
    assert "Traceback" not in result.output and not (tmp_path / "out").exists()


def test_help_names_the_options():
    result = evaluate("--help")
    assert result.exit_code == 0
    for option in ("--shots", "--baseline", "--against", "--dialogue", "--first-reference"):
        assert option in result.output
