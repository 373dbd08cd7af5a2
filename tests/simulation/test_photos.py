import numpy as np
import pytest

from anomalygpt.simulation.photos import GoodPhoto, Photographed, spoil_photos
from anomalygpt.simulation.scene import make_sample


@pytest.fixture(scope="module")
def photos():
    samples = [make_sample((seed,), 64, 2, "hazelnut", False) for seed in range(3)]
    return [GoodPhoto.of(photo[:, 8:56], 64) for sample in samples for photo in sample.references]


def test_every_spoiled_photo_has_its_untouched_original(photos):
    for seed in range(3):
        samples = spoil_photos(photos, (seed,), 2, 4)
        assert len(samples) == 4 and all(len(sample.references) == 2 for sample in samples)
        for spoiled, untouched in zip(samples[::2], samples[1::2], strict=True):
            assert not untouched.mask.any() and not untouched.anomalous
            assert spoiled.anomalous and spoiled.mask.any()
            gap = np.abs(spoiled.query.astype(int) - untouched.query).max(2)
            assert gap[spoiled.mask].mean() > 10 > 5 * gap[~spoiled.mask].mean()
            assert not (spoiled.mask & ~spoiled.inside).any()


def test_the_same_seed_gives_the_same_episode(photos):
    first, again, other = (spoil_photos(photos, (seed,), 1, 2) for seed in (4, 4, 5))
    assert np.array_equal(first[0].query, again[0].query) and np.array_equal(first[0].mask, again[0].mask)
    assert not np.array_equal(first[0].query, other[0].query)


def test_no_photo_is_its_own_reference(photos):
    """Also where there are fewer photos than an episode wants."""
    for seed in range(4):
        for sample in spoil_photos(photos[:2], (seed,), 4, 2)[1:]:
            assert all(np.abs(sample.query.astype(int) - photo).mean() > 2 for photo in sample.references)
    with pytest.raises(ValueError, match="two photos"):
        spoil_photos(photos[:1], (0,), 1, 1)


def test_grey_photos_stay_grey():
    rng = np.random.default_rng(0)
    grey = [np.dstack([rng.integers(60, 90, (64, 64), dtype=np.uint8)] * 3) for _ in range(3)]
    for sample in spoil_photos([GoodPhoto.of(photo, 64) for photo in grey], (1,), 1, 4):
        assert np.ptp(sample.query.astype(int), axis=2).max() <= 6


def test_where_the_part_was_the_background_goes_on(photos):
    photo = photos[0]
    assert not photo.fills and 0.05 < photo.part.mean() < 0.9
    away = ~photo.part & photo.inside
    usual = photo.layer.color[away].mean(0)
    assert np.abs(photo.ground[photo.part].mean(0) - usual).max() < 0.2
    assert np.isfinite(photo.ground).all()


def test_a_product_of_photos_paints_its_photos_and_no_faults(photos):
    product = Photographed(photos)
    layer = product.paint(64, np.random.default_rng(0))
    assert any(layer is photo.layer for photo in photos) and product.faults == ()
    with pytest.raises(ValueError, match="no faults"):
        product.paint(64, np.random.default_rng(0), "missing part", np.random.default_rng(1))
