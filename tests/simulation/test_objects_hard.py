import time
from itertools import pairwise

import numpy as np
import pytest

from anomalygpt.simulation import objects_boards, objects_electronics, objects_metal, objects_screw
from anomalygpt.simulation.base import Layer, Product
from anomalygpt.simulation.defects import KINDS
from anomalygpt.simulation.objects_boards import CircuitBoard

PRODUCTS = objects_metal.PRODUCTS + objects_screw.PRODUCTS + objects_electronics.PRODUCTS + objects_boards.PRODUCTS
SIZE = 64


def painted(product: Product, seed: int, fault: str | None = None, size: int = SIZE) -> Layer:
    chance = np.random.default_rng([seed, 99]) if fault else None
    return product.paint(size, np.random.default_rng(seed), fault, chance)


def difference(one: Layer, other: Layer) -> np.ndarray:
    shift = np.abs(one.color * one.alpha[..., None] - other.color * other.alpha[..., None]).max(axis=2)
    return np.maximum(shift, np.abs(one.alpha - other.alpha))


def test_every_hard_object_is_there() -> None:
    assert {product.key for product in PRODUCTS} == {
        "metal nut",
        "screw",
        "transistor",
        "zipper",
        "circuit board",
        "cast metal",
    }


@pytest.mark.parametrize("kind", PRODUCTS, ids=lambda kind: kind.__name__)
class TestEveryObject:
    def test_paints_a_valid_layer(self, kind: type[Product]) -> None:
        for seed in range(6):
            layer = painted(kind(np.random.default_rng(seed)), seed)
            assert layer.color.shape == (SIZE, SIZE, 3) and layer.alpha.shape == (SIZE, SIZE)
            assert layer.color.dtype == layer.alpha.dtype == np.float32
            assert np.isfinite(layer.color).all() and layer.color.min() >= 0 and layer.color.max() <= 1
            assert layer.alpha.min() >= 0 and layer.alpha.max() == pytest.approx(1, abs=0.02)
            assert 0.02 < layer.alpha.mean() <= 1

    def test_is_the_same_for_the_same_seeds(self, kind: type[Product]) -> None:
        first, again = (painted(kind(np.random.default_rng(3)), 5) for _ in range(2))
        assert np.array_equal(first.color, again.color) and np.array_equal(first.alpha, again.alpha)

    def test_instances_differ_less_than_identities(self, kind: type[Product]) -> None:
        products = [kind(np.random.default_rng(seed)) for seed in range(6)]
        own = [difference(painted(product, 1), painted(product, 2)).mean() for product in products]
        other = [difference(painted(a, 1), painted(b, 1)).mean() for a, b in pairwise(products)]
        assert 0 < np.mean(own) < 0.7 * np.mean(other)

    def test_faults_are_known_kinds(self, kind: type[Product]) -> None:
        for seed in range(12):
            assert set(kind(np.random.default_rng(seed)).faults) <= set(KINDS)

    def test_a_fault_changes_a_part_and_leaves_the_rest(self, kind: type[Product]) -> None:
        changed = []
        for seed in range(6):
            product = kind(np.random.default_rng(seed))
            good = painted(product, seed)
            for fault in product.faults:
                share = (difference(good, painted(product, seed, fault)) > 0.02).mean()
                assert share < 0.5, (seed, fault)
                changed.append(share > 0)
        assert np.mean(changed) > 0.9

    def test_a_fault_takes_nothing_from_the_instance(self, kind: type[Product]) -> None:
        for seed in range(6):
            product = kind(np.random.default_rng(seed))
            for fault in product.faults:
                plain, spoilt = np.random.default_rng(7), np.random.default_rng(7)
                product.paint(SIZE, plain)
                product.paint(SIZE, spoilt, fault, np.random.default_rng(1))
                assert plain.bit_generator.state == spoilt.bit_generator.state

    def test_is_the_same_part_at_any_resolution(self, kind: type[Product]) -> None:
        product = kind(np.random.default_rng(2))
        small, large = painted(product, 1, size=64), painted(product, 1, size=192)
        assert small.alpha.mean() == pytest.approx(large.alpha.mean(), abs=0.04)

    def test_paints_quickly(self, kind: type[Product]) -> None:
        products = [kind(np.random.default_rng(seed)) for seed in range(6)]
        start = time.process_time()
        for product in products:
            for seed in range(3):
                painted(product, seed, size=224)
        # About 6 ms each on one idle core; the bar only catches a slip by an order of magnitude.
        assert (time.process_time() - start) / 18 < 0.06


def test_boards_are_populated_or_binarised() -> None:
    boards = [CircuitBoard(np.random.default_rng(seed)) for seed in range(30)]
    bare = [board for board in boards if board.bare is not None]
    assert 4 <= len(bare) <= 20
    extremes = [painted(board, 1).color for board in bare]
    assert np.mean([((image < 0.25) | (image > 0.7)).mean() for image in extremes]) > 0.85
    assert all(np.ptp(image, axis=2).max() == 0 for image in extremes)


@pytest.mark.parametrize(("fault", "sign"), [("missing part", -1), ("contamination", 1)])
def test_bare_boards_lose_or_gain_copper(fault: str, sign: int) -> None:
    boards = [CircuitBoard(np.random.default_rng(seed)) for seed in range(40)]
    for board in (board for board in boards if board.bare is not None):
        change = painted(board, 1, fault).color - painted(board, 1).color
        copper = change.sum() * (-1 if board.bare.inverse else 1)
        assert np.sign(copper) in (0, sign)
