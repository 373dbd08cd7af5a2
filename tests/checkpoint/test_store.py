import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from anomalygpt.checkpoint import files, language_files, store
from anomalygpt.checkpoint.placement import Placement
from anomalygpt.checkpoint.store import CheckpointError, check_files, load_checkpoint, save_checkpoint
from anomalygpt.config import AnomalyGPTConfig, load_preset
from anomalygpt.model.build import build_model
from anomalygpt.model.generation import KVSession, Settings, Stream
from anomalygpt.model.tokenizer import train_tokenizer


def small_config(**language):
    """The embedded preset with less text and language, so that the eye fits into one file."""
    config = load_preset("embedded").model_dump()
    config["encoder"]["architecture"]["text_cfg"] |= {"width": 16, "heads": 1}
    config["language"]["architecture"] |= {
        "vocab_size": 300,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        **language,
    }
    return AnomalyGPTConfig.model_validate(config)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["Is there any anomaly in the image? Yes, there is a scratch. 有划痕。"] * 5, 290)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    model = build_model(small_config(), tokenizer).eval()
    for name, buffer in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 1)
    return model


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "small"
    save_checkpoint(model, folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of the checkpoint that a test may damage."""
    return shutil.copytree(saved, tmp_path / "small")


def vouch(folder):
    """Makes the manifest agree with the files, as if they had been saved so."""
    manifest = json.loads((folder / files.MANIFEST).read_text())
    for name, entry in manifest["files"].items():
        entry["bytes"] = (folder / name).stat().st_size
        entry["sha256"] = files._sha256(folder / name)
    (folder / files.MANIFEST).write_text(json.dumps(manifest))


def answer(model):
    language = model.language
    prompt = language.embed_ids(language.token_ids("Is there any anomaly?", bos=True))
    return "".join(Stream(KVSession(language), prompt, Settings(("\n###",), max_new_tokens=20)))


def test_a_loaded_model_is_the_saved_one_in_half_precision(model, folder):
    loaded = load_checkpoint(folder)
    assert loaded.config == model.config and not loaded.training
    expected, found = model.state_dict(), loaded.state_dict()
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor.half().to(tensor.dtype) if tensor.is_floating_point() else tensor)
    for name, buffer in model.named_buffers():
        if name not in expected:
            assert torch.equal(loaded.get_buffer(name), buffer), name


def test_saved_in_full_precision_nothing_changes_at_all(model, tmp_path):
    save_checkpoint(model, tmp_path / "full", dtype=torch.float32)
    loaded = load_checkpoint(tmp_path / "full")
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in model.state_dict().items())
    pixels = torch.rand(1, 3, 224, 224)
    seen, expected = loaded.eye.encoder.encode_image(pixels), model.eye.encoder.encode_image(pixels)
    # Sums may round otherwise where the same weights lie elsewhere in memory.
    torch.testing.assert_close(seen.embedding, expected.embedding, atol=1e-6, rtol=0)
    torch.testing.assert_close(loaded.eye.states(["nut"]), model.eye.states(["nut"]), atol=1e-6, rtol=0)
    assert answer(loaded) == answer(model)


def test_what_is_loaded_can_be_trained_and_saved_again(folder, tmp_path):
    loaded = load_checkpoint(folder)
    assert all(parameter.requires_grad for parameter in loaded.prompt_learner.parameters())
    save_checkpoint(loaded, tmp_path / "again")
    for name in ("eye.safetensors", "language/model.safetensors", "language/tokenizer.json", "config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_loading_draws_no_weights(folder, monkeypatch):
    def unfilled(*parts):
        model = build_model(*parts)
        eye = model.eye.parameters()
        assert all(parameter.is_meta and parameter.requires_grad for parameter in eye)
        return model

    monkeypatch.setattr(store, "build_model", unfilled)
    assert not any(parameter.is_meta for parameter in load_checkpoint(folder).parameters())
    assert not any(parameter.is_meta for parameter in torch.nn.Linear(2, 2).parameters())


def test_transformers_loads_the_language_part_by_itself(model, folder):
    language = AutoModelForCausalLM.from_pretrained(folder / "language", dtype="auto")
    tokenizer = AutoTokenizer.from_pretrained(folder / "language")
    assert language.dtype == torch.float16
    text = "Is there any anomaly? 有"
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
    assert torch.equal(ids, model.language.token_ids(text))
    logits = language.float()(ids).logits
    assert torch.allclose(logits, model.language(model.language.embed_ids(ids)), atol=2e-2)


def test_the_language_models_number_format_can_be_chosen(folder):
    loaded = load_checkpoint(folder, Placement(precision="bf16"))
    assert loaded.language.dtype == torch.bfloat16
    assert loaded.prompt_learner.base_prompts.dtype == torch.float32
    answer(loaded)


def test_large_weights_are_cut_into_files(model, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHARD_BYTES", 400_000)
    monkeypatch.setattr(language_files, "SHARD_BYTES", 60_000)
    save_checkpoint(model, tmp_path)
    for part, limit in ((tmp_path, 400_000), (tmp_path / "language", 60_000)):
        shards = sorted(part.glob("*.safetensors"))
        assert len(shards) > 2 and len(list(part.glob("*.index.json"))) == 1
        for shard in shards:
            tensors = load_file(shard)
            assert len(tensors) == 1 or sum(tensor.nbytes for tensor in tensors.values()) <= limit
    loaded = load_checkpoint(tmp_path)
    assert torch.equal(loaded.prompt_learner.base_prompts, model.prompt_learner.base_prompts.half().float())
    # Saving in other pieces leaves nothing of the old ones, and nothing else is lost.
    (tmp_path / "README.md").write_text("model card")
    monkeypatch.undo()
    save_checkpoint(model, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "README.md",
        "config.json",
        "eye.safetensors",
        "manifest.json",
    ]
    assert not list((tmp_path / "language").glob("*-of-*"))
    check_files(tmp_path, hashes=True)


def test_tied_embeddings_are_stored_once_and_stay_tied(tokenizer, tmp_path):
    tied = build_model(small_config(tie_word_embeddings=True), tokenizer)
    save_checkpoint(tied, tmp_path)
    assert "lm_head.weight" not in load_file(tmp_path / "language" / "model.safetensors")
    base = load_checkpoint(tmp_path).language.base
    assert base.lm_head.weight is base.model.embed_tokens.weight


def test_adapters_lie_beside_the_plain_language_model(tokenizer, tmp_path):
    config = small_config().model_dump()
    config["language"]["lora"] = {"rank": 4, "targets": ["q_proj", "v_proj"]}
    torch.manual_seed(0)
    adapted = build_model(AnomalyGPTConfig.model_validate(config), tokenizer).eval()
    for name, parameter in adapted.language.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    save_checkpoint(adapted, tmp_path, dtype=torch.float32)
    loaded = load_checkpoint(tmp_path)
    embeddings = adapted.language.embed_ids(adapted.language.token_ids("Is there"))
    assert torch.equal(loaded.language(embeddings), adapted.language(embeddings))
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "language")
    with adapted.language.model.disable_adapter():
        expected = adapted.language(embeddings)
    assert torch.allclose(plain(inputs_embeds=embeddings).logits, expected, atol=1e-6)
    adapter = tmp_path / "language" / "adapter" / "adapter_model.safetensors"
    assert "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" in load_file(adapter)
    adapter.unlink()
    with pytest.raises(CheckpointError, match=r"adapter_model\.safetensors: this file is missing"):
        load_checkpoint(tmp_path)


def test_a_weight_too_large_for_half_precision_is_reported_and_nothing_is_written(model, tokenizer, folder):
    before = (folder / files.MANIFEST).read_text()
    broken = build_model(small_config(), tokenizer)
    with torch.no_grad():
        broken.prompt_learner.base_prompts[0, 0] = 1e6
    with pytest.raises(CheckpointError, match=r"prompt_learner\.base_prompts.*float32"):
        save_checkpoint(broken, folder)
    assert (folder / files.MANIFEST).read_text() == before
    assert sorted(folder.iterdir()) == sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    load_checkpoint(folder)


def test_a_missing_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere: there is no such checkpoint folder. Check the path"):
        load_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name",
    ["config.json", "manifest.json", "eye.safetensors", "language/model.safetensors", "language/tokenizer.json"],
)
def test_a_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    assert str(folder / name) in str(caught.value)


@pytest.mark.parametrize("name", ["eye.safetensors", "language/model.safetensors", "language/tokenizer.json"])
def test_a_truncated_file(folder, name):
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match=r"truncated .* Fetch the checkpoint folder again") as caught:
        load_checkpoint(folder)
    assert str(folder / name) in str(caught.value)


@pytest.mark.parametrize("name", ["eye.safetensors", "language/model.safetensors", "language/tokenizer.json"])
def test_a_file_that_was_changed(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-5] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(CheckpointError, match="not the one that was saved") as caught:
        load_checkpoint(folder)
    assert str(folder / name) in str(caught.value)


def test_of_a_large_checkpoint_only_the_sizes_are_compared(folder, monkeypatch):
    monkeypatch.setattr(files, "HASH_LIMIT", 1000)
    data = bytearray((folder / "eye.safetensors").read_bytes())
    data[-5] ^= 1
    (folder / "eye.safetensors").write_bytes(data)
    load_checkpoint(folder)
    with pytest.raises(CheckpointError, match="not the one that was saved"):
        check_files(folder, hashes=True)


@pytest.mark.parametrize("name", ["eye.safetensors", "language/model.safetensors", "language/tokenizer.json"])
def test_a_file_of_another_kind(folder, name):
    (folder / name).write_bytes(b"version https://example.org/some-pointer\n")
    vouch(folder)
    with pytest.raises(CheckpointError, match="Fetch the checkpoint folder again") as caught:
        load_checkpoint(folder)
    assert str((folder / name).parent) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("eye.safetensors", "prompt_learner.base_prompts"),
        ("language/model.safetensors", "model.layers.1.mlp.up_proj.weight"),
    ],
)
@pytest.mark.parametrize("fault", ["missing", "renamed", "reshaped"])
def test_foreign_weights(folder, name, tensor, fault):
    tensors = load_file(folder / name)
    value = tensors.pop(tensor)
    if fault == "renamed":
        tensors["foreign"] = value
    elif fault == "reshaped":
        tensors[tensor] = value[:-1].contiguous()
    save_file(tensors, folder / name, metadata={"format": "pt"})
    vouch(folder)
    with pytest.raises(CheckpointError, match="belong to another config") as caught:
        load_checkpoint(folder)
    assert str((folder / name).parent) in str(caught.value)
    assert tensor in str(caught.value) or (fault == "renamed" and "foreign" in str(caught.value))


@pytest.mark.parametrize(
    ("place", "key", "value", "found"),
    [
        (("prompt_learner",), "base_vectors", 5, "eye.safetensors"),
        (("fusion",), "channels", 32, "eye.safetensors"),
        (("language", "architecture"), "intermediate_size", 128, "language"),
        (("language", "architecture"), "num_hidden_layers", 3, "language"),
    ],
)
def test_a_config_of_other_sizes(folder, place, key, value, found):
    config = json.loads((folder / "config.json").read_text())
    section = config
    for name in place:
        section = section[name]
    section[key] = value
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="belong to another config") as caught:
        load_checkpoint(folder)
    assert str(folder / found) in str(caught.value)


def test_a_config_with_an_unknown_key(folder):
    config = json.loads((folder / "config.json").read_text())
    config["prompt_learner"]["colour"] = 1
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"config\.json: prompt_learner\.colour.*[Rr]emove"):
        load_checkpoint(folder)


def test_settings_in_the_config_may_be_changed_by_hand(folder):
    config = json.loads((folder / "config.json").read_text())
    config["generation"]["temperature"] = 0.5
    (folder / "config.json").write_text(json.dumps(config))
    assert load_checkpoint(folder).config.generation.temperature == 0.5


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 1, "files": {"eye.safetensors": 3}}'])
def test_a_manifest_that_is_none(folder, text):
    (folder / files.MANIFEST).write_text(text)
    with pytest.raises(CheckpointError, match=r"manifest\.json: this is no manifest"):
        load_checkpoint(folder)


def test_a_manifest_of_a_later_program(folder):
    (folder / files.MANIFEST).write_text('{"format": 2, "files": {}}')
    with pytest.raises(CheckpointError, match="Update the program"):
        load_checkpoint(folder)


def test_a_tokenizer_of_another_model(folder):
    train_tokenizer([chr(index) * 2 for index in range(0x4E00, 0x5000)] * 3, 600).save_pretrained(folder / "language")
    vouch(folder)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json: The tokenizer has .* tokens"):
        load_checkpoint(folder)
