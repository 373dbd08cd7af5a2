import numpy as np
import torch

from anomalygpt.imaging.alignment import Alignment
from anomalygpt.model.encoder import Features
from anomalygpt.model.looking import LaidView, Products, look


class Towers:
    """An encoder whose texts are axes of the embedding space, in the order of their first asking."""

    def __init__(self, names):
        self.config = type("Config", (), {"products": tuple(names)})
        self.encoder = self

    def encode_text(self, texts):
        return torch.eye(8)[: len(texts)]


def seen(*weights):
    return torch.nn.functional.normalize(torch.tensor([weights + (0.0,) * (8 - len(weights))]), dim=1)


def test_a_part_is_what_its_embedding_is_nearest_to_and_nothing_where_that_is_not_clear():
    products = Products(Towers(["pill", "screw"]))
    assert products.of(seen(0.1, 1.0)) == "screw"
    assert products.of(seen(1.0, 0.95)) == "pill"
    assert products.of(seen(1.0, 0.99, 0.99)) == ""  # as much an unnamed object as either
    assert products.of(seen(0.2, 0.2, 1.0)) == ""


def test_photos_of_one_product_are_judged_together():
    products = Products(Towers(["pill", "screw"]))
    doubtful, clear = seen(1.0, 1.02, 1.0), seen(0.1, 1.0)
    assert products.of(doubtful) == "" and products.of(torch.cat([doubtful, clear])) == "screw"


def test_all_names_are_ranked_and_nothing_else():
    products = Products(Towers(["pill", "screw", "bottle"]))
    assert products.ranked(seen(0.1, 0.3, 0.2, 1.0)) == ("screw", "bottle", "pill")


def test_a_model_without_names_does_not_guess():
    products = Products(Towers([]))
    assert products.of(seen(1.0)) == "" and products.ranked(seen(1.0)) == ()


class Shows:
    """An eye that finds one fixed map."""

    def __init__(self, anomaly_map):
        self._map = torch.tensor(anomaly_map)[None]
        self.config = None

    def anomaly_map(self, *_):
        return self._map


def test_a_laid_view_counts_as_much_as_the_photo_itself_as_far_as_it_reaches():
    own = np.full((60, 60), 0.5, np.float32)
    own[20:30, 5:15] = 0.9  # both views see it: the laid one 20 pixels further right
    own[40:50, 30:40] = 0.8  # only the photo as it lies shows it
    view = np.full((60, 60), 0.5, np.float32)
    view[20:30, 25:35], view[40:50, 50:60] = 0.9, 0.2

    class Both(Shows):
        def anomaly_map(self, features, *_):
            return self._map if features is None else torch.tensor(view)[None]

    moved = LaidView(Alignment(np.array([[1.0, 0.0, 20.0], [0.0, 1.0, 0.0]])), Features([], torch.zeros(1, 8)))
    found = look(Both(own), np.zeros((60, 60, 3), np.uint8), None, None, None, 1, laid=moved).anomaly_map
    np.testing.assert_allclose(found[25, 10], 0.9, atol=1e-4)
    np.testing.assert_allclose(found[45, 35], 0.5, atol=1e-4)  # 0.8 and 0.2 in log-odds
    own[25, 55] = 0.7  # beyond what the view reaches
    found = look(Both(own), np.zeros((60, 60, 3), np.uint8), None, None, None, 1, laid=moved).anomaly_map
    np.testing.assert_allclose(found[25, 55], 0.7, atol=1e-4)
