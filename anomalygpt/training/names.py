"""Training the encoder's head: the image embedding learns which product a photo shows.

The tower rests, so its pooled features are computed once for each photo; what is left to train is small and quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import PartialState
from torch import Tensor, nn

from anomalygpt.config import EncoderConfig
from anomalygpt.config.training import TrainingConfig
from anomalygpt.model.eye import Eye
from anomalygpt.model.looking import to_squares
from anomalygpt.model.state_prompts import SHARPNESS, TEMPLATES
from anomalygpt.simulation.products import NAMED
from anomalygpt.simulation.scene import make_sample
from anomalygpt.training.chunks import kept_chunks
from anomalygpt.training.eye import PRODUCTS, product_index
from anomalygpt.training.labelled import LabelledBatch
from anomalygpt.training.shown import photo_side

CHUNK = 500


class _Photos(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """Item i is a query and its reference, 2×3×S×S uint8, and the product's index."""

    def __init__(self, config: TrainingConfig, start: int, length: int, encoder: EncoderConfig) -> None:
        self.config, self.start, self.length, self.encoder = config, start, length, encoder

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        assert self.config.names is not None
        seed = self.config.first_seed + self.start + position
        rng = np.random.default_rng((self.config.seed, seed, 4))
        named = rng.random() < self.config.names.named
        key = sorted(NAMED)[int(rng.integers(len(NAMED)))] if named else None
        sample = make_sample((seed,), photo_side(seed, self.encoder.image_size), key=key)
        return to_squares(self.encoder, [sample.query, sample.references[0]]), product_index(sample)


def pooled_photos(eye: Eye, config: TrainingConfig, folder: Path) -> dict[str, Tensor]:
    """Pooled features of the recipe's photos and their products, kept in `folder` chunk by chunk.

    Returns:
        `features` N×C float32 and `products` N int64, indices into `PRODUCTS`.
    """
    assert config.names is not None
    trunk = _trunk(eye.to(PartialState().device)).eval()

    def pooled(numbers: range) -> dict[str, Tensor]:
        photos = _Photos(config, numbers.start, len(numbers), eye.config.encoder)
        loader = torch.utils.data.DataLoader(photos, batch_size=8, num_workers=config.workers)
        features, products = [], []
        with torch.inference_mode():
            for squares, indices in loader:
                pixels = eye.encoder.preprocess(squares.flatten(0, 1).to(eye.device))
                features.append(trunk.pool(trunk.forward_features(pixels)).cpu())
                products.append(indices.repeat_interleave(2))
        return {"features": torch.cat(features), "products": torch.cat(products)}

    return kept_chunks(folder, config.names.photos // 2, CHUNK, pooled)


class NamesData(torch.utils.data.Dataset[int]):
    """Item i is the row of a photo: every photo once in each turn, in an order drawn by the recipe's seed."""

    def __init__(self, config: TrainingConfig, photos: int) -> None:
        self.config, self.photos = config, photos
        self._order: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        return self.config.steps * self.config.batch

    def __getitem__(self, index: int) -> int:
        turn, position = divmod(index, self.photos)
        if self._order is None or self._order[0] != turn:
            self._order = turn, np.random.default_rng((self.config.seed, turn, 5)).permutation(self.photos)
        return int(self._order[1][position])


class NamesTask(nn.Module):
    """The head over pooled features and open_clip's projection learn to meet the names' text embeddings."""

    anchors: Tensor

    def __init__(self, eye: Eye) -> None:
        super().__init__()
        eye.requires_grad_(False)
        trunk = _trunk(eye)
        self.parts = nn.ModuleList([trunk.head_norm, trunk.head, eye.encoder.clip.visual.head]).requires_grad_(True)
        with torch.no_grad():
            names = eye.encoder.encode_text([TEMPLATES[0].format(name) for name in PRODUCTS])
        self.register_buffer("anchors", names, persistent=False)

    def forward(self, batch: LabelledBatch) -> dict[str, Tensor]:
        """Named losses of a batch, each a scalar."""
        x = batch.inputs
        for part in self.parts:
            x = part(x)
        embedding = F.normalize(x.float(), dim=1)
        return {"product": F.cross_entropy(SHARPNESS * embedding @ self.anchors.T, batch.labels)}


def _trunk(eye: Eye) -> Any:
    return eye.encoder.clip.visual.trunk
