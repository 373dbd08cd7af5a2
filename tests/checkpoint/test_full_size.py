"""The published 7B shapes, on the meta device: every name and every number of parameters."""

from itertools import pairwise

import pytest
import torch

from anomalygpt.checkpoint.official import anomalygpt_table, encoder_table, llama_table, pandagpt_table
from anomalygpt.checkpoint.store import eye_weights
from anomalygpt.config import load_preset
from anomalygpt.model.build import build_model

BLOCK = {
    "norm_1.weight": (1,),
    "norm_1.bias": (1,),
    "attn.in_proj_weight": (3, 1),
    "attn.in_proj_bias": (3,),
    "attn.out_proj.weight": (1, 1),
    "attn.out_proj.bias": (1,),
    "norm_2.weight": (1,),
    "norm_2.bias": (1,),
    "mlp.fc1.weight": (4, 1),
    "mlp.fc1.bias": (4,),
    "mlp.fc2.weight": (1, 4),
    "mlp.fc2.bias": (1,),
}
"""Shapes of a tower's block in multiples of its width."""

IMAGEBIND = {
    "modality_preprocessors.vision.cls_token": (1, 1, 1280),
    "modality_preprocessors.vision.rgbt_stem.proj.1.weight": (1280, 3, 2, 14, 14),
    "modality_preprocessors.vision.pos_embedding_helper.pos_embed": (1, 257, 1280),
    "modality_trunks.vision.pre_transformer_layer.0.weight": (1280,),
    "modality_trunks.vision.pre_transformer_layer.0.bias": (1280,),
    "modality_heads.vision.0.weight": (1280,),
    "modality_heads.vision.0.bias": (1280,),
    "modality_heads.vision.2.weight": (1024, 1280),
    "modality_preprocessors.text.token_embedding.weight": (49408, 1024),
    "modality_preprocessors.text.pos_embed": (1, 77, 1024),
    "modality_heads.text.proj.0.weight": (1024,),
    "modality_heads.text.proj.0.bias": (1024,),
    "modality_heads.text.proj.1.weight": (1024, 1024),
} | {
    f"modality_trunks.{tower}.blocks.{number}.{name}": tuple(width * times for times in shape)
    for tower, width, count in (("vision", 1280, 32), ("text", 1024, 24))
    for number in range(count)
    for name, shape in BLOCK.items()
}

PANDAGPT = {"llama_proj.weight": (4096, 1024), "llama_proj.bias": (4096,)} | {
    f"llama_model.base_model.model.model.layers.{number}.self_attn.{part}_proj.lora_{side}{default}.weight": shape
    for number in range(32)
    for part in "qkvo"
    for side, shape in (("A", (32, 4096)), ("B", (4096, 32)))
    for default in ("", ".default")
}

CHANNELS = (1, 4, 16, 64, 256, 1024)
ANOMALYGPT = (
    {f"image_decoder.fc.{layer}.weight": (1024, 1280) for layer in range(4)}
    | {f"image_decoder.fc.{layer}.bias": (1024,) for layer in range(4)}
    | {
        f"prompt_learner.meta_net.{3 * place}.weight": (after, before, 3, 3)
        for place, (before, after) in enumerate(pairwise(CHANNELS))
    }
    | {f"prompt_learner.meta_net.{3 * place}.bias": (after,) for place, after in enumerate(CHANNELS[1:])}
    | {
        "prompt_learner.meta_net.15.weight": (4096, 1024, 5, 5),
        "prompt_learner.meta_net.15.bias": (4096,),
        "prompt_learner.base_prompts": (9, 4096),
    }
)

LLAMA = {
    "model.embed_tokens.weight": (32000, 4096),
    "model.norm.weight": (4096,),
    "lm_head.weight": (32000, 4096),
} | {
    f"model.layers.{number}.{name}": shape
    for number in range(32)
    for name, shape in {
        **{f"self_attn.{part}_proj.weight": (4096, 4096) for part in "qkvo"},
        "mlp.gate_proj.weight": (11008, 4096),
        "mlp.up_proj.weight": (11008, 4096),
        "mlp.down_proj.weight": (4096, 11008),
        "input_layernorm.weight": (4096,),
        "post_attention_layernorm.weight": (4096,),
    }.items()
}


class Tokenizer:
    """Of a full vocabulary, which is all that building a model asks of it."""

    eos_token_id = 2

    def __len__(self):
        return 32000


@pytest.fixture(scope="module")
def config():
    return load_preset("vicuna-7b")


@pytest.fixture(scope="module")
def model(config):
    with torch.device("meta"):
        return build_model(config, Tokenizer())


@pytest.fixture(scope="module")
def shapes(model):
    """Of every tensor of the system, by its name on disk."""
    from peft import get_peft_model_state_dict

    language = {
        name.replace(".base_layer.", "."): tensor
        for name, tensor in model.language.base.state_dict().items()
        if ".lora_" not in name
    }
    every = eye_weights(model) | language | get_peft_model_state_dict(model.language.model)
    return {name: tensor.shape for name, tensor in every.items()}


@pytest.mark.parametrize("published", ["imagebind", "pandagpt", "anomalygpt", "llama"])
def test_every_published_tensor_has_its_place_and_shape(published, config, shapes):
    table, theirs = {
        "imagebind": lambda: (encoder_table(config, "imagebind"), IMAGEBIND),
        "pandagpt": lambda: (pandagpt_table(config), PANDAGPT),
        "anomalygpt": lambda: (anomalygpt_table(config), ANOMALYGPT | PANDAGPT),
        "llama": lambda: (llama_table(config), LLAMA),
    }[published]()
    assert table.targets.keys() == theirs.keys()
    for name, shape in theirs.items():
        target = table.targets[name]
        assert target.form(torch.empty(shape, device="meta")).shape == shapes[target.name], name


@pytest.mark.parametrize("encoder", ["imagebind", "openclip"])
def test_every_tensor_of_ours_comes_from_a_published_one(encoder, config, shapes):
    tables = (
        encoder_table(config, encoder),
        pandagpt_table(config),
        anomalygpt_table(config),
        llama_table(config),
    )
    ours = {target.name for table in tables for target in table.targets.values()}
    assert shapes.keys() - ours == {"eye.encoder.clip.logit_scale"} and not ours - shapes.keys()


def test_open_clips_names_are_its_own(config, model):
    names = set(model.eye.encoder.clip.state_dict())
    assert names == set(encoder_table(config, "openclip").targets) | {"logit_scale"}


def test_as_many_parameters_learn_as_in_the_published_form(model):
    decoder = sum(parameter.numel() for parameter in model.eye.decoder.parameters())
    assert decoder == 4 * (1280 * 1024 + 1024) == 5_246_976
    convolutions = sum(9 * before * after + after for before, after in pairwise(CHANNELS))
    learner = sum(parameter.numel() for parameter in model.prompt_learner.parameters())
    assert learner == convolutions + 25 * 1024 * 4096 + 4096 + 9 * 4096 == 107_416_504
    assert model.config.prompt_learner.vectors == 18 and model.config.prompt_learner.grid == 3


def test_other_modalities_are_ignored_and_nothing_else(config):
    table = encoder_table(config, "imagebind")
    assert table.ignores("modality_trunks.audio.blocks.3.attn.bias_k")
    assert table.ignores("modality_preprocessors.text.mask")
    assert not any(table.ignores(name) for name in IMAGEBIND)
    assert not table.ignores("modality_trunks.vision.blocks.32.norm_1.weight")
    assert llama_table(config).ignores("model.layers.31.self_attn.rotary_emb.inv_freq")
