"""Training the kind reader: what kind of defect lies under a region that the trained eye finds.

Damage, a pasted patch, may look like any other kind and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import PartialState
from torch import Tensor, nn

from anomalygpt.checkpoint.store import load_checkpoint, save_checkpoint
from anomalygpt.config import AnomalyGPTConfig, ConfigError
from anomalygpt.config.schema import KindReaderConfig
from anomalygpt.config.training import TrainingConfig
from anomalygpt.imaging.region_look import FIGURES, region_looks
from anomalygpt.model.eye import Eye
from anomalygpt.model.kind_reader import KindReader
from anomalygpt.model.looking import encode_photos
from anomalygpt.model.references import References, look_beside
from anomalygpt.records import ANOMALOUS, Sample
from anomalygpt.simulation.defects import KINDS
from anomalygpt.simulation.scene import make_sample
from anomalygpt.training.chunks import kept_chunks
from anomalygpt.training.labelled import LabelledBatch, take_rows
from anomalygpt.training.loop import run
from anomalygpt.training.seen import true_kinds
from anomalygpt.training.shown import as_is, photo_side

CHUNK = 200

TOLD_APART = tuple(kind for kind in KINDS if kind != "damage")
"""The kinds that the reader knows, in the order of its outputs."""


class _Faulty(torch.utils.data.Dataset[tuple[Sample, int]]):
    """Item i is a faulty sample and how many references it is shown with, 0 for none."""

    def __init__(self, config: TrainingConfig, indices: Sequence[int], image_size: int) -> None:
        self.config, self.indices, self.image_size = config, indices, image_size

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> tuple[Sample, int]:
        assert self.config.kinds is not None
        seed = self.config.first_seed + self.indices[position]
        shots = self.config.kinds.shots
        count = int(np.random.default_rng((self.config.seed, seed, 11)).choice(list(shots), p=list(shots.values())))
        return make_sample((seed,), photo_side(seed, self.image_size), max(count, 1), anomalous=True), count


@torch.inference_mode()
def _regions(eye: Eye, config: TrainingConfig, indices: Sequence[int]) -> dict[str, Tensor]:
    """Figures of the regions that the eye finds on these samples, and their true kinds."""
    faulty = _Faulty(config, indices, eye.config.encoder.image_size)
    loader = torch.utils.data.DataLoader(faulty, batch_size=None, num_workers=config.workers, collate_fn=as_is)
    states = eye.states([""])
    figures, kinds = [np.zeros((0, FIGURES), np.float32)], list[int]()
    for sample, count in loader:
        query = encode_photos(eye, [sample.query])
        references = sample.references[:count]
        known = References(eye, references, eye.config.memory.rotations) if references else None
        seen = look_beside(eye, sample.query, query, states, known)
        true = true_kinds(sample, seen.regions)
        kept = [index for index, kind in enumerate(true) if kind in TOLD_APART]
        figures.append(region_looks(seen.photo, seen.anomaly_map, seen.regions, ANOMALOUS)[kept])
        kinds += [TOLD_APART.index(str(true[index])) for index in kept]
    return {"figures": torch.from_numpy(np.concatenate(figures)), "kinds": torch.tensor(kinds, dtype=torch.long)}


def regions_seen(eye: Eye, config: TrainingConfig, folder: Path) -> dict[str, Tensor]:
    """The regions of all the recipe's photos, kept in `folder` chunk by chunk; chunks that are there stay.

    Returns:
        `figures` R×`FIGURES` float32 and `kinds` R int64, indices into `TOLD_APART`.

    Raises:
        ConfigError: the eye found no region at all.
    """
    assert config.kinds is not None
    eye = eye.to(PartialState().device).eval()
    every = kept_chunks(folder, config.kinds.photos, CHUNK, partial(_regions, eye, config))
    if not len(every["kinds"]):
        raise ConfigError(f"{config.model}: its eye finds no region on {config.kinds.photos} faulty photos; train it.")
    return every


class KindsData(torch.utils.data.Dataset[int]):
    """Item i is the row of a region, drawn by the recipe's seed and i alone, rare kinds oftener than they come.

    Args:
        config: the recipe.
        kinds: of all regions, R.
    """

    def __init__(self, config: TrainingConfig, kinds: Tensor) -> None:
        self.config = config
        counts = torch.bincount(kinds, minlength=len(TOLD_APART)).double()
        share = counts[kinds].rsqrt()
        self._cumulative = (share / share.sum()).cumsum(0).numpy()

    def __len__(self) -> int:
        return self.config.steps * self.config.batch

    def __getitem__(self, index: int) -> int:
        point = np.random.default_rng((self.config.seed, index, 13)).random()
        return min(int(np.searchsorted(self._cumulative, point)), len(self._cumulative) - 1)


class KindsTask(nn.Module):
    """The reader learns; a batch goes in, its loss comes out."""

    def __init__(self, reader: KindReader, smoothing: float) -> None:
        super().__init__()
        self.reader, self.smoothing = reader, smoothing

    def forward(self, batch: LabelledBatch) -> dict[str, Tensor]:
        """The cross-entropy of the kinds, a scalar."""
        return {"defect": F.cross_entropy(self.reader(batch.inputs), batch.labels, label_smoothing=self.smoothing)}


def train_kinds(config: TrainingConfig, out: Path, device: str) -> Path:
    """Gives a checkpoint a kind reader, in place of one that it may have; writes the whole to `out/checkpoint`."""
    assert config.kinds is not None
    torch.manual_seed(config.seed)
    model = load_checkpoint(config.model)
    regions = regions_seen(model.eye, config, out / "regions")
    settings = KindReaderConfig(kinds=TOLD_APART, width=config.kinds.width)
    content = model.config.model_dump() | {"kind_reader": settings.model_dump()}
    model.config = AnomalyGPTConfig.model_validate(content)
    model.kind_reader = reader = KindReader(settings)
    reader.mean.copy_(regions["figures"].mean(0))
    reader.deviation.copy_(regions["figures"].std(0, correction=0).clamp(min=1e-6))
    task = KindsTask(reader, config.kinds.smoothing)
    data = KindsData(config, regions["kinds"])
    average = run(
        config, task, data, partial(take_rows, inputs=regions["figures"], labels=regions["kinds"]), out, device
    )
    if average is not None:
        average.copy_to(task)
    if PartialState().is_main_process:
        save_checkpoint(model.cpu().eval(), out / "checkpoint")
    return out / "checkpoint"
