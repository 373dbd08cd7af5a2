import pytest

from anomalygpt.datasets.index import DataError
from anomalygpt.datasets.opening import open_data


def test_layouts_are_found_out(mvtec, files, tmp_path):
    categories, layout = open_data(str(mvtec))
    assert layout == "mvtec" and [category.name for category in categories] == ["bottle", "cable"]
    files[0](tmp_path / "own" / "good" / "1.jpg")
    files[0](tmp_path / "own" / "good" / "2.jpg")
    files[0](tmp_path / "own" / "bad" / "3.jpg")
    assert open_data(str(tmp_path / "own"))[1] == "folder"


def test_categories_are_chosen_by_name(mvtec):
    assert [category.name for category in open_data(str(mvtec), only=["cable"])[0]] == ["cable"]
    with pytest.raises(DataError, match=r"no category 'nut'.*bottle, cable"):
        open_data(str(mvtec), only=["nut"])


def test_what_cannot_be_opened_is_said(mvtec, tmp_path):
    for source, layout, words in (
        (str(tmp_path / "nowhere"), "auto", "no such folder"),
        (str(mvtec), "coco", "no layout"),
        ("simulated:0", "auto", "at least one"),
    ):
        with pytest.raises(DataError, match=words):
            open_data(source, layout)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="layout is not known"):
        open_data(str(tmp_path / "empty"))


def test_simulated_samples_bring_their_truth():
    (category,), layout = open_data("simulated:4", seed=3, shots=2)
    assert layout == "simulated" and category.own_references and len(category.cases) == 4
    for case in category.cases:
        loaded = case.load()
        assert len(loaded.references) == 2 and loaded.mask.any() == case.anomalous
        assert (case.kind == "good") != case.anomalous
    again = open_data("simulated:4", seed=3, shots=2)[0][0].cases[1].load()
    assert (again.photo == category.cases[1].load().photo).all()
    assert [case.name for case in category.cases[1:3]] == ["00001", "00002"]


def test_training_seeds_are_not_measured_on():
    with pytest.raises(DataError, match=r"seed 1000000.*only"):
        open_data("simulated:4", seed=1_000_000)
