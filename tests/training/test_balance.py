import numpy as np
import pytest
import torch

from anomalygpt.model.build import build_eye
from anomalygpt.training.balance import balance, balancing_shift


def test_the_shift_makes_both_kinds_right_alike():
    rng = np.random.default_rng(0)
    good, faulty = rng.normal(-3.0, 1.0, 400), rng.normal(0.0, 1.0, 400)
    shift = balancing_shift(good, faulty)
    assert shift == pytest.approx(1.5, abs=0.15)
    assert np.mean(good + shift < 0) == pytest.approx(np.mean(faulty + shift >= 0), abs=0.01)


def test_the_bias_is_moved_by_what_is_returned(small_config):
    torch.manual_seed(0)
    eye = build_eye(small_config).eval()
    before = eye.fusion.local.bias.clone()
    shift = balance(eye, 12)
    assert shift != 0 and torch.allclose(eye.fusion.local.bias, before + shift)
