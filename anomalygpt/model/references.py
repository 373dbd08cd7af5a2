"""What is known of normal photos, for photos of any size and pose.

A part that lies turned or shifted before a plain background is also looked at as the first normal photo shows it
(`imaging.alignment`).

Every photo is scaled to the same square, so one product must be photographed at one distance. Of surfaces people often
give a cut-out: from the same camera, but with fewer pixels, and so enlarged more than the photo itself. Its grain is
then that of another surface. Whether a smaller photo is such a cut-out, or the whole part with fewer pixels, nothing
but a comparison tells: both readings are tried, and the nearer one is kept. The shallowest layer is compared, which
knows scales best: deeper ones have learned to make little of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomalygpt.imaging.alignment import Posed
from anomalygpt.model.encoder import Features
from anomalygpt.model.eye import Eye
from anomalygpt.model.looking import LaidView, encode_photos, look, remember_photos
from anomalygpt.model.reference_memory import LayerMemory, match
from anomalygpt.records import Inspection

SMALLER = 1.3
"""A photo whose long side is this many times that of a reference may have been given a cut-out."""

NEARER = 0.85
"""The mean distance to the cut-outs as a share of that to the whole photos, under which they are believed to be such:
the distances of surfaces that look alike at every scale differ by a tenth."""


def continued(reference: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A cut-out, RGB uint8, continued by its mirror images to height×width."""
    rows, columns = (_to_and_fro(*sides) for sides in zip(reference.shape[:2], (height, width), strict=True))
    return np.ascontiguousarray(reference[rows][:, columns])


def is_smaller(reference: NDArray[np.uint8], height: int, width: int) -> bool:
    """Whether a reference may be a cut-out beside a photo of height×width pixels."""
    own = reference.shape[:2]
    return own[0] <= height and own[1] <= width and SMALLER * max(own) < max(height, width)


def _to_and_fro(count: int, length: int) -> NDArray[np.int64]:
    """Indices 0 to count-1, then backwards, and so on, `length` in all."""
    there = np.arange(count)
    return np.resize(np.concatenate([there, there[::-1]]), length)


class References:
    """What is known of reference photos, for photos of any size and pose.

    Args:
        eye: in evaluation mode.
        photos: at least one, RGB uint8.
        rotations: whether the memory also holds their turned copies.

    Attributes:
        features: of the photos themselves.
        embeddings: of the photos and of their turned copies, N×D.
    """

    def __init__(self, eye: Eye, photos: Sequence[NDArray[np.uint8]], rotations: bool) -> None:
        self._eye = eye
        self._photos = tuple(photos)
        self._rotations = rotations
        self._whole, every = remember_photos(eye, photos, rotations)
        self.features, self.embeddings = every.select(slice(0, len(photos))), every.embedding
        self._cut_outs: tuple[tuple[int, int], list[LayerMemory] | None] | None = None
        self._posed = Posed(photos[0]) if eye.config.memory.alignment else None
        self._laid: tuple[NDArray[np.uint8], LaidView | None] | None = None

    def laid(self, photo: NDArray[np.uint8]) -> LaidView | None:
        """A photo, RGB uint8 H×W×3, as the first reference shows the part; None where it lies so, or that is not sure.

        The last photo's view is kept.
        """
        if self._posed is None:
            return None
        if self._laid is None or self._laid[0] is not photo:
            alignment = self._posed.alignment_of(photo)
            view = None
            if alignment is not None:
                view = LaidView(alignment, encode_photos(self._eye, [alignment.to_other(photo)]))
            self._laid = photo, view
        return self._laid[1]

    @torch.inference_mode()
    def memory_for(self, photo: NDArray[np.uint8], query: Features) -> list[LayerMemory]:
        """The memory to compare a photo with.

        Args:
            photo: RGB uint8 H×W×3.
            query: its features, a batch of one.
        """
        cut_outs = self._as_cut_outs(photo.shape[0], photo.shape[1])
        if cut_outs is None:
            return self._whole
        shallow = Features(query.patches[:1], query.embedding)
        distances = [
            float(match(shallow, memory[:1], self._eye.config.memory)[0].distance.mean())
            for memory in (self._whole, cut_outs)
        ]
        return cut_outs if distances[1] < NEARER * distances[0] else self._whole

    def _as_cut_outs(self, height: int, width: int) -> list[LayerMemory] | None:
        """The memory with every smaller photo at the scale of a photo of this size, None where none is smaller."""
        if self._cut_outs is None or self._cut_outs[0] != (height, width):
            smaller = [is_smaller(photo, height, width) for photo in self._photos]
            photos = [
                continued(photo, height, width) if small else photo
                for photo, small in zip(self._photos, smaller, strict=True)
            ]
            memory = remember_photos(self._eye, photos, self._rotations)[0] if any(smaller) else None
            self._cut_outs = (height, width), memory
        return self._cut_outs[1]


def embeddings_beside(query: Features, known: References | None) -> Tensor:
    """The embeddings N×D of all that shows the product: an encoded photo, its references and their turned copies."""
    return query.embedding if known is None else torch.cat([query.embedding, known.embeddings])


@torch.inference_mode()
def look_beside(
    eye: Eye,
    photo: NDArray[np.uint8],
    query: Features,
    states: Tensor,
    known: References | None,
    rule: str | None = None,
    normal: float | None = None,
    product: str = "",
) -> Inspection:
    """Inspects one encoded photo beside its references: what a session sees, and what later stages learn from.

    Args:
        known: None without references; the rest as `looking.look` has it.
    """
    if known is None:
        return look(eye, photo, query, states, None, 0, rule, normal, product)
    fused = (rule or eye.config.fusion.rule) == "fused"  # the paper looks once
    laid = known.laid(photo) if fused else None
    memory = known.memory_for(photo, query)
    return look(eye, photo, query, states, memory, memory[0].upright, rule, normal, product, laid)
