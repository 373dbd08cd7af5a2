import pytest
import torch

from anomalygpt.training import losses


def test_focal_without_focus_is_cross_entropy():
    logits, targets = torch.randn(2, 5, 5), torch.randint(0, 2, (2, 5, 5)).float()
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
    assert losses.focal(logits, targets, gamma=0.0).item() == pytest.approx(plain.item())


def test_focal_of_two_cells_by_hand():
    logits, targets = torch.tensor([[[0.0, 2.0]]]), torch.tensor([[[1.0, 0.0]]])
    first = 0.5**2 * 0.693147
    p = 1 / (1 + torch.exp(torch.tensor(2.0)))
    second = (1 - p) ** 2 * -torch.log(p)
    assert losses.focal(logits, targets).item() == pytest.approx((first + second.item()) / 2, rel=1e-4)


def test_dice_is_zero_when_right_and_near_one_when_wrong():
    targets = torch.zeros(1, 20, 20)
    targets[:, 5:15, 5:15] = 1
    sure = (2 * targets - 1) * 50
    assert losses.dice(sure, targets).item() == pytest.approx(0, abs=1e-3)
    assert losses.dice(-sure, targets).item() > 0.99
    assert losses.dice(torch.full((1, 20, 20), -50.0), torch.zeros(1, 20, 20)).item() == pytest.approx(0, abs=1e-3)


def test_no_defect_is_too_small_to_be_asked_for():
    masks = torch.zeros(2, 64, 64, dtype=torch.bool)
    masks[0, 10, 10] = True
    targets = losses.cell_targets(masks, 8)
    assert targets[0].sum() == 1 and targets[0, 1, 1] == 1 and targets[1].sum() == 0
    masks[1, 0:16, 0:16] = True
    assert losses.cell_targets(masks, 8)[1].sum() == 4


def test_a_score_right_for_the_wrong_place_earns_nothing():
    targets = torch.zeros(1, 4, 4)
    targets[0, 0, 0] = 1
    inside, outside = torch.full((1, 4, 4), -4.0), torch.full((1, 4, 4), -4.0)
    inside[0, 0, 0], outside[0, 3, 3] = 4, 4
    assert losses.photo_score(inside, targets) < 0.05 < 3 < losses.photo_score(outside, targets)
    assert losses.photo_score(outside, torch.zeros(1, 4, 4)) > 3


def test_the_margin_pulls_normal_cells_near_and_pushes_the_others_far():
    targets = torch.tensor([[[0.0, 1.0]]])
    assert losses.margin(torch.tensor([[[0.05, 0.9]]]), targets).item() == 0
    assert losses.margin(torch.tensor([[[0.3, 0.2]]]), targets).item() == pytest.approx(0.2 + 0.4)
