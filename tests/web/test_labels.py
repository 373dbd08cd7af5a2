import string

import pytest

from anomalygpt.dialogue.verdict import detect_language
from anomalygpt.records import PLACES
from anomalygpt.web.labels import browser_language, label, translations


def test_every_word_is_there_in_both_languages_with_the_same_places_to_fill():
    words = translations({"Nut": ("Nut", "螺母")})
    assert words["en"].keys() == words["zh"].keys()
    for key, english in words["en"].items():
        fields = [
            {name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (english, words["zh"][key])
        ]
        assert english and fields[0] == fields[1], key


def test_words_are_filled_in():
    assert label("ask_region", "en", number=2) == "What is region 2?"
    assert detect_language(label("ask_region", "zh", number=2)) == "zh"
    assert all(detect_language(label(place, "zh")) == "zh" for place in PLACES)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("zh", "zh"), ("en-US,zh;q=0.5", "en"), ("de", "en"), ("", "en"), (None, "en")],
)
def test_the_first_language_of_the_browser_decides(accepted, language):
    assert browser_language(accepted) == language
