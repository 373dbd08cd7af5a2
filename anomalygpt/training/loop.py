"""The training loop: step, log, save, resume. It knows no stage; a task gives named losses for a batch."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import GradientAccumulationPlugin
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn

from anomalygpt.config import ConfigError
from anomalygpt.config.training import TrainingConfig
from anomalygpt.training.curves import draw_curves
from anomalygpt.training.sharded import is_sharded, prepare_sharded, save_sharded
from anomalygpt.training.state import MovingAverage, load_state, save_state

LOG_EVERY = 20


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear warm-up, then a cosine to zero at the last step."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


class OwnShare(torch.utils.data.Sampler[int]):
    """This process's share of every global batch, from a given step on: step, rank and batch alone decide."""

    def __init__(self, config: TrainingConfig, start: int, rank: int, processes: int) -> None:
        if config.batch % processes:
            raise ConfigError(f"batch {config.batch} cannot be shared evenly by {processes} processes")
        self.config, self.start, self.rank, self.processes = config, start, rank, processes

    def __len__(self) -> int:
        return (self.config.steps - self.start) * self.config.batch // self.processes

    def __iter__(self) -> Iterator[int]:
        for step in range(self.start, self.config.steps):
            yield from range(step * self.config.batch + self.rank, (step + 1) * self.config.batch, self.processes)


def run(
    config: TrainingConfig,
    task: nn.Module,
    data: torch.utils.data.Dataset[Any],
    collate: Callable[..., Any],
    out: Path,
    device: str = "auto",
) -> MovingAverage | None:
    """Trains `task` to the last step of the recipe, going on from a saved state in `out` if there is one.

    Args:
        config: the recipe.
        task: gives a dict of named scalar losses for a batch.
        data: item i belongs to step i // batch.
        collate: joins items to a batch with a method `to(device)`.
        out: folder for state, log.jsonl and curves.png.
        device: "cpu" forces the CPU; "auto" leaves the choice to accelerate.

    Returns:
        The moving average, or None where the recipe keeps none. The task holds the last weights, unless they are
        spread over several GPUs; the newest state in `out/state` has them always.

    Raises:
        ConfigError: batch, processes and accumulation do not go together, or an optimiser cannot run here.
    """
    accelerator = Accelerator(
        mixed_precision=config.precision,
        cpu=device == "cpu",
        gradient_accumulation_plugin=GradientAccumulationPlugin(config.accumulate, sync_with_dataloader=False),
    )
    shares = accelerator.num_processes * config.accumulate
    if config.batch % shares:
        raise ConfigError(
            f"batch {config.batch} cannot be shared evenly by {accelerator.num_processes} processes in "
            f"{config.accumulate} parts each; make batch a multiple of {shares}"
        )
    sharded = is_sharded(accelerator)
    if not sharded:  # what is spread over several GPUs may be too large for one
        task.to(accelerator.device)
    optimizer = make_optimizer(config, task, accelerator.device)
    average = MovingAverage(task, config.average) if config.average else None
    if sharded:
        wrapped, optimizer, start = prepare_sharded(accelerator, config, out / "state", task, optimizer)
    else:
        start = load_state(out / "state", task, optimizer, average)
        wrapped, optimizer = accelerator.prepare(task, optimizer)
    learning = [parameter for parameter in wrapped.parameters() if parameter.requires_grad]
    loader = torch.utils.data.DataLoader(
        data,
        batch_size=config.batch // shares,
        sampler=OwnShare(config, start, accelerator.process_index, accelerator.num_processes),
        collate_fn=collate,
        num_workers=config.workers,
        worker_init_fn=_one_thread,
        persistent_workers=False,
    )
    log = Log(out / "log.jsonl", start) if accelerator.is_main_process else None
    saved = time.monotonic()
    batches = _begun(loader)
    task.train()
    with _progress(accelerator.is_main_process) as progress:
        bar = progress.add_task(config.stage, total=config.steps, completed=start, losses="")
        for step in range(start, config.steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config, step)
            losses: dict[str, Tensor] = {}
            for part in range(config.accumulate):
                batch = next(batches)
                if not part:
                    # Whatever chance there is in the task (dropout) hangs on step and process alone, so a resumed run
                    # repeats it.
                    torch.manual_seed(config.seed * 1_000_003 + step + 7_919 * accelerator.process_index)
                with accelerator.accumulate(wrapped):
                    with accelerator.autocast():
                        named = wrapped(batch.to(accelerator.device))
                        total = sum(config.weights.get(name, 1.0) * value for name, value in named.items())
                    if not torch.isfinite(total):
                        raise FloatingPointError(
                            f"step {step}: the loss is not finite; lower learning_rate or precision"
                        )
                    accelerator.backward(total)
                    if accelerator.sync_gradients:
                        accelerator.clip_grad_norm_(learning, config.clip_norm)
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
                for name, value in {**named, "total": total}.items():
                    share = value.detach().float() / config.accumulate
                    losses[name] = losses[name] + share if name in losses else share
            if average is not None:
                average.update(accelerator.unwrap_model(wrapped), step)
            due = accelerator.is_main_process and time.monotonic() - saved > 60 * config.save_minutes
            means, anyone = _over_processes(accelerator, losses, due)
            if log is not None:
                log.add(step, means)
                progress.update(bar, completed=step + 1, losses=log.line)
            if step + 1 == config.steps or anyone:
                accelerator.wait_for_everyone()
                if sharded:
                    save_sharded(out / "state", step + 1, accelerator, wrapped)
                elif log is not None:
                    save_state(out / "state", step + 1, accelerator.unwrap_model(wrapped), optimizer.optimizer, average)
                if log is not None:
                    draw_curves(out / "log.jsonl", out / "curves.png")
                accelerator.wait_for_everyone()
                saved = time.monotonic()
    return average


def make_optimizer(config: TrainingConfig, task: nn.Module, device: torch.device) -> torch.optim.Optimizer:
    """AdamW over what learns. Matrices are decayed; biases, norms and embeddings' scales are not.

    Raises:
        ConfigError: the 8-bit optimiser is wanted where it cannot run.
    """
    learning = [parameter for parameter in task.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learning if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in learning if p.ndim < 2], "weight_decay": 0.0},
    ]
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=device.type == "cpu")
    if device.type != "cuda":
        raise ConfigError(f"optimizer 'adamw8bit' needs a GPU and this run is on '{device.type}'; take 'adamw'")
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError as error:
        raise ConfigError(
            "optimizer 'adamw8bit' needs bitsandbytes: pip install bitsandbytes, or take 'adamw'"
        ) from error
    return AdamW8bit(groups, lr=config.learning_rate, betas=(0.9, 0.98))


def _over_processes(accelerator: Accelerator, losses: dict[str, Tensor], due: bool) -> tuple[dict[str, float], bool]:
    """The mean of each loss over all processes, and whether a state is due by anyone's clock."""
    own = torch.stack([*losses.values(), torch.full_like(losses["total"], float(due))])
    *means, anyone = accelerator.reduce(own, "mean").tolist()
    return dict(zip(losses, means, strict=True)), anyone > 0


class Log:
    """Mean of each named loss over those of `LOG_EVERY` steps that have it, one JSON line each.

    Lines past a resumed step are dropped.
    """

    def __init__(self, path: Path, start: int) -> None:
        self.path = path
        self.line = ""
        self.pending: list[dict[str, float]] = []
        self.began = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = (
            [line for line in path.read_text().splitlines() if json.loads(line)["step"] <= start]
            if path.exists()
            else []
        )
        beside = path.with_suffix(".part")
        beside.write_text("".join(f"{line}\n" for line in kept))
        os.replace(beside, path)

    def add(self, step: int, values: dict[str, float]) -> None:
        """Takes the losses of one step."""
        self.pending.append(values)
        if (step + 1) % LOG_EVERY:
            return
        columns = {name: [e[name] for e in self.pending if name in e] for entry in self.pending for name in entry}
        mean = {name: sum(column) / len(column) for name, column in columns.items()}
        seconds = (time.monotonic() - self.began) / len(self.pending)
        self.line = " ".join(f"{name} {value:.3f}" for name, value in mean.items())
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step + 1, "seconds_a_step": round(seconds, 4), **mean}) + "\n")
        self.pending, self.began = [], time.monotonic()


def _begun(loader: Iterable[Any]) -> Iterator[Any]:
    """A loader's items, its processes begun while OpenCV has no threads of its own.

    They share the cores with the training step, and threads that were running do not live on in a forked process,
    which would wait for them for ever.
    """
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return iter(loader)
    finally:
        cv2.setNumThreads(threads)


def _one_thread(_: int) -> None:
    """One thread for each data worker; OpenCV has one already."""
    torch.set_num_threads(1)


def _progress(shown: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
        disable=not shown,
    )
