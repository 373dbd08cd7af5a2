"""From photos of any size to an inspection: the eye joined with the geometry and the regions.

The session, and the training of the voice, both look through here, so that words are learned from what will be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from anomalygpt.config import EncoderConfig
from anomalygpt.imaging.alignment import Alignment
from anomalygpt.imaging.geometry import Geometry
from anomalygpt.imaging.regions import find_regions
from anomalygpt.model.encoder import Features
from anomalygpt.model.eye import Eye
from anomalygpt.model.reference_memory import LayerMemory
from anomalygpt.model.state_prompts import SHARPNESS, TEMPLATES, UNNAMED
from anomalygpt.records import ANOMALOUS, Evidence, Inspection, Region

COPIES: tuple[Callable[[NDArray[Any]], NDArray[Any]], ...] = (
    lambda photo: np.rot90(photo, 1),
    lambda photo: np.rot90(photo, 2),
    lambda photo: np.rot90(photo, 3),
    lambda photo: photo[:, ::-1],
)
"""How else a good part may lie before the camera."""

EDGE = 1e-6
"""Values of a map are kept so far from 0 and 1 where their log-odds are taken."""


@torch.inference_mode()
def encode_photos(eye: Eye, photos: Sequence[NDArray[np.uint8]]) -> Features:
    """Encodes RGB uint8 photos of any size, each padded to the model's square."""
    return eye.see(to_squares(eye.config.encoder, photos))


def to_squares(config: EncoderConfig, photos: Sequence[NDArray[np.uint8]]) -> Tensor:
    """N photos, RGB uint8 of any size, as the encoder takes them: each padded to its square, N×3×S×S uint8."""
    squares = [
        Geometry.fit(photo.shape[0], photo.shape[1], config.image_size).to_square(photo, config.resampling)
        for photo in photos
    ]
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)


@dataclass(frozen=True, eq=False)
class LaidView:
    """A photo laid as a reference shows the part.

    Attributes:
        alignment: from the photo to this view.
        features: of the view, a batch of one.
    """

    alignment: Alignment
    features: Features

    def joined(self, anomaly_map: NDArray[np.float32], view_map: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mean in log-odds of a photo's own map H×W and its view's, in [0, 1]; where the view ends, the own one."""
        reach = self.alignment.to_photo(np.ones_like(view_map))
        own, other = (special.logit(values.clip(EDGE, 1 - EDGE)) for values in (anomaly_map, view_map))
        mean: NDArray[np.float32] = special.expit((own + self.alignment.to_photo(other)) / (1 + reach))
        return mean


class Products:
    """Tells what a part is among the config's names, by CLIP's zero-shot rule: image embedding against text embeddings.

    Args:
        eye: in evaluation mode; the names are encoded once.
    """

    def __init__(self, eye: Eye) -> None:
        self._names = eye.config.products
        with torch.inference_mode():
            texts = [TEMPLATES[0].format(name) for name in (*self._names, *UNNAMED)]
            self._texts = eye.encoder.encode_text(texts) if self._names else None

    def of(self, embeddings: Tensor) -> str:
        """The name of a product by the embeddings N×D of photos of it, "" where no name is likelier than all else."""
        if self._texts is None:
            return ""
        chances = self._chances(embeddings)
        best = int(chances.argmax())
        return self._names[best] if best < len(self._names) and chances[best] > 0.5 else ""

    def ranked(self, embeddings: Tensor) -> tuple[str, ...]:
        """All names, the likeliest first."""
        if self._texts is None:
            return ()
        order = self._chances(embeddings)[: len(self._names)].argsort(descending=True)
        return tuple(self._names[index] for index in order.tolist())

    @torch.inference_mode()
    def _chances(self, embeddings: Tensor) -> Tensor:
        """Probabilities of the names, and of `UNNAMED` behind them: the photos' geometric mean."""
        assert self._texts is not None
        return (SHARPNESS * embeddings.float().mean(0) @ self._texts.float().T).softmax(0)


def turned_copies(photos: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Every photo turned by 90, 180 and 270 degrees, and mirrored."""
    return [np.ascontiguousarray(copy(photo)) for photo in photos for copy in COPIES]


@torch.inference_mode()
def remember_photos(
    eye: Eye, photos: Sequence[NDArray[np.uint8]], rotations: bool
) -> tuple[list[LayerMemory], Features]:
    """The memory of reference photos, and the features of all that it was made of: the photos first, then their copies.

    Args:
        photos: at least one, RGB uint8.
        rotations: whether the memory also holds their turned copies.
    """
    copies = turned_copies(photos) if rotations else []
    features = encode_photos(eye, [*photos, *copies])
    memory = eye.remember(features, len(photos))
    return memory, features


@torch.inference_mode()
def look(
    eye: Eye,
    photo: NDArray[np.uint8],
    query: Features,
    states: Tensor,
    memory: list[LayerMemory] | None,
    references: int,
    rule: str | None = None,
    normal: float | None = None,
    product: str = "",
    laid: LaidView | None = None,
) -> Inspection:
    """Inspects one encoded photo.

    Args:
        photo: RGB uint8 H×W×3, as it is shown.
        query: its features, a batch of one.
        states: 1×2×D state embeddings.
        memory: of the references, None without any.
        references: how many normal photos the memory was made of.
        rule: "paper" or "fused"; the config's if left out.
        normal: by rule "paper", the distance at which the reference map is 0.5; None: as in the paper.
        product: what the part is, "" where that is not known.
        laid: the photo laid as a reference shows the part, where it lies otherwise; its map counts as much.
    """
    height, width = photo.shape[:2]

    def map_of(features: Features) -> NDArray[np.float32]:
        square = eye.anomaly_map(features, states, memory, rule, normal)[0].float().cpu().numpy()
        return Geometry.fit(height, width, len(square)).to_photo(square).clip(0, 1)

    anomaly_map = map_of(query)
    if laid is not None:
        anomaly_map = laid.joined(anomaly_map, map_of(laid.features))
    score = float(anomaly_map.max())  # the paper's image score, of the map as it is shown
    regions = find_regions(anomaly_map, photo) if score >= ANOMALOUS else ()
    evidence = Evidence(score, regions, width, height, references, product)
    return Inspection(photo, anomaly_map, evidence)


def square_map(inspection: Inspection, size: int) -> NDArray[np.float32]:
    """The anomaly map on the model's square, size×size, zero in the padding."""
    height, width = inspection.anomaly_map.shape
    return Geometry.fit(height, width, size).to_square(inspection.anomaly_map).astype(np.float32)


def region_masks(inspection: Inspection, size: int, count: int) -> NDArray[np.float32]:
    """Where the strongest regions lie on the model's square: count×size×size, map values inside, zero outside.

    Rows beyond the number of regions are all zero.
    """
    height, width = inspection.anomaly_map.shape
    geometry = Geometry.fit(height, width, size)
    masks = np.zeros((count, size, size), np.float32)
    for row, region in enumerate(inspection.regions[:count]):
        masks[row] = geometry.to_square(_only(inspection, region))
    return masks


def _only(inspection: Inspection, region: Region) -> NDArray[np.float32]:
    """The anomaly map inside one region's box where it is anomalous, zero elsewhere."""
    left, top, right, bottom = region.box
    alone = np.zeros_like(inspection.anomaly_map)
    inside = inspection.anomaly_map[top:bottom, left:right]
    alone[top:bottom, left:right] = np.where(inside >= ANOMALOUS, inside, 0)
    return alone
