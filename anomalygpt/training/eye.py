"""Training the eye: episodes of one product, metric and map losses (paper, section 3.3, and docs/decisions)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anomalygpt.config.training import TrainingConfig
from anomalygpt.model.encoder import Features
from anomalygpt.model.eye import Eye
from anomalygpt.model.reference_memory import LayerMatch, match
from anomalygpt.model.state_prompts import ANY, TEMPLATES
from anomalygpt.records import Sample
from anomalygpt.simulation.products import NAMED
from anomalygpt.simulation.scene import make_episode
from anomalygpt.training import losses

SURFACE = "surface"
PRODUCTS = (*sorted(NAMED), ANY, SURFACE)
"""Names that the image embedding learns to tell apart; the last two stand for all unnamed ones."""

SHARPNESS = 20.0
"""Factor on the cosine between an embedding and a product's anchor before the softmax."""


def product_index(sample: Sample) -> int:
    """The sample's product as an index into `PRODUCTS`."""
    return PRODUCTS.index(sample.product or (SURFACE if sample.texture else ANY))


def product_anchors(width: int) -> Tensor:
    """One fixed direction a product, orthogonal where the width allows: len(PRODUCTS)×width, L2-normalised.

    Contrasting images with names of which all look alike to an untrained text tower goes nowhere for hundreds of steps;
    anchors draw both towers from the first one.
    """
    generator = torch.Generator().manual_seed(0)
    square = torch.linalg.qr(torch.randn(max(width, len(PRODUCTS)), width, generator=generator)).Q
    return F.normalize(square[: len(PRODUCTS)], dim=1)


@dataclass
class EyeBatch:
    """E episodes: R references in all, then Q queries in all.

    Attributes:
        squares: (R+Q)×3×S×S uint8, all references first.
        shots: references of each episode.
        queries: queries of each episode.
        masks: Q×S×S bool.
        products: index into `PRODUCTS` of each episode.
        told: whether the product's name is told to the state prompts, of each episode.
    """

    squares: Tensor
    shots: list[int]
    queries: list[int]
    masks: Tensor
    products: list[int]
    told: list[bool]

    def to(self, device: torch.device) -> EyeBatch:
        """The same on another device."""
        return EyeBatch(
            self.squares.to(device), self.shots, self.queries, self.masks.to(device), self.products, self.told
        )


class EyeData(torch.utils.data.Dataset[EyeBatch]):
    """Item i is one episode, determined by the recipe's seeds and i alone, so that a resumed run sees the same."""

    def __init__(self, config: TrainingConfig) -> None:
        if config.eye is None:
            raise ValueError("the recipe has no section 'eye'")
        self.config = config
        self.data = config.eye

    def __len__(self) -> int:
        return self.config.steps * self.config.batch

    def __getitem__(self, index: int) -> EyeBatch:
        seed = self.config.first_seed + index
        rng = np.random.default_rng((self.config.seed, seed, 1))
        shots = int(rng.choice(list(self.data.shots), p=list(self.data.shots.values())))
        early = index < self.data.early * self.config.steps * self.config.batch
        size = self.data.early_size if early else self.data.size
        episode = make_episode((seed,), size, shots, self.data.queries)
        return collate([_turned(episode, int(rng.integers(4)), bool(rng.integers(2)))], [bool(rng.integers(2))])


def _turned(episode: list[Sample], quarter: int, mirrored: bool) -> list[tuple[Sample, list[np.ndarray], np.ndarray]]:
    """The whole episode turned and mirrored alike: photos (references, then query) and mask of each sample."""

    def turn(image: np.ndarray) -> np.ndarray:
        image = np.rot90(image, quarter)
        return np.ascontiguousarray(image[:, ::-1] if mirrored else image)

    return [
        (sample, [turn(photo) for photo in (*sample.references, sample.query)], turn(sample.mask)) for sample in episode
    ]


def collate(episodes: Sequence[list[tuple[Sample, list[np.ndarray], np.ndarray]]], told: Sequence[bool]) -> EyeBatch:
    """Joins turned episodes to one batch."""
    references = [photo for episode in episodes for photo in episode[0][1][:-1]]
    queries = [photos[-1] for episode in episodes for _, photos, _ in episode]
    masks = [mask for episode in episodes for _, _, mask in episode]
    squares = torch.from_numpy(np.stack(references + queries)).permute(0, 3, 1, 2).contiguous()
    samples = [episode[0][0] for episode in episodes]
    return EyeBatch(
        squares,
        [len(sample.references) for sample in samples],
        [len(episode) for episode in episodes],
        torch.from_numpy(np.stack(masks)),
        [product_index(sample) for sample in samples],
        list(told),
    )


def join(batches: Sequence[EyeBatch]) -> EyeBatch:
    """Joins batches of single episodes to one, references first."""
    references = [batch.squares[: sum(batch.shots)] for batch in batches]
    queries = [batch.squares[sum(batch.shots) :] for batch in batches]
    return EyeBatch(
        torch.cat(references + queries),
        [shots for batch in batches for shots in batch.shots],
        [count for batch in batches for count in batch.queries],
        torch.cat([batch.masks for batch in batches]),
        [product for batch in batches for product in batch.products],
        [told for batch in batches for told in batch.told],
    )


class EyeTask(nn.Module):
    """Encoder, decoder and fusion learn; a batch goes in, named losses come out."""

    anchors: Tensor

    def __init__(self, eye: Eye) -> None:
        super().__init__()
        if eye.fusion is None:
            raise ValueError("the eye is trained with its fusion network; give the config fusion.channels")
        # Channels last is how the convolutions are fastest, on a CPU and on a GPU.
        self.eye = eye.requires_grad_(True).to(memory_format=torch.channels_last)
        eye.encoder.clip.logit_scale.requires_grad_(False)  # anchors have a fixed sharpness
        self.register_buffer("anchors", product_anchors(eye.config.encoder.embed_dim), persistent=False)

    def forward(self, batch: EyeBatch) -> dict[str, Tensor]:
        """Named losses of a batch, each a scalar."""
        eye, fusion = self.eye, self.eye.fusion
        assert fusion is not None
        features = eye.see(batch.squares)
        references = sum(batch.shots)
        query = features.select(slice(references, None))
        matches = self._match(features, batch)
        names = [
            PRODUCTS[p] if told and PRODUCTS[p] in NAMED else ANY
            for p, told in zip(batch.products, batch.told, strict=True)
        ]
        distinct = sorted(set(names))
        states = eye.states(distinct)
        owner = torch.repeat_interleave(
            torch.tensor([distinct.index(name) for name in names], device=states.device),
            torch.tensor(batch.queries, device=states.device),
        )
        logits = eye.decoder(query.patches, states[owner])
        named: dict[str, list[Tensor]] = {key: [] for key in ("text_focal", "text_dice", "distance")}
        for layer, found in zip(logits, matches, strict=True):
            targets = losses.cell_targets(batch.masks, layer.shape[-1])
            text = (layer[:, 1] - layer[:, 0]).float()
            named["text_focal"].append(losses.focal(text, targets, positive=4.0))
            named["text_dice"].append(losses.dice(text, targets))
            named["distance"].append(losses.margin(found.distance.float(), targets))
        result = {key: torch.stack(values).sum() for key, values in named.items()}
        for prefix, found_or_none in (("", matches), ("alone_", None)):
            fused = fusion(query, logits, found_or_none)
            targets = losses.cell_targets(batch.masks, fused.shape[-1])
            result[f"{prefix}focal"] = losses.focal(fused, targets, positive=4.0)
            result[f"{prefix}dice"] = losses.dice(fused, targets)
            result[f"{prefix}score"] = losses.photo_score(fused, targets)
        return result | self._product_losses(query, batch)

    def _match(self, features: Features, batch: EyeBatch) -> list[LayerMatch]:
        """Matches each episode's queries with its own references, joined over the batch, layer by layer."""
        every: list[list[LayerMatch]] = []
        start, at = 0, sum(batch.shots)
        for shots, count in zip(batch.shots, batch.queries, strict=True):
            memory = self.eye.remember(features.select(slice(start, start + shots)))
            every.append(match(features.select(slice(at, at + count)), memory, self.eye.config.memory))
            start, at = start + shots, at + count
        return [
            LayerMatch(**{f.name: torch.cat([getattr(part, f.name) for part in layer]) for f in fields(LayerMatch)})
            for layer in zip(*every, strict=True)
        ]

    def _product_losses(self, query: Features, batch: EyeBatch) -> dict[str, Tensor]:
        """Image embedding and name's text embedding both find the product's anchor among all anchors."""
        texts = self.eye.encoder.encode_text([TEMPLATES[0].format(name) for name in PRODUCTS])
        target = torch.repeat_interleave(
            torch.tensor(batch.products, device=texts.device), torch.tensor(batch.queries, device=texts.device)
        )
        with torch.autocast(texts.device.type, enabled=False):
            return {
                "product": F.cross_entropy(SHARPNESS * query.embedding.float() @ self.anchors.T, target),
                "name": F.cross_entropy(
                    SHARPNESS * texts @ self.anchors.T, torch.arange(len(PRODUCTS), device=texts.device)
                ),
            }
