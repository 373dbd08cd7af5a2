"""A simulated case: a product in its station, photographed good for reference and, perhaps, defective as the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray

from anomalygpt.imaging.regions import place_of
from anomalygpt.records import Defect, Sample
from anomalygpt.simulation import structural
from anomalygpt.simulation.base import FloatImage, Layer, Product
from anomalygpt.simulation.camera import Exposure, develop, draw_exposure, store
from anomalygpt.simulation.cut_paste import cut_and_paste, reblend
from anomalygpt.simulation.defects import DRAWN, apply_defect, difference_mask
from anomalygpt.simulation.products import NAMED, make_product
from anomalygpt.simulation.several import Several
from anomalygpt.simulation.station import (
    Station,
    compose,
    draw_ground,
    draw_light,
    draw_placement,
    draw_station,
    place,
    settled,
)
from anomalygpt.simulation.strokes import Mask, strongest
from anomalygpt.simulation.visibility import visible

Seed = int | Sequence[int]

_STRUCTURAL = {
    "missing part": structural.broken_off,
    "misplaced part": structural.broken_apart,
    "bent part": structural.bent,
}
_GROWN = ("cookie", "hazelnut")
"""Products of so free a form that a bent one is as good as another."""
_TRAY = 0.15
"""Chance that parts come several to a photo."""
_ALONE = ("cable", "circuit board", "transistor", "zipper", "toothbrush")
"""Objects that are always photographed one by one, for size or because they bring their own surroundings."""
_OWN_FAULT = 0.75
"""Chance that a product paints a fault itself where a general one of the same kind exists."""
_REBLEND = 0.12
"""Chance of a blending without effect in a normal query, so that blending as such tells nothing."""
_TRIES = 40
"""How often a defect that cannot be seen is drawn again."""


@dataclass(frozen=True)
class _Take:
    """One photo being taken: an instance, where it lies, and the chance of the moment."""

    product: Product
    station: Station
    instance: int
    placement: NDArray[np.float64]
    ground: FloatImage
    exposure: Exposure

    def faulty(self, fault: str, fault_rng: Generator) -> Layer:
        """The instance painted with a fault and placed, S×S."""
        painted = self.product.paint(self.station.size, default_rng(self.instance), fault, fault_rng)
        return place(painted, self.placement)

    def compose(self, layer: Layer) -> FloatImage:
        """The scene before the camera."""
        return compose(layer, self.ground, self.station)

    def develop(self, scene: FloatImage) -> NDArray[np.uint8]:
        """The photo, before storage."""
        return develop(scene, self.station.camera, self.exposure)


def make_sample(
    seed: Seed, size: int = 224, shots: int = 1, key: str | None = "any", anomalous: bool | None = None
) -> Sample:
    """Simulates one case; the same arguments give the same case.

    Args:
        seed: non-negative.
        size: side of the photos in pixels.
        shots: how many normal references.
        key: of a named product; "any" for a named one or, as often, an unnamed one; None for an unnamed one.
        anomalous: whether the query has defects, by chance (even) where not given. In the rare case that no
            defect shows on the product, the sample is a normal one and says so.
    """
    return _episode(seed, size, shots, [anomalous], key)[0]


def make_episode(seed: Seed, size: int, shots: int, queries: int, key: str | None = "any") -> list[Sample]:
    """Simulates several queries of one product with the same references, half of them normal.

    Args: as of `make_sample`; `queries` is how many. The samples share one tuple of references.
    """
    order = default_rng(SeedSequence(seed, spawn_key=(7,)))
    extra = queries % 2 * int(order.integers(2))
    plan: list[bool | None] = [index < queries // 2 + extra for index in range(queries)]
    return _episode(seed, size, shots, [plan[index] for index in order.permutation(queries)], key)


def _episode(seed: Seed, size: int, shots: int, plan: Sequence[bool | None], key: str | None) -> list[Sample]:
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
        key = named[int(rng.integers(len(named)))] if rng.random() < 0.5 else None
    product = make_product(rng, key)
    if rng.random() < _TRAY and not product.texture and product.key not in _ALONE:
        return Several(product, rng)
    return product


def _set_up(
    product: Product, size: int, shots: int, setting: Generator, good: Generator
) -> tuple[Station, tuple[NDArray[np.uint8], ...], FloatImage]:
    """The station, the reference photos, and the scene of one of them (a source of patches)."""
    layers = [product.paint(size, default_rng(instance)) for instance in good.integers(2**63, size=shots)]
    part_color = layers[0].color[::4, ::4][layers[0].alpha[::4, ::4] > 0.5]
    mean = part_color.mean(axis=0) if part_color.size else np.full(3, 0.5, np.float32)
    rim = layers[0].alpha
    edge = np.concatenate([rim[0], rim[-1], rim[:, 0], rim[:, -1]])
    station = draw_station(size, bool(edge.mean() > 0.9), mean, setting)
    photos = []
    scene = np.zeros((size, size, 3), np.float32)
    for layer in layers:
        placed = place(layer, draw_placement(station, product.pose, good))
        scene = compose(placed, draw_ground(station, good), station)
        if not photos:
            station = settled(station, scene, placed.alpha, setting)
        exposure = draw_exposure(station.camera, *draw_light(station, placed.alpha, good), good)
        photos.append(store(develop(scene, station.camera, exposure), station.camera))
    return station, tuple(photos), scene


def _query(
    product: Product, station: Station, anomalous: bool, spare: FloatImage, rng: Generator
) -> tuple[NDArray[np.uint8], Mask, tuple[Defect, ...]]:
    """The query photo, where it is anomalous, and its defects."""
    size = station.size
    instance = int(rng.integers(2**63))
    placement = draw_placement(station, product.pose, rng)
    layer = place(product.paint(size, default_rng(instance)), placement)
    exposure = draw_exposure(station.camera, *draw_light(station, layer.alpha, rng), rng)
    take = _Take(product, station, instance, placement, draw_ground(station, rng), exposure)
    part = layer.alpha > 0.5
    scene = take.compose(layer)
    if not anomalous:
        if rng.random() < _REBLEND:
            scene = reblend(scene, part, rng)
        return store(take.develop(scene), station.camera), np.zeros(part.shape, bool), ()
    photo, mask, defects = _spoil(take, layer, scene, spare, rng)
    return store(photo, station.camera), mask, defects


def _kinds(take: _Take) -> list[str]:
    """The kinds of defect that fit a product; general faults of form need a background to show against."""
    general = set() if take.station.fills else set(_STRUCTURAL)
    if isinstance(take.product, Several):
        general.discard("misplaced part")
    if take.product.key in _GROWN:
        general.discard("bent part")
    return sorted({*DRAWN, "damage", *take.product.faults, *general})


def _spoil(
    take: _Take, layer: Layer, scene: FloatImage, spare: FloatImage, rng: Generator
) -> tuple[NDArray[np.uint8], Mask, tuple[Defect, ...]]:
    """Puts one to three visible defects on, those that change the form first."""
    kinds = _kinds(take)
    count = int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    drawn_or_pasted = {*DRAWN, "damage"}
    wanted = sorted(
        (kinds[int(rng.integers(len(kinds)))] for _ in range(count)), key=lambda kind: kind in drawn_or_pasted
    )
    part = layer.alpha > 0.5
    photo = take.develop(scene)
    total = np.zeros(part.shape, bool)
    defects: list[Defect] = []
    formed = False
    for kind in wanted:
        for attempt in range(_TRIES):
            if attempt and attempt % 4 == 0:
                kind = kinds[int(rng.integers(len(kinds)))]
            reshapes = kind not in drawn_or_pasted
            if reshapes and (formed or defects):
                kind, reshapes = DRAWN[int(rng.integers(len(DRAWN)))], False
            if reshapes:
                changed, touched = _reshape(take, layer, scene, kind, rng)
            else:
                changed, touched = _draw(take, scene, part, spare, kind, rng)
            after = take.develop(changed)
            mask = difference_mask(photo, after, solid=reshapes) & touched
            surface = "object" if not take.product.texture else "pasted" if kind == "damage" else "drawn"
            if not visible(photo, after, mask, part, take.station.camera.noise, surface):
                if defects and attempt >= 3:
                    break
                continue
            scene, photo = changed, after
            formed = formed or reshapes
            total |= mask
            defects.append(_record(kind, mask, part))
            break
    return photo, total, tuple(defects)


def _reshape(take: _Take, layer: Layer, scene: FloatImage, kind: str, rng: Generator) -> tuple[FloatImage, Mask]:
    """The scene with a fault of form, and where the part itself changed (not the shadow it casts)."""
    own = kind in take.product.faults and (take.station.fills or kind not in _STRUCTURAL or rng.random() < _OWN_FAULT)
    faulty = take.faulty(kind, rng) if own else _STRUCTURAL[kind](layer, rng)
    gap = strongest(cv2.absdiff(layer.color, faulty.color)) * np.maximum(layer.alpha, faulty.alpha)
    gap = np.maximum(gap, cv2.absdiff(layer.alpha, faulty.alpha))
    return take.compose(faulty), _widen(gap > 0.02, 11)


def _draw(
    take: _Take, scene: FloatImage, part: Mask, spare: FloatImage, kind: str, rng: Generator
) -> tuple[FloatImage, Mask]:
    """The scene with a defect on the part, and where it changed."""
    if kind == "damage":
        source = spare
        if rng.random() < 0.3:
            source = make_product(rng, None).paint(take.station.size, rng).color
        changed = cut_and_paste(scene, part, source, rng)
    else:
        changed, _ = apply_defect(kind, scene, part, rng)
    return changed, _widen(strongest(cv2.absdiff(scene, changed)) > 0.01, 5)


def _widen(mask: Mask, side: int) -> Mask:
    """The mask, what the camera's blur makes of its rim, and its gaps narrower than `side` pixels."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)


def _record(kind: str, mask: Mask, part: Mask) -> Defect:
    """The defect as it truly lies in the photo."""
    height, width = mask.shape
    left, top, wide, high = cv2.boundingRect(mask.astype(np.uint8))
    rows, columns = np.nonzero(mask)
    share = min(1.0, rows.size / max(int(np.count_nonzero(part | mask)), 1))
    place = place_of(float(columns.mean()) + 0.5, float(rows.mean()) + 0.5, width, height)
    return Defect(kind, (left, top, left + wide, top + high), place, share)
