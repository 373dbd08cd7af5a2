"""Loss curves as a picture beside the checkpoint."""

from __future__ import annotations

import json
import os
from pathlib import Path

_NO_LOSS = ("step", "seconds_a_step")


def draw_curves(log: Path, picture: Path) -> None:
    """Draws every named loss of a log.jsonl over the steps, on a logarithmic scale, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    entries = [json.loads(line) for line in log.read_text().splitlines()]
    if not entries:
        return
    names = [name for name in dict.fromkeys(key for entry in entries for key in entry) if name not in _NO_LOSS]
    figure = Figure(figsize=(9, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name in names:
        own = [entry for entry in entries if name in entry]
        axes.plot([entry["step"] for entry in own], [entry[name] for entry in own], label=name, linewidth=1.2)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend(ncols=2, fontsize="small")
    beside = picture.with_suffix(".part.png")
    figure.savefig(beside, dpi=110)
    os.replace(beside, picture)
