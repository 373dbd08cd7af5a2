"""The stages of training: from a recipe to a folder with what was learned."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import torch
from accelerate import PartialState
from safetensors.torch import load_file, save_file

from anomalygpt.config import AnomalyGPTConfig, ConfigError, load_config, load_preset, preset_names
from anomalygpt.config.training import TrainingConfig, load_recipe
from anomalygpt.model.build import build_eye
from anomalygpt.model.eye import Eye
from anomalygpt.training.balance import balance
from anomalygpt.training.eye import EyeData, EyeTask, join
from anomalygpt.training.labelled import take_rows
from anomalygpt.training.loop import run
from anomalygpt.training.names import NamesData, NamesTask, pooled_photos

EYE_WEIGHTS = "eye.safetensors"
CONFIG = "config.json"


def train(config: TrainingConfig, out: Path, device: str = "auto") -> Path:
    """Runs a stage to its end, going on where a killed run left off.

    Args:
        config: the recipe.
        out: folder of the run: `recipe.json`, `state/`, `log.jsonl`, `curves.png`, and at the end the result.
        device: "auto" or "cpu".

    Returns:
        The folder with the result: `out/eye` (config and weights of the eye), `out/checkpoint` (a whole model), or
        `out/adapter` (what was learned on top of a checkpoint).

    Raises:
        ConfigError: the recipe contradicts itself or lacks the user's photos, or `out` holds a run of another recipe.
        DataError, PhotoError, CheckpointError: photos, conversations or the checkpoint cannot be used.
    """
    tuned = config.stage in ("adapt", "paper")
    if tuned and not config.data:
        raise ConfigError(f"Stage '{config.stage}' learns from your own good photos: give their folder with --data.")
    if PartialState(cpu=device == "cpu").is_main_process:
        _claim(out, config)
    if tuned:
        from anomalygpt.training.adapt import train_adapt
        from anomalygpt.training.paper import train_paper

        return train_adapt(config, out, device) if config.stage == "adapt" else train_paper(config, out, device)
    if config.stage == "eye":
        return train_eye(config, out, device)
    if config.stage == "names":
        return train_names(config, out, device)
    if config.stage == "reader":
        from anomalygpt.training.reader import train_reader

        return train_reader(config, out, device)
    if config.stage == "kinds":
        from anomalygpt.training.kinds import train_kinds

        return train_kinds(config, out, device)
    from anomalygpt.training.voice import train_voice  # knows the language model, which the eye does without

    return train_voice(config, out, device)


def _claim(out: Path, config: TrainingConfig) -> None:
    """Marks a folder as this recipe's."""
    out.mkdir(parents=True, exist_ok=True)
    recipe = out / "recipe.json"
    if recipe.exists() and _held(recipe) != config:
        raise ConfigError(f"{recipe}: this folder holds a run of another recipe; choose another --out, or remove it.")
    beside = out / "recipe.json.part"
    beside.write_text(config.model_dump_json(indent=2))
    os.replace(beside, recipe)


def _held(recipe: Path) -> TrainingConfig | None:
    """The recipe of the run that a folder holds; settings that came later have their usual values. None: no recipe."""
    try:
        return load_recipe(str(recipe))
    except ConfigError:
        return None


def train_eye(config: TrainingConfig, out: Path, device: str) -> Path:
    """Trains encoder, decoder and fusion on simulated episodes."""
    torch.manual_seed(config.seed)
    eye = build_eye(load_preset(config.model)) if config.model in preset_names() else load_eye(Path(config.model))
    task = EyeTask(eye)
    average = run(config, task, EyeData(config), join, out, device)
    if average is not None:
        average.copy_to(task)
    return save_eye(eye.cpu(), out / "eye")


def train_names(config: TrainingConfig, out: Path, device: str) -> Path:
    """Trains the head of a trained eye's encoder to tell products apart, then sets where 0.5 lies; all else rests."""
    torch.manual_seed(config.seed)
    eye = load_eye(Path(config.model))
    task = NamesTask(eye)
    pooled = pooled_photos(eye, config, out / "pooled")
    data = NamesData(config, len(pooled["products"]))
    take = partial(take_rows, inputs=pooled["features"], labels=pooled["products"])
    average = run(config, task, data, take, out, device)
    if average is not None:
        average.copy_to(task)
    eye = eye.cpu().eval()
    if config.names is not None and config.names.balance:
        balance(eye, config.names.balance)
    return save_eye(eye, out / "eye")


def save_eye(eye: Eye, folder: Path) -> Path:
    """Writes config and weights of an eye, each beside and then renamed; of several processes the first does."""
    if not PartialState().is_main_process:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{EYE_WEIGHTS}.part"
    save_file({name: value.contiguous() for name, value in eye.state_dict().items()}, beside)
    os.replace(beside, folder / EYE_WEIGHTS)
    beside = folder / f"{CONFIG}.part"
    beside.write_text(eye.config.model_dump_json(indent=2))
    os.replace(beside, folder / CONFIG)
    return folder


def load_eye(folder: Path, config: AnomalyGPTConfig | None = None) -> Eye:
    """Reads what `save_eye` wrote; with `config`, into a model of that config, whose eye must be of the same sizes.

    Raises:
        ConfigError: the folder is none, or of other sizes.
    """
    if not (folder / EYE_WEIGHTS).is_file():
        raise ConfigError(f"{folder}: there is no trained eye in it (no {EYE_WEIGHTS}); train the stage 'eye' first.")
    eye = build_eye(config or load_config(folder / CONFIG))
    try:
        eye.load_state_dict(load_file(folder / EYE_WEIGHTS))
    except RuntimeError as error:
        raise ConfigError(f"{folder / EYE_WEIGHTS}: of other sizes than the config asks for ({error}).") from error
    return eye
