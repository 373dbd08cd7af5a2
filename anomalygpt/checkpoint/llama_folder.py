"""What lies beside the weights in a folder of LLaMA or Vicuna: config, tokenizer, number of tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from anomalygpt.checkpoint.files import CheckpointError
from anomalygpt.checkpoint.official import EMBEDDINGS
from anomalygpt.checkpoint.published import Published
from anomalygpt.config import AnomalyGPTConfig
from anomalygpt.model.language import Language

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CONFIG = "config.json"

_SPARE_TOKENS = 64
"""How many more tokens a Vicuna may have than the preset: version 0 has one, for padding."""


def check_config(words: Published, config: AnomalyGPTConfig) -> None:
    """Compares what shapes do not show: LLaMA 2 has the shapes of LLaMA 1, and Vicuna's delta is not for it.

    Raises:
        CheckpointError: config.json is missing, or is of another model.
    """
    path = words.path / CONFIG
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(found, dict)
    except (OSError, ValueError, AssertionError) as error:
        raise CheckpointError(
            f"{words.option}: {path} cannot be read as a config ({error!r}). Fetch it into the folder of the weights."
        ) from error
    for key in ("model_type", "num_attention_heads", "max_position_embeddings", "rms_norm_eps"):
        wanted = config.language.architecture.get(key, {"model_type": "llama"}.get(key))
        if key in found and wanted is not None and found[key] != wanted:
            raise CheckpointError(
                f"{words.option}: {path} has {key} {found[key]!r}, and preset '{config.name}' {wanted!r}. These "
                "are weights of another model (LLaMA 2 has the shapes of LLaMA 1, but other values)."
            )


def read_tokenizer(folders: Sequence[Path], config: AnomalyGPTConfig) -> PreTrainedTokenizerBase:
    """The tokenizer beside the language model.

    Args:
        folders: where it may be; the first that has one in the form of the tokenizers library is taken.
        config: names the special tokens that it must have.

    Raises:
        CheckpointError: there is none, or it has other special tokens.
    """
    from transformers import AutoTokenizer

    folder = next((folder for folder in folders if (folder / "tokenizer.json").is_file()), folders[0])
    try:
        # What users type is never a special token, even where it looks like one.
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, split_special_tokens=True)
    except Exception as error:  # transformers and tokenizers raise what they please
        raise CheckpointError(
            f"{folder}: there is no tokenizer that can be read ({str(error).splitlines()[0]}). Put LLaMA's "
            "tokenizer.json there; with tokenizer.model alone, 'pip install sentencepiece protobuf' first."
        ) from error
    architecture = config.language.architecture
    for what in ("bos_token_id", "eos_token_id"):
        if what in architecture and getattr(tokenizer, what) != architecture[what]:
            raise CheckpointError(
                f"{folder}: the tokenizer's {what} is {getattr(tokenizer, what)}, and the preset's "
                f"{architecture[what]}. Early conversions of LLaMA have empty special tokens, and answers then never "
                "end: take the tokenizer files of a later conversion."
            )
    return tokenizer


def with_vocabulary(config: AnomalyGPTConfig, words: Published) -> AnomalyGPTConfig:
    """The config with as many tokens as the language model has, if these are a few more than it says."""
    architecture = config.language.architecture
    rows = words.entries[EMBEDDINGS[0]].shape[0]
    if not 0 < rows - architecture["vocab_size"] <= _SPARE_TOKENS:
        return config
    language = config.language.model_copy(update={"architecture": architecture | {"vocab_size": rows}})
    return config.model_copy(update={"language": language})


def lacks_few_tokens(found: torch.Size, expected: torch.Size) -> bool:
    """Whether an embedding only lacks the few tokens that a delta brings."""
    return found[1:] == expected[1:] and 0 <= expected[0] - found[0] <= _SPARE_TOKENS


def write_config(language: Language, dtype: torch.dtype, folder: Path) -> None:
    """Writes what transformers needs beside the weights to load them by itself."""
    base = language.base
    base.generation_config.save_pretrained(folder)
    settings = base.config.to_dict() | {
        "architectures": [type(base).__name__],
        "dtype": str(dtype).removeprefix("torch."),
    }
    (folder / CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
