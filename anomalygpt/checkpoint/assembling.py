"""Assembling the published system: LLaMA, Vicuna, an encoder, PandaGPT's and AnomalyGPT's deltas to one checkpoint.

Everything that can be known from names, shapes and a few matrices is checked before anything is written. Then tensor by
tensor is read, added up and written, so that memory holds one shard of the result and not a model.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from anomalygpt.checkpoint import mistakes
from anomalygpt.checkpoint.files import CheckpointError, Piece, check_files, check_tensors, replacing, write_pieces
from anomalygpt.checkpoint.llama_folder import (
    check_config,
    lacks_few_tokens,
    read_tokenizer,
    with_vocabulary,
    write_config,
)
from anomalygpt.checkpoint.model_card import write_card
from anomalygpt.checkpoint.official import (
    CONSTANTS,
    EMBEDDINGS,
    anomalygpt_table,
    encoder_table,
    llama_table,
    pandagpt_table,
)
from anomalygpt.checkpoint.origins import Origin, check_complete, check_shapes, finite, trace
from anomalygpt.checkpoint.published import Published
from anomalygpt.checkpoint.store import CONFIG, EYE, LANGUAGE, eye_weights
from anomalygpt.config import AnomalyGPTConfig, load_config
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.model.build import build_model

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ASSEMBLED_SHARD_BYTES = 256_000_000
"""Largest weights file of an assembled checkpoint, and so the memory that writing it takes."""

DTYPE = torch.float16
"""Number format of the language model on disk: LLaMA and the delta are published in it."""

_CHUNK = 1 << 22
"""Values that are added up at a time, in float32."""


@dataclass(frozen=True)
class Recipe:
    """The published files, and what to do with the adapters.

    Attributes:
        encoder: whose file `encoder_file` is: "imagebind" or "openclip".
        llama, vicuna_delta: the folder of LLaMA and that of what Vicuna adds to it; or else
        vicuna: the folder of a finished Vicuna. If LLaMA is given too, the two are compared.
        merge: adds PandaGPT's adapters to the weights; otherwise they are kept beside them.

    Raises:
        CheckpointError: the language model is given in no way, or in two.
    """

    encoder: str
    encoder_file: Path
    pandagpt: Path
    anomalygpt: Path
    llama: Path | None = None
    vicuna_delta: Path | None = None
    vicuna: Path | None = None
    merge: bool = True

    def __post_init__(self) -> None:
        if (self.vicuna is None) == (self.vicuna_delta is None) or (self.vicuna is None and self.llama is None):
            raise CheckpointError(
                "The language model is given either with --llama and --vicuna-delta, or with --vicuna alone."
            )


@dataclass(frozen=True)
class _Plan:
    config: AnomalyGPTConfig
    skeleton: AnomalyGPT
    eye: list[Piece]
    language: list[Piece]
    adapter: list[Piece]

    @property
    def nbytes(self) -> int:
        return sum(piece.nbytes for piece in (*self.eye, *self.language, *self.adapter))


def assemble(
    config: AnomalyGPTConfig, recipe: Recipe, out: Path, progress: Callable[[int, int], None] = lambda done, of: None
) -> None:
    """Assembles a checkpoint that `load_checkpoint` loads. If it was stopped before, it goes on where it was.

    Args:
        config: of a model of the published form.
        recipe: the published files.
        out: folder of the checkpoint.
        progress: told the bytes written so far and in all.

    Raises:
        CheckpointError: a file is not what it should be; the message names tensor, file and likely cause. Nothing has
            taken its place in `out` then.
    """
    plan = _plan(config, recipe)
    with replacing(out, _fingerprint(config, recipe)) as beside:
        _check_room(beside, plan.nbytes)
        done = 0

        def written(size: int) -> None:
            nonlocal done
            done += size
            progress(done, plan.nbytes)

        language = beside / LANGUAGE
        write_pieces(plan.eye, beside, EYE, ASSEMBLED_SHARD_BYTES, written)
        language.mkdir(exist_ok=True)
        write_pieces(plan.language, language, "model", ASSEMBLED_SHARD_BYTES, written)
        plan.skeleton.language.tokenizer.save_pretrained(language)
        write_config(plan.skeleton.language, DTYPE, language)
        if plan.adapter:
            adapters: Any = plan.skeleton.language.model
            adapters.peft_config["default"].save_pretrained(language / "adapter")
            write_pieces(plan.adapter, language / "adapter", "adapter_model", ASSEMBLED_SHARD_BYTES, written)
        (beside / CONFIG).write_text(plan.config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    write_card(out, plan.config, _files(recipe), recipe.merge)


def check_assembled(folder: Path) -> AnomalyGPTConfig:
    """Checks hashes, names and shapes of all files of a checkpoint, without loading it.

    Raises:
        CheckpointError, ConfigError: something is not as it was written; the message names the file.
    """
    from transformers import AutoTokenizer

    config = load_config(folder / CONFIG)
    check_files(folder, hashes=True)
    model = _skeleton(config, AutoTokenizer.from_pretrained(folder / LANGUAGE, local_files_only=True))
    check_tensors(folder, EYE, _shapes(eye_weights(model)))
    check_tensors(folder / LANGUAGE, "model", _shapes(_language_weights(model)))
    if adapters := _adapter_weights(model):
        check_tensors(folder / LANGUAGE / "adapter", "adapter_model", _shapes(adapters))
    return config


def _plan(config: AnomalyGPTConfig, recipe: Recipe) -> _Plan:
    """What is to be written, every origin of it checked."""
    if config.published or config.prompt_learner is None or config.language.lora is None:
        raise CheckpointError(
            f"Preset '{config.name}' is not of the published form: it needs sizes of its own for encoder and language "
            "model, a prompt learner, and language.lora as PandaGPT's adapters are."
        )
    base = Published(recipe.vicuna or _given(recipe.llama), "--vicuna" if recipe.vicuna else "--llama")
    delta = Published(recipe.vicuna_delta, "--vicuna-delta") if recipe.vicuna_delta else None
    compared = Published(recipe.llama, "--llama") if recipe.vicuna and recipe.llama else None
    encoder = Published(recipe.encoder_file, f"--{recipe.encoder}")
    pandagpt, own = Published(recipe.pandagpt, "--pandagpt"), Published(recipe.anomalygpt, "--anomalygpt")

    words = trace(base, llama_table(config))
    added = trace(delta, llama_table(config)) if delta else {}
    others = trace(encoder, encoder_table(config, recipe.encoder)) | trace(pandagpt, pandagpt_table(config))
    others |= trace(own, anomalygpt_table(config))  # where both have a tensor, AnomalyGPT's was trained later

    check_config(base, config)
    config = with_vocabulary(config, delta or base)
    tokenizer = read_tokenizer(
        [folder for folder in (recipe.vicuna, recipe.llama, recipe.vicuna_delta) if folder], config
    )
    whole = _skeleton(config, tokenizer)
    eye, language, adapters = (_shapes(part) for part in _weights(whole))
    check_complete(language, words, added)
    check_complete(eye | adapters, others, CONSTANTS)
    rows = {name: words[name].outline().shape for name in EMBEDDINGS if name in words} if delta else {}
    check_shapes(
        words, language | {name: shape for name, shape in rows.items() if lacks_few_tokens(shape, language[name])}
    )
    check_shapes(added, language)
    check_shapes(others, eye | adapters)

    scale = whole.config.language.lora.alpha / whole.config.language.lora.rank  # type: ignore[union-attr]
    pairs = _pairs(others)
    if delta:
        mistakes.check_delta(base, delta)
    else:
        mistakes.check_vicuna(base, compared)
    mistakes.check_adapters(base, pairs, scale)
    mistakes.check_layers([others[f"eye.decoder.fc.{layer}.weight"] for layer in range(len(config.encoder.layers))])

    kept = [_copied(name, others[name]) for name in adapters]
    if recipe.merge:
        config = config.model_copy(update={"language": config.language.model_copy(update={"lora": None})})
        whole, kept = _skeleton(config, tokenizer), []
    merged = pairs if recipe.merge else {}
    return _Plan(
        config,
        whole,
        [_copied(name, others.get(name)) for name in eye],
        [
            Piece(name, shape, DTYPE, partial(_added, words[name], added.get(name), merged.get(name), scale, shape))
            for name, shape in language.items()
        ],
        kept,
    )


def _added(
    base: Origin, delta: Origin | None, low_rank: tuple[Origin, Origin] | None, scale: float, shape: torch.Size
) -> Tensor:
    """A weight of the language model: base + delta + scale · B·A, summed in float32 and rounded once."""
    total = torch.zeros(shape, dtype=DTYPE)
    whole, part = base.read(), delta.read() if delta else None
    down, up = (side.read().float() for side in low_rank) if low_rank else (None, None)
    step = max(1, _CHUNK * shape[0] // shape.numel())
    for start in range(0, shape[0], step):
        rows = slice(start, start + step)
        values = torch.zeros(min(step, shape[0] - start), *shape[1:])
        values[: len(whole[rows])] += whole[rows]  # tokens that only the delta has are added to nothing
        if part is not None:
            values += part[rows]
        if up is not None and down is not None:
            values += scale * (up[rows] @ down)
        total[rows] = values
    if not finite(total):
        raise CheckpointError(
            f"{base.place} has values too large for float16 once everything is added to it. The weights are not those "
            "of LLaMA and Vicuna, which fit. Fetch them again."
        )
    return total


def _copied(name: str, origin: Origin | None) -> Piece:
    if origin is None:
        constant = torch.tensor(CONSTANTS[name])
        return Piece(name, constant.shape, constant.dtype, constant.clone)
    outline = origin.outline()
    return Piece(name, outline.shape, outline.dtype, origin.read)


def _pairs(origins: dict[str, Origin]) -> dict[str, tuple[Origin, Origin]]:
    """A and B of each weight of the language model that has an adapter, by the weight's name."""
    start, middle = "base_model.model.", ".lora_A.weight"
    return {
        name.removeprefix(start).replace(middle, ".weight"): (origin, origins[name.replace(".lora_A.", ".lora_B.")])
        for name, origin in origins.items()
        if name.startswith(start) and name.endswith(middle)
    }


def _skeleton(config: AnomalyGPTConfig, tokenizer: PreTrainedTokenizerBase) -> AnomalyGPT:
    """A model of that config with names and shapes, and no weights."""
    try:
        with torch.device("meta"):
            return build_model(config, tokenizer)
    except ValueError as error:  # the tokenizer has more tokens than the model has embeddings
        raise CheckpointError(f"The tokenizer beside the language model is of another one: {error}") from error


def _weights(model: AnomalyGPT) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    return eye_weights(model), _language_weights(model), _adapter_weights(model)


def _language_weights(model: AnomalyGPT) -> dict[str, Tensor]:
    """The language model's weights, named as without adapters; what is tied is there once."""
    return {
        name.replace(".base_layer.", "."): tensor
        for name, tensor in model.language.base.named_parameters()
        if ".lora_" not in name
    }


def _adapter_weights(model: AnomalyGPT) -> dict[str, Tensor]:
    if model.config.language.lora is None:
        return {}
    from peft import get_peft_model_state_dict

    adapters: Any = model.language.model
    return get_peft_model_state_dict(adapters)


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _check_room(folder: Path, needed: int) -> None:
    there = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if free < needed - there + 10_000_000:
        raise CheckpointError(
            f"{folder.parent}: the checkpoint takes {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free. Make "
            "room, or give another folder with --out."
        )


def _files(recipe: Recipe) -> dict[str, Path]:
    """The published files and folders by the option that names them."""
    named = {
        f"--{recipe.encoder}": recipe.encoder_file,
        "--llama": recipe.llama,
        "--vicuna-delta": recipe.vicuna_delta,
        "--vicuna": recipe.vicuna,
        "--pandagpt": recipe.pandagpt,
        "--anomalygpt": recipe.anomalygpt,
    }
    return {option: path for option, path in named.items() if path is not None}


def _fingerprint(config: AnomalyGPTConfig, recipe: Recipe) -> str:
    """What tells this work from any other: the config, what is done, and every file by name, size and time."""
    files = {
        option: sorted(
            (file.name, file.stat().st_size, file.stat().st_mtime_ns)
            for file in (path.iterdir() if path.is_dir() else [path])
            if file.is_file()
        )
        for option, path in _files(recipe).items()
    }
    return json.dumps([config.model_dump(mode="json"), recipe.merge, ASSEMBLED_SHARD_BYTES, files])


def _given(path: Path | None) -> Path:
    assert path is not None  # the recipe has checked it
    return path
