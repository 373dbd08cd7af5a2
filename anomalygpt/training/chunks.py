"""What takes long to compute is kept in a folder, chunk by chunk, so that a stopped run computes it once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor


def kept_chunks(folder: Path, total: int, chunk: int, make: Callable[[range], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors about `total` samples, each joined over all chunks; chunks that are there are not made again.

    Args:
        folder: of the chunks, one safetensors file each.
        total: number of samples.
        chunk: samples in one file.
        make: named tensors about the samples of these numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for start in track(range(0, total, chunk), description="photos"):
        name = folder / f"{start:06d}.safetensors"
        if not name.exists():
            beside = name.with_suffix(".part")
            save_file(make(range(start, min(start + chunk, total))), beside)
            os.replace(beside, name)
    chunks = [load_file(path) for path in sorted(folder.glob("*.safetensors"))]
    return {key: torch.cat([tensors[key] for tensors in chunks]) for key in chunks[0]}
