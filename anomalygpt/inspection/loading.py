"""From a checkpoint's name to an inspector on a device."""

from __future__ import annotations

from pathlib import Path

import torch

from anomalygpt.checkpoint.adapter import apply_adapter
from anomalygpt.checkpoint.placement import Placement, read_size
from anomalygpt.checkpoint.store import CheckpointError, load_checkpoint
from anomalygpt.config import AnomalyGPTConfig, EncoderConfig, LanguageConfig, load_preset, preset_names
from anomalygpt.inspection.inspector import Inspector

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


def load_inspector(
    checkpoint: str = "embedded",
    device: str = "auto",
    precision: str = "auto",
    max_memory: str | None = None,
    language: str | None = None,
    encoder: str | None = None,
    adapter: str | None = None,
) -> Inspector:
    """Loads a checkpoint, or a preset of published parts, onto a device; see `anomalygpt.load`."""
    placement = Placement(choose_device(device), precision, read_size(max_memory) if max_memory else None)
    preset = load_preset(checkpoint) if checkpoint in preset_names() else None
    if preset is not None and preset.published and not Path(checkpoint).is_dir():
        from anomalygpt.checkpoint.chat import load_published

        if adapter is not None:
            raise CheckpointError(f"'{checkpoint}' takes published parts as they are, and no --adapter. Leave it out.")
        return Inspector(load_published(_with_sources(preset, language, encoder), placement))
    if language is not None or encoder is not None:
        raise CheckpointError(
            f"--language and --encoder choose the parts of --checkpoint openclip-chat; '{checkpoint}' has its own. "
            "Leave them out, or give that checkpoint."
        )
    folder = find_checkpoint(checkpoint)
    model = load_checkpoint(folder, placement)
    if adapter is not None:
        apply_adapter(model, folder, Path(adapter))
    return Inspector(model)


def _with_sources(config: AnomalyGPTConfig, language: str | None, encoder: str | None) -> AnomalyGPTConfig:
    """The config with other sources, where they are given."""
    changes: dict[str, EncoderConfig | LanguageConfig] = {}
    if language is not None:
        changes["language"] = LanguageConfig(source=language)
    if encoder is not None:
        changes["encoder"] = EncoderConfig(source=encoder)
    return config.model_copy(update=changes)
