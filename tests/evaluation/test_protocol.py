from pathlib import Path

import pytest

from anomalygpt.datasets.index import Category, DataError, FileCase
from anomalygpt.evaluation.protocol import RunSettings, SettingsError, plan

NORMALS = tuple(Path(f"{index:03d}.png") for index in range(60))


def category(name="bottle", normals=NORMALS, own=False):
    return Category(name, normals, (FileCase("good/0.png", Path("0.png"), "good"),), own_references=own)


def test_every_shot_and_round_is_a_unit_and_zero_shots_one_round():
    units = plan([category(), category("cable")], RunSettings("x", shots=(0, 1, 4), rounds=3), "mvtec")
    assert [(unit.category.name, unit.shots, unit.round) for unit in units[:7]] == [
        ("bottle", 0, 0),
        *[("bottle", shots, number) for shots in (1, 4) for number in range(3)],
    ]
    assert len(units) == 14 and units[0].references == ()
    assert len({unit.key for unit in units}) == len(units)


def test_rounds_differ_and_more_shots_go_on_from_fewer():
    settings = RunSettings("x", shots=(1, 4), rounds=3, seed=5)
    units = plan([category()], settings, "mvtec")
    one, four = units[:3], units[3:]
    assert len({unit.references for unit in one}) == 3
    assert all(few.references[0] == many.references[0] for few, many in zip(one, four, strict=True))
    assert all(len(set(unit.references)) == 4 for unit in four)
    assert plan([category()], settings, "mvtec") == units
    other = plan([category()], RunSettings("x", shots=(1, 4), rounds=3, seed=6), "mvtec")
    assert [unit.references for unit in other] != [unit.references for unit in units]


def test_the_papers_references_are_at_fixed_places():
    settings = RunSettings("x", shots=(2,), references="paper")
    assert plan([category()], settings, "mvtec")[0].references == (Path("012.png"), Path("013.png"))
    assert plan([category()], settings, "visa")[0].references == (Path("056.png"), Path("057.png"))


def test_first_references_have_one_round():
    units = plan([category()], RunSettings("x", shots=(2,), rounds=3, references="first"), "mvtec")
    assert [unit.references for unit in units] == [(Path("000.png"), Path("001.png"))]


def test_own_references_are_not_chosen():
    assert plan([category(own=True)], RunSettings("x", rounds=3), "mvtec")[0].references == ()


def test_too_few_good_photos_are_an_error_with_the_remedy():
    with pytest.raises(DataError, match=r"bottle.*4 references.*2 good.*fewer --shots"):
        plan([category(normals=NORMALS[:2])], RunSettings("x", shots=(4,)), "mvtec")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shots": ()}, "--shots"),
        ({"shots": (1, 1)}, "--shots"),
        ({"shots": (-1,)}, "--shots"),
        ({"rounds": 0}, "--rounds"),
        ({"baselines": ("guess",)}, "guess"),
        ({"dialogue": True}, "simulated"),
        ({"describe": True, "data": "simulated:3"}, "--describe"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, words):
    with pytest.raises(SettingsError, match=words):
        RunSettings(**{"data": "x", **changes})


def test_keys_are_file_names_and_tell_like_names_apart():
    first, second = plan([category("a/b c"), category("a_b_c")], RunSettings("x"), "mvtec")
    assert first.key != second.key and "/" not in first.key and " " not in first.key
    assert first.description == "b c"
