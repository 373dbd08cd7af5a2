import json

import pytest
import torch
from safetensors.torch import load_file

from anomalygpt.checkpoint.store import load_checkpoint
from anomalygpt.config import ConfigError, load_preset
from anomalygpt.config.training import TrainingConfig
from anomalygpt.inspection.session import Inspector
from anomalygpt.model.build import build_eye
from anomalygpt.training.seen import see_photos
from anomalygpt.training.stages import load_eye, save_eye, train
from anomalygpt.training.voice import IGNORED, VoiceData, draw_dialogue

COMMON = {"batch": 4, "steps": 6, "warmup": 2, "learning_rate": 1e-3, "workers": 0}


@pytest.fixture(scope="module")
def eye_folder(small_config, tmp_path_factory):
    torch.manual_seed(0)
    return save_eye(build_eye(small_config), tmp_path_factory.mktemp("eye"))


def voice_recipe(eye_folder, **changes):
    voice = {"photos": 5, "shots": {0: 0.4, 2: 0.6}, "max_turns": 3, "vocabulary_dialogues": 60}
    return TrainingConfig(stage="voice", model=str(eye_folder), voice=voice, **COMMON | changes)


def test_an_eye_comes_back_as_it_was_saved(eye_folder, small_config):
    loaded = load_eye(eye_folder)
    assert loaded.config == small_config
    for name, value in load_file(eye_folder / "eye.safetensors").items():
        assert torch.equal(value, loaded.state_dict()[name])
    with pytest.raises(ConfigError, match="no trained eye"):
        load_eye(eye_folder / "nowhere")
    with pytest.raises(ConfigError, match="other sizes"):
        load_eye(eye_folder, load_preset("embedded"))


def test_a_folder_keeps_one_recipe(eye_folder, tmp_path):
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(ConfigError, match="another recipe"):
        train(voice_recipe(eye_folder), tmp_path, "cpu")


def test_seen_photos_are_kept_chunk_by_chunk_and_read_back(eye_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("anomalygpt.training.seen.CHUNK", 2)
    eye, recipe = load_eye(eye_folder).eval(), voice_recipe(eye_folder)
    first = see_photos(eye, recipe, tmp_path)
    assert len(first) == 5 and len(list(tmp_path.glob("*.safetensors"))) == 3
    assert first.maps.dtype == torch.float16 and float(first.maps.max()) <= 1
    assert {facts.evidence.references for facts in first.facts} == {0, 2}
    assert all(len(facts.defects) == len(facts.evidence.regions) for facts in first.facts)
    monkeypatch.setattr(type(eye), "see", None)
    again = see_photos(eye, recipe, tmp_path)
    assert again.facts == first.facts and torch.equal(again.maps, first.maps) and torch.equal(again.looks, first.looks)


def test_only_answers_are_learned(eye_folder, tmp_path):
    config = voice_recipe(eye_folder)
    result = train(config, tmp_path, "cpu")
    model = load_checkpoint(result)
    photos = see_photos(model.eye, config, tmp_path / "seen")
    inspector = Inspector(model)
    data = VoiceData(config, photos, model.language, inspector.prompt_format, model.config.prompt_learner.vectors)
    for index in range(4):
        item, (_, facts, turns) = data[index], draw_dialogue(config, photos, index)
        learned = [token for token, label in zip(item["ids"], item["labels"], strict=True) if label != IGNORED]
        answers = "".join(inspector.prompt_format.answer(turn.answer) for turn in turns)
        assert model.language.decode(learned) == answers
        assert item["ids"][item["image_at"]] == 0 and len(item["ids"]) == len(item["labels"])
        read = model.language.decode(item["ids"][item["prompt_at"] + data.vectors :])
        assert f"score {facts.evidence.score:.2f}" in read and turns[0].question in read
    batch = data.collate([data[0], data[1]])
    for row, item in zip(batch.ids, (data[0], data[1]), strict=True):
        assert row[: len(item["ids"])].tolist() == item["ids"] and not row[len(item["ids"]) :].any()
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log == [] and (tmp_path / "tokenizer" / "tokenizer.json").exists()


def test_a_trained_voice_answers_through_the_session(eye_folder, tmp_path, make_photo):
    result = train(voice_recipe(eye_folder), tmp_path, "cpu")
    session = Inspector(load_checkpoint(result)).new_session()
    session.set_image(make_photo(1))
    assert isinstance("".join(session.ask("Where?", max_new_tokens=5)), str)


def test_names_train_the_head_and_nothing_else(tmp_path):
    torch.manual_seed(0)
    start = save_eye(build_eye(load_preset("embedded")), tmp_path / "start")
    recipe = TrainingConfig(stage="names", model=str(start), names={"photos": 8}, **COMMON)
    trained = load_eye(train(recipe, tmp_path / "run", "cpu")).state_dict()
    changed = {name for name, value in load_eye(start).state_dict().items() if not torch.equal(value, trained[name])}
    assert changed and all(".head" in name for name in changed)
