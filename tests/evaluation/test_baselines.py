import cv2
import numpy as np
import pytest
import torch

from anomalygpt.evaluation.baselines import HandMadeFeatures, PlainComparison, SeenMap, fitted_threshold, random_twin


def photos(seed=0, shape=(60, 90)):
    rng = np.random.default_rng(seed)
    good = cv2.GaussianBlur(rng.integers(0, 255, (*shape, 3), dtype=np.uint8), (0, 0), 3)
    bad = good.copy()
    bad[10:20, 60:75] = 255 - bad[10:20, 60:75]
    bad[10:20, 60:75, 0] = 255
    return good, bad


@pytest.mark.parametrize("measure", ["absolute-difference", "ssim"])
def test_what_differs_stands_out_where_it_is(measure):
    good, bad = photos()
    method = PlainComparison(measure, 64)
    method.set_references([good])
    found = method.anomaly_map(bad)
    assert found.shape == bad.shape[:2] and found.dtype == np.float32
    assert found.min() >= 0 and found.max() <= 1
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert 5 <= y < 25 and 55 <= x < 80
    assert method.anomaly_map(good).max() < 0.01 < found.max()


def test_ssim_is_the_published_formula_on_constant_photos():
    method = PlainComparison("ssim", 32)
    method.set_references([np.full((32, 32, 3), 51, np.uint8)])
    found = method.anomaly_map(np.full((32, 32, 3), 102, np.uint8))
    similarity = (2 * 0.2 * 0.4 + 1e-4) / (0.2**2 + 0.4**2 + 1e-4)
    assert found == pytest.approx((1 - similarity) / 2, abs=1e-4)


def test_hand_made_features_find_what_no_reference_shows_wherever_it_lies():
    good, bad = photos()
    moved = np.roll(good, 16, axis=1)
    method = HandMadeFeatures(96)
    method.set_references([good])
    found = method.anomaly_map(bad)
    assert found.shape == bad.shape[:2] and found.dtype == np.float32
    assert found.min() >= 0 and found.max() <= 1
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert 5 <= y < 25 and 55 <= x < 80
    assert method.anomaly_map(good).max() < 1e-3 < method.anomaly_map(moved).mean() < found.max()
    method.set_references([good, bad])
    assert method.anomaly_map(bad).max() < 1e-3


def test_the_random_twin_has_other_weights_and_leaves_the_random_state_alone(tiny_inspector):
    before = torch.random.get_rng_state()
    twin, same, other = (random_twin(tiny_inspector, seed) for seed in (5, 5, 6))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert twin.model.language is tiny_inspector.model.language
    good, bad = photos()

    def found(inspector):
        method = SeenMap(inspector, "paper")
        method.set_references([good])
        return method.anomaly_map(bad)

    assert (found(twin) == found(same)).all()
    assert not np.allclose(found(twin), found(other)) and not np.allclose(found(twin), found(tiny_inspector))


def test_the_fitted_threshold_is_the_highest_score_of_good_photos(tiny_inspector):
    good, other = photos()[0], photos(3)[0]
    session = tiny_inspector.new_session()
    scores = []
    for photo, reference in ((good, other), (other, good)):
        session.set_references([reference])
        scores.append(session.set_image(photo).score)
    assert fitted_threshold(tiny_inspector, [good, other]) == pytest.approx(max(scores))
    alone = fitted_threshold(tiny_inspector, [good])
    session.set_references([good])
    assert session.set_image(good).score < alone <= 1
