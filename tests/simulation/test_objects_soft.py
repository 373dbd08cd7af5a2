import numpy as np
import pytest

from anomalygpt.simulation import (
    objects_baked,
    objects_cable,
    objects_food,
    objects_glass,
    objects_pharma,
    objects_soft,
    objects_tablet,
)
from anomalygpt.simulation.base import Product

PRODUCTS = [
    *objects_baked.PRODUCTS,
    *objects_cable.PRODUCTS,
    *objects_food.PRODUCTS,
    *objects_glass.PRODUCTS,
    *objects_pharma.PRODUCTS,
    *objects_soft.PRODUCTS,
    *objects_tablet.PRODUCTS,
]
SIZE = 96


def generator(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def with_faults(kind: type[Product]) -> list[tuple[int, Product, str]]:
    made = [(seed, kind(generator(seed))) for seed in range(6)]
    return [(seed, product, fault) for seed, product in made for fault in product.faults]


def test_covers_the_soft_kinds_of_product():
    assert {kind.key for kind in PRODUCTS} == {
        "bottle",
        "cable",
        "capsule",
        "cookie",
        "hazelnut",
        "pill",
        "toothbrush",
    }


@pytest.mark.parametrize("kind", PRODUCTS)
@pytest.mark.parametrize("size", [64, 97])
def test_paints_a_centred_part_in_range(kind: type[Product], size: int):
    for seed in range(8):
        layer = kind(generator(seed)).paint(size, generator(seed, 1))
        assert layer.color.shape == (size, size, 3)
        assert layer.alpha.shape == (size, size)
        assert layer.color.dtype == layer.alpha.dtype == np.float32
        assert np.isfinite(layer.color).all()
        assert layer.color.min() >= 0 and layer.color.max() <= 1
        assert layer.alpha.min() >= 0 and layer.alpha.max() <= 1
        rows, columns = np.nonzero(layer.alpha > 0.5)
        # A thing on a background: it spans the canvas in one direction at least and leaves its border free.
        assert 0.45 * size <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 0.97 * size
        assert abs(rows.mean() / size - 0.5) < 0.12 and abs(columns.mean() / size - 0.5) < 0.12
        assert not layer.alpha[[0, -1]].any() and not layer.alpha[:, [0, -1]].any()


@pytest.mark.parametrize("kind", PRODUCTS)
def test_same_generators_paint_the_same_and_others_do_not(kind: type[Product]):
    first = kind(generator(3)).paint(SIZE, generator(5))
    again = kind(generator(3)).paint(SIZE, generator(5))
    other_instance = kind(generator(3)).paint(SIZE, generator(6))
    other_product = kind(generator(4)).paint(SIZE, generator(5))
    np.testing.assert_array_equal(first.color, again.color)
    np.testing.assert_array_equal(first.alpha, again.alpha)
    assert np.abs(first.color - other_instance.color).max() > 0.02
    assert np.abs(first.color - other_product.color).mean() > 0.01


@pytest.mark.parametrize("kind", PRODUCTS)
def test_painting_leaves_the_product_as_it_was(kind: type[Product]):
    product = kind(generator(2))
    before = product.paint(SIZE, generator(5))
    for number, fault in enumerate(product.faults):
        product.paint(SIZE, generator(number), fault, generator(number))
    after = product.paint(SIZE, generator(5))
    np.testing.assert_array_equal(before.color, after.color)
    np.testing.assert_array_equal(before.alpha, after.alpha)


@pytest.mark.parametrize("kind", PRODUCTS)
def test_a_fault_draws_only_from_its_own_generator(kind: type[Product]):
    for seed, product, fault in with_faults(kind):
        good_rng, bad_rng = generator(seed, 1), generator(seed, 1)
        product.paint(SIZE, good_rng)
        product.paint(SIZE, bad_rng, fault, generator(seed, 2))
        assert good_rng.bit_generator.state == bad_rng.bit_generator.state, fault


@pytest.mark.parametrize("kind", PRODUCTS)
def test_a_fault_shows_and_leaves_the_rest_alone(kind: type[Product]):
    shares = []
    for seed, product, fault in with_faults(kind):
        good = product.paint(SIZE, generator(seed, 1))
        bad = product.paint(SIZE, generator(seed, 1), fault, generator(seed, 2))
        seen = [layer.color * layer.alpha[..., None] + 0.5 * (1 - layer.alpha[..., None]) for layer in (good, bad)]
        changed = np.abs(seen[0] - seen[1]).max(2) > 0.03
        share = changed.sum() / (good.alpha > 0.5).sum()
        assert changed.sum() >= 4, (seed, fault)
        shares.append(share)
    assert np.median(shares) < 0.35
    assert max(shares) < 1.1


@pytest.mark.parametrize("kind", PRODUCTS)
def test_faults_are_kinds_of_the_simulation(kind: type[Product]):
    known = {"missing part", "misplaced part", "bent part", "print fault"}
    for seed in range(6):
        faults = kind(generator(seed)).faults
        assert faults and set(faults) <= known


def test_bottles_are_seen_from_above_and_from_the_side():
    bottles = [objects_glass.Bottle(generator(seed)) for seed in range(30)]
    from_above = [bottle.faults == ("missing part",) for bottle in bottles]
    assert 10 <= sum(from_above) <= 26
