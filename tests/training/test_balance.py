import numpy as np
import pytest
import torch

from anomalygpt.model.build import build_eye
from anomalygpt.simulation.scene import make_episode
from anomalygpt.training.balance import balance, balancing_shift, unbalanced_by


def test_the_shift_makes_both_kinds_right_alike():
    rng = np.random.default_rng(0)
    good, faulty = rng.normal(-3.0, 1.0, 400), rng.normal(0.0, 1.0, 400)
    shift = balancing_shift(good, faulty)
    assert shift == pytest.approx(1.5, abs=0.15)
    assert np.mean(good + shift < 0) == pytest.approx(np.mean(faulty + shift >= 0), abs=0.01)


def test_bias_and_shift_by_references_are_set_to_what_is_returned(small_config):
    torch.manual_seed(0)
    eye = build_eye(small_config).eval()
    before = eye.fusion.local.bias.clone()
    shift, doubling = balance(eye, 12)
    assert shift != 0 and torch.allclose(eye.fusion.local.bias, before + shift)
    assert float(eye.fusion.per_doubling) == doubling


def test_each_doubling_of_references_raises_the_map_alike(small_config):
    torch.manual_seed(0)
    eye = build_eye(small_config).eval()
    side = small_config.encoder.image_size
    squares = torch.randint(0, 256, (5, 3, side, side), dtype=torch.uint8)
    with torch.inference_mode():
        seen, states = eye.see(squares), eye.states([""])
        query = seen.select(slice(4, 5))
        memories = {count: eye.remember(seen.select(slice(0, count))) for count in (1, 2, 4)}
        plain = {count: eye.anomaly_map(query, states, memory).logit() for count, memory in memories.items()}
        eye.fusion.per_doubling.fill_(0.5)
        for count, added in ((1, 0.0), (2, 0.5), (4, 1.0)):
            raised = eye.anomaly_map(query, states, memories[count]).logit()
            assert torch.allclose(raised, plain[count] + added, atol=1e-3)


def test_what_unbalances_an_eye_is_found_on_any_samples(small_config):
    torch.manual_seed(0)
    eye = build_eye(small_config).eval()
    episodes = [make_episode((seed,), small_config.encoder.image_size, 1, 4) for seed in range(3)]
    before = unbalanced_by(eye, episodes)
    with torch.no_grad():
        eye.fusion.local.bias += 0.7
    assert unbalanced_by(eye, episodes) == pytest.approx(before - 0.7, abs=1e-3)
    assert unbalanced_by(eye, [[sample for sample in episodes[0] if not sample.anomalous]]) == 0
