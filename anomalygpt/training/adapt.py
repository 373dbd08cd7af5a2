"""Adapting a finished eye to one's own product: good photos of it with simulated defects, among simulated episodes."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from anomalygpt.checkpoint.store import load_checkpoint
from anomalygpt.config import ConfigError
from anomalygpt.config.training import TrainingConfig
from anomalygpt.datasets.spoiled import SpoiledPhotos, good_photos
from anomalygpt.model.encoder import Features
from anomalygpt.model.eye import Eye
from anomalygpt.records import Sample
from anomalygpt.training.balance import COUNTS, unbalanced_by
from anomalygpt.training.eye import EyeBatch, EyeData, EyeTask, arranged, join
from anomalygpt.training.learned import learned_values, save_learned
from anomalygpt.training.loop import run

HELD = 16
"""Episodes on which 0.5 is held where it was."""

BIAS = "eye.fusion.local.bias"
DOUBLING = "eye.fusion.per_doubling"

NAMING = {"head", "head_norm", "ln_post", "proj"}
"""Where an image tower, or the trunk in it, makes one embedding of the photo as a whole."""


class AdaptData(torch.utils.data.Dataset[EyeBatch]):
    """Item i is an episode of the user's photos or a simulated one, determined by the recipe's seeds and i alone."""

    def __init__(self, config: TrainingConfig, photos: SpoiledPhotos) -> None:
        assert config.adapt is not None
        self.simulated = EyeData(config)
        self.config, self.share, self.photos = config, config.adapt.share, photos

    def __len__(self) -> int:
        return len(self.simulated)

    def __getitem__(self, index: int) -> EyeBatch:
        data = self.simulated.data
        rng = np.random.default_rng((self.config.seed, index, 6))
        if rng.random() >= self.share:
            return self.simulated[index]
        shots = int(rng.choice(list(data.shots), p=list(data.shots.values())))
        name = self.photos.names[int(rng.integers(len(self.photos.names)))]
        return arranged(self.photos.episode(name, (self.config.first_seed + index,), shots, data.queries), data, rng)


class AdaptTask(EyeTask):
    """The parts of the eye that the recipe names learn; statistics of batch norm stay as they are.

    What the photo as a whole is called was learned after the eye and is left alone, so there are no losses on names.

    Args:
        eye: a finished one.
        learn: of "encoder", "decoder", "fusion".
    """

    def __init__(self, eye: Eye, learn: tuple[str, ...]) -> None:
        super().__init__(eye)
        assert eye.fusion is not None
        eye.requires_grad_(False)
        eye.decoder.requires_grad_("decoder" in learn)
        eye.fusion.requires_grad_("fusion" in learn)
        for name, parameter in eye.encoder.clip.visual.named_parameters():
            parameter.requires_grad_("encoder" in learn and not NAMING & set(name.split(".")[:2]))

    def train(self, mode: bool = True) -> AdaptTask:
        """As nn.Module's, but running statistics stay as they are, and nothing is dropped out."""
        super().train(mode)
        self.eye.eval()
        return self

    def _product_losses(self, query: Features, batch: EyeBatch) -> dict[str, Tensor]:
        return {}


def train_adapt(config: TrainingConfig, out: Path, device: str) -> Path:
    """Goes on from a checkpoint's eye with the user's photos and writes what was learned to `out/adapter`."""
    assert config.adapt is not None and config.eye is not None
    products = good_photos(config.data)
    photos = SpoiledPhotos(products, config.eye.size)
    photos.check()
    torch.manual_seed(config.seed)
    checkpoint = Path(config.model)
    model = load_checkpoint(checkpoint)
    if model.eye.fusion is None:
        raise ConfigError(
            f"Stage 'adapt' needs an eye with a fusion network, and model '{model.config.name}' has none. Take a "
            "recipe of stage 'paper' for it."
        )
    task, data = AdaptTask(model.eye, config.adapt.learn).train(), AdaptData(config, photos)
    old = {name: parameter.detach().clone() for name, parameter in task.named_parameters() if parameter.requires_grad}
    values = learned_values(task, run(config, task, data, join, out, device), out)
    reach = config.adapt.reach
    values = {name: torch.lerp(old[name].to(value), value, reach) for name, value in values.items()}
    if BIAS in values:
        # Episodes that hold few turned copies pull 0.5 to where it lies without them. It goes back: good and faulty
        # photos of this product are weighed as before, with one reference and with several.
        held = [_held(config, photos, count) for count in COUNTS]
        levels = []
        for weights in (old, values):
            task.load_state_dict(weights, strict=False)
            levels.append([unbalanced_by(model.eye, episodes) for episodes in held])
        one, many = (after - before for before, after in zip(*levels, strict=True))
        values[BIAS] = values[BIAS] + one
        values[DOUBLING] = model.eye.fusion.per_doubling + (many - one) / log2(COUNTS[-1])
    return save_learned(values, out, model, checkpoint, config, list(products))


def _held(config: TrainingConfig, photos: SpoiledPhotos, references: int) -> list[Sequence[Sample]]:
    """Episodes of the user's photos that training does not see."""
    assert config.eye is not None
    first, queries = config.first_seed + config.steps * config.batch, max(2, config.eye.queries)
    names = [photos.names[index % len(photos.names)] for index in range(HELD)]
    return [photos.episode(name, (first + index,), references, queries) for index, name in enumerate(names)]
