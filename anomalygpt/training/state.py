"""The resumable state of a run: weights, moving average, optimiser and step, written beside and renamed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from anomalygpt.config import ConfigError

POINTER = "latest.json"
WEIGHTS = "weights.safetensors"
SHARDS = "shards"
"""In a state, what accelerate wrote of a run whose weights are spread over several GPUs."""


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
    beside = new_state(folder, step)
    # Of tied weights the parameters name one, and the buffers are none of them; frozen ones are not kept.
    weights = {name: value.detach() for name, value in module.named_parameters() if value.requires_grad}
    weights |= {name: value for name, value in module.named_buffers() if name in module.state_dict()}
    save_file({name: value.contiguous() for name, value in weights.items()}, beside / WEIGHTS)
    if average is not None:
        save_file({name: value.contiguous() for name, value in average.values.items()}, beside / "average.safetensors")
    moments, numbers = {}, {}
    for index, entry in optimizer.state_dict()["state"].items():
        for key, value in entry.items():
            if isinstance(value, Tensor):  # cloned, as 8-bit optimisers share some of them
                moments[f"{index}.{key}"] = value.detach().clone().contiguous()
            else:
                numbers[f"{index}.{key}"] = value
    save_file(moments, beside / "optimizer.safetensors", metadata={"numbers": json.dumps(numbers)})
    publish_state(folder, step)


def new_state(folder: Path, step: int) -> Path:
    """An empty folder to write the state of a step into, which counts for nothing before `publish_state`."""
    beside = folder / f"step-{step:08d}.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    return beside


def publish_state(folder: Path, step: int) -> None:
    """Makes the written state of a step the one to go on from, and removes the one before."""
    target = folder / f"step-{step:08d}"
    if target.exists():
        shutil.rmtree(target)
    os.replace(folder / f"{target.name}.part", target)
    pointer = folder / f"{POINTER}.part"
    pointer.write_text(json.dumps({"step": step, "folder": target.name}))
    os.replace(pointer, folder / POINTER)
    for old in folder.glob("step-*"):
        if old != target:
            shutil.rmtree(old, ignore_errors=True)


def load_state(folder: Path, module: nn.Module, optimizer: torch.optim.Optimizer, average: MovingAverage | None) -> int:
    """Restores the newest state into its parts; returns the step to go on from, 0 where there is none."""
    step, source = newest_state(folder)
    if source is None:
        return 0
    check_form(source, sharded=False)
    module.load_state_dict(load_file(source / WEIGHTS), strict=False)
    if average is not None:
        for name, value in load_file(source / "average.safetensors").items():
            average.values[name].copy_(value)
    with safe_open(source / "optimizer.safetensors", framework="pt") as file:
        moments: dict[str, Any] = json.loads((file.metadata() or {}).get("numbers", "{}"))
    moments |= load_file(source / "optimizer.safetensors")
    entries: dict[int, dict[str, Any]] = {}
    for name, value in moments.items():
        index, key = name.split(".", 1)
        entries.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})
    return step


def newest_state(folder: Path) -> tuple[int, Path | None]:
    """The step to go on from and the folder of its state; 0 and None where there is none."""
    if not (folder / POINTER).exists():
        return 0, None
    pointer = json.loads((folder / POINTER).read_text())
    return int(pointer["step"]), folder / pointer["folder"]


def check_form(source: Path, sharded: bool) -> None:
    """Refuses a state that was written by a run of the other form.

    Raises:
        ConfigError: it was.
    """
    if (source / SHARDS).is_dir() != sharded:
        forms = ("one process or DDP", "FSDP or DeepSpeed")
        raise ConfigError(
            f"{source}: this run was begun with {forms[not sharded]} and cannot go on with {forms[sharded]}. Start it "
            "as it was started, or choose another --out."
        )


def newest_weights(folder: Path) -> dict[str, Tensor]:
    """What has been learned by the newest state, by parameter name."""
    _, source = newest_state(folder)
    assert source is not None
    return load_file(source / WEIGHTS)
