import torch

from anomalygpt.model.encoder import Features
from anomalygpt.model.looking import Products


class Towers:
    """An encoder whose texts are axes of the embedding space, in the order of their first asking."""

    def __init__(self, names):
        self.config = type("Config", (), {"products": tuple(names)})
        self.encoder = self

    def encode_text(self, texts):
        return torch.eye(8)[: len(texts)]


def seen(*weights):
    return Features([], torch.nn.functional.normalize(torch.tensor([weights + (0.0,) * (8 - len(weights))]), dim=1))


def test_a_part_is_what_its_embedding_is_nearest_to_and_nothing_where_that_is_not_clear():
    products = Products(Towers(["pill", "screw"]))
    assert products.of(seen(0.1, 1.0)) == "screw"
    assert products.of(seen(1.0, 0.95)) == "pill"
    assert products.of(seen(1.0, 0.99, 0.99)) == ""  # as much an unnamed object as either
    assert products.of(seen(0.2, 0.2, 1.0)) == ""


def test_a_model_without_names_does_not_guess():
    assert Products(Towers([])).of(seen(1.0)) == ""
