"""Training the question reader: which kind of question is worded so. It needs no eye, and takes minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import PartialState
from torch import Tensor, nn

from anomalygpt.checkpoint.store import load_checkpoint, save_checkpoint
from anomalygpt.config import AnomalyGPTConfig
from anomalygpt.config.schema import QuestionReaderConfig
from anomalygpt.config.training import TrainingConfig
from anomalygpt.dialogue.asking import ask
from anomalygpt.dialogue.kinds import KINDS
from anomalygpt.dialogue.phrasebook import phrasebook
from anomalygpt.imaging.regions import find_regions
from anomalygpt.model.question_reader import QuestionReader
from anomalygpt.records import Evidence, Facts, Sample
from anomalygpt.simulation.scene import make_sample
from anomalygpt.training.loop import run

SIDE = 160
"""Of the simulated photos, pixels: only what can be asked about them matters."""

SMOOTHING = 0.05
"""Share of a question's kind that is spread over all kinds: the reader is not the only one to say."""


def true_facts(sample: Sample) -> Facts:
    """What is true of a sample, as if an eye had seen exactly its mask."""
    regions = find_regions(sample.mask.astype(np.float32), sample.query)
    height, width = sample.mask.shape
    evidence = Evidence(float(bool(regions)), regions, width, height, len(sample.references))
    kinds = [defect.kind for defect in sample.defects]
    return Facts(evidence, sample.product, sample.texture, tuple((kinds * len(regions))[: len(regions)]))


@dataclass
class ReaderBatch:
    """B questions as buckets, and the index of each one's kind."""

    questions: list[list[int]]
    kinds: Tensor

    def to(self, device: torch.device) -> ReaderBatch:
        """The same on another device."""
        return ReaderBatch(self.questions, self.kinds.to(device))


class ReaderData(torch.utils.data.Dataset[tuple[list[int], int]]):
    """Item i is one question, determined by the recipe's seed and i alone."""

    def __init__(self, config: TrainingConfig, reader: QuestionReader) -> None:
        assert config.reader is not None
        self.config, self.data, self.reader = config, config.reader, reader
        seeds = range(config.first_seed, config.first_seed + config.reader.photos)
        self.facts = [true_facts(make_sample((seed,), SIDE)) for seed in seeds]

    def __len__(self) -> int:
        return self.config.steps * self.config.batch

    def __getitem__(self, index: int) -> tuple[list[int], int]:
        rng = np.random.default_rng((self.config.seed, index, 9))
        book = phrasebook("zh" if rng.random() < self.data.chinese else "en")
        facts = self.facts[int(rng.integers(len(self.facts)))]
        kind = int(rng.integers(len(self.reader.config.kinds)))
        first = bool(rng.integers(2))
        buckets = self.reader.buckets(ask(book, facts, self.reader.config.kinds[kind], first, None, rng).text)
        kept = [bucket for bucket in buckets if rng.random() >= self.data.dropped]
        return kept or buckets, kind


def join_questions(items: Sequence[tuple[list[int], int]]) -> ReaderBatch:
    """Joins items to a batch."""
    return ReaderBatch([question for question, _ in items], torch.tensor([kind for _, kind in items]))


class ReaderTask(nn.Module):
    """The reader learns; a batch goes in, its loss comes out."""

    def __init__(self, reader: QuestionReader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, batch: ReaderBatch) -> dict[str, Tensor]:
        """The cross-entropy of the kinds, a scalar."""
        return {"kinds": F.cross_entropy(self.reader(batch.questions), batch.kinds, label_smoothing=SMOOTHING)}


def train_reader(config: TrainingConfig, out: Path, device: str) -> Path:
    """Gives a checkpoint a question reader, in place of one that it may have; writes the whole to `out/checkpoint`."""
    assert config.reader is not None
    model = load_checkpoint(config.model)
    settings = QuestionReaderConfig(kinds=tuple(KINDS), buckets=config.reader.buckets)
    content = model.config.model_dump() | {"question_reader": settings.model_dump()}
    model.config = AnomalyGPTConfig.model_validate(content)
    model.question_reader = QuestionReader(settings)
    task = ReaderTask(model.question_reader)
    average = run(config, task, ReaderData(config, model.question_reader), join_questions, out, device)
    if average is not None:
        average.copy_to(task)
    if PartialState().is_main_process:
        save_checkpoint(model.cpu(), out / "checkpoint")
    return out / "checkpoint"
