"""The published checkpoints' names and ours, as literal tables, and what of theirs is not needed.

In a pattern `{block}`, `{layer}` and the like stand for numbers; `*` in the lists of what is ignored stands for
anything. Our names are those on disk: `language/model.safetensors` holds `model.*` and `lm_head.weight`,
`language/adapter` holds `base_model.*`, and `eye.safetensors` everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import Tensor

from anomalygpt.config import AnomalyGPTConfig


@dataclass(frozen=True)
class Target:
    """Where a published tensor goes.

    Attributes:
        name: ours.
        form: makes our form of it; it must also work on the meta device, where it tells the shape.
    """

    name: str
    form: Callable[[Tensor], Tensor] = lambda tensor: tensor


@dataclass(frozen=True)
class Table:
    """What one published file holds.

    Attributes:
        what: the file in words, for messages.
        targets: published name to ours; several published names may lead to one of ours.
        ignored: patterns of published names that are read over, on purpose.
        optional: of our names, those that the file may leave out.
    """

    what: str
    targets: dict[str, Target]
    ignored: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()

    def ignores(self, name: str) -> bool:
        """Whether a published name is on the list of what is not needed."""
        return any(fnmatchcase(name, pattern) for pattern in self.ignored)


SIGNS = {
    "image_decoder.fc.0.weight": "AnomalyGPT's delta",
    "llama_proj.weight": "PandaGPT's delta",
    "modality_preprocessors.vision.cls_token": "ImageBind's checkpoint",
    "visual.conv1.weight": "an open_clip checkpoint",
    "model.embed_tokens.weight": "a causal language model",
}
"""By which tensor each kind of published file is known, the first that applies."""

# Both of our encoder's towers have open_clip's blocks; ImageBind's have others' names for the same parts.
_IMAGEBIND_BLOCK = {
    "norm_1.weight": "ln_1.weight",
    "norm_1.bias": "ln_1.bias",
    "attn.in_proj_weight": "attn.in_proj_weight",
    "attn.in_proj_bias": "attn.in_proj_bias",
    "attn.out_proj.weight": "attn.out_proj.weight",
    "attn.out_proj.bias": "attn.out_proj.bias",
    "norm_2.weight": "ln_2.weight",
    "norm_2.bias": "ln_2.bias",
    "mlp.fc1.weight": "mlp.c_fc.weight",
    "mlp.fc1.bias": "mlp.c_fc.bias",
    "mlp.fc2.weight": "mlp.c_proj.weight",
    "mlp.fc2.bias": "mlp.c_proj.bias",
}

_IMAGEBIND = {
    "modality_preprocessors.vision.cls_token": Target("visual.class_embedding", lambda tensor: tensor[0, 0]),
    # A still image is repeated to two frames, so the convolution over both is the one with their sum.
    "modality_preprocessors.vision.rgbt_stem.proj.1.weight": Target(
        "visual.conv1.weight", lambda tensor: tensor.float().sum(2)
    ),
    "modality_preprocessors.vision.pos_embedding_helper.pos_embed": Target(
        "visual.positional_embedding", lambda tensor: tensor[0]
    ),
    "modality_trunks.vision.pre_transformer_layer.0.weight": Target("visual.ln_pre.weight"),
    "modality_trunks.vision.pre_transformer_layer.0.bias": Target("visual.ln_pre.bias"),
    "modality_heads.vision.0.weight": Target("visual.ln_post.weight"),
    "modality_heads.vision.0.bias": Target("visual.ln_post.bias"),
    # A linear layer's weight is output by input, open_clip multiplies by a matrix of input by output.
    "modality_heads.vision.2.weight": Target("visual.proj", lambda tensor: tensor.T),
    "modality_preprocessors.text.token_embedding.weight": Target("token_embedding.weight"),
    "modality_preprocessors.text.pos_embed": Target("positional_embedding", lambda tensor: tensor[0]),
    "modality_heads.text.proj.0.weight": Target("ln_final.weight"),
    "modality_heads.text.proj.0.bias": Target("ln_final.bias"),
    "modality_heads.text.proj.1.weight": Target("text_projection", lambda tensor: tensor.T),
}

_IMAGEBIND_IGNORED = (
    *(
        f"modality_{part}.{modality}.*"
        for part in ("preprocessors", "trunks", "heads")
        for modality in ("audio", "depth", "thermal", "imu")
    ),
    "modality_preprocessors.text.mask",  # the causal mask, which open_clip makes itself
    "modality_postprocessors.*",  # scales of a loss that is not used
)

_OPENCLIP = (
    "visual.class_embedding",
    "visual.conv1.weight",
    "visual.positional_embedding",
    "visual.ln_pre.weight",
    "visual.ln_pre.bias",
    "visual.ln_post.weight",
    "visual.ln_post.bias",
    "visual.proj",
    "token_embedding.weight",
    "positional_embedding",
    "ln_final.weight",
    "ln_final.bias",
    "text_projection",
)

_OPENCLIP_IGNORED = (
    "attn_mask",  # the causal mask, which open_clip makes itself
    "logit_scale",  # of the contrastive loss
)

CLIP = "eye.encoder.clip."
"""What stands before open_clip's names in ours."""

CONSTANTS = {f"{CLIP}logit_scale": 4.6051702}
"""Ours that no published file need hold: the scale of the contrastive loss, ln 100, which nothing here reads."""

_ANOMALYGPT = {
    "image_decoder.fc.{layer}.weight": "eye.decoder.fc.{layer}.weight",
    "image_decoder.fc.{layer}.bias": "eye.decoder.fc.{layer}.bias",
    "prompt_learner.meta_net.{convolution}.weight": "prompt_learner.meta_net.{convolution}.weight",
    "prompt_learner.meta_net.{convolution}.bias": "prompt_learner.meta_net.{convolution}.bias",
    "prompt_learner.base_prompts": "prompt_learner.base_prompts",
}

_PROJECTION = {
    "llama_proj.weight": "image_projection.weight",
    "llama_proj.bias": "image_projection.bias",
}

_ADAPTERS = {
    f"llama_model.base_model.model.model.layers.{{block}}.self_attn.{{target}}.lora_{side}{default}.weight": (
        f"base_model.model.model.layers.{{block}}.self_attn.{{target}}.lora_{side}.weight"
    )
    for side in "AB"
    for default in ("", ".default")
}

_LLAMA_BLOCK = (
    "input_layernorm.weight",
    "self_attn.q_proj.weight",
    "self_attn.k_proj.weight",
    "self_attn.v_proj.weight",
    "self_attn.o_proj.weight",
    "post_attention_layernorm.weight",
    "mlp.gate_proj.weight",
    "mlp.up_proj.weight",
    "mlp.down_proj.weight",
)

_LLAMA = ("model.embed_tokens.weight", "model.norm.weight", "lm_head.weight")

_LLAMA_IGNORED = ("model.layers.*.self_attn.rotary_emb.inv_freq",)  # older conversions store what is computed

EMBEDDINGS = ("model.embed_tokens.weight", "lm_head.weight")
"""The tensors with a row for each token, which may be more in a Vicuna (its padding) than in LLaMA."""


def anomalygpt_table(config: AnomalyGPTConfig) -> Table:
    """AnomalyGPT's delta; it may also hold the projection and the adapters that PandaGPT's holds."""
    numbers = {"layer": range(len(config.encoder.layers))} | _convolutions(config)
    own = _expand(_ANOMALYGPT, numbers)
    also = pandagpt_table(config).targets
    return Table("AnomalyGPT's delta", own | also, optional=frozenset(target.name for target in also.values()))


def pandagpt_table(config: AnomalyGPTConfig) -> Table:
    """PandaGPT's delta: the image's projection and the adapters on the language model."""
    lora = config.language.lora
    blocks = range(int(config.language.architecture["num_hidden_layers"]))
    adapters = _expand(_ADAPTERS, {"block": blocks, "target": lora.targets}) if lora else {}
    return Table("PandaGPT's delta", _expand(_PROJECTION, {}) | adapters)


def encoder_table(config: AnomalyGPTConfig, encoder: str) -> Table:
    """The checkpoint of the encoder: "imagebind" or "openclip"."""
    architecture = config.encoder.architecture
    towers = (
        ("modality_trunks.vision.blocks", "visual.transformer.resblocks", architecture["vision_cfg"]["layers"]),
        ("modality_trunks.text.blocks", "transformer.resblocks", architecture["text_cfg"]["layers"]),
    )
    if encoder == "imagebind":
        targets = {name: Target(CLIP + target.name, target.form) for name, target in _IMAGEBIND.items()}
        for theirs, ours, count in towers:
            names = {
                f"{theirs}.{{block}}.{name}": f"{CLIP}{ours}.{{block}}.{own}" for name, own in _IMAGEBIND_BLOCK.items()
            }
            targets |= _expand(names, {"block": range(count)})
        return Table("ImageBind's checkpoint", targets, _IMAGEBIND_IGNORED)
    targets = {name: Target(CLIP + name) for name in _OPENCLIP}
    for _, ours, count in towers:
        names = {f"{ours}.{{block}}.{own}": f"{CLIP}{ours}.{{block}}.{own}" for own in _IMAGEBIND_BLOCK.values()}
        targets |= _expand(names, {"block": range(count)})
    return Table("an open_clip checkpoint", targets, _OPENCLIP_IGNORED)


def llama_table(config: AnomalyGPTConfig) -> Table:
    """LLaMA, Vicuna and the delta between them, all of one form; the names are ours already."""
    blocks = range(int(config.language.architecture["num_hidden_layers"]))
    names = {name: name for name in _LLAMA}
    names |= {
        f"model.layers.{block}.{name}": f"model.layers.{block}.{name}" for block in blocks for name in _LLAMA_BLOCK
    }
    return Table("a causal language model", _expand(names, {}), _LLAMA_IGNORED)


def _convolutions(config: AnomalyGPTConfig) -> dict[str, Iterable[int]]:
    """Places of the prompt learner's convolutions; a ReLU and a pooling stand after each but the last."""
    return {"convolution": range(0, 3 * len(config.trainable_prompt_learner.channels) + 1, 3)}


def _expand(names: Mapping[str, str], numbers: Mapping[str, Iterable[object]]) -> dict[str, Target]:
    """Every pattern with every combination of the numbers that it names."""
    pairs = list(names.items())
    for key, values in numbers.items():
        mark = f"{{{key}}}"
        pairs = [
            (theirs.replace(mark, str(value)), ours.replace(mark, str(value)))
            for theirs, ours in pairs
            for value in (values if mark in theirs else ("",))
        ]
    return {theirs: Target(ours) for theirs, ours in pairs}
