"""A simulated case: a product in its station, photographed good for reference and, perhaps, defective as the query."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray

from anomalygpt.records import Defect, Sample
from anomalygpt.simulation.base import FloatImage, Layer, Product
from anomalygpt.simulation.camera import draw_exposure, store
from anomalygpt.simulation.cut_paste import reblend
from anomalygpt.simulation.products import NAMED, make_product
from anomalygpt.simulation.several import Several
from anomalygpt.simulation.spoiling import Take, spoil
from anomalygpt.simulation.station import Station, draw_ground, draw_light, draw_placement, draw_station, place
from anomalygpt.simulation.strokes import Mask

Seed = int | Sequence[int]

_NAMED = 0.5
"""Chance that a product drawn for "any" has a name."""
_TRAY = 0.15
"""Chance that parts come several to a photo."""
_TRAYS = ("bottle", "capsule", "cast metal", "cookie", "hazelnut", "metal nut", "pill", "screw")
"""Products small enough for it; the unnamed ones bring trays of their own."""
_REBLEND = 0.12
"""Chance of a blending without effect in a normal query, so that blending as such tells nothing."""


def make_sample(
    seed: Seed, size: int = 224, shots: int = 1, key: str | None = "any", anomalous: bool | None = None
) -> Sample:
    """Simulates one case; the same arguments give the same case.

    Args:
        seed: non-negative; one number or several.
        size: side of the photos in pixels.
        shots: how many normal references.
        key: of a named product; "any" for a named one or, as often, an unnamed one; None for an unnamed one.
        anomalous: whether the query has defects, by chance (even) where not given. In the rare case that no
            defect shows on the product, the sample is a normal one and says so.

    Raises:
        ValueError: there is no product of that name, or no reference is asked for.
    """
    return _episode(seed, size, shots, [anomalous], key)[0]


def make_episode(seed: Seed, size: int, shots: int, queries: int, key: str | None = "any") -> list[Sample]:
    """Simulates several queries of one product with the same references, half of them normal.

    Args:
        seed: see `make_sample`.
        size: see `make_sample`.
        shots: see `make_sample`.
        queries: how many; of an odd number, one more or one less than half are normal, by chance.
        key: see `make_sample`.

    Returns:
        `queries` samples in random order, all of which hold the same tuple of references.

    Raises:
        ValueError: see `make_sample`.
    """
    order = default_rng(SeedSequence(seed, spawn_key=(9,)))
    defective = queries // 2 + queries % 2 * int(order.integers(2))
    plan: list[bool | None] = [index < defective for index in order.permutation(queries)]
    return _episode(seed, size, shots, plan, key)


def _episode(seed: Seed, size: int, shots: int, plan: Sequence[bool | None], key: str | None) -> list[Sample]:
    """One sample for each entry of `plan`: a defective query, a normal one, or by chance."""
    if shots < 1:
        raise ValueError(f"shots is {shots}; a sample needs at least one reference")
    identity, setting, good, asked = (default_rng(SeedSequence(seed, spawn_key=(index,))) for index in range(4))
    product = _draw_product(key, identity)
    station, references, spare = _set_up(product, size, shots, setting, good)
    samples = []
    for wanted in plan:
        rng = default_rng(asked.integers(2**63))
        chance = bool(rng.random() < 0.5)
        photo, mask, defects = _query(product, station, chance if wanted is None else wanted, spare, rng)
        samples.append(Sample(photo, references, mask, product.key, product.texture, defects))
    return samples


def _draw_product(key: str | None, rng: Generator) -> Product:
    """A product, or now and then a tray with several of the same part."""
    if key == "any":
        named = list(NAMED)
        key = named[int(rng.integers(len(named)))] if rng.random() < _NAMED else None
    product = make_product(rng, key)
    return Several(product, rng) if product.key in _TRAYS and rng.random() < _TRAY else product


def _set_up(
    product: Product, size: int, shots: int, setting: Generator, good: Generator
) -> tuple[Station, tuple[NDArray[np.uint8], ...], FloatImage]:
    """The station, the reference photos, and the scene of the last one (a source of patches)."""
    instances = [int(instance) for instance in good.integers(2**63, size=shots)]
    painted = [product.paint(size, default_rng(instance)) for instance in instances]
    station = draw_station(size, painted[0], setting)
    photos = []
    for instance, layer in zip(instances, painted, strict=True):
        take = _take(product, station, instance, layer, good)
        scene = take.compose(take.layer)
        photos.append(store(take.develop(scene), station.camera))
    return station, tuple(photos), scene


def _take(product: Product, station: Station, instance: int, painted: Layer, rng: Generator) -> Take:
    """An instance set up to be photographed."""
    placement = draw_placement(station, product.pose, rng)
    layer = place(painted, placement)
    exposure = draw_exposure(station.camera, *draw_light(station, layer.alpha, rng), rng)
    return Take(product, station, instance, placement, layer, draw_ground(station, rng), exposure)


def _query(
    product: Product, station: Station, anomalous: bool, spare: FloatImage, rng: Generator
) -> tuple[NDArray[np.uint8], Mask, tuple[Defect, ...]]:
    """The query photo, where it is anomalous, and its defects."""
    instance = int(rng.integers(2**63))
    take = _take(product, station, instance, product.paint(station.size, default_rng(instance)), rng)
    if anomalous:
        photo, mask, defects = spoil(take, spare, rng)
    else:
        scene = take.compose(take.layer)
        if rng.random() < _REBLEND:
            scene = reblend(scene, take.part, rng)
        photo, mask, defects = take.develop(scene), np.zeros(take.part.shape, bool), ()
    return store(photo, station.camera), mask, defects
