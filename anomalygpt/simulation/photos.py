"""Products made of real photos: they paint nothing themselves, and take the defects of the simulation.

Every spoiled photo has its untouched original: the same photo in the same exposure (paper, section 3.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray

from anomalygpt.imaging.geometry import Geometry
from anomalygpt.imaging.part import part_mask
from anomalygpt.records import Sample
from anomalygpt.simulation.base import FloatImage, Layer, Pose, Product
from anomalygpt.simulation.camera import Camera, draw_exposure, store
from anomalygpt.simulation.spoiling import Take, spoil
from anomalygpt.simulation.station import Station, draw_light
from anomalygpt.simulation.strokes import Mask

_GREY = 3
"""Largest difference between channels of a photo that a camera without colour took."""
_AROUND = 0.02
"""Width of the seam between part and background, as a share of the side, where neither is sure."""


@dataclass(frozen=True)
class GoodPhoto:
    """A photo of a good part on the model's square.

    Attributes:
        square: RGB uint8 S×S×3.
        inside: bool S×S, False in the padding.
    """

    square: NDArray[np.uint8]
    inside: Mask

    @classmethod
    def of(cls, photo: NDArray[np.uint8], size: int) -> GoodPhoto:
        """Fits a photo, RGB uint8 H×W×3, into a square of side `size`."""
        geometry = Geometry.fit(photo.shape[0], photo.shape[1], size)
        return cls(geometry.to_square(photo), geometry.inside)

    @cached_property
    def part(self) -> Mask:
        """Where the part is, bool S×S; all but the padding where no background can be told."""
        return part_mask(self.square) & self.inside

    @property
    def fills(self) -> bool:
        """Whether there is no background to see."""
        return bool(np.array_equal(self.part, self.inside))

    @cached_property
    def layer(self) -> Layer:
        """The part, cut out of its photo."""
        return Layer(np.float32(1 / 255) * self.square, self.part.astype(np.float32))

    @cached_property
    def ground(self) -> FloatImage:
        """What would be seen if the part were not there: its background, continued smoothly; float32 S×S×3."""
        photo = self.layer.color
        if self.fills:
            return photo
        size = len(photo)
        away = cv2.dilate(self.part.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=round(_AROUND * size) + 1)
        known = ((away == 0) & self.inside).astype(np.float32)
        filled, weight = np.zeros_like(photo), np.zeros_like(known)
        for sigma in (0.02, 0.06, 0.2, 0.6):  # the nearest background where there is some, else what is farther off
            seen = cv2.GaussianBlur(known, (0, 0), sigma * size)
            color = cv2.GaussianBlur(photo * known[..., None], (0, 0), sigma * size)
            more = (1 - weight) * np.clip(seen * 20, 0, 1)
            filled += more[..., None] * color / np.maximum(seen, 1e-4)[..., None]
            weight += more
        filled /= np.maximum(weight, 1e-4)[..., None]
        return np.where(known[..., None] > 0, photo, filled).astype(np.float32)


@dataclass(frozen=True, eq=False)
class PhotoSample(Sample):
    """A sample whose query is a real photo on its square.

    Attributes:
        inside: bool S×S, False in the padding.
    """

    inside: Mask = field(default_factory=lambda: np.ones((1, 1), bool))


class Photographed(Product):
    """A product of which there are photos of good instances.

    Args:
        photos: at least one, all of one size.
        key: the product's name, where it is one of the simulation's own.
    """

    pose = Pose(rotation=0.0, shift=0.0, scale=0.0)

    def __init__(self, photos: Sequence[GoodPhoto], key: str | None = None) -> None:
        if not photos:
            raise ValueError("a product made of photos needs at least one photo")
        self.photos = photos
        self.key = key

    @property
    def texture(self) -> bool:  # type: ignore[override]
        """True where the first photo shows no background."""
        return self.photos[0].fills

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """One of the photos; see `Product.paint`. There are no faults that only the product could paint."""
        if fault is not None or size != len(self.photos[0].square):
            raise ValueError("a product made of photos paints no faults, and only at the size of its photos")
        return self.photos[int(rng.integers(len(self.photos)))].layer


def spoil_photos(photos: Sequence[GoodPhoto], seed: Sequence[int], shots: int, queries: int) -> list[PhotoSample]:
    """An episode of real photos: some as references, others spoiled, each of these with its untouched original.

    Args:
        photos: of one product, at least two.
        seed: non-negative numbers; the same ones give the same episode.
        shots: how many references.
        queries: how many samples: spoiled, untouched, spoiled, ... of one photo after the other.

    Returns:
        Samples that all hold the same tuple of references. No photo is reference and query, and none comes twice,
        as far as there are enough of them.

    Raises:
        ValueError: fewer than two photos, or no reference is asked for.
    """
    if len(photos) < 2 or shots < 1:
        raise ValueError("an episode takes at least two photos: one as a reference and one to spoil")
    rng = default_rng(SeedSequence(list(seed), spawn_key=(10,)))
    order = rng.permutation(len(photos))
    kept = min(shots, len(photos) - 1)
    product, camera = Photographed(photos), _camera(photos[order[0]].square, rng)
    references = []
    for index in range(shots):
        take = _take(product, photos[order[index % kept]], camera, rng)
        references.append(store(take.develop(take.compose(take.layer)), camera))
    samples: list[PhotoSample] = []
    for index in range(-(-queries // 2)):
        photo = photos[order[kept + index % (len(photos) - kept)]]
        take = _take(product, photo, camera, rng)
        other = photos[order[(kept + index + 1) % len(photos)]]
        samples += _pair(take, photo.inside, other.layer.color, tuple(references), rng)
    return samples[:queries]


def _pair(
    take: Take, inside: Mask, spare: FloatImage, references: tuple[NDArray[np.uint8], ...], rng: Generator
) -> list[PhotoSample]:
    """The spoiled photo and its untouched original."""
    camera, product = take.station.camera, take.product
    photo, mask, defects = spoil(take, spare, rng)
    untouched = take.develop(take.compose(take.layer))
    return [
        PhotoSample(store(photo, camera), references, mask, product.key, product.texture, defects, inside),
        PhotoSample(
            store(untouched, camera), references, np.zeros_like(mask), product.key, product.texture, inside=inside
        ),
    ]


def _take(product: Product, photo: GoodPhoto, camera: Camera, rng: Generator) -> Take:
    """The photo as a scene before a second camera that adds little, so that defects share the last blur and noise."""
    size = len(photo.square)
    angle = rng.uniform(0, 2 * np.pi)
    station = Station(
        size=size,
        fills=photo.fills,
        background=photo.ground,
        restless=0.0,
        camera=camera,
        zoom=1.0,
        tilt=0.0,
        turn=0.0,
        light=(float(np.cos(angle)), float(np.sin(angle))),
        color=(1.0, 1.0, 1.0),
        slope=float(rng.uniform(0.0, 0.04)),
        uneven=float(rng.uniform(0.0, 0.02)),
        drift=0.5,
        shade=0.0,
        reach=(0.0, 0.01),
        moving_shadow=0.0,
        exposure=1.0,
        gloss=0.0,
    )
    exposure = draw_exposure(camera, *draw_light(station, photo.layer.alpha, rng), rng)
    return Take(product, station, 0, np.eye(3), photo.layer, photo.ground, exposure)


def _camera(square: NDArray[np.uint8], rng: Generator) -> Camera:
    """A camera that adds little, without colour where the photo has none."""
    return Camera(
        grey=bool(np.ptp(square.astype(np.int16), axis=2).max() <= _GREY),
        weights=(1 / 3, 1 / 3, 1 / 3),
        threshold=None,
        blur=float(rng.uniform(0.0, 0.6)),
        focus_drift=0.1,
        noise=float(np.exp(rng.uniform(np.log(0.001), np.log(0.008)))),
        clump=0.0,
        vignette=0.0,
        sharpen=0.0,
        contrast=1.0,
        exposure_drift=float(rng.uniform(0.0, 0.03)),
        color_drift=float(rng.uniform(0.0, 0.004)),
        quality=int(rng.integers(75, 96)) if rng.random() < 0.2 else None,
    )
