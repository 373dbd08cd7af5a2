import pytest
import torch

from anomalygpt.model.filter_bank import FilterBank, gabor_kernels
from anomalygpt.model.tower import BankTower


def test_gabor_filters_are_blind_to_brightness_and_of_one_strength():
    kernels = gabor_kernels()
    assert torch.allclose(kernels.sum((1, 2, 3)), torch.zeros(len(kernels)), atol=1e-5)
    assert torch.allclose(kernels.flatten(1).norm(dim=1), torch.ones(len(kernels)), atol=1e-5)


def test_the_bank_tells_directions_apart():
    line = torch.arange(64.0)
    upright = (torch.sin(line * torch.pi / 2)).expand(64, 64)
    stripes = torch.stack([upright, upright.T])[:, None].expand(-1, 3, -1, -1)
    fine, coarse = FilterBank()(stripes)
    assert fine.shape == (2, FilterBank.FINE, 16, 16) and coarse.shape == (2, FilterBank.COARSE, 8, 8)
    finest = fine[:, 8 : 8 + 6, 4:-4, 4:-4].mean((2, 3))
    assert finest[0].argmax() == 0 and finest[1].argmax() == 3


def test_the_tower_has_the_interface_that_open_clip_asks_for():
    tower = BankTower((8, 16, 32), (1, 1, 1)).eval()
    photos = torch.randn(2, 3, 64, 64)
    last, layers = tower.forward_intermediates(photos, indices=[0, 1, 2])
    assert [tuple(layer.shape) for layer in layers] == [(2, 32, 8, 8), (2, 16, 8, 8), (2, 32, 4, 4)]
    assert torch.equal(tower(photos), tower.forward_head(last))
    only = tower.forward_intermediates(photos, indices=[2], intermediates_only=True)
    assert torch.equal(only[0], layers[2])


@pytest.mark.parametrize("wrong", [{"norm": True}, {"output_fmt": "NLC"}, {"stop_early": True}])
def test_what_the_tower_cannot_do_is_refused(wrong):
    with pytest.raises(ValueError, match="raw intermediates"):
        BankTower((8, 16, 32), (1, 1, 1)).forward_intermediates(torch.randn(1, 3, 32, 32), **wrong)
    with pytest.raises(ValueError, match="no classifier"):
        BankTower((8, 16, 32), (1, 1, 1), num_classes=10)
