import runpy
import shutil
from pathlib import Path

import pytest

from anomalygpt.evaluation import run as run_module

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "accuracy.py"


@pytest.fixture
def script():
    return runpy.run_path(str(SCRIPT))


def test_the_page_gets_the_figures_of_products_pool_and_samples(
    script, products, tiny_checkpoint, tmp_path, monkeypatch
):
    monkeypatch.setattr(run_module, "_draw", lambda *_: {})
    for product in ("nut", "bolt"):  # one good photo each: pooled
        for part in ("train/good/0.png", "test/broken/0.png", "ground_truth/broken/0_mask.png"):
            place = products / "family" / product / part
            place.parent.mkdir(parents=True)
            shutil.copy(products / "ring" / part, place)
    page = tmp_path / "accuracy.md"
    page.write_text(f"before\n{script['BEGIN']}\nwhat stood here\n{script['END']}\nafter\n")
    options = ["--photos", str(products), "--out", str(tmp_path / "out"), "--checkpoint", str(tiny_checkpoint)]
    options += ["--samples", "4", "--shots", "1,2", "--page", str(page), "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["accuracy.py", *options])
    script["main"]()
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "what stood here" not in text
    assert "--data DIR --checkpoint tiny" in text and str(tmp_path) not in text and str(tiny_checkpoint) not in text
    for expected in (
        "| plate |",
        "| ring |",
        "| family |",
        script["MEAN"],
        script["POOL"],
        "| simulated:4 |",
        "handmade",
    ):
        assert expected in text
    # A bright square on grey is what a plain difference is made for, in the pool, too.
    table = text.split("| image AUROC | ours |")[1].split("\n\n")[0].splitlines()
    for line in table[2:]:
        assert line.split("|")[3].strip() == "100.0"
    assert "points of image AUROC ahead of hand-made features" in text


def test_means_leave_out_what_is_undefined(script):
    assert script["_mean"]([{"a": 1.0, "b": None}, {"a": 0.0, "b": None}, {"a": None}]) == {"a": 0.5, "b": None}


def test_a_page_without_markers_is_left_alone(script, tmp_path):
    page = tmp_path / "accuracy.md"
    page.write_text("words")
    with pytest.raises(SystemExit, match="markers"):
        script["fill"](page, "figures")
    assert page.read_text() == "words"
