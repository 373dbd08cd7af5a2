import tracemalloc
from itertools import pairwise

import cv2
import numpy as np
import pytest
from sklearn import metrics as sk

from anomalygpt.evaluation import pixels
from anomalygpt.evaluation.pixels import PRO_LIMIT, PixelFigures, PixelStore, reduce_map


def figures(folder, photos):
    store = PixelStore(folder, ("ours",))
    for mask, values in photos:
        store.add(mask, {"ours": values})
    return store.figures("ours")


def random_photos(seed, count=4):
    """Maps and masks of different sizes; every other set full of ties, some masks empty, some regions touching."""
    rng = np.random.default_rng(seed)
    photos = []
    for index in range(count):
        shape = tuple(rng.integers(5, 24, 2))
        mask = cv2.blur(rng.random(shape), (3, 3)) > 0.62 if index else np.zeros(shape, bool)
        values = rng.random(shape).astype(np.float32)
        values = np.clip(values + 0.3 * mask, 0, 1)
        photos.append((mask, (np.round(values * 6) / 6 if seed % 2 else values).astype(np.float32)))
    return photos


def joined(photos):
    truth = np.concatenate([mask.ravel() for mask, _ in photos])
    return truth, np.concatenate([values.ravel() for _, values in photos])


def brute_force_aupro(photos, limit):
    """Walks over all thresholds and all regions; the curve is linear between them."""
    truth, scores = joined(photos)
    regions = []
    for mask, values in photos:
        count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        regions += [values[labels == index] for index in range(1, count)]
    points = [(0.0, 0.0)]
    for threshold in np.unique(scores)[::-1]:
        false = (scores[~truth] >= threshold).mean()
        points.append((false, np.mean([(region >= threshold).mean() for region in regions])))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 >= limit or x1 == x0:
            continue
        end = min(x1, limit)
        area += (end - x0) * (y0 + y0 + (y1 - y0) * (end - x0) / (x1 - x0)) / 2
    return area / limit


def check(found, photos):
    truth, scores = joined(photos)
    assert found.auroc == pytest.approx(sk.roc_auc_score(truth, scores), abs=1e-9)
    assert found.average_precision == pytest.approx(sk.average_precision_score(truth, scores), abs=1e-9)
    precision, recall, _ = sk.precision_recall_curve(truth, scores)
    best = np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12))
    assert found.f1_at_best_test_threshold == pytest.approx(best, abs=1e-9)
    assert found.aupro == pytest.approx(brute_force_aupro(photos, PRO_LIMIT), abs=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_exact_on_random_cases(seed, tmp_path):
    photos = random_photos(seed)
    check(figures(tmp_path, photos), photos)


@pytest.mark.parametrize("limit", [1, 40, 300])
@pytest.mark.parametrize("seed", [0, 1])
def test_exact_in_small_groups(seed, limit, tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "GROUP_VALUES", limit)
    photos = random_photos(seed)
    check(figures(tmp_path, photos), photos)


def test_negative_values_and_both_zeros_rank_as_numbers(tmp_path):
    rng = np.random.default_rng(3)
    values = rng.normal(size=(20, 20)).astype(np.float32)
    values[:3] = 0.0
    values[3:6] = -0.0
    photos = [(rng.random((20, 20)) < 0.2, values)]
    check(figures(tmp_path, photos), photos)


@pytest.mark.parametrize("full", [True, False])
def test_one_class_is_undefined(full, tmp_path):
    found = figures(tmp_path, [(np.full((6, 6), full), np.random.default_rng(0).random((6, 6)).astype(np.float32))])
    assert found == PixelFigures()


def test_no_photos_are_undefined(tmp_path):
    assert figures(tmp_path, []) == PixelFigures()


@pytest.mark.parametrize("columns", [(3,), (1, 3, 5)])
def test_aupro_of_a_ramp_has_the_published_value(columns, tmp_path, monkeypatch):
    """The toy case of anomalib's tests: rising values, whole columns anomalous, limit 1/3: an area of 1/6."""
    monkeypatch.setattr(pixels, "PRO_LIMIT", 1 / 3)
    mask = np.zeros((400, 7), bool)
    mask[:, columns] = True
    values = (np.arange(2800, dtype=np.float32) / 2800).reshape(400, 7)
    assert figures(tmp_path, [(mask, values)]).aupro == pytest.approx(1 / 6, abs=1e-3)


def test_aupro_of_a_perfect_map_is_one_and_of_a_constant_one_half_the_limit(tmp_path):
    mask = np.zeros((20, 20), bool)
    mask[2:5, 2:5] = mask[10:18, 3:9] = True
    assert figures(tmp_path, [(mask, mask.astype(np.float32))]).aupro == pytest.approx(1)
    # One threshold only: the curve is the diagonal.
    found = figures(tmp_path, [(mask, np.full((20, 20), 0.4, np.float32))])
    assert found.aupro == pytest.approx(PRO_LIMIT / 2)
    assert found.auroc == pytest.approx(0.5)


def test_small_and_large_regions_count_the_same(tmp_path):
    mask = np.zeros((40, 40), bool)
    mask[0, 0] = mask[10:30, 10:30] = True
    values = np.zeros((40, 40), np.float32)
    values[0, 0] = 1
    assert figures(tmp_path, [(mask, values)]).aupro == pytest.approx(brute_force_aupro([(mask, values)], PRO_LIMIT))
    assert figures(tmp_path, [(mask, values)]).aupro > 0.5


def test_the_curve_rises_from_the_origin_to_one(tmp_path):
    curve = np.array(figures(tmp_path, random_photos(2)).curve)
    assert tuple(curve[0]) == (0, 0, 0) and tuple(curve[-1]) == (1, 1, 1)
    assert (np.diff(curve, axis=0) >= 0).all()


def test_maps_that_do_not_fit_are_refused(tmp_path):
    store = PixelStore(tmp_path, ("ours",))
    with pytest.raises(ValueError, match="ours"):
        store.add(np.zeros((4, 4), bool), {"ours": np.zeros((4, 5), np.float32)})
    with pytest.raises(ValueError, match="finite"):
        store.add(np.zeros((4, 4), bool), {"ours": np.full((4, 4), np.nan, np.float32)})


def test_memory_does_not_grow_with_the_photos(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "GROUP_VALUES", 20_000)

    def peak(count):
        rng = np.random.default_rng(0)
        store = PixelStore(tmp_path, ("ours",))
        for _ in range(count):
            mask = np.zeros((64, 64), bool)
            mask[10:14, 20:30] = True
            store.add(mask, {"ours": rng.random((64, 64)).astype(np.float32)})
        tracemalloc.start()
        store.figures("ours")
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(80) < 1.5 * peak(20)


def test_reducing_keeps_thin_defects_and_the_mean():
    mask = np.zeros((512, 384), bool)
    mask[:, 100] = True
    assert reduce_map(mask, 256).shape == (256, 192)
    assert reduce_map(mask, 256)[:, 50].all()
    values = np.random.default_rng(0).random((512, 384)).astype(np.float32)
    assert reduce_map(values, 256).mean() == pytest.approx(values.mean(), abs=1e-5)
    assert reduce_map(values, 0) is values and reduce_map(values, 1000) is values
