import numpy as np
import pytest

from anomalygpt.imaging.regions import place_of
from anomalygpt.records import PLACES
from anomalygpt.simulation.base import Layer, Pose, Product, grid_xy, smooth_noise
from anomalygpt.simulation.defects import KINDS
from anomalygpt.simulation.products import NAMED, make_product
from anomalygpt.simulation.scene import make_episode, make_sample
from anomalygpt.simulation.several import Several
from anomalygpt.simulation.station import draw_placement, draw_station, place

SIZE = 80


class Disc(Product):
    """A disc with a dot that may be missing."""

    pose = Pose(rotation=20, shift=0.05, scale=0.05)
    faults = ("missing part",)

    def paint(
        self,
        size: int,
        rng: np.random.Generator,
        fault: str | None = None,
        fault_rng: np.random.Generator | None = None,
    ) -> Layer:
        x, y = grid_xy(size)
        color = np.repeat((0.6 + 0.02 * smooth_noise(rng, size, 8))[..., None], 3, axis=2)
        if fault is None:
            color[(x - 0.3) ** 2 + y**2 < 0.02] = 0.1
        return Layer(color, np.clip((0.64 - x * x - y * y) * size / 4, 0, 1).astype(np.float32))


def same(first: object, second: object) -> bool:
    a, b = vars(first), vars(second)
    return (
        np.array_equal(a["query"], b["query"])
        and np.array_equal(a["mask"], b["mask"])
        and all(np.array_equal(x, y) for x, y in zip(a["references"], b["references"], strict=True))
        and a["defects"] == b["defects"]
        and (a["product"], a["texture"]) == (b["product"], b["texture"])
    )


def test_a_sample_is_the_same_for_the_same_arguments_and_another_for_others() -> None:
    assert same(make_sample((4, 2), SIZE), make_sample((4, 2), SIZE))
    assert not same(make_sample((4, 2), SIZE), make_sample((4, 3), SIZE))


def test_shapes_and_truth_agree() -> None:
    for seed in range(8):
        sample = make_sample((1, seed), SIZE, shots=1 + seed % 2)
        assert sample.query.shape == (SIZE, SIZE, 3) and sample.query.dtype == np.uint8
        assert sample.mask.shape == (SIZE, SIZE) and sample.mask.dtype == bool
        assert len(sample.references) == 1 + seed % 2
        assert all(photo.shape == (SIZE, SIZE, 3) and photo.dtype == np.uint8 for photo in sample.references)
        assert sample.product is None or sample.product in NAMED
        assert sample.anomalous == sample.mask.any()
        covered = np.zeros_like(sample.mask)
        for defect in sample.defects:
            left, top, right, bottom = defect.box
            assert 0 <= left < right <= SIZE and 0 <= top < bottom <= SIZE
            assert defect.kind in KINDS and defect.place in PLACES and 0 < defect.share <= 1
            covered[top:bottom, left:right] = True
        assert covered[sample.mask].all()


def test_one_defect_is_recorded_from_its_mask() -> None:
    checked = 0
    for seed in range(8):
        sample = make_sample((2, seed), SIZE, anomalous=True)
        if len(sample.defects) == 1:
            rows, columns = np.nonzero(sample.mask)
            (defect,) = sample.defects
            assert defect.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert defect.place == place_of(columns.mean() + 0.5, rows.mean() + 0.5, SIZE, SIZE)
            checked += 1
    assert checked >= 2


def test_normal_and_defective_queries_can_be_asked_for() -> None:
    assert not any(make_sample((3, seed), SIZE, anomalous=False).anomalous for seed in range(4))
    assert sum(make_sample((3, seed), SIZE, anomalous=True).anomalous for seed in range(8)) >= 7


def test_a_normal_query_is_another_instance_than_its_reference() -> None:
    for seed in range(6):
        sample = make_sample((5, seed), SIZE, anomalous=False)
        assert np.abs(sample.query.astype(int) - sample.references[0]).mean() > 0.3


def test_an_episode_shares_its_references_and_half_of_it_is_normal() -> None:
    samples = make_episode(11, SIZE, shots=2, queries=4)
    assert len(samples) == 4
    assert all(sample.references is samples[0].references for sample in samples)
    assert sum(sample.anomalous for sample in samples) == 2
    assert len({sample.query.tobytes() for sample in samples}) == 4
    again = make_episode(11, SIZE, shots=2, queries=4)
    assert all(same(first, second) for first, second in zip(samples, again, strict=True))


def test_any_draws_named_and_unnamed_products() -> None:
    products = [make_sample((6, seed), 64, anomalous=False).product for seed in range(16)]
    assert 3 <= sum(product is None for product in products) <= 13


def test_a_key_chooses_the_product_and_none_an_unnamed_one() -> None:
    assert make_sample(0, SIZE, key="metal nut").product == "metal nut"
    assert make_sample(0, SIZE, key=None).product is None


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="spoon"):
        make_sample(0, SIZE, key="spoon")
    with pytest.raises(ValueError, match="shots"):
        make_sample(0, SIZE, shots=0)


def test_every_contracted_product_is_there() -> None:
    keys = (
        "bottle,cable,capsule,carpet,grid,hazelnut,leather,metal nut,pill,screw,tile,toothbrush,transistor,wood,zipper,"
        "concrete,fabric,circuit board,cast metal,solar cell,cookie"
    )
    assert set(NAMED) == set(keys.split(","))
    assert all(product.key == key for key, product in NAMED.items())
    assert make_product(np.random.default_rng(0)).key is None


def test_a_placed_part_lies_in_the_photo_and_a_surface_fills_it() -> None:
    rng = np.random.default_rng(0)
    disc = Disc().paint(SIZE, rng)
    plain = Layer(disc.color, np.ones_like(disc.alpha))
    for seed in range(10):
        rng = np.random.default_rng(seed)
        station = draw_station(SIZE, disc, rng)
        moved = place(disc, draw_placement(station, Disc.pose, rng))
        assert 0.15 < moved.alpha.mean() < 0.85
        assert not station.fills and station.background.shape == (SIZE, SIZE, 3)
        station = draw_station(SIZE, plain, rng)
        assert station.fills
        assert place(plain, draw_placement(station, Pose(), rng)).alpha.min() > 0.99


def test_a_tray_shows_several_parts_and_a_fault_befalls_one() -> None:
    tray = Several(Disc(), np.random.default_rng(0))
    good = tray.paint(SIZE, np.random.default_rng(1))
    again = tray.paint(SIZE, np.random.default_rng(1))
    assert np.array_equal(good.color, again.color) and np.array_equal(good.alpha, again.alpha)
    count = tray.rows * tray.columns
    cell = SIZE // max(tray.rows, tray.columns)
    assert good.alpha.sum() > 0.25 * count * cell**2
    for seed in range(6):
        bad = tray.paint(SIZE, np.random.default_rng(1), "missing part", np.random.default_rng(seed))
        gap = np.abs(bad.color - good.color).max(axis=2) * good.alpha + np.abs(bad.alpha - good.alpha)
        rows, columns = np.nonzero(gap > 0.05)
        assert rows.size
        assert np.ptp(rows) < cell and np.ptp(columns) < cell
