"""Puts defects on an instance while its photo is taken, and keeps only those that can be seen in the photo."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from anomalygpt.imaging.regions import place_of
from anomalygpt.records import Defect
from anomalygpt.simulation import structural
from anomalygpt.simulation.base import FloatImage, Layer, Product
from anomalygpt.simulation.camera import Exposure, develop, redevelop
from anomalygpt.simulation.cut_paste import cut_and_paste
from anomalygpt.simulation.defects import DRAWN, apply_defect, difference_mask
from anomalygpt.simulation.products import make_product
from anomalygpt.simulation.station import Station, compose, place
from anomalygpt.simulation.strokes import Mask, log_uniform, strongest
from anomalygpt.simulation.visibility import LEAST_CONTRAST, Surface, visible

_STRUCTURAL = {
    "missing part": structural.broken_off,
    "misplaced part": structural.broken_apart,
    "bent part": structural.bent,
}
_PASTED = "damage"
_GROWN = ("cookie", "hazelnut")
"""Products of so free a form that a bent one is as good as another."""
_OWN_FAULT = 0.75
"""Chance that a product paints a fault itself where a general one of the same kind exists."""
_THIN = ("crack",)
"""Kinds that come twice as often as others: they have the most forms and are the hardest to see."""
_FOREIGN = 0.3
"""Chance that a pasted patch comes from another product."""
_FAINTEST = (1.2 * LEAST_CONTRAST, 4 * LEAST_CONTRAST)
"""Range of the mean difference to which fainter defects are strengthened: most would be drawn again else."""
_TRIES = 40
"""How often the first defect is drawn again as long as it cannot be seen; further ones are given up sooner."""
_PATIENCE = 4
"""After so many tries another kind of defect is taken, or a further defect left out."""


@dataclass(frozen=True)
class Take:
    """One photo being taken: an instance, where it lies, and the chance of the moment.

    Attributes:
        product: what is photographed.
        station: where.
        instance: seed of the instance's natural variation.
        placement: 3×3 homography from the painted canvas to the photo.
        layer: the good instance, painted and placed, S×S.
        ground: the background, float32 S×S×3.
        exposure: the chance of the moment.
    """

    product: Product
    station: Station
    instance: int
    placement: NDArray[np.float64]
    layer: Layer
    ground: FloatImage
    exposure: Exposure

    @property
    def part(self) -> Mask:
        """Where the good part is, bool S×S."""
        return self.layer.alpha > 0.5

    def faulty(self, fault: str, fault_rng: Generator) -> Layer:
        """The same instance painted with a fault, placed, S×S."""
        painted = self.product.paint(self.station.size, default_rng(self.instance), fault, fault_rng)
        return place(painted, self.placement)

    def compose(self, layer: Layer) -> FloatImage:
        """The scene before the camera."""
        return compose(layer, self.ground, self.station)

    def develop(self, scene: FloatImage) -> NDArray[np.uint8]:
        """The photo, before storage."""
        return develop(scene, self.station.camera, self.exposure)


def spoil(take: Take, spare: FloatImage, rng: Generator) -> tuple[NDArray[np.uint8], Mask, tuple[Defect, ...]]:
    """Puts one to three defects on, kinds drawn from those that fit, those that change the form first.

    Args:
        take: the photo, of a good instance so far.
        spare: float32 S×S×3, another instance's scene, as a source of patches.
        rng: the chance within the defects.

    Returns:
        The photo before storage, uint8 S×S×3; the truth mask, bool S×S; the defects, none in the rare case that
        nothing put on this instance could be seen.
    """
    kinds = fitting_kinds(take)
    scene = take.compose(take.layer)
    part = take.part
    photo = take.develop(scene)
    total = np.zeros(part.shape, bool)
    defects: list[Defect] = []
    for wish in _wishes(kinds, rng):
        kind = wish
        for attempt in range(_PATIENCE if defects else _TRIES):
            if attempt and attempt % _PATIENCE == 0:
                kind = kinds[int(rng.integers(len(kinds)))]
            if kind in _SURFACE or defects:
                kind = kind if kind in _SURFACE else _SURFACE[int(rng.integers(len(_SURFACE)))]
                left = part
                changed, touched = _on_surface(take, scene, part, spare, kind, rng)
                after = redevelop(photo, changed, touched, take.station.camera, take.exposure)
                mask = difference_mask(photo, after) & touched
            else:
                faulty = _reshaped(take, kind, rng)
                left = faulty.alpha > 0.5
                changed, touched = take.compose(faulty), _changed(take.layer, faulty)
                after = take.develop(changed)
                mask = difference_mask(photo, after, solid=True) & touched
            if visible(photo, after, mask, take.part, take.station.camera.noise, _surface(take.product, kind)):
                scene, photo, part = changed, after, left
                total |= mask
                defects.append(_record(kind, mask, take.part))
                break
    return photo, total, tuple(defects)


_SURFACE: tuple[str, ...] = (*DRAWN, _PASTED)
"""The kinds that leave the part's form as it is."""


def fitting_kinds(take: Take) -> list[str]:
    """The kinds of defect that fit a product; general faults of form need a background to show against."""
    general = set() if take.station.fills else set(_STRUCTURAL)
    if take.product.key in _GROWN:
        general.discard("bent part")
    return sorted({*_SURFACE, *take.product.faults, *general})


def _surface(product: Product, kind: str) -> Surface:
    """Against what a defect of this kind must stand out."""
    if not product.texture:
        return "object"
    return "pasted" if kind == _PASTED else "drawn"


def _wishes(kinds: list[str], rng: Generator) -> list[str]:
    """One to three kinds, faults of form first: they need the bare part."""
    count = int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    drawn = [*kinds, *(kind for kind in kinds if kind in _THIN)]
    return sorted((drawn[int(rng.integers(len(drawn)))] for _ in range(count)), key=lambda kind: kind in _SURFACE)


def _reshaped(take: Take, kind: str, rng: Generator) -> Layer:
    """The instance with a fault of form: the product's own or, where it has none or by chance, a general one."""
    general = not take.station.fills and kind in _STRUCTURAL
    if kind in take.product.faults and not (general and rng.random() > _OWN_FAULT):
        return take.faulty(kind, rng)
    return _STRUCTURAL[kind](take.layer, rng)


def _changed(good: Layer, faulty: Layer) -> Mask:
    """Where the part itself changed (not the shadow that it casts), with the rim that the camera blurs."""
    gap = strongest(cv2.absdiff(good.color, faulty.color)) * np.maximum(good.alpha, faulty.alpha)
    return _widened(np.maximum(gap, cv2.absdiff(good.alpha, faulty.alpha)) > 0.02, 11)


def _on_surface(
    take: Take, scene: FloatImage, part: Mask, spare: FloatImage, kind: str, rng: Generator
) -> tuple[FloatImage, Mask]:
    """The scene with a defect drawn or pasted on the part, and where it changed."""
    if kind == _PASTED:
        foreign = rng.random() < _FOREIGN
        source = make_product(rng).paint(take.station.size, rng).color if foreign else spare
        changed = cut_and_paste(scene, part, source, rng)
        mask = difference_mask(scene, changed)
    else:
        changed, mask = apply_defect(kind, scene, part, rng)
    changed = _strengthened(scene, changed, mask, log_uniform(rng, *_FAINTEST))
    return changed, _widened(strongest(cv2.absdiff(scene, changed)) > 0.01, 5)


def _strengthened(scene: FloatImage, changed: FloatImage, mask: Mask, least: float) -> FloatImage:
    """The change made stronger, where its mean difference within the mask is below `least`, by at most three times."""
    if not mask.any():
        return changed
    mean = float(strongest(cv2.absdiff(scene[mask][None], changed[mask][None])).mean())
    if mean >= least:
        return changed
    factor = np.float32(min(least / mean, 3.0))
    return np.clip(scene + factor * (changed - scene), 0.0, 1.0)


def _widened(mask: Mask, side: int) -> Mask:
    """The mask dilated by a square of `side` pixels."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)


def _record(kind: str, mask: Mask, part: Mask) -> Defect:
    """The defect as it truly lies in the photo."""
    height, width = mask.shape
    left, top, wide, high = cv2.boundingRect(mask.astype(np.uint8))
    rows, columns = np.nonzero(mask)
    share = min(1.0, rows.size / max(int(np.count_nonzero(part | mask)), 1))
    where = place_of(float(columns.mean()) + 0.5, float(rows.mean()) + 0.5, width, height)
    return Defect(kind, (left, top, left + wide, top + high), where, share)
