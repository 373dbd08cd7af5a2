import torch
from torch import nn

from anomalygpt.checkpoint.unfilled import Unfilled
from anomalygpt.config import load_preset
from anomalygpt.model.build import build_eye


def test_no_weight_is_drawn_and_every_buffer_is_true():
    config = load_preset("embedded")
    torch.manual_seed(0)
    true = build_eye(config)
    before = torch.get_rng_state()
    with Unfilled():
        unfilled = build_eye(config)
        layer = nn.Linear(3, 3)
    # The text tower multiplies two small tensors of random numbers itself; nothing else may draw any.
    drawn = torch.get_rng_state()
    assert {name: tensor.shape for name, tensor in unfilled.state_dict().items()} == {
        name: tensor.shape for name, tensor in true.state_dict().items()
    }
    assert all(parameter.requires_grad for parameter in layer.parameters())
    for name, buffer in true.named_buffers():
        assert torch.equal(unfilled.get_buffer(name), buffer), name
    torch.set_rng_state(before)
    with Unfilled():
        build_eye(config)
    assert torch.equal(torch.get_rng_state(), drawn)


def test_outside_of_it_weights_are_drawn_as_ever():
    with Unfilled():
        pass
    torch.manual_seed(0)
    first = nn.Linear(4, 4).weight
    torch.manual_seed(0)
    assert torch.equal(nn.Linear(4, 4).weight, first) and first.abs().sum() > 0
