"""The model card of an assembled checkpoint: what it is made of, and under whose licences."""

from __future__ import annotations

import os
from pathlib import Path

from anomalygpt.config import AnomalyGPTConfig

_CARD = """\
# {name}

The AnomalyGPT system (arXiv 2308.15366), assembled from the published files:

| option | file or folder | bytes |
|---|---|---|
{rows}

{adapters} The language model is stored in float16, the rest as it was published. `manifest.json` holds the size and the
hash of every file; `python -m anomalygpt assemble --check --out THIS_FOLDER` compares them and asks a question.

```
python app.py --checkpoint THIS_FOLDER --device cuda
```

Encoder: {encoder}. Patch features are taken after blocks {layers}, counted from 0.

Every part keeps the licence that it was published under. LLaMA and what is derived from it (Vicuna, PandaGPT,
AnomalyGPT), and ImageBind, are for research only and not for commercial use.
"""


def write_card(folder: Path, config: AnomalyGPTConfig, files: dict[str, Path], merged: bool) -> None:
    """Writes README.md into a checkpoint's folder; no manifest lists it, so it may be edited.

    Args:
        folder: of the checkpoint.
        config: of the model in it.
        files: what it was assembled from, by the option that named it.
        merged: whether the adapters were added to the weights.
    """
    rows = "\n".join(f"| `{option}` | {path.name} | {_size(path):,} |" for option, path in files.items())
    adapters = (
        "PandaGPT's adapters were added to the language model's weights."
        if merged
        else "PandaGPT's adapters are kept beside the language model, in `language/adapter`."
    )
    encoder = "ImageBind's image and text towers" if "--imagebind" in files else "open_clip"
    layers = ", ".join(map(str, config.encoder.layers))
    beside = folder / ".README.md"
    beside.write_text(
        _CARD.format(name=config.name, rows=rows, adapters=adapters, encoder=encoder, layers=layers), encoding="utf-8"
    )
    os.replace(beside, folder / "README.md")


def _size(path: Path) -> int:
    return (
        sum(file.stat().st_size for file in path.iterdir() if file.is_file()) if path.is_dir() else path.stat().st_size
    )
