"""The reference memory: what good patches look like, and how far each query patch is from them.

The paper's few-shot map is one minus the highest cosine similarity to any reference patch (section 3.2, equation 2).
Beside that global distance the memory measures a position-aware one, the reverse one (what the reference shows and
the query lacks), and how far reference patches lie from each other: what distance is normal for this product.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from anomalygpt.config import MemoryConfig
from anomalygpt.model.encoder import Features, fast_at_bfloat16


@dataclass(frozen=True)
class LayerMemory:
    """The reference patches of one layer.

    Attributes:
        patches: K×N×C, L2-normalised, N = grid².
        typical: K×N, cosine distance of each patch to its nearest like elsewhere in the references; of a turned copy,
            elsewhere in itself.
        upright: how many of the K are photos as they were taken; turned copies, whose positions mean nothing, follow.
        grid: patches per side.
    """

    patches: Tensor
    typical: Tensor
    upright: int
    grid: int


@dataclass(frozen=True)
class LayerMatch:
    """How the query patches of one layer compare with the memory; all B×h×w but `matched`.

    Attributes:
        distance: one minus the highest cosine similarity to any reference patch.
        windowed: the same within the window around the patch's own place.
        reverse: how far the nearest query patch in the window is from what the references show at this place.
        typical: the typical distance of the matched reference patch.
        matched: the matched reference patch, B×C×h×w, L2-normalised.
    """

    distance: Tensor
    windowed: Tensor
    reverse: Tensor
    typical: Tensor
    matched: Tensor


@lru_cache(maxsize=32)
def _window(grid: int, reach: float, device: torch.device) -> Tensor:
    """Bool N×N: which cells of a grid lie within `reach` cells of which (Chebyshev)."""
    with torch.inference_mode(False):  # kept for later calls, which may be training
        line = torch.arange(grid, device=device)
        near = (line[:, None] - line[None, :]).abs() <= reach
        return (near[:, None, :, None] & near[None, :, None, :]).reshape(grid**2, grid**2)


def remember(references: Features, upright: int | None = None, coarse: bool = False) -> list[LayerMemory]:
    """Builds the memory of K references from their features.

    Args:
        references: of K photos.
        upright: how many come first that are no turned copies; all if left out.
        coarse: whether typical distances may be rounded to bfloat16's precision.
    """
    layers = []
    for patches in references.patches:
        count, _, grid, _ = patches.shape
        flat = F.normalize(patches.flatten(2).transpose(1, 2), dim=-1)
        own_place = _window(grid, 1, flat.device)
        first = count if upright is None else upright
        compared = _to_compare(flat, coarse)
        typical = []
        for index in range(count):  # one reference at a time keeps the cost linear in memory
            # A turned copy of a patch is no other patch that is like it: copies are compared within themselves alone.
            among = slice(0, first) if index < first else slice(index, index + 1)
            similarity = (compared[index] @ compared[among].flatten(0, 1).T).unflatten(1, (-1, grid**2))
            similarity[:, index - among.start].masked_fill_(own_place, -1.0)
            typical.append(1 - similarity.flatten(1).amax(1).float())
        layers.append(LayerMemory(flat, torch.stack(typical), first, grid))
    return layers


def match(query: Features, memory: list[LayerMemory], config: MemoryConfig) -> list[LayerMatch]:
    """Compares B query photos with the memory, layer by layer.

    The nearest patch is found without gradient and gathered again with it, so that training moves both ends.
    """
    matches = []
    for patches, layer in zip(query.patches, memory, strict=True):
        shape = patches.shape
        flat = F.normalize(patches.flatten(2).transpose(1, 2), dim=-1)
        bank = layer.patches.flatten(0, 1)
        with torch.no_grad():
            similarity = _to_compare(flat, config.coarse_search) @ _to_compare(bank, config.coarse_search).T
            nearest = similarity.max(2).indices  # argmax alone is slower in bfloat16
            if config.window and layer.upright:
                by_reference = similarity.unflatten(2, (-1, layer.grid**2))[:, :, : layer.upright]
                far = ~_window(layer.grid, max(1.0, config.window * layer.grid), flat.device)
                in_window = by_reference.masked_fill(far[:, None], -1.0)
                near = in_window.flatten(2).argmax(2)
                # Where several references agree that something is missing, the least of them still says so.
                reverse = (1 - in_window.amax(1).float()).amin(1)
            else:
                near = nearest
                reverse = torch.zeros_like(flat[..., 0])
        matched = bank[nearest]
        local = bank[near]
        matches.append(
            LayerMatch(
                distance=_grid(1 - (flat * matched).sum(-1), shape),
                windowed=_grid(1 - (flat * local).sum(-1), shape),
                reverse=_grid(reverse, shape),
                typical=_grid(layer.typical.flatten()[nearest], shape),
                matched=matched.transpose(1, 2).unflatten(2, shape[2:]),
            )
        )
    return matches


def _to_compare(patches: Tensor, coarse: bool) -> Tensor:
    """Patches as their products are taken: rounded to bfloat16 where that may be and is faster."""
    return patches.bfloat16() if coarse and fast_at_bfloat16(patches.device) else patches


def reference_map(matches: list[LayerMatch], size: int) -> Tensor:
    """The paper's few-shot map: distance averaged over the layers, B×size×size, in [0, 1]."""
    maps = [
        F.interpolate(layer.distance[:, None].float(), (size, size), mode="bilinear", align_corners=True)[:, 0]
        for layer in matches
    ]
    return torch.stack(maps).mean(0).clamp(0, 1)


def _grid(values: Tensor, shape: torch.Size) -> Tensor:
    return values.unflatten(1, shape[2:])
