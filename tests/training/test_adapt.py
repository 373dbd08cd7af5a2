import json

import pytest
import torch
from safetensors.torch import load_file

from anomalygpt.checkpoint.adapter import apply_adapter
from anomalygpt.checkpoint.store import load_checkpoint, save_checkpoint
from anomalygpt.config import ConfigError, load_preset
from anomalygpt.config.training import TrainingConfig, load_recipe, with_changes
from anomalygpt.datasets.spoiled import SpoiledPhotos, good_photos
from anomalygpt.model.build import build_eye, build_model
from anomalygpt.model.tokenizer import train_tokenizer
from anomalygpt.training.adapt import AdaptData, AdaptTask, _held
from anomalygpt.training.balance import COUNTS, unbalanced_by
from anomalygpt.training.eye import join
from anomalygpt.training.stages import train


@pytest.fixture(scope="module")
def small_checkpoint(small_config, tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("base") / "small"
    tokenizer = train_tokenizer(["Is there any anomaly in the image?"] * 5, 300)
    save_checkpoint(build_model(small_config, tokenizer), folder, torch.float32)
    return folder


def recipe(checkpoint, data, **changes):
    content = load_recipe("adapt-eye").model_dump() | {"model": str(checkpoint), "data": str(data)}
    eye = {"size": 32, "shots": {1: 0.5, 2: 0.5}, "queries": 2}
    return TrainingConfig.model_validate(
        content | {"eye": eye, "batch": 2, "steps": 8, "warmup": 2, "workers": 0} | changes
    )


def test_the_users_photos_come_among_simulated_ones(small_checkpoint, good_folder):
    photos = SpoiledPhotos(good_photos(str(good_folder)), 32)
    only, none = (AdaptData(recipe(small_checkpoint, good_folder, adapt={"share": share}), photos) for share in (1, 0))
    half = AdaptData(recipe(small_checkpoint, good_folder), photos)
    sources = {
        "mine" if torch.equal(half[index].squares, only[index].squares) else
        "simulated" if torch.equal(half[index].squares, none[index].squares) else "neither"
        for index in range(8)
    }  # fmt: skip
    assert sources == {"mine", "simulated"}
    batch = join([half[index] for index in range(4)])
    assert batch.masks.flatten(1).any(1).sum() == 4 and len(batch.masks) == 8


def test_only_what_the_recipe_names_learns_and_statistics_stay():
    torch.manual_seed(0)
    eye = build_eye(load_preset("embedded"))
    task = AdaptTask(eye, ("encoder", "decoder", "fusion")).train()
    assert not any(module.training for module in eye.modules())
    learning = {name for name, parameter in task.named_parameters() if parameter.requires_grad}
    assert {name.split(".")[1] for name in learning} == {"encoder", "decoder", "fusion"}
    assert all(".visual.trunk." in name for name in learning if ".encoder." in name)
    assert not any(".head" in name for name in learning)
    few = {name for name, p in AdaptTask(eye, ("fusion",)).named_parameters() if p.requires_grad}
    assert few and all(name.startswith("eye.fusion.") for name in few)


def test_one_command_writes_an_adapter_that_changes_what_it_learned(small_checkpoint, good_folder, tmp_path):
    config = recipe(small_checkpoint, good_folder)
    folder = train(config, tmp_path, "cpu")
    assert folder == tmp_path / "adapter"
    described = json.loads((folder / "adapter.json").read_text())
    assert described["stage"] == "adapt" and described["products"] == [good_folder.name]
    weights = load_file(folder / "adapter.safetensors")
    assert {name.rsplit(".", 1)[0].split(".")[1] for name in weights} == {"decoder", "fusion"}
    before, after = load_checkpoint(small_checkpoint), load_checkpoint(small_checkpoint)
    apply_adapter(after, small_checkpoint, folder)
    for name, value in before.state_dict().items():
        assert torch.equal(value, after.state_dict()[name]) == (name not in weights), name


def test_a_stopped_adaptation_goes_on(small_checkpoint, good_folder, tmp_path):
    config = recipe(small_checkpoint, good_folder)
    folder = train(config, tmp_path, "cpu")
    first = (folder / "adapter.safetensors").read_bytes()
    (folder / "adapter.safetensors").unlink()
    held = json.loads((tmp_path / "recipe.json").read_text())
    del held["optimizer"]  # a setting that came after the run was begun
    (tmp_path / "recipe.json").write_text(json.dumps(held))
    assert (train(config, tmp_path, "cpu") / "adapter.safetensors").read_bytes() == first


def test_what_is_missing_is_said(small_checkpoint, tiny_checkpoint, good_folder, tmp_path):
    with pytest.raises(ConfigError, match="--data"):
        train(recipe(small_checkpoint, ""), tmp_path / "a", "cpu")
    with pytest.raises(ConfigError, match="fusion network"):
        train(recipe(tiny_checkpoint, good_folder), tmp_path / "b", "cpu")
    with pytest.raises(ConfigError, match="no place for 'general'"):
        with_changes(load_recipe("adapt-eye"), general="talk.json")
    with pytest.raises(ConfigError, match="leave out data"):
        with_changes(load_recipe("embedded-eye"), data="photos")


def test_an_adapted_eye_weighs_good_and_faulty_photos_of_the_product_as_before(small_checkpoint, good_folder, tmp_path):
    config = recipe(small_checkpoint, good_folder, steps=30, learning_rate=0.01)
    folder = train(config, tmp_path, "cpu")
    before, after = load_checkpoint(small_checkpoint), load_checkpoint(small_checkpoint)
    apply_adapter(after, small_checkpoint, folder)
    photos = SpoiledPhotos(good_photos(str(good_folder)), config.eye.size)
    held = [_held(config, photos, count) for count in COUNTS]
    levels = [[unbalanced_by(model.eye.eval(), episodes) for episodes in held] for model in (before, after)]
    assert levels[1] == pytest.approx(levels[0], abs=0.02)


def test_an_adapter_goes_as_far_as_the_recipe_reaches(small_checkpoint, good_folder, tmp_path):
    base = dict(load_checkpoint(small_checkpoint).named_parameters())
    steps = []
    for reach in (1.0, 0.5, 0.0):
        config = recipe(small_checkpoint, good_folder, adapt={"reach": reach})
        weights = load_file(train(config, tmp_path / str(reach), "cpu") / "adapter.safetensors")
        steps.append(weights["eye.fusion.stem.weight"].float() - base["eye.fusion.stem.weight"].detach().float())
    whole, half, none = steps
    assert whole.abs().max() > 0 and torch.allclose(half, whole / 2, atol=1e-3) and not none.any()
