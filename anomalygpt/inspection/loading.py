"""From a checkpoint's name to an inspector on a device."""

from __future__ import annotations

from pathlib import Path

import torch

from anomalygpt.checkpoint.store import CheckpointError, load_checkpoint
from anomalygpt.config import preset_names
from anomalygpt.inspection.session import Inspector

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"


def find_checkpoint(name: str) -> Path:
    """The folder of a shipped checkpoint by its preset's name, or the folder itself.

    Raises:
        CheckpointError: there is no such folder; the message lists what there is.
    """
    folder = Path(name)
    if not folder.is_dir() and (SHIPPED / name).is_dir():
        folder = SHIPPED / name
    if folder.is_dir():
        return folder
    shipped = (
        ", ".join(sorted(entry.name for entry in SHIPPED.iterdir() if entry.is_dir())) if SHIPPED.is_dir() else "none"
    )
    hint = " Its weights are assembled from the published files." if name in preset_names() else ""
    raise CheckpointError(f"There is no checkpoint '{name}'.{hint} Give a checkpoint folder, or one of: {shipped}.")


def choose_device(device: str) -> torch.device:
    """The device of that name; "auto" is the GPU where there is one.

    Raises:
        CheckpointError: this machine does not have that device.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise CheckpointError(f"Device '{device}' cannot be used here. Try --device auto or --device cpu.") from error
    return chosen


def load_inspector(checkpoint: str = "embedded", device: str = "auto") -> Inspector:
    """Loads a checkpoint onto a device; see `anomalygpt.load`."""
    return Inspector(load_checkpoint(find_checkpoint(checkpoint), choose_device(device)))
