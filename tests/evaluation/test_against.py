import json

import numpy as np
import pytest

from anomalygpt.evaluation.against import compare, read_run
from anomalygpt.evaluation.protocol import SettingsError
from anomalygpt.evaluation.summary import summarize


def unit(category, scores, verdicts=None, shots=1, number=0):
    """One unit's file with that many anomalous photos as good ones."""
    from anomalygpt.evaluation.units import photo_figures

    scores = [float(score) for score in scores]
    truth = [index < len(scores) / 2 for index in range(len(scores))]
    records = [
        {
            "name": str(index),
            "anomalous": anomalous,
            "scores": {"ours": score},
            "verdicts": {} if verdicts is None else {"ours": verdicts[index]},
            "map_says": score >= 0.5,
        }
        for index, (anomalous, score) in enumerate(zip(truth, scores, strict=True))
    ]
    figures = {"ours": photo_figures(records, "ours")}
    return {
        "category": category,
        "shots": shots,
        "round": number,
        "records": records,
        "figures": figures,
        "file": f"{category}.json",
    }


def content(units):
    return {"summary": summarize(units), "command": "c", "model": "m", "versions": {"commit": "x"}, "units": units}


@pytest.fixture
def other(tmp_path):
    units = [unit("a", [0.6, 0.4, 0.5, 0.3], [True, False, True, False]), unit("b", [0.9, 0.8, 0.1, 0.2])]
    for entry in units:
        (tmp_path / entry["file"]).write_text(json.dumps(entry))
    (tmp_path / "results.json").write_text(json.dumps(content(units)))
    return tmp_path


def test_differences_flips_and_interval(other):
    here = [unit("a", [0.9, 0.8, 0.1, 0.2], [True, True, True, None]), unit("c", [0.5, 0.5])]
    found = compare(content(here), here, other)["shots"]["1"]
    assert found["categories"] == {"a": {"this": 1.0, "other": 0.75, "difference": 0.25}}
    assert found["photos"]["shared"] == 4
    assert found["photos"]["verdicts_became_right"] == 1 and found["photos"]["verdicts_became_wrong"] == 1
    low, high = found["photos"]["image_auroc_difference_95"]
    assert 0 <= low <= 0.25 <= high <= 1


def test_the_interval_narrows_around_the_difference(tmp_path):
    rng = np.random.default_rng(0)
    anomalous, good = rng.random(200) + 0.3, rng.random(200)
    there = unit("a", [*anomalous, *good])
    (tmp_path / "a.json").write_text(json.dumps(there))
    (tmp_path / "results.json").write_text(json.dumps(content([there])))
    here = [unit("a", [*(anomalous + 0.3), *good])]
    found = compare(content(here), here, tmp_path)["shots"]["1"]
    low, high = found["photos"]["image_auroc_difference_95"]
    assert low < found["figures"]["image_auroc"]["difference"] < high and high - low < 0.1


def test_a_run_with_itself_differs_by_nothing(other):
    here, units = read_run(other)
    found = compare(here, units, other)["shots"]["1"]
    assert all(entry["difference"] == 0 for entry in found["figures"].values() if entry["difference"] is not None)
    assert found["photos"]["image_auroc_difference_95"] == [0, 0]
    assert found["photos"]["verdicts_became_right"] == found["photos"]["verdicts_became_wrong"] == 0


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"results\.json.*no finished run"):
        read_run(tmp_path)
