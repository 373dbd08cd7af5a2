"""Saving a whole model to a folder and loading it again.

The folder holds `config.json`; `eye.safetensors` (or its shards) with everything but the language model; `language/`,
which transformers' AutoModelForCausalLM and AutoTokenizer load by themselves, with `language/adapter/` in peft's form
where the model has adapters; and `manifest.json` with size and hash of each file.
"""

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
    check_files,
    read_tensors,
    replacing,
    write_tensors,
)
from anomalygpt.config import ConfigError, LanguageConfig, load_config
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.model.build import build_model
from anomalygpt.model.language import Language, transformers_config

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["CheckpointError", "check_files", "load_checkpoint", "save_checkpoint"]

CONFIG = "config.json"
EYE = "eye"
LANGUAGE = "language"
ADAPTER = "adapter"


def save_checkpoint(model: AnomalyGPT, folder: Path | str, dtype: torch.dtype = torch.float16) -> None:
    """Writes a model into a folder, which may hold an older checkpoint; files of other kinds in it stay.

    Everything is written beside first and then renamed into place, so that a failure leaves the older checkpoint whole.

    Args:
        model: to be saved; it is not changed.
        folder: made if it is not there.
        dtype: number format on disk of all floating-point weights.

    Raises:
        CheckpointError: a weight is too large for `dtype`.
    """
    with replacing(Path(folder)) as beside:
        (beside / CONFIG).write_text(model.config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        write_tensors(_stored(_without_language(model), dtype), beside, EYE)
        _save_language(model.language, beside / LANGUAGE, dtype)


def load_checkpoint(
    folder: Path | str, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> AnomalyGPT:
    """Loads a model, ready to be asked (in evaluation mode). Nothing is fetched from anywhere.

    Sizes of all files are checked, and their hashes where the checkpoint is small (`check_files` does it always).

    Args:
        folder: what `save_checkpoint` wrote.
        device: where the model goes.
        dtype: number format of the language model; None: float32 on the CPU, and elsewhere the format it is stored in.
            All else is float32, as the maps need the precision.

    Raises:
        CheckpointError: the folder or a file in it is missing, truncated, not the one that was saved, or of other names
            or sizes than the config says; or the config is not valid.
    """
    folder, device = Path(folder), torch.device(device)
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: there is no such checkpoint folder. Check the path, or fetch the checkpoint.")
    try:
        config = load_config(folder / CONFIG)
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    check_files(folder)
    language = _load_language(folder / LANGUAGE, config.language, device, dtype)
    with init_empty_weights(include_buffers=False):  # weights that come from files are never drawn; buffers stay true
        model = build_model(config, language.tokenizer, language)
    expected = _without_language(model)
    loaded = read_tensors(folder, EYE, {name: tensor.shape for name, tensor in expected.items()})
    model.load_state_dict(
        {name: loaded[name].to(tensor.dtype) for name, tensor in expected.items()}, False, assign=True
    )
    for name, part in model.named_children():
        if name != LANGUAGE:
            part.to(device)
    return model.eval()


def _without_language(model: AnomalyGPT) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(f"{LANGUAGE}.")}


def _stored(tensors: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors on the CPU, floating-point ones as `dtype`; what shared memory still shares it."""
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


def _save_language(language: Language, folder: Path, dtype: torch.dtype) -> None:
    base = language.base
    # With adapters, peft's layers stand around the original ones: these are named as without.
    weights = {
        name.replace(".base_layer.", "."): tensor for name, tensor in base.state_dict().items() if ".lora_" not in name
    }
    with _progress(sum(tensor.nbytes for tensor in weights.values())):
        base.save_pretrained(folder, state_dict=_stored(weights, dtype), max_shard_size=SHARD_BYTES)
    settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    settings["dtype"] = str(dtype).removeprefix("torch.")
    (folder / CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    language.tokenizer.save_pretrained(folder)
    if language.config.lora is not None:
        from peft import get_peft_model_state_dict

        adapters: Any = language.model
        (folder / ADAPTER).mkdir()
        adapters.peft_config["default"].save_pretrained(folder / ADAPTER)
        write_tensors(_stored(get_peft_model_state_dict(adapters), dtype), folder / ADAPTER, "adapter_model")


def _load_language(folder: Path, config: LanguageConfig, device: torch.device, dtype: torch.dtype | None) -> Language:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # transformers and tokenizers raise what they please
        raise CheckpointError(f"{folder / 'tokenizer.json'}: this is no tokenizer ({error}). {FETCH_AGAIN}") from error
    base = _load_base(folder, config, device, dtype)
    try:
        language = Language(config, tokenizer, base)
    except ValueError as error:
        raise CheckpointError(f"{folder / 'tokenizer.json'}: {error}") from error
    if config.lora is not None:
        _load_adapter(folder / ADAPTER, language)
    return language


def _load_base(
    folder: Path, config: LanguageConfig, device: torch.device, dtype: torch.dtype | None
) -> PreTrainedModel:
    from transformers import AutoModelForCausalLM

    settings: dict[str, Any] = {"dtype": dtype or (torch.float32 if device.type == "cpu" else "auto")}
    if device.type != "cpu":
        settings["device_map"] = {"": device}  # each weight goes straight there
    try:
        with _progress(sum(path.stat().st_size for path in folder.glob("*.safetensors"))):
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                config=transformers_config(config),
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are reported below, with the others
                **settings,
            )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: the language model cannot be loaded ({error}). {FETCH_AGAIN}") from error
    model, report = loaded
    for fault, names in (
        ("has no", report["missing_keys"]),
        ("has the unknown", report["unexpected_keys"]),
        ("has, in another size,", [entry[0] for entry in report["mismatched_keys"]]),
    ):
        if names:
            raise CheckpointError(
                f"{folder}: the language model {fault} tensor '{min(names)}' ({len(names)} in all). {OTHER_CONFIG}"
            )
    return model


def _load_adapter(folder: Path, language: Language) -> None:
    from peft import get_peft_model_state_dict, set_peft_model_state_dict

    adapters: Any = language.model
    expected = {name: tensor.shape for name, tensor in get_peft_model_state_dict(adapters).items()}
    set_peft_model_state_dict(adapters, read_tensors(folder, "adapter_model", expected))


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
