"""Training the eye: episodes of one product, metric and map losses (paper, section 3.3, and docs/decisions)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from anomalygpt.config.training import EyeData as Episodes
from anomalygpt.config.training import TrainingConfig
from anomalygpt.imaging.geometry import Geometry
from anomalygpt.model.encoder import Features
from anomalygpt.model.eye import Eye
from anomalygpt.model.looking import COPIES
from anomalygpt.model.reference_memory import LayerMatch, match
from anomalygpt.model.state_prompts import ANY, SHARPNESS, SURFACE, TEMPLATES, UNNAMED
from anomalygpt.records import Sample
from anomalygpt.simulation.products import NAMED
from anomalygpt.simulation.scene import make_episode
from anomalygpt.training import losses

PRODUCTS = (*sorted(NAMED), *UNNAMED)
"""Names that the image embedding learns to tell apart; the last two stand for all unnamed ones."""


LATER = 48
"""After so many steps an episode is shown again. A multiple of usual numbers of workers, each of which finds there what
it has drawn itself."""


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
        squares: (R+Q)×3×S×S uint8, all references first; in each episode its turned copies after the others.
        shots: references of each episode.
        copies: turned copies of references of each episode.
        queries: queries of each episode.
        masks: Q×S×S bool.
        products: index into `PRODUCTS` of each episode.
        told: whether the product's name is told to the state prompts, of each episode.
    """

    squares: Tensor
    shots: list[int]
    copies: list[int]
    queries: list[int]
    masks: Tensor
    products: list[int]
    told: list[bool]

    def to(self, device: torch.device) -> EyeBatch:
        """The same on another device."""
        return replace(self, squares=self.squares.to(device), masks=self.masks.to(device))


class EyeData(torch.utils.data.Dataset[EyeBatch]):
    """Item i is one episode, determined by the recipe's seeds and i alone, so that a resumed run sees the same."""

    def __init__(self, config: TrainingConfig) -> None:
        if config.eye is None:
            raise ValueError("the recipe has no section 'eye'")
        self.config = config
        self.data = config.eye
        self._drawn: OrderedDict[int, list[Sample]] = OrderedDict()

    def __len__(self) -> int:
        return self.config.steps * self.config.batch

    def __getitem__(self, index: int) -> EyeBatch:
        rng = np.random.default_rng((self.config.seed, self.config.first_seed + index, 1))
        place, batch = index % self.config.batch, self.config.batch
        if place < self.data.again * batch and index >= LATER * batch:
            episode = exchanged(self._episode(index - LATER * batch + batch - 1 - 2 * place), rng)
        else:
            episode = self._episode(index)
        return arranged(episode, self.data, rng)

    def _episode(self, index: int) -> list[Sample]:
        """Episode number `index` as it is drawn; each process keeps its last ones."""
        if index in self._drawn:
            return self._drawn[index]
        seed = self.config.first_seed + index
        rng = np.random.default_rng((self.config.seed, seed, 7))
        shots = int(rng.choice(list(self.data.shots), p=list(self.data.shots.values())))
        early = index < self.data.early * self.config.steps * self.config.batch
        size = self.data.early_size if early else self.data.size
        episode = make_episode((seed,), size, shots, self.data.queries)
        if self.data.again:
            self._drawn[index] = episode
            while len(self._drawn) > LATER * self.config.batch // max(1, self.config.workers) + self.config.batch:
                self._drawn.popitem(last=False)
        return episode


def exchanged(episode: Sequence[Sample], rng: np.random.Generator) -> list[Sample]:
    """The episode with its good photos dealt out anew to references and normal queries."""
    good = [*episode[0].references, *(sample.query for sample in episode if not sample.anomalous)]
    dealt = [good[index] for index in rng.permutation(len(good))]
    references = tuple(dealt[: len(episode[0].references)])
    rest = iter(dealt[len(references) :])
    return [
        replace(sample, references=references, query=sample.query if sample.anomalous else next(rest))
        for sample in episode
    ]


def arranged(episode: Sequence[Sample], data: Episodes, rng: np.random.Generator) -> EyeBatch:
    """One episode as a batch, with what no simulation of a fixed station brings.

    All photos are turned and mirrored alike; some episodes are of photos that are not square, padded as a user's would
    be; some have turned copies in their memory, and their queries then often lie as these do.

    Args:
        episode: samples with the same references.
        data: chances of the recipe.
        rng: the chance.
    """
    quarter, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    told = bool(rng.integers(2))
    size = episode[0].mask.shape[0]
    window = _oblong(size, rng) if rng.random() < data.oblong else (slice(None), slice(None))

    def same(image: NDArray[Any]) -> NDArray[Any]:
        image = np.rot90(image, quarter)
        image = (image[:, ::-1] if mirrored else image)[window]
        return Geometry.fit(image.shape[0], image.shape[1], size).to_square(np.ascontiguousarray(image))

    references = [same(photo) for photo in episode[0].references]
    queries = [same(sample.query) for sample in episode]
    masks = [same(sample.mask) for sample in episode]
    copies: list[NDArray[Any]] = []
    chance = rng.random()
    if chance < data.copies + data.every_copy:
        turn = COPIES[int(rng.integers(len(COPIES)))]
        turns = (turn,) if chance < data.copies else COPIES
        copies = [turned(photo) for photo in references for turned in turns]
        if rng.random() < 0.6:
            queries, masks = [turn(photo) for photo in queries], [turn(mask) for mask in masks]
    return EyeBatch(
        torch.from_numpy(np.stack([*references, *copies, *queries])).permute(0, 3, 1, 2).contiguous(),
        [len(references)],
        [len(copies)],
        [len(queries)],
        torch.from_numpy(np.stack(masks)),
        [product_index(episode[0])],
        [told],
    )


def _oblong(size: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """A window of the full width or the full height, and less of the other."""
    short = int(size * rng.uniform(0.55, 0.95))
    start = int(rng.integers(size - short + 1))
    cut, whole = slice(start, start + short), slice(0, size)
    return (cut, whole) if rng.random() < 0.6 else (whole, cut)


def join(batches: Sequence[EyeBatch]) -> EyeBatch:
    """Joins batches of single episodes to one, references first."""
    kept = [batch.shots[0] + batch.copies[0] for batch in batches]
    references = [batch.squares[:count] for batch, count in zip(batches, kept, strict=True)]
    queries = [batch.squares[count:] for batch, count in zip(batches, kept, strict=True)]
    return EyeBatch(
        torch.cat(references + queries),
        [shots for batch in batches for shots in batch.shots],
        [copies for batch in batches for copies in batch.copies],
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
        # Tens of thousands of tokens of which a few dozen occur: the layers above learn what these mean.
        eye.encoder.clip.token_embedding.requires_grad_(False)
        self.register_buffer("anchors", product_anchors(eye.config.encoder.embed_dim), persistent=False)

    def forward(self, batch: EyeBatch) -> dict[str, Tensor]:
        """Named losses of a batch, each a scalar."""
        eye, fusion = self.eye, self.eye.fusion
        assert fusion is not None
        features = eye.see(batch.squares)
        references = sum(batch.shots) + sum(batch.copies)
        query = features.select(slice(references, None))
        matches = self._match(features, batch)
        names = [
            PRODUCTS[p] if told and PRODUCTS[p] in NAMED else ANY
            for p, told in zip(batch.products, batch.told, strict=True)
        ]
        distinct = sorted(set(names))
        states = eye.states(distinct)
        queries = torch.tensor(batch.queries, device=states.device)
        owner = torch.tensor([distinct.index(name) for name in names], device=states.device).repeat_interleave(queries)
        logits = eye.decoder(query.patches, states[owner])
        named: dict[str, list[Tensor]] = {key: [] for key in ("text_focal", "text_dice", "distance")}
        for layer, found in zip(logits, matches, strict=True):
            targets = losses.cell_targets(batch.masks, layer.shape[-1])
            text = (layer[:, 1] - layer[:, 0]).float()
            named["text_focal"].append(losses.focal(text, targets, positive=4.0))
            named["text_dice"].append(losses.dice(text, targets))
            named["distance"].append(losses.margin(found.distance.float(), targets))
        result = {key: torch.stack(values).sum() for key, values in named.items()}
        shots = torch.tensor(batch.shots, device=states.device).repeat_interleave(queries)
        for prefix, found_or_none in (("", matches), ("alone_", None)):
            fused = fusion(query, logits, found_or_none, 1 if found_or_none is None else shots)
            targets = losses.cell_targets(batch.masks, fused.shape[-1])
            result[f"{prefix}focal"] = losses.focal(fused, targets, positive=4.0)
            result[f"{prefix}dice"] = losses.dice(fused, targets)
            result[f"{prefix}score"] = losses.photo_score(fused, targets)
        return result | self._product_losses(query, batch)

    def _match(self, features: Features, batch: EyeBatch) -> list[LayerMatch]:
        """Matches each episode's queries with its own references, joined over the batch, layer by layer."""
        every: list[list[LayerMatch]] = []
        start, at = 0, sum(batch.shots) + sum(batch.copies)
        for shots, copies, count in zip(batch.shots, batch.copies, batch.queries, strict=True):
            stop = start + shots + copies
            memory = self.eye.remember(features.select(slice(start, stop)), shots)
            every.append(match(features.select(slice(at, at + count)), memory, self.eye.config.memory))
            start, at = stop, at + count
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
