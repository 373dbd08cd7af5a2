"""AnomalyGPT: say whether a part is anomalous and where, and talk about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anomalygpt.inspection.session import Inspector

__version__ = "0.1.0"


def load(checkpoint: str = "embedded", device: str = "auto") -> Inspector:
    """Loads a model once, to be shared by any number of sessions.

    Args:
        checkpoint: "embedded" for the one shipped, or a checkpoint folder.
        device: "auto" (a GPU where there is one), "cpu", "cuda", ...

    Raises:
        CheckpointError, ConfigError: what cannot be loaded; the message names the file and the remedy.
    """
    from anomalygpt.inspection.loading import load_inspector  # torch is imported only when a model is wanted

    return load_inspector(checkpoint, device)
