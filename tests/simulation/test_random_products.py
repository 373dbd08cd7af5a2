from itertools import pairwise

import numpy as np
import pytest

from anomalygpt.simulation.base import Layer
from anomalygpt.simulation.defects import KINDS
from anomalygpt.simulation.materials import NAMES, draw_material
from anomalygpt.simulation.random_faults import Change
from anomalygpt.simulation.random_places import ARRANGEMENTS
from anomalygpt.simulation.random_products import PRODUCTS, RandomObject

SIZE = 56


@pytest.fixture(scope="module")
def objects() -> list[RandomObject]:
    return [RandomObject(np.random.default_rng([4, seed])) for seed in range(48)]


def paint(product: RandomObject, seed: int, fault: str | None = None) -> Layer:
    return product.paint(SIZE, np.random.default_rng(seed), fault, np.random.default_rng([seed, 1]) if fault else None)


def seen(layer: Layer) -> np.ndarray:
    return np.dstack([layer.color * layer.alpha[..., None], layer.alpha])


def test_has_no_name_and_is_an_object() -> None:
    assert (RandomObject,) == PRODUCTS
    assert RandomObject.key is None and not RandomObject.texture


def test_layers_are_valid(objects: list[RandomObject]) -> None:
    for product in objects:
        layer = paint(product, 0)
        assert layer.color.shape == (SIZE, SIZE, 3) and layer.alpha.shape == (SIZE, SIZE)
        assert layer.color.dtype == layer.alpha.dtype == np.float32
        assert np.isfinite(layer.color).all() and layer.color.min() >= 0 and layer.color.max() <= 1
        assert layer.alpha.min() >= 0 and 0.3 < layer.alpha.max() <= 1
        assert layer.alpha.mean() > 0.01


def test_family_is_wide(objects: list[RandomObject]) -> None:
    assert {product.arrangement for product in objects} == set(ARRANGEMENTS)
    assert len({body.material.name for product in objects for body in product.bodies}) > 0.8 * len(NAMES)
    assert len({detail.kind for product in objects for body in product.bodies for detail in body.details}) >= 9
    fixed, free = (sum((product.pose.rotation == 180) is free for product in objects) for free in (False, True))
    assert fixed > 10 and free > 5


def test_instances_differ_less_than_identities(objects: list[RandomObject]) -> None:
    own = [np.abs(seen(paint(product, 1)) - seen(paint(product, 2))).mean() for product in objects]
    other = [np.abs(seen(paint(a, 1)) - seen(paint(b, 1))).mean() for a, b in pairwise(objects)]
    assert min(own) > 0
    assert np.median(own) < 0.25 * np.median(other)


def test_faults_show_and_stay_local(objects: list[RandomObject]) -> None:
    shares = []
    for product in objects:
        good = seen(paint(product, 3))
        for fault in product.faults:
            assert fault in KINDS
            shares.append((np.abs(seen(paint(product, 3, fault)) - good).max(axis=2) > 0.02).mean())
    assert np.mean([share > 0 for share in shares]) > 0.9
    assert np.median(shares) < 0.06 and np.mean([share > 0.4 for share in shares]) < 0.02


def test_fault_takes_nothing_from_the_instance(objects: list[RandomObject]) -> None:
    for product in objects[:16]:
        for fault in product.faults:
            plain, spoilt = np.random.default_rng(7), np.random.default_rng(7)
            product.paint(SIZE, plain)
            product.paint(SIZE, spoilt, fault, np.random.default_rng(1))
            assert plain.bit_generator.state == spoilt.bit_generator.state


def test_same_seeds_paint_the_same() -> None:
    first, again = (paint(RandomObject(np.random.default_rng(11)), 5) for _ in range(2))
    assert np.array_equal(first.color, again.color) and np.array_equal(first.alpha, again.alpha)


def test_only_close_views_reach_the_border(objects: list[RandomObject]) -> None:
    for product in objects:
        alpha = paint(product, 2).alpha
        border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert (border.min() > 0.3) if product.arrangement == "close" else (border.max() == 0)


@pytest.mark.parametrize("name", NAMES)
def test_materials_paint_colour_planes(name: str) -> None:
    color, height = draw_material(np.random.default_rng(0), name).paint(48, np.random.default_rng(1))
    assert color.shape == (3, 48, 48) and height.shape == (48, 48)
    assert color.dtype == height.dtype == np.float32 and np.isfinite(color).all()


def test_gray_materials_have_no_hue() -> None:
    for seed in range(10):
        color, _ = draw_material(np.random.default_rng(seed), gray=True).paint(32, np.random.default_rng(1))
        assert np.ptp(color, axis=0).max() < 1e-6


def test_change_hits_only_its_target() -> None:
    change = Change(0, 2, 1, 3)
    assert change.hits(0, 2, 1, 3)
    assert not change.hits(0, 2) and not change.hits(0, 2, 1, 4) and not change.hits(1, 2, 1, 3)
