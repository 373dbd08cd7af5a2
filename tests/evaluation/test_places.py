import numpy as np
import pytest

from anomalygpt.dialogue.phrasebook import LANGUAGES, phrasebook
from anomalygpt.evaluation.places import places_said, right_places, true_places
from anomalygpt.records import PLACES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", PLACES)
def test_every_place_of_the_phrases_is_read(language, place):
    entry = phrasebook(language).names["places"][place]
    for words in (entry["name"], *entry["at"]):
        said = f"Yes, there is an anomaly {words}." if language == "en" else f"有，{words}有异常。"
        assert places_said(said) == (place,)


@pytest.mark.parametrize(
    ("answer", "places"),
    [
        ("Yes, at the bottom left and in the center.", ("bottom left", "center")),
        ("It is in the upper-right corner, and again in the upper right.", ("top right",)),
        ("The middle left shows a crack.", ("left",)),
        ("At the top center.", ("top",)),
        ("A long scratch, rising to the right.", ()),
        ("That is right, there is none.", ()),
        ("No, I see no anomaly.", ()),
        ("主要在左上方，另外在中央也有。", ("top left", "center")),
        ("细长且向右上倾斜，在下方。", ("bottom",)),
        ("没有异常。", ()),
    ],
)
def test_places_in_the_order_of_the_words(answer, places):
    assert places_said(answer) == places


def test_true_places_of_regions_the_largest_first():
    mask = np.zeros((90, 90), bool)
    mask[2:6, 2:6] = True
    mask[70:88, 70:88] = True
    mask[45, 45] = True  # a speck
    assert true_places(mask) == ("bottom right", "top left")
    assert true_places(np.zeros((9, 9), bool)) == ()


def test_a_large_defect_may_be_named_by_each_cell_it_fills():
    mask = np.zeros((90, 90), bool)
    mask[40:50, 5:85] = True
    assert true_places(mask) == ("center",)
    assert right_places(mask) == {"left", "center", "right"}
    assert right_places(np.zeros((9, 9), bool)) == frozenset()


def test_places_follow_the_photos_own_sides():
    mask = np.zeros((30, 300), bool)
    mask[12:18, 5:20] = True
    assert right_places(mask) == {"left"}
