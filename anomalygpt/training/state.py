"""The resumable state of a run: weights, moving average, optimiser and step, written beside and renamed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

POINTER = "latest.json"


class MovingAverage:
    """Exponential moving average of a module's learning parameters; buffers are taken as they are.

    Attributes:
        values: by parameter name, float32.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {
            name: parameter.detach().float().clone()
            for name, parameter in module.named_parameters()
            if parameter.requires_grad
        }

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Moves towards the module's weights; faster in the first steps, which are far from the end."""
        decay = min(self.decay, (1 + step) / (10 + step))
        parameters = dict(module.named_parameters())
        own = list(self.values.values())
        torch._foreach_lerp_(own, [parameters[name].detach().float() for name in self.values], 1 - decay)

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Sets the module's weights to the average."""
        parameters = dict(module.named_parameters())
        for name, value in self.values.items():
            parameters[name].copy_(value)


def save_state(
    folder: Path, step: int, module: nn.Module, optimizer: torch.optim.Optimizer, average: MovingAverage | None
) -> None:
    """Writes a whole new state, points to it, and only then removes the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"step-{step:08d}"
    if target.exists():
        shutil.rmtree(target)
    beside = folder / f"step-{step:08d}.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    # Of tied weights the parameters name one, and the buffers are none of them; frozen ones are not kept.
    weights = {name: value.detach() for name, value in module.named_parameters() if value.requires_grad}
    weights |= {name: value for name, value in module.named_buffers() if name in module.state_dict()}
    save_file({name: value.contiguous() for name, value in weights.items()}, beside / "weights.safetensors")
    if average is not None:
        save_file({name: value.contiguous() for name, value in average.values.items()}, beside / "average.safetensors")
    moments = {
        f"{index}.{key}": torch.as_tensor(value).contiguous()
        for index, entry in optimizer.state_dict()["state"].items()
        for key, value in entry.items()
    }
    save_file(moments, beside / "optimizer.safetensors")
    os.replace(beside, target)
    pointer = folder / f"{POINTER}.part"
    pointer.write_text(json.dumps({"step": step, "folder": target.name}))
    os.replace(pointer, folder / POINTER)
    for old in folder.glob("step-*"):
        if old != target:
            shutil.rmtree(old, ignore_errors=True)


def load_state(folder: Path, module: nn.Module, optimizer: torch.optim.Optimizer, average: MovingAverage | None) -> int:
    """Restores the newest state into its parts; returns the step to go on from, 0 where there is none."""
    if not (folder / POINTER).exists():
        return 0
    pointer = json.loads((folder / POINTER).read_text())
    source = folder / pointer["folder"]
    module.load_state_dict(load_file(source / "weights.safetensors"), strict=False)
    if average is not None:
        for name, value in load_file(source / "average.safetensors").items():
            average.values[name].copy_(value)
    entries: dict[int, dict[str, Tensor]] = {}
    for name, value in load_file(source / "optimizer.safetensors").items():
        index, key = name.split(".", 1)
        entries.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})
    return int(pointer["step"])
