import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from anomalygpt.checkpoint.store import load_checkpoint, save_checkpoint
from anomalygpt.config import AnomalyGPTConfig, ConfigError, load_preset
from anomalygpt.config.training import TrainingConfig
from anomalygpt.dialogue.kinds import KINDS
from anomalygpt.dialogue.prompt_format import plan_token
from anomalygpt.inspection.inspector import Inspector
from anomalygpt.model.build import build_eye, build_model
from anomalygpt.model.language import IGNORED
from anomalygpt.model.tokenizer import load_tokenizer, train_tokenizer
from anomalygpt.records import Evidence, Facts, Region
from anomalygpt.training.seen import SeenPhotos, see_photos
from anomalygpt.training.stages import load_eye, save_eye, train
from anomalygpt.training.voice import VoiceData, draw_dialogue, take_voice

REGION = Region(1, (0, 0, 30, 9), (4.0, 4.0), 270, 0.01, 0.9, "top left", 1.0, 0.0, (-10.0, 0.0, 0.0))
FACTS = Facts(Evidence(0.93, (REGION,), 100, 100, 1), "pill", False)
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
        (_, item), (_, facts, turns) = data[index], draw_dialogue(config, photos, index)
        learned = [token for token, label in zip(item.ids, item.labels, strict=True) if label != IGNORED]
        answers = "".join(inspector.prompt_format.answer(turn.answer) for turn in turns)
        assert model.language.decode(learned) == answers
        plans = model.language.special_ids([plan_token(turn.kind) for turn in turns])
        assert [token for token in learned if token in inspector.plans] == plans and learned[0] == plans[0]
        assert item.ids[item.image_at] == 0 and len(item.ids) == len(item.labels)
        read = model.language.decode(item.ids[item.prompt_at + data.vectors :])
        assert f"score {facts.evidence.score:.2f}" in read and turns[0].question in read
    batch = data.collate([data[0], data[1]])
    for row, (_, item) in zip(batch.words.ids, (data[0], data[1]), strict=True):
        assert row[: len(item.ids)].tolist() == item.ids and not row[len(item.ids) :].any()
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log == [] and (tmp_path / "tokenizer" / "tokenizer.json").exists()


def test_a_trained_voice_answers_through_the_session(eye_folder, tmp_path, make_photo):
    result = train(voice_recipe(eye_folder), tmp_path, "cpu")
    session = Inspector(load_checkpoint(result)).new_session()
    session.set_image(make_photo(1))
    shown = "".join(session.ask("Where?", max_new_tokens=5))
    assert session.turns[0].kind in KINDS and plan_token(session.turns[0].kind) not in shown


def test_a_voice_goes_on_from_an_earlier_one_that_knows_fewer_tokens(eye_folder, small_config, tmp_path):
    torch.manual_seed(1)
    tokenizer = train_tokenizer(["Is there any anomaly? Yes, a scratch."] * 5, 300)
    plain = small_config.model_dump()
    plain["prompt_format"]["plan"] = False
    plain["language"]["architecture"]["vocab_size"] = 300
    earlier = build_model(AnomalyGPTConfig.model_validate(plain), tokenizer)
    save_checkpoint(earlier, tmp_path / "earlier", torch.float32)
    model = build_model(small_config, load_tokenizer(tmp_path / "earlier" / "language"))
    take_voice(model, earlier)
    known = len(tokenizer)
    assert torch.equal(model.language.embed_ids(torch.arange(known)), earlier.language.embed_ids(torch.arange(known)))
    assert torch.equal(model.prompt_learner.base_prompts, earlier.prompt_learner.base_prompts)
    recipe = voice_recipe(eye_folder).model_dump()
    recipe["voice"]["start"] = str(tmp_path / "earlier")
    trained = load_checkpoint(train(TrainingConfig.model_validate(recipe), tmp_path / "run", "cpu"))
    assert (
        trained.language.token_ids("Is there a scratch?").tolist()
        == earlier.language.token_ids("Is there a scratch?").tolist()
    )
    assert min(Inspector(trained).plans) >= known
    with pytest.raises(ConfigError, match=r"voice\.start"):
        take_voice(earlier, model)


def test_a_recipe_may_leave_the_kinds_of_defects_untold(eye_folder):
    recipe = voice_recipe(eye_folder).model_dump()
    photos = SeenPhotos([replace(FACTS, defects=("crack",))], *(torch.zeros(1, 1),) * 3)
    for told, kinds in ((True, ("crack",)), (False, (None,))):
        recipe["voice"]["kinds"] = told
        config = TrainingConfig.model_validate(recipe)
        assert {draw_dialogue(config, photos, index)[1].defects for index in range(8)} == {kinds}


def test_a_recipe_may_leave_ways_to_the_voice_out(eye_folder, small_config, tmp_path, make_photo):
    assert small_config.prompt_learner.region_vectors and small_config.prompt_format.evidence
    full = train(voice_recipe(eye_folder), tmp_path / "full", "cpu")
    recipe = voice_recipe(eye_folder).model_dump()
    recipe["voice"] |= {"region_vectors": 0, "evidence": False, "start": str(full)}
    trained = load_checkpoint(train(TrainingConfig.model_validate(recipe), tmp_path / "paper", "cpu"))
    assert trained.config.prompt_learner.region_vectors == 0 and not trained.config.prompt_format.evidence
    session = Inspector(trained).new_session()
    session.set_image(make_photo(1))
    assert "".join(session.ask("Where?", max_new_tokens=5)) is not None and session.turns


def test_names_train_the_head_and_nothing_else(tmp_path):
    torch.manual_seed(0)
    start = save_eye(build_eye(load_preset("embedded")), tmp_path / "start")
    recipe = TrainingConfig(stage="names", model=str(start), names={"photos": 8}, **COMMON)
    trained = load_eye(train(recipe, tmp_path / "run", "cpu")).state_dict()
    changed = {name for name, value in load_eye(start).state_dict().items() if not torch.equal(value, trained[name])}
    assert changed and all(".head" in name for name in changed)
