import json
import random
import shutil
import subprocess
import sys
import time

import pytest

from anomalygpt.datasets.index import DataError
from anomalygpt.evaluation import run as run_module
from anomalygpt.evaluation.protocol import BASELINES, NEED_REFERENCES, OURS, RunSettings, SettingsError
from anomalygpt.evaluation.run import evaluate

FIGURES = ("summary", "dialogue", "units")


def figures(content, digits=17):
    """Everything in the results but times, rounded to so many digits."""
    kept = json.loads(json.dumps({key: content[key] for key in FIGURES}), parse_float=lambda x: round(float(x), digits))
    for unit in kept["units"]:
        del unit["milliseconds"]
    return kept


@pytest.fixture
def undrawn(monkeypatch):
    """Leaves the plots out, which take longer than all else."""
    monkeypatch.setattr(run_module, "_draw", lambda *_: {})


@pytest.fixture
def settings(products, tiny_checkpoint):
    return RunSettings(str(products), checkpoint=str(tiny_checkpoint), baselines=("absolute-difference",))


def test_a_run_has_all_figures_of_all_methods(settings, tmp_path):
    every = RunSettings(**{**settings.__dict__, "baselines": BASELINES[:4]})
    content = evaluate(every, tmp_path / "out")
    summary = content["summary"]["1"]
    assert list(summary) == [OURS, *BASELINES[:4]]
    for method in summary.values():
        assert {"image_auroc", "pixel_auroc", "pixel_average_precision", "pixel_aupro"} <= set(method)
    assert {"verdict_accuracy", "verdict_neither", "calibration_error", "place_accuracy"} <= set(summary[OURS])
    # A bright square on grey is what a plain difference is made for.
    assert summary["absolute-difference"]["image_auroc"]["mean"] == 1
    assert summary["absolute-difference"]["pixel_auroc"]["mean"] > 0.97
    assert summary["absolute-difference"]["pixel_auroc"]["categories"] == 2
    assert [unit["photos"] for unit in content["units"]] == [6, 6]
    assert content["versions"]["commit"] and content["peak_memory_mb"]["process"] > 0
    held = json.loads((tmp_path / "out" / "results.json").read_text())
    assert figures(held) == figures(content)
    for name in ("report.md", "report.html"):
        assert "absolute-difference" in (tmp_path / "out" / name).read_text()
    for images in content["plots"].values():
        assert images and all((tmp_path / "out" / image).stat().st_size > 1000 for image in images)


def test_a_run_that_was_killed_ends_with_the_same_figures(settings, undrawn, tmp_path, monkeypatch):
    whole = evaluate(settings, tmp_path / "whole")
    measure = run_module.measure_unit
    done = []

    def killed_in_the_second(unit, *rest):
        if done:
            (tmp_path / "out" / ".maps-left").mkdir()
            raise KeyboardInterrupt
        done.append(unit.key)
        return measure(unit, *rest)

    monkeypatch.setattr(run_module, "measure_unit", killed_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        evaluate(settings, tmp_path / "out")
    assert not (tmp_path / "out" / "results.json").exists()
    resumed = []

    def counted(unit, *rest):
        resumed.append(unit.key)
        return measure(unit, *rest)

    monkeypatch.setattr(run_module, "measure_unit", counted)
    content = evaluate(settings, tmp_path / "out")
    assert len(resumed) == 1 and resumed != done
    assert figures(content) == figures(whole)
    assert not list((tmp_path / "out").glob(".maps-*"))


def test_a_process_killed_at_a_random_moment_ends_with_the_same_figures(settings, undrawn, tmp_path):
    changed = RunSettings(**{**settings.__dict__, "shots": (1, 2), "rounds": 3, "words": False})
    began = time.monotonic()
    whole = evaluate(changed, tmp_path / "whole", batch=1)
    took = time.monotonic() - began
    out = tmp_path / "out"
    code = f"""
from pathlib import Path
from anomalygpt.evaluation import run
from anomalygpt.evaluation.protocol import RunSettings
run._draw = lambda *_: {{}}
run.evaluate({changed!r}, Path({str(out)!r}), batch=1)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    while process.poll() is None and not (out / "run.json").exists():
        time.sleep(0.02)
    time.sleep(random.uniform(0, took))  # a different moment every time: any must do
    process.kill()
    process.wait()
    content = evaluate(changed, out, batch=1)
    assert figures(content) == figures(whole)
    assert not list(out.glob(".maps-*"))


def test_a_unit_cut_short_or_of_other_files_is_measured_again(settings, undrawn, products, tmp_path):
    first = evaluate(settings, tmp_path / "out")
    unit = tmp_path / "out" / first["units"][0]["file"]
    whole = unit.read_text()
    unit.write_text(whole[: len(whole) // 2])
    assert figures(evaluate(settings, tmp_path / "out")) == figures(first)
    assert json.loads(unit.read_text())["records"]
    shutil.copy(products / "ring/test/good/0.png", products / "ring/test/good/9.png")
    assert [entry["photos"] for entry in evaluate(settings, tmp_path / "out")["units"]] == [6, 7]


def test_photos_side_by_side_give_the_same_figures(settings, undrawn, tmp_path):
    one, three = evaluate(settings, tmp_path / "one"), evaluate(settings, tmp_path / "three", batch=3)
    assert figures(one, 6) == figures(three, 6)  # sums of other numbers of cores are rounded otherwise
    for unit in one["units"]:
        names = [
            [record["name"] for record in json.loads((tmp_path / out / unit["file"]).read_text())["records"]]
            for out in ("one", "three")
        ]
        assert names[0] == names[1]


def test_a_photo_that_fails_is_reported_and_counted(settings, undrawn, products, tmp_path):
    (products / "ring/test/good/1.png").write_text("no image")
    content = evaluate(settings, tmp_path / "out")
    plate, ring = content["units"]
    assert (plate["photos"], plate["failed"]) == (6, [])
    assert ring["photos"] == 5 and [entry["name"] for entry in ring["failed"]] == ["good/1.png"]
    assert "1.png" in ring["failed"][0]["error"]
    assert "Photos that failed: 1" in (tmp_path / "out" / "report.md").read_text()


def test_a_reference_that_fails_fails_its_unit_only(settings, undrawn, products, tmp_path):
    for path in (products / "ring/train/good").iterdir():
        path.write_text("no image")
    plate, ring = evaluate(settings, tmp_path / "out")["units"]
    assert plate["photos"] == 6
    assert ring["photos"] == 0 and len(ring["failed"]) == 6 and "reference" in ring["failed"][0]["error"]


def test_undefined_is_undefined(settings, undrawn, products, tmp_path):
    shutil.rmtree(products / "ring/test/good")
    shutil.rmtree(products / "ring/ground_truth")
    content = evaluate(RunSettings(**{**settings.__dict__, "words": False}), tmp_path / "out")
    entry = content["summary"]["1"][OURS]["image_auroc"]
    assert entry["undefined"] == 1 and entry["categories"] == 1
    assert content["units"][1]["figures"][OURS]["image_auroc"] is None
    assert "verdict_accuracy" not in content["summary"]["1"][OURS]
    report = (tmp_path / "out" / "report.md").read_text()
    assert "(1 of 2)" in report and "undefined" in report


def test_the_folder_of_other_settings_is_left_alone(settings, undrawn, tmp_path):
    evaluate(settings, tmp_path / "out")
    before = (tmp_path / "out" / "results.json").read_text()
    with pytest.raises(SettingsError, match=r"other settings.*--out"):
        evaluate(RunSettings(**{**settings.__dict__, "seed": 1}), tmp_path / "out")
    assert (tmp_path / "out" / "results.json").read_text() == before


def test_rounds_and_shots_and_their_spread(settings, undrawn, tmp_path):
    changed = {**settings.__dict__, "shots": (0, 1), "rounds": 2, "words": False, "baselines": ()}
    content = evaluate(RunSettings(**changed), tmp_path / "out")
    assert [(unit["shots"], unit["round"]) for unit in content["units"][:3]] == [(0, 0), (1, 0), (1, 1)]
    assert content["summary"]["0"][OURS]["pixel_auroc"]["spread"] is None
    assert content["summary"]["1"][OURS]["pixel_auroc"]["spread"] is not None


def test_without_references_what_only_compares_has_no_figures(settings, undrawn, tmp_path):
    changed = {**settings.__dict__, "shots": (0, 1), "words": False, "baselines": BASELINES}
    content = evaluate(RunSettings(**changed), tmp_path / "out")
    assert list(content["summary"]["0"]) == [OURS, *BASELINES]
    for method, figures_ in content["summary"]["0"].items():
        assert bool(figures_) == (method not in NEED_REFERENCES)
        assert content["summary"]["1"][method]["image_auroc"]["mean"] is not None
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| plate | " in report and "– |" in report


def test_two_runs_are_compared(settings, undrawn, tmp_path):
    evaluate(settings, tmp_path / "old")
    changed = RunSettings(**{**settings.__dict__, "seed": 1})
    content = evaluate(changed, tmp_path / "new", against=tmp_path / "old")
    compared = content["against"]["shots"]["1"]
    entry = compared["figures"]["image_auroc"]
    assert entry["difference"] == pytest.approx(entry["this"] - entry["other"])
    assert compared["photos"]["shared"] == 12
    low, high = compared["photos"]["image_auroc_difference_95"]
    assert low <= entry["difference"] <= high
    assert "Against another run" in (tmp_path / "new" / "report.html").read_text()
    with pytest.raises(SettingsError, match="no finished run"):
        evaluate(changed, tmp_path / "new", against=tmp_path)


def test_simulated_samples_and_their_dialogues(undrawn, tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "CHUNK", 2)
    settings = RunSettings("simulated:3", checkpoint=str(tiny_checkpoint), seed=7, dialogue=True)
    content = evaluate(settings, tmp_path / "out")
    assert content["layout"] == "simulated" and content["units"][0]["photos"] == 3
    for found in content["dialogue"].values():
        assert found["choice"]["discrimination"]["count"] == 3
        assert 0 <= found["choice_mean"] <= 1 and found["agreement"]["answers"] >= 6
    (tmp_path / "out" / "units" / "dialogue-00002.json").unlink()
    (tmp_path / "out" / "results.json").unlink()
    assert figures(evaluate(settings, tmp_path / "out")) == figures(content)


def test_what_cannot_be_measured_is_refused_before_anything_is_written(settings, undrawn, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        evaluate(RunSettings(**{**settings.__dict__, "data": str(tmp_path / "nowhere")}), tmp_path / "out")
    assert not (tmp_path / "out").exists()
