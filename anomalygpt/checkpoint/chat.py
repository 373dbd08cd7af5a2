"""A model of published parts that are taken as they are: an open_clip encoder and a chat model of transformers.

Nothing of it was trained for the task. The eye compares with the references (paper, section 3.2, equation 2),
calibrated by themselves, and the chat model is told in words what was measured.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
from accelerate import init_empty_weights
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor

from anomalygpt.checkpoint.files import CheckpointError
from anomalygpt.checkpoint.language_files import faults, read_causal_model
from anomalygpt.checkpoint.placement import Placement
from anomalygpt.config import AnomalyGPTConfig, EncoderConfig, LanguageConfig
from anomalygpt.dialogue.chat_template import chat_prompt_format
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.model.build import build_model
from anomalygpt.model.language import Language

_FOLDER_CONFIG = "open_clip_config.json"
_FOLDER_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_QUARTERS = (1, 2, 3, 4)
"""Patches are taken at the end of each quarter of the blocks, as published for ViT-H-14."""


def load_published(config: AnomalyGPTConfig, placement: Placement) -> AnomalyGPT:
    """Loads a model whose parts the config names by their sources, ready to be asked.

    A source that is no folder or file here is fetched by open_clip and transformers, which show their progress and keep
    it for the next start. The config of the model that comes out has no sources any more, but the sizes and strings
    that were read from them, so that it can be saved and loaded like any other.

    Args:
        config: with `encoder.source` and `language.source`.
        placement: device and number format.

    Raises:
        CheckpointError: a source cannot be had, or is of a kind that does not fit; the message names it and the remedy.
    """
    assert config.encoder.source is not None and config.language.source is not None
    encoder, file = find_encoder(config.encoder.source)
    weights = _encoder_weights(file, placement)
    language = _read_language(config.language.source, placement)
    try:
        strings = chat_prompt_format(config.prompt_format, language.chat, language.tokenizer.eos_token or "")
        parts = {"encoder": encoder, "language": language.config, "prompt_format": strings}
        config = AnomalyGPTConfig(**{**dict(config), **parts})
    except ValueError as error:
        raise CheckpointError(f"{config.language.source}: {error} Take another model with --language.") from error
    _end_with(language, strings.stop)
    with init_empty_weights(include_buffers=False):
        model = build_model(config, language.tokenizer, language)
    try:
        model.eye.encoder.clip.load_state_dict(weights, assign=True)
        projection = {
            "fc.0.0.weight": weights["visual.ln_post.weight"].clone(),
            "fc.0.0.bias": weights["visual.ln_post.bias"].clone(),
            "fc.0.1.weight": weights["visual.proj"].T.contiguous(),
        }
        model.eye.decoder.load_state_dict(projection, assign=True)
    except (RuntimeError, KeyError) as error:
        raise CheckpointError(
            f"{file}: these are not the weights of the encoder '{config.encoder.source}' ({error}). Name the "
            "architecture that they belong to, as in --encoder ViT-L-14:FILE."
        ) from error
    model.eye.to(placement.device)
    return model.eval()


def find_encoder(source: str) -> tuple[EncoderConfig, Path]:
    """Sizes and weights file of an encoder; the file is fetched where it is not here.

    Args:
        source: "NAME:WEIGHTS", a name of open_clip and a tag of it or a file; or a folder in open_clip's form.

    Raises:
        CheckpointError: there is no such encoder, it cannot be fetched, or it is none of open_clip's own ViTs.
    """
    settings: dict[str, Any] = {}
    if Path(source).is_dir():
        architecture, file = _encoder_folder(Path(source), settings)
    else:
        name, _, weights = source.partition(":")
        architecture = open_clip.get_model_config(name)
        if architecture is None:
            raise CheckpointError(
                f"--encoder '{source}': open_clip has no model '{name}', and there is no such folder. Give a name and "
                "its weights, as in ViT-B-16:laion2b_s34b_b88k, or a folder."
            )
        published = open_clip.get_pretrained_cfg(name, weights)
        if Path(weights).is_file():
            file = Path(weights)
        elif published:
            architecture["quick_gelu"] = bool(published.get("quick_gelu", False))
            settings = {"mean": published["mean"], "std": published["std"]}
            file = _fetch(source, published)
        else:
            tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
            raise CheckpointError(
                f"--encoder '{source}': '{weights}' is neither a file nor published weights of {name}. Published are: "
                f"{tags}."
            )
    return _encoder_config(source, architecture, settings), file


def _encoder_folder(folder: Path, settings: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """Architecture and weights of a folder in open_clip's form; its normalisation goes into `settings`."""
    try:
        content = json.loads((folder / _FOLDER_CONFIG).read_text(encoding="utf-8"))
        architecture = dict(content["model_cfg"])
        settings |= {key: content["preprocess_cfg"][key] for key in ("mean", "std") if key in content["preprocess_cfg"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder / _FOLDER_CONFIG}: this is no config of open_clip ({error!r}). Fetch the whole folder again, or "
            "name the encoder with --encoder NAME:FILE."
        ) from error
    for name in _FOLDER_WEIGHTS:
        if (folder / name).is_file():
            return architecture, folder / name
    raise CheckpointError(f"{folder / _FOLDER_WEIGHTS[0]}: this file is missing. Fetch the whole folder again.")


def _encoder_config(source: str, architecture: dict[str, Any], settings: dict[str, Any]) -> EncoderConfig:
    vision, text = architecture.get("vision_cfg", {}), architecture.get("text_cfg", {})
    taken = {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu", "init_logit_scale"}
    numbers = all(isinstance(vision.get(key), int) for key in ("layers", "width", "patch_size", "image_size"))
    if architecture.keys() - taken or not numbers or "timm_model_name" in vision or "hf_model_name" in text:
        raise CheckpointError(
            f"--encoder '{source}': only open_clip's own ViTs with its own text tower can be used, such as ViT-B-16, "
            "ViT-L-14 or ViT-H-14."
        )
    layers = tuple(vision["layers"] * quarter // 4 - 1 for quarter in _QUARTERS)
    return EncoderConfig(
        architecture=architecture,
        image_size=vision["image_size"],
        layers=layers,
        widths=(vision["width"],) * len(layers),
        grids=(vision["image_size"] // vision["patch_size"],) * len(layers),
        **settings,
    )


def _fetch(source: str, published: dict[str, Any]) -> Path:
    try:
        return Path(open_clip.download_pretrained(published))
    except Exception as error:  # the hub's client and urllib raise what they please
        raise CheckpointError(
            f"--encoder '{source}': the weights cannot be fetched ({_first_line(error)}). Connect this machine, or "
            "fetch the file elsewhere and give it as NAME:FILE."
        ) from error


def _encoder_weights(file: Path, placement: Placement) -> dict[str, Tensor]:
    try:
        weights = open_clip.factory.load_state_dict(str(file), device=str(placement.device))
        return {name: tensor.float() for name, tensor in weights.items() if name != "attn_mask"}
    except Exception as error:  # torch and pickle raise what they please
        raise CheckpointError(f"{file}: these are no weights ({_first_line(error)}). Fetch the file again.") from error


def _read_language(source: str, placement: Placement) -> Language:
    from transformers import AutoConfig, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        architecture = AutoConfig.from_pretrained(source)
        if not tokenizer.chat_template:
            raise CheckpointError(
                f"--language '{source}': this model has no chat template, so it was not trained to answer. Take the "
                "chat (or instruct) form of it."
            )
        if placement.quantised and getattr(architecture, "quantization_config", None):
            raise CheckpointError(
                f"--language '{source}': this model is quantised already. Leave out --precision {placement.precision}."
            )
        settings = json.loads(architecture.to_json_string(use_diff=True))
        for key in ("hidden_size", "vocab_size", "num_hidden_layers", "max_position_embeddings"):
            settings[key] = getattr(architecture, key)
        base, report = read_causal_model(source, architecture, placement)
        # Tensors that the model has no place for are left: older conversions store what is computed.
        if fault := faults({**report, "unexpected_keys": ()}):
            raise CheckpointError(f"--language '{source}': the model {fault}. Fetch the whole folder again.")
        return Language(LanguageConfig(architecture=settings), tokenizer, base)
    except CheckpointError:
        raise
    except (AttributeError, ValidationError) as error:
        raise CheckpointError(
            f"--language '{source}': this is no plain causal language model ({_first_line(error)}). Take a chat model "
            "of the Llama, Qwen or Mistral families, or of one like them."
        ) from error
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise CheckpointError(
            f"--language '{source}': it cannot be loaded ({_first_line(error)}). Give a whole transformers folder, or "
            "the name of a model on the hub where this machine can reach it."
        ) from error


def _end_with(language: Language, stop: str) -> None:
    """Ends answers at the token that closes them in the template, also where the model's settings do not name it."""
    first = int(language.token_ids(stop)[0, 0])
    if first in language.tokenizer.added_tokens_decoder:
        language.end_ids |= {first}
        settings: Any = language.base.generation_config
        settings.eos_token_id = sorted(language.end_ids)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0]
