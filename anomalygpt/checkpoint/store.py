"""Saving a whole model to a folder and loading it again.

The folder holds `config.json`; `eye.safetensors` (or its shards) with everything but the language model; `language/`,
which transformers' AutoModelForCausalLM and AutoTokenizer load by themselves, with `language/adapter/` in peft's form
where the model has adapters; and `manifest.json` with size and hash of each file.
"""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import init_empty_weights
from torch import Tensor

from anomalygpt.checkpoint.files import (
    CheckpointError,
    check_files,
    read_tensors,
    replacing,
    write_tensors,
)
from anomalygpt.checkpoint.language_files import load_language, save_language, storable
from anomalygpt.checkpoint.placement import Placement
from anomalygpt.config import ConfigError, load_config
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.model.build import build_model

__all__ = ["CheckpointError", "check_files", "load_checkpoint", "save_checkpoint"]

CONFIG = "config.json"
EYE = "eye"
LANGUAGE = "language"


def save_checkpoint(model: AnomalyGPT, folder: Path | str, dtype: torch.dtype = torch.float16) -> None:
    """Writes a model into a folder, which may hold an older checkpoint; files of other kinds in it stay.

    Everything is written beside first and then renamed into place, so that a failure leaves the older checkpoint whole.

    Args:
        model: to be saved; it is not changed.
        folder: made if it is not there.
        dtype: number format on disk of all floating-point weights.

    Raises:
        CheckpointError: a weight is too large for `dtype`, or the language model is quantised.
    """
    with replacing(Path(folder)) as beside:
        (beside / CONFIG).write_text(model.config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        write_tensors(storable(eye_weights(model), dtype), beside, EYE)
        save_language(model.language, beside / LANGUAGE, dtype)


def load_checkpoint(folder: Path | str, placement: Placement | None = None) -> AnomalyGPT:
    """Loads a model, ready to be asked (in evaluation mode). Nothing is fetched from anywhere.

    Sizes of all files are checked, and their hashes where the checkpoint is small (`check_files` does it always).

    Args:
        folder: what `save_checkpoint` wrote.
        placement: device and number format; the CPU where left out. Every weight is read straight to its place, so
            that the whole model is never in the CPU's memory on its way to a GPU.

    Raises:
        CheckpointError: the folder or a file in it is missing, truncated, not the one that was saved, or of other names
            or sizes than the config says; or the config is not valid.
    """
    folder, placement = Path(folder), placement or Placement()
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: there is no such checkpoint folder. Check the path, or fetch the checkpoint.")
    try:
        config = load_config(folder / CONFIG)
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    check_files(folder)
    language = load_language(folder / LANGUAGE, config.language, placement)
    with init_empty_weights(include_buffers=False):  # weights that come from files are never drawn; buffers stay true
        model = build_model(config, language.tokenizer, language)
    expected = eye_weights(model)
    loaded = read_tensors(folder, EYE, {name: tensor.shape for name, tensor in expected.items()}, placement.device)
    # Each tensor is let go as soon as it has its own number format.
    weights = {name: loaded.pop(name).to(tensor.dtype) for name, tensor in expected.items()}
    model.load_state_dict(weights, strict=False, assign=True)
    for name, part in model.named_children():
        if name != LANGUAGE:
            part.to(placement.device)  # the buffers that no file holds
    return model.eval()


def eye_weights(model: AnomalyGPT) -> dict[str, Tensor]:
    """What `eye.safetensors` holds of a model: everything but the language model."""
    return {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(f"{LANGUAGE}.")}
