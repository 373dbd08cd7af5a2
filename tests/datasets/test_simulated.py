import numpy as np
import pytest

from anomalygpt.datasets.simulated import SimulatedSamples


def test_samples_are_indexed_sliced_and_repeatable() -> None:
    samples = SimulatedSamples(5, seed=3, size=64)
    assert len(samples) == 5
    assert np.array_equal(samples[4].query, samples[-1].query)
    assert np.array_equal(samples[1:3][1].query, samples[2].query)
    assert len(list(samples)) == 5
    assert not np.array_equal(samples[0].query, SimulatedSamples(5, seed=4, size=64)[0].query)
    with pytest.raises(IndexError):
        samples[5]


def test_settings_reach_the_samples() -> None:
    sample = SimulatedSamples(1, size=64, shots=2, key="pill", anomalous=False)[0]
    assert (sample.product, len(sample.references), sample.anomalous) == ("pill", 2, False)


def test_several_processes_make_the_same_samples_in_order() -> None:
    samples = SimulatedSamples(5, seed=1, size=48)
    for here, there in zip(samples, samples.parallel(2), strict=True):
        assert np.array_equal(here.query, there.query)


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        SimulatedSamples(-1)
