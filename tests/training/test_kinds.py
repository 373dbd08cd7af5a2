"""The kind reader, trained on the regions that a checkpoint's eye finds, and joined to it."""

import numpy as np
import pytest
import torch

from anomalygpt.checkpoint.store import load_checkpoint, save_checkpoint
from anomalygpt.config import ConfigError
from anomalygpt.config.training import TrainingConfig
from anomalygpt.dialogue import PromptFormat
from anomalygpt.imaging.region_look import FIGURES
from anomalygpt.model.build import build_model
from anomalygpt.model.tokenizer import train_tokenizer
from anomalygpt.training import kinds
from anomalygpt.training.kinds import TOLD_APART, KindsData, regions_seen
from anomalygpt.training.stages import train


@pytest.fixture
def checkpoint(small_config, tmp_path):
    tokenizer = train_tokenizer(["a few words"], 400, list(PromptFormat(small_config.prompt_format).plans))
    model = build_model(small_config, tokenizer)
    torch.nn.init.constant_(model.eye.fusion.local.bias, 0.5)  # so that it finds something untrained
    save_checkpoint(model, tmp_path / "model")
    return tmp_path / "model"


def recipe(checkpoint, photos=6, **changes):
    common = {"batch": 16, "steps": 30, "warmup": 2, "learning_rate": 0.02, "workers": 0, "average": 0}
    section = {"photos": photos, "width": 8}
    return TrainingConfig(stage="kinds", model=str(checkpoint), kinds=section, **common | changes)


def test_a_checkpoint_gets_a_reader_of_kinds_and_keeps_all_else(checkpoint, tmp_path):
    before = load_checkpoint(checkpoint)
    after = load_checkpoint(train(recipe(checkpoint), tmp_path / "run", "cpu"))
    assert after.config.kind_reader.kinds == TOLD_APART and "damage" not in TOLD_APART
    for name, value in before.state_dict().items():
        assert value.equal(after.state_dict()[name]), name
    assert after.kind_reader.deviation.min() > 0 and after.kind_reader.mean.abs().sum() > 0
    ranked = after.kind_reader.ranked(np.zeros((1, FIGURES), np.float32))
    assert set(ranked) == set(TOLD_APART)


def test_regions_are_seen_once_and_kept_chunk_by_chunk(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "CHUNK", 2)
    eye, config = load_checkpoint(checkpoint).eye, recipe(checkpoint, photos=4)
    first = regions_seen(eye, config, tmp_path / "regions")
    assert first["figures"].shape == (len(first["kinds"]), FIGURES) and first["kinds"].max() < len(TOLD_APART)
    (tmp_path / "regions" / "000002.safetensors").unlink()
    monkeypatch.setattr(kinds, "make_sample", counted := Counted(kinds.make_sample))
    again = regions_seen(eye, config, tmp_path / "regions")
    assert counted.calls == 2 and all(first[key].equal(again[key]) for key in first)


class Counted:
    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *arguments, **named):
        self.calls += 1
        return self.function(*arguments, **named)


def test_an_eye_that_finds_nothing_cannot_teach_kinds(checkpoint, tmp_path):
    model = load_checkpoint(checkpoint)
    torch.nn.init.constant_(model.eye.fusion.local.bias, -30.0)
    with pytest.raises(ConfigError, match="finds no region on 2 faulty photos"):
        regions_seen(model.eye, recipe(checkpoint, photos=2), tmp_path / "regions")


def test_rare_kinds_are_shown_oftener_than_they_come():
    config = recipe("x", batch=100, steps=30)
    data = KindsData(config, torch.tensor([0] * 90 + [1] * 10))
    rows = np.array([data[index] for index in range(len(data))])
    assert 0.2 < (rows >= 90).mean() < 0.3  # a tenth of the regions; by square roots a quarter
    assert [data[index] for index in range(50)] == rows[:50].tolist()
