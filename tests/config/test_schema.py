import pytest
from pydantic import ValidationError

from anomalygpt.config import AnomalyGPTConfig, ConfigError, load_config, load_preset, preset_names
from anomalygpt.config.training import load_recipe, recipe_names


def test_every_shipped_preset_is_valid():
    assert {"embedded", "vicuna-7b"} <= set(preset_names())
    for name in preset_names():
        assert load_preset(name).name == name


def test_every_shipped_recipe_is_valid():
    stages = {name: load_recipe(name).stage for name in recipe_names()}
    assert stages | {"embedded-eye": "eye", "embedded-voice": "voice"} == stages
    assert stages | {"adapt-eye": "adapt", "paper-vicuna-7b": "paper"} == stages


def test_the_full_size_has_the_published_shapes():
    config = load_preset("vicuna-7b")
    assert config.encoder.layers == (7, 15, 23, 31)
    assert config.prompt_learner.grid == 3 and config.prompt_learner.vectors == 18
    assert config.language.hidden_size == 4096 and config.encoder.embed_dim == 1024
    assert config.fusion.rule == "paper" and config.prompt_format.stop == "\n###"


def test_the_preset_of_published_parts_needs_no_training_of_ours():
    config = load_preset("openclip-chat")
    assert config.encoder.source and config.language.source and config.prompt_format.chat_template
    # No trained adapters in the decoder, no trained fusion, and the measurements as a record in words.
    assert config.decoder.form == "projection" and config.fusion.rule == "paper" and config.fusion.calibrated
    assert config.prompt_format.evidence


def test_a_config_cannot_be_changed():
    with pytest.raises(ValidationError):
        load_preset("embedded").name = "other"


def changed(path: str, value: object) -> dict:
    config = load_preset("embedded").model_dump()
    *parents, last = path.split(".")
    entry = config
    for key in parents:
        entry = entry[key]
    entry[last] = value
    return config


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("surprise", 1, "surprise"),
        ("encoder.surprise", 1, "surprise"),
        ("encoder.widths", [128], "one entry a layer"),
        ("encoder.layers", [2, 2, 3], "rise and not repeat"),
        ("encoder.architecture", {"embed_dim": 3}, "vision_cfg"),
        ("fusion.channels", None, "fusion.channels"),
        ("prompt_learner.kernel", 20, "leave nothing of the map"),
        ("generation.max_new_tokens", 4000, "no room for the question"),
        ("prompt_format.stop", "", "must not be empty"),
        ("language.architecture", {"hidden_size": 8}, "vocab_size"),
    ],
)
def test_unknown_keys_and_contradictions_are_refused(path, value, said):
    with pytest.raises(ValidationError, match=said):
        AnomalyGPTConfig.model_validate(changed(path, value))


def test_an_unreadable_config_is_named(tmp_path):
    broken = tmp_path / "config.json"
    with pytest.raises(ConfigError, match=r"config\.json.*cannot be read"):
        load_config(broken)
    broken.write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json: not valid JSON"):
        load_config(broken)
    broken.write_text('{"name": "x", "colour": 1}')
    with pytest.raises(ConfigError, match="colour"):
        load_config(broken)


def test_an_unknown_preset_lists_those_there_are():
    with pytest.raises(ConfigError, match="embedded"):
        load_preset("gpt")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"eye": None}, "section 'eye'"),
        ({"warmup": 7000}, "warmup"),
        ({"hurry": True}, "hurry"),
        ({"eye": {"shots": {"1": 0.3}}}, "add up to 1"),
    ],
)
def test_a_contradictory_recipe_is_refused(tmp_path, change, said):
    import json

    recipe = load_recipe("embedded-eye").model_dump(mode="json") | change
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe))
    with pytest.raises(ConfigError, match=said):
        load_recipe(str(path))


def test_a_missing_recipe_lists_those_shipped():
    with pytest.raises(ConfigError, match="embedded-eye"):
        load_recipe("no-such-recipe")
