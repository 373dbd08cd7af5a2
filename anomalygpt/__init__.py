"""AnomalyGPT: say whether a part is anomalous and where, and talk about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anomalygpt.inspection.inspector import Inspector

__version__ = "0.1.0"


def load(
    checkpoint: str = "embedded",
    device: str = "auto",
    precision: str = "auto",
    max_memory: str | None = None,
    language: str | None = None,
    encoder: str | None = None,
    adapter: str | None = None,
) -> Inspector:
    """Loads a model once, to be shared by any number of sessions.

    Args:
        checkpoint: "embedded" for the one shipped, a checkpoint folder, or "openclip-chat" for published parts that are
            taken as they are.
        device: "auto" (a GPU where there is one), "cpu", "cuda", ...
        precision: of the language model: "fp32", "bf16", "fp16", "int8", "int4" (the last two need bitsandbytes), or
            "auto" for float32 on the CPU and the format it is stored in elsewhere.
        max_memory: how much of each GPU the language model may take, such as "10GiB"; the rest of it goes to the next
            GPU and then to the CPU's memory. None: all of it goes to the device.
        language: with "openclip-chat", a transformers folder of a chat model, or its name on the hub.
        encoder: with "openclip-chat", open_clip's name and weights such as "ViT-B-16:laion2b_s34b_b88k", a name and a
            file, or a folder in open_clip's form.
        adapter: folder "adapter" of a training from this checkpoint on one's own photos.

    Raises:
        CheckpointError, ConfigError: what cannot be loaded; the message names the file and the remedy.
    """
    from anomalygpt.inspection.loading import load_inspector  # torch is imported only when a model is wanted

    return load_inspector(checkpoint, device, precision, max_memory, language, encoder, adapter)
