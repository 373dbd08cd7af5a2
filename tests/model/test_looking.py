import numpy as np
import torch

from anomalygpt.model.encoder import Features
from anomalygpt.model.looking import Products, look


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


def test_the_eye_leans_to_where_its_map_is_highest_even_if_nothing_is_anomalous():
    faint = np.full((60, 60), 0.02, np.float32)
    faint[45:50, 3:18] = 0.3
    faint[2:6, 50:55] = 0.1
    photo = np.zeros((60, 60, 3), np.uint8)
    seen = look(Shows(faint), photo, None, None, None, 0, product="pill", likely=("screw", "pill"))
    assert seen.regions == () and seen.leanings.products == ("pill", "screw")
    assert seen.leanings.places[:2] == ("bottom left", "top right") and seen.leanings.count == 0
    assert [(region.place, region.elongation > 2.5) for region in seen.leanings.regions] == [("bottom left", True)]


def test_the_eye_leans_to_the_regions_that_it_measured():
    strong = np.zeros((60, 60), np.float32)
    strong[45:50, 3:18], strong[2:6, 50:55] = 0.7, 0.9
    seen = look(Shows(strong), np.zeros((60, 60, 3), np.uint8), None, None, None, 0)
    assert seen.leanings.regions == seen.regions and seen.leanings.places[:2] == ("top right", "bottom left")
    assert len(seen.leanings.places) == 9 and seen.leanings.count == 2
