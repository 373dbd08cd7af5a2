"""The judgement of the fusion, trained on kept evidence."""

import pytest
import torch

from anomalygpt.config.training import TrainingConfig
from anomalygpt.model.build import build_eye
from anomalygpt.model.looking import encode_photos, look, remember_photos
from anomalygpt.training.fusion import FusionData, kept_evidence, take
from anomalygpt.training.shown import ShownSamples
from anomalygpt.training.stages import load_eye, save_eye, train


@pytest.fixture
def recipe(small_config, tmp_path):
    torch.manual_seed(0)
    folder = save_eye(build_eye(small_config), tmp_path / "start")
    fusion = {"samples": 5, "shots": {0: 0.4, 2: 0.6}}
    common = {"batch": 4, "steps": 6, "warmup": 2, "learning_rate": 1e-2, "workers": 0, "average": 0.5}
    return TrainingConfig(stage="fusion", model=str(folder), fusion=fusion, **common)


def test_kept_evidence_is_what_an_inspection_judges(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("anomalygpt.training.fusion.CHUNK", 2)
    eye = load_eye(tmp_path / "start").eval()
    kept = kept_evidence(eye, recipe, tmp_path / "kept")
    assert len(kept["evidence"]) == len(kept["targets"]) == 5 and len(list((tmp_path / "kept").iterdir())) == 3
    for row, (sample, count) in enumerate(ShownSamples(recipe, recipe.fusion.shots, range(5), 32)):
        query, references = encode_photos(eye, [sample.query]), sample.references[:count]
        memory = remember_photos(eye, references, eye.config.memory.rotations)[0] if count else None
        inspection = look(eye, sample.query, query, eye.states([""]), memory, count)
        judged = eye.fusion.judge(kept["evidence"][row : row + 1].float()).sigmoid()
        assert judged.max().item() == pytest.approx(inspection.score, abs=0.02)
        assert bool(kept["targets"][row].any()) == sample.anomalous
    monkeypatch.setattr(type(eye), "see", None)
    again = kept_evidence(eye, recipe, tmp_path / "kept")
    assert torch.equal(again["evidence"], kept["evidence"])


def test_every_sample_comes_once_a_turn_and_turns_with_its_target(recipe):
    data = FusionData(recipe, 5)
    assert sorted(row for row, _ in (data[index] for index in range(5, 10))) == [0, 1, 2, 3, 4]
    assert {turned for _, turned in (data[index] for index in range(20))} == {True, False}
    kept = {"evidence": torch.arange(8.0).reshape(1, 2, 2, 2), "targets": torch.tensor([[[1, 0], [0, 0]]])}
    plain, turned = take([(0, False)], kept), take([(0, True)], kept)
    assert torch.equal(turned.evidence[0, 1], plain.evidence[0, 1].rot90(2))
    assert turned.targets[0].tolist() == [[0, 0], [0, 1]]


def test_the_judgement_learns_and_all_else_rests(recipe, tmp_path):
    before = load_eye(tmp_path / "start").state_dict()
    after = load_eye(train(recipe, tmp_path / "run", "cpu")).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    judging = tuple(f"fusion.{part}." for part in ("stem", "blocks", "local", "whole"))
    assert changed == {name for name in before if name.startswith(judging)}
