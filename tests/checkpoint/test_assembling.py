import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from anomalygpt.checkpoint import assembling, files
from anomalygpt.checkpoint.assembling import Recipe, assemble, check_assembled
from anomalygpt.checkpoint.files import CheckpointError
from anomalygpt.checkpoint.store import load_checkpoint

ROOT = Path(__file__).parents[2]


def recipe(published, **changes) -> Recipe:
    folder = published.folder
    settings = {
        "encoder": "imagebind",
        "encoder_file": folder / "imagebind.pth",
        "pandagpt": folder / "pandagpt.pt",
        "anomalygpt": folder / "anomalygpt.pt",
        "llama": folder / "llama",
        "vicuna_delta": folder / "delta",
    }
    return Recipe(**(settings | changes))


def read(folder, stem):
    return {name: tensor for file in folder.glob(f"{stem}*.safetensors") for name, tensor in load_file(file).items()}


def pickled(path):
    return torch.load(path, weights_only=True)


def llama_and_delta(published):
    delta = {}
    for part in (published.folder / "delta").glob("*.bin"):
        delta |= pickled(part)
    return read(published.folder / "llama", "model"), delta


def summed(published, name, merged=True):
    """What the language model's weight must be, in float64."""
    llama, delta = llama_and_delta(published)
    whole = delta[name].double()
    whole[: len(llama[name])] += llama[name].double()
    start = f"llama_model.base_model.model.{name.removesuffix('.weight')}"
    adapters = pickled(published.folder / "pandagpt.pt")
    if merged and f"{start}.lora_A.default.weight" in adapters:
        down, up = (adapters[f"{start}.lora_{side}.default.weight"].double() for side in "AB")
        whole += 8 / 4 * up @ down
    return whole


def hashes(folder):
    return json.loads((folder / files.MANIFEST).read_text())["files"]


def test_everything_is_added_and_merged(published, small_config, tmp_path):
    assemble(small_config, recipe(published), tmp_path / "out")
    model = load_checkpoint(tmp_path / "out")
    state = {name: tensor for name, tensor in model.language.base.named_parameters()}
    llama, delta = llama_and_delta(published)
    assert state.keys() == llama.keys() and "model.layers.0.self_attn.rotary_emb.inv_freq" in delta
    for name, tensor in state.items():
        assert torch.allclose(tensor.double(), summed(published, name), atol=1e-4, rtol=1e-3), name
    assert len(state["lm_head.weight"]) == 301 and model.config.language.architecture["vocab_size"] == 301
    assert model.config.language.lora is None
    own, panda = pickled(published.folder / "anomalygpt.pt"), pickled(published.folder / "pandagpt.pt")
    for name in own:
        part, rest = name.split(".", 1)
        assert torch.equal(
            {"image_decoder": model.eye.decoder, "prompt_learner": model.prompt_learner}[part].state_dict()[rest],
            own[name],
        ), name
    assert torch.equal(model.image_projection.weight, panda["llama_proj.weight"])
    assert torch.equal(model.image_projection.bias, panda["llama_proj.bias"])


def test_adapters_can_be_kept(published, small_config, tmp_path):
    assemble(small_config, recipe(published, merge=False), tmp_path / "out")
    model = load_checkpoint(tmp_path / "out")
    name = "model.layers.1.self_attn.v_proj.weight"
    layer = model.language.base.get_submodule("model.layers.1.self_attn.v_proj")
    assert torch.allclose(layer.base_layer.weight.double(), summed(published, name, merged=False), atol=1e-4)
    x = torch.randn(2, 64)
    expected = x.double() @ summed(published, name).T
    assert torch.allclose(layer(x).double(), expected, atol=1e-3)
    assert (tmp_path / "out/language/adapter/adapter_config.json").is_file()


def test_adapters_without_default_in_their_names_are_the_same(published, small_config, tmp_path):
    published.change("pandagpt.pt", lambda tensors: {n.replace(".default", ""): t for n, t in tensors.items()})
    plain = {name: tensor for name, tensor in pickled(published.folder / "pandagpt.pt").items()}
    assemble(small_config, recipe(published, merge=False), tmp_path / "out")
    adapters = read(tmp_path / "out/language/adapter", "adapter_model")
    assert {f"llama_model.{name}" for name in adapters} == {name for name in plain if "lora" in name}


def test_what_anomalygpt_holds_goes_before_what_pandagpt_holds(published, small_config, tmp_path):
    later = torch.full((64, 40), 0.5)
    published.change("anomalygpt.pt", lambda tensors: tensors | {"llama_proj.weight": later})
    assemble(small_config, recipe(published), tmp_path / "out")
    assert torch.equal(read(tmp_path / "out", "eye")["image_projection.weight"], later)


def test_a_finished_vicuna_takes_the_place_of_llama_and_delta(published, small_config, tmp_path):
    llama, delta = llama_and_delta(published)
    vicuna = tmp_path / "vicuna"
    vicuna.mkdir()
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (vicuna / file).write_bytes((published.folder / "llama" / file).read_bytes())
    save_file(
        {name: tensor + delta[name][: len(tensor)] for name, tensor in llama.items()}, vicuna / "model.safetensors"
    )
    changes = {"vicuna": vicuna, "vicuna_delta": None}
    assemble(small_config, recipe(published, **changes, llama=None), tmp_path / "one")
    name = "model.layers.0.self_attn.q_proj.weight"
    assert torch.allclose(read(tmp_path / "one/language", "model")[name].double(), summed(published, name), atol=1e-3)
    assemble(small_config, recipe(published, **changes), tmp_path / "two")
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_open_clips_encoder_is_taken_as_it_is(published, small_config, tmp_path):
    changes = {"encoder": "openclip", "encoder_file": published.folder / "openclip.bin"}
    assemble(small_config, recipe(published, **changes), tmp_path / "out")
    clip = load_checkpoint(tmp_path / "out").eye.encoder.clip.state_dict()
    theirs = pickled(published.folder / "openclip.bin")
    assert clip.keys() == theirs.keys()
    assert all(torch.equal(tensor, clip[name]) for name, tensor in theirs.items() if name != "logit_scale")


def test_a_stopped_run_goes_on_and_ends_with_the_same_hashes(published, small_config, tmp_path, monkeypatch):
    monkeypatch.setattr(assembling, "ASSEMBLED_SHARD_BYTES", 60_000)
    assemble(small_config, recipe(published), tmp_path / "whole")
    out = tmp_path / "out"

    class Killed(BaseException):
        pass

    def kill(done, total):
        if done > total // 2:
            raise Killed

    with pytest.raises(Killed):
        assemble(small_config, recipe(published), out, kill)
    assert not (out / "config.json").exists()
    kept = {path: path.stat().st_mtime_ns for path in (out / ".saving").rglob("*.safetensors")}
    assert len(kept) > 3
    (out / ".saving" / ".eye-00099-of-00099.safetensors.part").write_bytes(b"half")
    first = files.save_file
    written = []
    monkeypatch.setattr(
        files, "save_file", lambda tensors, path, **rest: (written.append(path), first(tensors, path, **rest))
    )
    assemble(small_config, recipe(published), out)
    assert hashes(out) == hashes(tmp_path / "whole") and not (out / ".saving").exists()
    assert len(written) == len([name for name in hashes(out) if name.endswith(".safetensors")]) - len(kept)
    check_assembled(out)


def test_other_files_begin_anew(published, small_config, tmp_path):
    out = tmp_path / "out"

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assemble(small_config, recipe(published), out, stop)
    published.change("anomalygpt.pt", lambda tensors: tensors | {"image_decoder.fc.0.bias": torch.ones(40)})
    assemble(small_config, recipe(published), out)
    assert bool((read(out, "eye")["eye.decoder.fc.0.bias"] == 1).all())


def test_an_assembled_folder_is_verified(published, small_config, tmp_path):
    out = tmp_path / "out"
    assemble(small_config, recipe(published), out)
    assert check_assembled(out).language.lora is None
    card = (out / "README.md").read_text()
    assert "imagebind.pth" in card and "ImageBind's image and text towers" in card and "research only" in card
    weights = out / "language" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match=r"model.safetensors: this file is not the one"):
        check_assembled(out)


def test_transformers_loads_the_language_model_by_itself(published, small_config, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    assemble(small_config, recipe(published), tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out/language", local_files_only=True)
    assert model.dtype == torch.float16 and model.config.vocab_size == 301
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out/language", local_files_only=True)
    assert tokenizer.encode("</s>", add_special_tokens=False) != [2]


def test_nothing_takes_its_place_where_something_is_wrong(published, small_config, tmp_path):
    out = tmp_path / "out"
    assemble(small_config, recipe(published), out)
    before = hashes(out)
    published.change("imagebind.pth", nan("modality_heads.vision.0.bias"))
    with pytest.raises(CheckpointError):
        assemble(small_config, recipe(published), out)
    assert hashes(out) == before
    check_assembled(out)


# What can be wrong, each with its own message.


def nan(name):
    def change(tensors):
        tensors[name].view(-1)[0] = float("nan")

    return change


def broken(file, change):
    return lambda published: published.change(file, change)


def rewritten(file, change):
    def damage(published):
        path = published.folder / file
        path.write_bytes(change(path.read_bytes()))

    return damage


def llama_weights(change):
    """Saves LLaMA anew, as one file, after a change."""

    def damage(published):
        llama, delta = llama_and_delta(published)
        for path in (published.folder / "llama").glob("model*"):
            path.unlink()
        save_file(change(llama, delta) or llama, published.folder / "llama" / "model.safetensors")

    return damage


def delta_weights(change):
    def damage(published):
        llama, delta = llama_and_delta(published)
        for path in (published.folder / "delta").glob("pytorch_model*"):
            path.unlink()
        torch.save(change(llama, delta) or delta, published.folder / "delta" / "pytorch_model.bin")

    return damage


def with_adapters(published):
    adapters = pickled(published.folder / "pandagpt.pt")

    def added(llama, delta):
        for name in list(llama):
            start = f"llama_model.base_model.model.{name.removesuffix('.weight')}.lora_"
            if f"{start}A.default.weight" in adapters:
                product = adapters[f"{start}B.default.weight"] @ adapters[f"{start}A.default.weight"]
                llama[name] = (llama[name] + 8 / 4 * product).half()

    llama_weights(added)(published)


def legacy(published):
    tensors = pickled(published.folder / "pandagpt.pt")
    torch.save(tensors, published.folder / "pandagpt.pt", _use_new_zipfile_serialization=False)


def config_entry(key, value):
    def change(published):
        path = published.folder / "llama/config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))

    return change


def meta_form(published):
    for path in (published.folder / "llama").glob("model*"):
        path.unlink()
    (published.folder / "llama" / "consolidated.00.pth").write_bytes(b"")


def without_weights(published):
    for path in (published.folder / "llama").glob("model*"):
        path.unlink()


def swapped(published):
    panda, own = published.folder / "pandagpt.pt", published.folder / "anomalygpt.pt"
    panda.rename(panda.with_suffix(".tmp"))
    own.rename(panda)
    panda.with_suffix(".tmp").rename(own)


def many_tokens(published):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(published.folder / "llama", local_files_only=True)
    tokenizer.add_tokens([f"<extra {number}>" for number in range(200)])
    tokenizer.save_pretrained(published.folder / "llama")


CORRUPTIONS = {
    "no such folder": (
        lambda published: (published.folder / "llama").rename(published.folder / "elsewhere"),
        r"--llama: there is no file or folder .*llama\. Check the path",
    ),
    "Meta's own form": (meta_form, "--llama: .*Meta's own form.*convert_llama_weights_to_hf"),
    "no weights": (without_weights, "--llama: .*holds no weights"),
    "a shard not fetched": (
        lambda published: next((published.folder / "delta").glob("*-00002.bin")).unlink(),
        "--vicuna-delta: .*bin is missing, but pytorch_model.bin.index.json names it",
    ),
    "a git pointer": (
        lambda published: (published.folder / "imagebind.pth").write_text(
            "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n"
        ),
        "--imagebind: .*only the pointer that git keeps",
    ),
    "a web page": (
        lambda published: (published.folder / "pandagpt.pt").write_text("\n<!doctype html><html></html>"),
        "--pandagpt: .*is a web page",
    ),
    "truncated pickle": (
        rewritten("imagebind.pth", lambda content: content[: len(content) // 2]),
        "--imagebind: .*imagebind.pth is truncated or damaged",
    ),
    "truncated safetensors": (
        lambda published: [
            path.write_bytes(path.read_bytes()[:-500]) for path in (published.folder / "llama").glob("*.safetensors")
        ],
        "--llama: .*safetensors is truncated or damaged",
    ),
    "neither form": (
        rewritten("anomalygpt.pt", lambda content: b"Rar!" + content),
        "--anomalygpt: .*holds neither safetensors nor what torch saves",
    ),
    "pickled code": (
        broken("anomalygpt.pt", lambda tensors: tensors | {"optimiser": Recipe}),
        "--anomalygpt: .*something other than tensors, which could run code",
    ),
    "a state of training": (
        broken("anomalygpt.pt", lambda tensors: {"model": tensors, "step": 3}),
        "--anomalygpt: .*it holds model, step.*state of a training",
    ),
    "old torch form": (legacy, "--pandagpt: .*saved before version 1.6"),
    "swapped files": (swapped, "--pandagpt: .*looks like AnomalyGPT's delta.*swapped"),
    "missing tensor": (
        broken(
            "anomalygpt.pt", lambda tensors: {n: t for n, t in tensors.items() if n != "prompt_learner.base_prompts"}
        ),
        "--anomalygpt: .*anomalygpt.pt has no tensor 'prompt_learner.base_prompts'.*incomplete",
    ),
    "unexpected tensor": (
        broken(
            "imagebind.pth", lambda tensors: tensors | {"modality_trunks.vision.blocks.4.norm_1.bias": torch.ones(4)}
        ),
        r"--imagebind: tensor 'modality_trunks.vision.blocks.4.norm_1.bias' in .*imagebind.pth is unknown",
    ),
    "wrong shape": (
        broken("anomalygpt.pt", lambda tensors: tensors | {"image_decoder.fc.1.weight": torch.ones(40, 7)}),
        r"'image_decoder.fc.1.weight' in .*anomalygpt.pt gives the shape \(40, 7\).*asks for \(40, 48\).*another size",
    ),
    "too few dimensions": (
        broken(
            "imagebind.pth",
            lambda tensors: tensors | {"modality_preprocessors.vision.rgbt_stem.proj.1.weight": torch.ones(48, 3)},
        ),
        "rgbt_stem.proj.1.weight' in .*too few dimensions",
    ),
    "quantised copy": (
        llama_weights(lambda llama, delta: llama | {"lm_head.weight": torch.ones(300, 64, dtype=torch.int8)}),
        "--llama: tensor 'lm_head.weight' in .*whole numbers: this is a quantised copy",
    ),
    "not finite": (
        broken("pandagpt.pt", nan("llama_proj.bias")),
        "--pandagpt: tensor 'llama_proj.bias' in .*pandagpt.pt holds values that are infinite or no numbers",
    ),
    "too large": (
        llama_weights(
            lambda llama, delta: (
                {
                    name: tensor + 65000 if name == "model.layers.1.mlp.down_proj.weight" else tensor.float()
                    for name, tensor in ((name, tensor.float()) for name, tensor in llama.items())
                }
                | {"model.layers.1.mlp.down_proj.weight": torch.full((64, 96), 70000.0)}
            )
        ),
        "--llama: tensor 'model.layers.1.mlp.down_proj.weight' in .*too large for float16",
    ),
    "delta of zeros": (
        delta_weights(lambda llama, delta: {name: torch.zeros_like(tensor) for name, tensor in delta.items()}),
        "--vicuna-delta: tensor .* is zero throughout.*no delta of Vicuna",
    ),
    "LLaMA given twice": (
        delta_weights(lambda llama, delta: llama),
        "--vicuna-delta: tensor .* equals that of --llama: the same weights were given twice",
    ),
    "a whole model as delta": (
        delta_weights(lambda llama, delta: {n: t + delta[n][: len(t)] for n, t in llama.items()}),
        "--vicuna-delta: tensor .* is of a whole model and not of a delta",
    ),
    "delta added before": (
        llama_weights(lambda llama, delta: {n: t + delta[n][: len(t)] for n, t in llama.items()}),
        "--llama: tensor .* holds the delta already: adding it again would apply it twice",
    ),
    "a delta in place of LLaMA": (
        llama_weights(lambda llama, delta: {n: t[:300].contiguous() for n, t in delta.items() if "inv_freq" not in n}),
        "--llama: tensor 'model.norm.weight' .* close to zero, as in a delta",
    ),
    "adapters merged before": (with_adapters, "--llama: tensor .* holds PandaGPT's adapters already"),
    "untrained adapters": (
        broken("pandagpt.pt", lambda tensors: {n: t * ("lora_B" not in n) for n, t in tensors.items()}),
        "--pandagpt: tensor .*lora_B.*is zero throughout.*never trained",
    ),
    "equal layers": (
        broken(
            "anomalygpt.pt",
            lambda tensors: tensors | {"image_decoder.fc.1.weight": tensors["image_decoder.fc.0.weight"]},
        ),
        "'image_decoder.fc.1.weight' in .* equals 'image_decoder.fc.0.weight'",
    ),
    "LLaMA 2": (
        config_entry("max_position_embeddings", 4096),
        "--llama: .*config.json has max_position_embeddings 4096.*LLaMA 2",
    ),
    "no config": (lambda published: (published.folder / "llama/config.json").unlink(), "config.json cannot be read"),
    "no tokenizer": (
        lambda published: [path.unlink() for path in (published.folder / "llama").glob("tokenizer*")],
        "there is no tokenizer that can be read",
    ),
    "another tokenizer": (many_tokens, "tokenizer beside the language model is of another one"),
}


def test_there_are_more_than_eleven_kinds():
    assert len(CORRUPTIONS) >= 11
    assert len({message for _, message in CORRUPTIONS.values()}) == len(CORRUPTIONS)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_what_is_wrong_is_said(kind, published, small_config, tmp_path):
    damage, message = CORRUPTIONS[kind]
    damage(published)
    with pytest.raises(CheckpointError, match=message):
        assemble(small_config, recipe(published), tmp_path / "out")
    assert not (tmp_path / "out" / "config.json").exists()


def test_two_downloads_in_one_folder(published, small_config, tmp_path):
    for path in (published.folder / "llama").glob("model*"):
        path.unlink()
    for number in (1, 2):
        save_file({"lm_head.weight": torch.ones(300, 64)}, published.folder / "llama" / f"part{number}.safetensors")
    with pytest.raises(CheckpointError, match=r"'lm_head.weight' is in two files.*mixes the files of two downloads"):
        assemble(small_config, recipe(published), tmp_path / "out")


def test_a_vicuna_that_is_llama(published, small_config, tmp_path):
    changes = {"vicuna": published.folder / "llama", "vicuna_delta": None}
    with pytest.raises(CheckpointError, match=r"--vicuna: tensor .* equals that of --llama.*never added"):
        assemble(small_config, recipe(published, **changes), tmp_path / "out")


def test_a_language_model_is_given_in_one_way(published):
    for changes in ({"vicuna_delta": None}, {"llama": None}, {"vicuna": published.folder / "llama"}):
        with pytest.raises(CheckpointError, match="either with --llama and --vicuna-delta, or with --vicuna"):
            recipe(published, **changes)


def test_a_full_disk_is_said_before_anything_is_written(published, small_config, tmp_path, monkeypatch):
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(assembling.shutil, "disk_usage", lambda path: usage(10, 10, 0))
    with pytest.raises(CheckpointError, match=r"0.0 GB are free. Make room"):
        assemble(small_config, recipe(published), tmp_path / "out")


def test_a_preset_of_another_form_is_refused(published, small_config, tmp_path):
    config = small_config.model_copy(update={"language": small_config.language.model_copy(update={"lora": None})})
    with pytest.raises(CheckpointError, match="'small-vicuna' is not of the published form"):
        assemble(config, recipe(published), tmp_path / "out")


def test_the_guide_has_the_programs_own_words():
    guide = (ROOT / "docs/full-size.md").read_text(encoding="utf-8").split("## What an error means")[1]
    rows = re.findall(r"^\| `([^`]+)`", guide.split("\n## ")[0], re.M)
    assert len(rows) >= len(CORRUPTIONS)
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "anomalygpt").rglob("*.py"))
    code = re.sub(r'"\s*\n\s*f?"', "", code)  # strings that stand on several lines
    for row in rows:
        assert all(part.strip() in code for part in row.split("...")), row
