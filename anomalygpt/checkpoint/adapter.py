"""Adapters: only what a training from a finished model has changed, and the mark of the model it belongs to.

The folder holds `adapter.json`, `adapter.safetensors` (or its shards) and `manifest.json` with size and hash of each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor

from anomalygpt.checkpoint.files import MANIFEST, CheckpointError, check_files, read_tensors, replacing, write_tensors
from anomalygpt.config.base import Frozen
from anomalygpt.config.schema import LoRAConfig
from anomalygpt.model.anomalygpt import AnomalyGPT

CONFIG = "adapter.json"
WEIGHTS = "adapter"
_FORMAT = 1


class AdapterConfig(Frozen):
    """What an adapter says of itself.

    Attributes:
        format: of the folder.
        base: name of the model that it was trained from.
        base_hash: SHA-256 of that checkpoint's manifest, which vouches for all of its weights.
        stage: of the recipe.
        products: names of the products that it was trained on.
        lora: adapters on the language model that it brings weights for, None where it brings none.
        shapes: of every tensor, by the name it has in the model.
    """

    format: int = _FORMAT
    base: str
    base_hash: str
    stage: str
    products: tuple[str, ...]
    lora: LoRAConfig | None
    shapes: dict[str, tuple[int, ...]]


def base_hash(checkpoint: Path) -> str:
    """The mark of a checkpoint's weights.

    Raises:
        CheckpointError: the folder has no manifest.
    """
    path = checkpoint / MANIFEST
    if not path.is_file():
        raise CheckpointError(
            f"{path}: this file is missing, so no adapter can name its base. Take a checkpoint folder."
        )
    return hashlib.sha256(path.read_bytes()).hexdigest()


def save_adapter(
    weights: Mapping[str, Tensor],
    folder: Path,
    model: AnomalyGPT,
    checkpoint: Path,
    stage: str,
    products: Sequence[str],
) -> None:
    """Writes an adapter; an older one in the folder stays whole if that fails.

    Args:
        weights: what was learned, by the names that the parameters have in the model.
        folder: made if it is not there.
        model: that has learned.
        checkpoint: folder that the model was loaded from.
        stage: of the recipe.
        products: names of the products that it was trained on.
    """
    config = AdapterConfig(
        base=model.config.name,
        base_hash=base_hash(checkpoint),
        stage=stage,
        products=tuple(products),
        lora=model.language.config.lora if any(".lora_" in name for name in weights) else None,
        shapes={name: tuple(tensor.shape) for name, tensor in sorted(weights.items())},
    )
    with replacing(folder) as beside:
        (beside / CONFIG).write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        write_tensors({name: weights[name].detach().cpu() for name in sorted(weights)}, beside, WEIGHTS)


def apply_adapter(model: AnomalyGPT, checkpoint: Path, folder: Path) -> None:
    """Puts what an adapter has learned into a model.

    Args:
        model: as loaded from the checkpoint; of any precision, as nothing that is quantised is learned.
        checkpoint: the folder that it was loaded from.
        folder: what `save_adapter` wrote.

    Raises:
        CheckpointError: the folder is no adapter, damaged, or belongs to another checkpoint.
    """
    config = _read_config(folder)
    check_files(folder)
    if config.base_hash != (found := base_hash(checkpoint)):
        raise CheckpointError(
            f"{folder}: this adapter was trained from '{config.base}' ({config.base_hash[:12]}), and {checkpoint} is "
            f"another checkpoint ({found[:12]}). Load it with the one it was trained from, or train it again."
        )
    if config.lora is not None and model.language.config.lora is None:
        model.language.add_adapters(config.lora)
    own = dict(model.named_parameters()) | dict(model.named_buffers())
    for name, shape in config.shapes.items():
        if name not in own or tuple(own[name].shape) != shape:
            state = "no such tensor" if name not in own else f"{tuple(own[name].shape)}"
            raise CheckpointError(
                f"{folder / CONFIG}: the adapter does not fit the config of {checkpoint}: it has '{name}' of shape "
                f"{shape}, the model {state}. Restore the config.json that came with the checkpoint."
            )
    loaded = read_tensors(folder, WEIGHTS, {name: torch.Size(shape) for name, shape in config.shapes.items()})
    with torch.no_grad():
        for name, tensor in loaded.items():
            own[name].copy_(tensor)


def _read_config(folder: Path) -> AdapterConfig:
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(
            f"{folder}: there is no adapter in it (no {CONFIG}). Give the folder 'adapter' of a finished training run."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("format", 0) > _FORMAT:
            raise CheckpointError(f"{path}: this adapter is of a newer program. Update this one.")
        return AdapterConfig.model_validate(content)
    except (OSError, ValueError, AttributeError, ValidationError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: this is no config of an adapter ({error}). Train it again.") from error
