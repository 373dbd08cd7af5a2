"""Training the judgement of the fusion: the same evidence that the finished eye gathers, at its own size.

Episodes at the full size with all turned copies in memory are too slow to train an encoder on a CPU. The encoder, the
decoder and the matching rest here, so the evidence of each photo is gathered once and kept; what learns is the small
network that reads it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from anomalygpt.config.training import TrainingConfig
from anomalygpt.imaging.geometry import Geometry
from anomalygpt.model.eye import Eye
from anomalygpt.model.looking import encode_photos, remember_photos
from anomalygpt.model.reference_memory import match
from anomalygpt.model.state_prompts import ANY
from anomalygpt.records import Sample
from anomalygpt.training import losses
from anomalygpt.training.shown import ShownSamples, as_is

CHUNK = 100


def kept_evidence(eye: Eye, config: TrainingConfig, folder: Path) -> dict[str, Tensor]:
    """The evidence of the recipe's samples, kept in `folder` chunk by chunk; chunks that are there are not made again.

    Returns:
        `evidence` N×C×h×w float16 (`MapFusion.gather`) and `targets` N×h×w uint8 (`losses.cell_targets`).
    """
    assert config.fusion is not None and eye.fusion is not None
    folder.mkdir(parents=True, exist_ok=True)
    eye.eval()
    samples = config.fusion.samples
    for start in track(range(0, samples, CHUNK), description="evidence"):
        name = folder / f"{start:06d}.safetensors"
        if name.exists():
            continue
        indices = range(start, min(start + CHUNK, samples))
        shown = ShownSamples(config, config.fusion.shots, indices, eye.config.encoder.image_size)
        loader = torch.utils.data.DataLoader(shown, batch_size=None, num_workers=config.workers, collate_fn=as_is)
        gathered = [_gathered(eye, sample, count) for sample, count in loader]
        beside = name.with_suffix(".part")
        evidence, targets = (torch.stack(values) for values in zip(*gathered, strict=True))
        save_file({"evidence": evidence, "targets": targets}, beside)
        os.replace(beside, name)
    chunks = [load_file(path) for path in sorted(folder.glob("*.safetensors"))]
    return {key: torch.cat([chunk[key] for chunk in chunks])[:samples] for key in ("evidence", "targets")}


@torch.inference_mode()
def _gathered(eye: Eye, sample: Sample, references: int) -> tuple[Tensor, Tensor]:
    """Evidence C×h×w and targets h×w of one sample, as it is inspected with so many of its references."""
    assert eye.fusion is not None
    query, matches = encode_photos(eye, [sample.query]), None
    if references:
        memory, _ = remember_photos(eye, sample.references[:references], eye.config.memory.rotations)
        matches = match(query, memory, eye.config.memory)
    evidence = eye.fusion.gather(query, eye.decoder(query.patches, eye.states([ANY])), matches)[0]
    height, width = sample.mask.shape
    geometry = Geometry.fit(height, width, eye.config.encoder.image_size)
    mask = torch.from_numpy(geometry.to_square(sample.mask.astype(np.float32)) >= 0.5)
    return evidence.half().cpu(), losses.cell_targets(mask[None], evidence.shape[-1])[0].byte()


@dataclass
class FusionBatch:
    """B photos: evidence B×C×h×w and targets B×h×w, both float32."""

    evidence: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> FusionBatch:
        """The same on another device."""
        return FusionBatch(self.evidence.to(device), self.targets.to(device))


class FusionData(torch.utils.data.Dataset[tuple[int, bool]]):
    """Item i is a photo's row, and whether it is turned by 180 degrees, drawn by the recipe's seed and i.

    Other turns would leave a patch's features pointing elsewhere than its surroundings.
    """

    def __init__(self, config: TrainingConfig, samples: int) -> None:
        self.config, self.samples = config, samples

    def __len__(self) -> int:
        return self.config.steps * self.config.batch

    def __getitem__(self, index: int) -> tuple[int, bool]:
        turn, position = divmod(index, self.samples)
        order = np.random.default_rng((self.config.seed, turn, 7)).permutation(self.samples)
        return int(order[position]), bool(np.random.default_rng((self.config.seed, index, 8)).integers(2))


def take(items: Sequence[tuple[int, bool]], kept: dict[str, Tensor]) -> FusionBatch:
    """Takes the items' rows of what `kept_evidence` gives."""

    def joined(name: str) -> Tensor:
        rows = (kept[name][row].float() for row, _ in items)
        return torch.stack([row.flip(-1, -2) if turned else row for row, (_, turned) in zip(rows, items, strict=True)])

    return FusionBatch(joined("evidence"), joined("targets"))


class FusionTask(nn.Module):
    """What reads the evidence learns; what gathers it rests."""

    def __init__(self, eye: Eye) -> None:
        super().__init__()
        if eye.fusion is None:
            raise ValueError("this eye has no fusion network; give the config fusion.channels")
        eye.requires_grad_(False)
        self.fusion = eye.fusion
        for part in (eye.fusion.stem, eye.fusion.blocks, eye.fusion.local, eye.fusion.whole):
            part.requires_grad_(True)

    def forward(self, batch: FusionBatch) -> dict[str, Tensor]:
        """Named losses of a batch, each a scalar."""
        fused = self.fusion.judge(batch.evidence)
        return {
            "focal": losses.focal(fused, batch.targets, positive=4.0),
            "dice": losses.dice(fused, batch.targets),
            "score": losses.photo_score(fused, batch.targets),
        }
