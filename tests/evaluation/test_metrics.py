import numpy as np
import pytest
from sklearn import metrics as sk

from anomalygpt.evaluation import metrics


def random_case(seed, count=60):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 8, count) / 8 if seed % 2 else rng.random(count)  # every other one full of ties
    return rng.random(count) < 0.4, scores


@pytest.mark.parametrize("seed", range(20))
def test_ranking_metrics_are_scikit_learns(seed):
    truth, scores = random_case(seed)
    assert metrics.auroc(truth, scores) == pytest.approx(sk.roc_auc_score(truth, scores), abs=1e-9)
    expected = sk.average_precision_score(truth, scores)
    assert metrics.average_precision(truth, scores) == pytest.approx(expected, abs=1e-9)
    best = max(sk.f1_score(truth, scores >= threshold) for threshold in scores)
    assert metrics.f1_at_best_test_threshold(truth, scores) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_verdict_metrics_are_scikit_learns(seed):
    truth, scores = random_case(seed)
    said = [bool(score > 0.5) for score in scores]
    assert metrics.accuracy(list(truth), said) == pytest.approx(sk.accuracy_score(truth, said), abs=1e-9)
    expected = sk.balanced_accuracy_score(truth, said)
    assert metrics.balanced_accuracy(list(truth), said) == pytest.approx(expected, abs=1e-9)
    assert metrics.miss_rate(list(truth), said) == pytest.approx(1 - sk.recall_score(truth, said), abs=1e-9)
    assert metrics.overkill(list(truth), said) == pytest.approx(1 - sk.recall_score(~truth, np.invert(said)), abs=1e-9)


@pytest.mark.parametrize("truth", [[], [True, True], [False]])
def test_what_has_no_value_is_none(truth):
    scores = [0.5] * len(truth)
    for metric in (metrics.auroc, metrics.average_precision, metrics.f1_at_best_test_threshold):
        assert metric(truth, scores) is None
    assert metrics.balanced_accuracy(truth, [True] * len(truth)) is None


def test_rates_of_nothing_are_none():
    assert metrics.accuracy([], []) is None
    assert metrics.overkill([True], [True]) is None
    assert metrics.miss_rate([False], [True]) is None
    assert metrics.neither([]) is None
    assert metrics.agreement([None], [True]) is None
    assert metrics.calibration_error([], []) is None


def test_saying_neither_is_wrong_and_no_call():
    truth, said = [True, True, False, False], [None, True, None, False]
    assert metrics.accuracy(truth, said) == 0.5
    assert metrics.balanced_accuracy(truth, said) == 0.5
    assert metrics.miss_rate(truth, said) == 0.5
    assert metrics.overkill(truth, said) == 0.0
    assert metrics.neither(said) == 0.5
    assert metrics.agreement(said, [False, True, True, True]) == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_calibration_error_is_that_of_its_definition(seed):
    truth, scores = random_case(2 * seed, 200)
    total = 0.0
    for index in range(10):
        inside = (scores >= index / 10) & ((scores < (index + 1) / 10) | (index == 9))
        if inside.any():
            total += inside.sum() / 200 * abs(scores[inside].mean() - truth[inside].mean())
    assert metrics.calibration_error(truth, scores) == pytest.approx(total, abs=1e-9)


def test_calibration_bins_take_the_ends_in():
    bins = metrics.calibration_bins([False, True], [0.0, 1.0])
    assert bins == [(0.0, 0.0, 1), (1.0, 1.0, 1)]
    assert metrics.calibration_error([False, True], [0.0, 1.0]) == 0
    assert metrics.calibration_error([True, False], [0.0, 1.0]) == 1
