"""What the trained eye sees of simulated photos: the voice learns from its maps, right or wrong, not from the truth."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor

from anomalygpt.config.training import TrainingConfig
from anomalygpt.model.eye import Eye
from anomalygpt.model.looking import Products, encode_photos, region_masks, square_map
from anomalygpt.model.references import References, embeddings_beside, look_beside
from anomalygpt.model.state_prompts import state_embeddings
from anomalygpt.records import Evidence, Facts, Inspection, Region, Sample
from anomalygpt.training.shown import ShownSamples, as_is

CHUNK = 500


class SeenPhotos:
    """Cached outputs of the eye.

    Attributes:
        facts: of each photo.
        embeddings: N×D joint embeddings.
        maps: N×M×M float16, on the prompt learner's grid of pixels.
        looks: N×R×C pooled features of the strongest regions.
    """

    def __init__(self, facts: list[Facts], embeddings: Tensor, maps: Tensor, looks: Tensor) -> None:
        self.facts, self.embeddings, self.maps, self.looks = facts, embeddings, maps, looks

    def __len__(self) -> int:
        return len(self.facts)


def see_photos(eye: Eye, config: TrainingConfig, folder: Path) -> SeenPhotos:
    """Shows the eye as many simulated photos as the recipe says, and keeps what it saw in `folder`, chunk by chunk.

    Chunks that are there already are not made again.
    """
    assert config.voice is not None
    folder.mkdir(parents=True, exist_ok=True)
    eye = eye.to(PartialState().device)
    chunks = []
    starts = range(0, config.voice.photos, CHUNK)
    for start in track(starts, description="photos"):
        name = folder / f"{start:06d}.safetensors"
        if not name.exists():
            indices = range(start, min(start + CHUNK, config.voice.photos))
            tensors, facts = _see_chunk(eye, config, indices)
            beside = name.with_suffix(".part")
            save_file(tensors, beside, metadata={"facts": json.dumps([asdict(entry) for entry in facts])})
            os.replace(beside, name)
        chunks.append(_read_chunk(name))
    return SeenPhotos(
        [facts for _, chunk in chunks for facts in chunk],
        *(torch.cat([tensors[key] for tensors, _ in chunks]) for key in ("embeddings", "maps", "looks")),
    )


def _see_chunk(eye: Eye, config: TrainingConfig, indices: Sequence[int]) -> tuple[dict[str, Tensor], list[Facts]]:
    assert config.voice is not None
    shown = ShownSamples(config, config.voice.shots, indices, eye.config.encoder.image_size)
    loader = torch.utils.data.DataLoader(shown, batch_size=None, num_workers=config.workers, collate_fn=as_is)
    learner = eye.config.trainable_prompt_learner
    size = eye.config.encoder.image_size
    states = state_embeddings(eye.encoder, [""]).detach()
    products = Products(eye)
    kept: dict[str, list[Tensor]] = {"embeddings": [], "maps": [], "looks": []}
    facts = []
    with torch.inference_mode():
        for sample, count in loader:
            references = sample.references[:count]
            query = encode_photos(eye, [sample.query])
            known = References(eye, references, eye.config.memory.rotations) if references else None
            product = products.of(embeddings_beside(query, known))
            inspection = look_beside(eye, sample.query, query, states, known, product=product)
            masks = torch.from_numpy(region_masks(inspection, size, learner.region_vectors))[None]
            kept["embeddings"].append(query.embedding[0].cpu().clone())
            kept["maps"].append(torch.from_numpy(square_map(inspection, learner.map_size)).half())
            kept["looks"].append(eye.region_features(query, masks.to(eye.device))[0].cpu().clone())
            named = product or None if eye.config.products else sample.product
            facts.append(_facts(sample, inspection, named))
    return {key: torch.stack(values).contiguous() for key, values in kept.items()}, facts


def _facts(sample: Sample, inspection: Inspection, product: str | None) -> Facts:
    """Measured evidence and product, with the true kind of defect under each region that lies on one."""
    return Facts(inspection.evidence, product, sample.texture, true_kinds(sample, inspection.regions))


def true_kinds(sample: Sample, regions: Sequence[Region]) -> tuple[str | None, ...]:
    """The kind of the defect under each region, None under one that lies on none."""
    kinds: list[str | None] = []
    for region in regions:
        shared = [(_shared(region.box, defect.box), defect.kind) for defect in sample.defects]
        best = max(shared, default=(0.0, None), key=lambda pair: pair[0])
        kinds.append(best[1] if best[0] > 0.2 else None)
    return tuple(kinds)


def _shared(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> float:
    """Area that two boxes share, as a part of the smaller one."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return width * height / max(1, min(areas))


def _read_chunk(path: Path) -> tuple[dict[str, Tensor], list[Facts]]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        listed: list[dict[str, Any]] = json.loads(file.metadata()["facts"])
    return load_file(path), [_facts_from(entry) for entry in listed]


def _facts_from(entry: dict[str, Any]) -> Facts:
    evidence = entry["evidence"]
    regions = tuple(_region_from(region) for region in evidence["regions"])
    return Facts(
        Evidence(**{**evidence, "regions": regions}),
        entry["product"],
        entry["texture"],
        tuple(entry["defects"]),
        entry["description"],
    )


def _region_from(entry: dict[str, Any]) -> Region:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Region(**values)
