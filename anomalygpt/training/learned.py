"""From a finished run to an adapter folder: what was learned, by the names that the model has for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from accelerate import PartialState
from torch import Tensor, nn

from anomalygpt.checkpoint.adapter import save_adapter
from anomalygpt.config.training import TrainingConfig
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.training.state import MovingAverage, newest_weights


def learned_names(task: nn.Module) -> list[str]:
    """The task's parameters that learn."""
    return [name for name, parameter in task.named_parameters() if parameter.requires_grad]


def in_model(name: str) -> str:
    """The model's name for a parameter of a task, which holds it as `model`, or its eye as `eye`."""
    return name.removeprefix("model.")


def learned_values(task: nn.Module, average: MovingAverage | None, out: Path) -> dict[str, Tensor]:
    """What the task's parameters have learned: their moving average, or the newest state's where there is none."""
    values: dict[str, Tensor] = average.values if average is not None else newest_weights(out / "state")
    return {name: values[name] for name in learned_names(task)}


def save_learned(
    values: dict[str, Tensor],
    out: Path,
    model: AnomalyGPT,
    checkpoint: Path,
    config: TrainingConfig,
    products: Sequence[str],
) -> Path:
    """Writes what was learned, by the names of the task's parameters, to `out/adapter`."""
    folder = out / "adapter"
    state = PartialState()
    if state.is_main_process:
        weights = {in_model(name): value for name, value in values.items()}
        save_adapter(weights, folder, model, checkpoint, config.stage, products)
    state.wait_for_everyone()
    return folder
