"""Runs whose weights are spread over several GPUs (FSDP, DeepSpeed): accelerate writes and reads their states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from safetensors.torch import save_file
from torch import nn

from anomalygpt.config import ConfigError
from anomalygpt.config.training import TrainingConfig
from anomalygpt.training.state import SHARDS, WEIGHTS, check_form, new_state, newest_state, publish_state


def is_sharded(accelerator: Accelerator) -> bool:
    """Whether no process holds all weights and moments by itself."""
    return accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)


def prepare_sharded(
    accelerator: Accelerator, config: TrainingConfig, folder: Path, task: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[nn.Module, Any, int]:
    """Spreads a task and its optimiser over the processes and restores the newest state.

    Returns:
        Task and optimiser as accelerate wraps them, and the step to go on from.

    Raises:
        ConfigError: the recipe keeps a moving average, which would need all weights in one place.
    """
    if config.average:
        raise ConfigError("FSDP and DeepSpeed keep no moving average of weights: set average to 0 in the recipe")
    if accelerator.distributed_type == DistributedType.DEEPSPEED:
        settings = accelerator.state.deepspeed_plugin.deepspeed_config
        settings["train_micro_batch_size_per_gpu"] = config.batch // accelerator.num_processes // config.accumulate
        settings["gradient_accumulation_steps"] = config.accumulate
        settings["gradient_clipping"] = config.clip_norm
    _keep_scalars_whole(task)
    wrapped, prepared = accelerator.prepare(task, optimizer)
    step, source = newest_state(folder)
    if source is not None:
        check_form(source, sharded=True)
        accelerator.load_state(str(source / SHARDS))
    return wrapped, prepared, step


def _keep_scalars_whole(task: nn.Module) -> None:
    """Makes resting parameters of no dimension buffers, as FSDP has no way to divide them (CLIP's logit scale)."""
    for module in task.modules():
        for name, value in list(module.named_parameters(recurse=False)):
            if not value.ndim and not value.requires_grad:
                delattr(module, name)
                module.register_buffer(name, value.data)


def save_sharded(folder: Path, step: int, accelerator: Accelerator, wrapped: nn.Module) -> None:
    """Writes each process's shards, and beside them what was learned as a whole; called by all processes."""
    if accelerator.is_main_process:
        new_state(folder, step)
    accelerator.wait_for_everyone()
    beside = folder / f"step-{step:08d}.part"
    accelerator.save_state(str(beside / SHARDS))
    learned = {name for name, value in accelerator.unwrap_model(wrapped).named_parameters() if value.requires_grad}
    weights = accelerator.get_state_dict(wrapped)
    if accelerator.is_main_process:
        save_file({name: weights[name].contiguous().cpu() for name in sorted(learned)}, beside / WEIGHTS)
        publish_state(folder, step)
