"""The language model's folder: what transformers and peft load by themselves, to a model in its place and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate import init_empty_weights
from safetensors import SafetensorError
from torch import Tensor

from anomalygpt.checkpoint.files import (
    FETCH_AGAIN,
    HASH_LIMIT,
    OTHER_CONFIG,
    SHARD_BYTES,
    CheckpointError,
    read_tensors,
    write_tensors,
)
from anomalygpt.checkpoint.placement import Placement
from anomalygpt.config import LanguageConfig
from anomalygpt.model.language import Language, transformers_config

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

CONFIG = "config.json"
ADAPTER = "adapter"


def save_language(language: Language, folder: Path, dtype: torch.dtype) -> None:
    """Writes base model, tokenizer and, where there are any, adapters.

    Raises:
        CheckpointError: a weight is too large for `dtype`, or the model is quantised.
    """
    base = language.base
    if getattr(base, "is_quantized", False):
        raise CheckpointError("A quantised language model cannot be saved. Load it in bf16, fp16 or fp32 first.")
    # With adapters, peft's layers stand around the original ones: these are named as without.
    weights = {
        name.replace(".base_layer.", "."): tensor for name, tensor in base.state_dict().items() if ".lora_" not in name
    }
    with _progress(sum(tensor.nbytes for tensor in weights.values())):
        base.save_pretrained(folder, state_dict=storable(weights, dtype), max_shard_size=SHARD_BYTES)
    settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    settings["dtype"] = str(dtype).removeprefix("torch.")
    (folder / CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    language.tokenizer.save_pretrained(folder)
    if language.config.lora is not None:
        from peft import get_peft_model_state_dict

        adapters: Any = language.model
        (folder / ADAPTER).mkdir()
        adapters.peft_config["default"].save_pretrained(folder / ADAPTER)
        write_tensors(storable(get_peft_model_state_dict(adapters), dtype), folder / ADAPTER, "adapter_model")


def load_language(folder: Path, config: LanguageConfig, placement: Placement) -> Language:
    """Loads what `save_language` wrote; nothing is fetched from anywhere.

    Raises:
        CheckpointError: a file is missing, damaged or of another model, or the model does not fit into its place.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # transformers and tokenizers raise what they please
        raise CheckpointError(f"{folder / 'tokenizer.json'}: this is no tokenizer ({error}). {FETCH_AGAIN}") from error
    try:
        with _progress(sum(path.stat().st_size for path in folder.glob("*.safetensors"))):
            base, report = read_causal_model(
                folder,
                transformers_config(config),
                placement,
                local_files_only=True,
                use_safetensors=True,
                ignore_mismatched_sizes=True,  # they are reported below, with the others
            )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{folder}: the language model cannot be loaded ({error}). {FETCH_AGAIN}") from error
    if fault := faults(report):
        raise CheckpointError(f"{folder}: the language model {fault}. {OTHER_CONFIG}")
    if config.lora is not None and "cpu" in getattr(base, "hf_device_map", {}).values():
        raise CheckpointError(
            f"{folder / ADAPTER}: layers that lie in the CPU's memory cannot have adapters. Give more --max-memory, or "
            "merge the adapters into the weights."
        )
    try:
        language = Language(config, tokenizer, base)
    except ValueError as error:
        raise CheckpointError(f"{folder / 'tokenizer.json'}: {error}") from error
    if config.lora is not None:
        _read_adapter(folder / ADAPTER, language)
    return language


def read_causal_model(
    source: Path | str, config: PretrainedConfig, placement: Placement, **settings: Any
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """Reads a causal language model, each weight straight to its place and in its number format.

    Args:
        source: a transformers folder, or a name on the hub.
        config: its architecture.
        placement: where it goes.
        settings: more of transformers' `from_pretrained`.

    Returns:
        The model, and transformers' report of tensors that were missing, unexpected or of another size.

    Raises:
        CheckpointError: the model does not fit into its place.
        OSError, ValueError, RuntimeError, KeyError, SafetensorError: from transformers.
    """
    from transformers import AutoModelForCausalLM

    with init_empty_weights():
        skeleton = AutoModelForCausalLM.from_config(config)
    skeleton.tie_weights()
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        source,
        config=config,
        dtype=placement.dtype,
        device_map=placement.places(skeleton),
        quantization_config=placement.quantisation(),
        attn_implementation="sdpa",  # torch's own
        output_loading_info=True,
        **settings,
    )
    return loaded


def faults(report: dict[str, Any]) -> str:
    """What is wrong by transformers' report of a loading, "" if nothing is."""
    for fault, names in (
        ("has no", report["missing_keys"]),
        ("has the unknown", report["unexpected_keys"]),
        ("has, in another size,", [entry[0] for entry in report["mismatched_keys"]]),
    ):
        if names:
            return f"{fault} tensor '{min(names)}' ({len(names)} in all)"
    return ""


def _read_adapter(folder: Path, language: Language) -> None:
    from peft import get_peft_model_state_dict, set_peft_model_state_dict

    adapters: Any = language.model
    expected = {name: tensor.shape for name, tensor in get_peft_model_state_dict(adapters).items()}
    set_peft_model_state_dict(adapters, read_tensors(folder, "adapter_model", expected))


def storable(tensors: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors on the CPU, floating-point ones as `dtype`; what shared memory still shares it.

    Raises:
        CheckpointError: a weight is too large for `dtype`.
    """
    stored: dict[str, Tensor] = {}
    done: dict[tuple[int, torch.Size], Tensor] = {}
    for name, tensor in tensors.items():
        key = tensor.data_ptr(), tensor.shape
        if key not in done:
            plain = tensor.detach().cpu()
            done[key] = plain.to(dtype) if plain.is_floating_point() else plain
            if bool(plain.isfinite().all()) and not bool(done[key].isfinite().all()):
                raise CheckpointError(
                    f"Weight '{name}' is too large for {dtype}. Save with dtype torch.float32 instead."
                )
        stored[name] = done[key]
    return stored


@contextmanager
def _progress(size: int) -> Iterator[None]:
    """Lets transformers draw its progress bars for large models only; a small one is there before they are read."""
    from transformers.utils import logging

    hidden = size <= HASH_LIMIT and logging.is_progress_bar_enabled()
    if hidden:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if hidden:
            logging.enable_progress_bar()
