import torch
from torch import nn

from anomalygpt.checkpoint.unfilled import Unfilled
from anomalygpt.config import load_preset
from anomalygpt.model.build import build_eye


def test_no_weight_is_drawn():
    state = torch.get_rng_state()
    with Unfilled():
        layers = [nn.Linear(3, 3), nn.Conv2d(3, 3, 3), nn.Embedding(3, 3), nn.MultiheadAttention(4, 2)]
        nn.init.trunc_normal_(layers[0].weight, std=0.02)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.requires_grad for layer in layers for parameter in layer.parameters())


def test_shapes_and_buffers_are_true():
    config = load_preset("embedded")
    true = build_eye(config)
    with Unfilled():
        unfilled = build_eye(config)
    shapes = {name: tensor.shape for name, tensor in true.state_dict().items()}
    assert {name: tensor.shape for name, tensor in unfilled.state_dict().items()} == shapes
    for name, buffer in true.named_buffers():
        assert torch.equal(unfilled.get_buffer(name), buffer), name


def test_outside_of_it_weights_are_drawn_as_ever():
    with Unfilled():
        nn.Linear(4, 4)
    torch.manual_seed(0)
    first = nn.Linear(4, 4).weight
    torch.manual_seed(0)
    assert torch.equal(nn.Linear(4, 4).weight, first) and first.abs().sum() > 0
