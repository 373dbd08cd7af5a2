"""Answers hold no figure that was not read."""

import pytest

from anomalygpt.model.figures import KnownFigures

EVIDENCE = """score 0.93 anomalous, certain; photo 640x480; references 1; regions 2
1: top left; 4.2% small; 56x39 pixels; peak 0.97; round; darker"""


def writable(text: str) -> bool:
    """Whether the text can be written character by character."""
    allow = KnownFigures([EVIDENCE, "and number 5?"]).allow
    return all(allow(text[:end], text[end]) for end in range(len(text)))


@pytest.mark.parametrize(
    "text",
    [
        "It is 56x39 pixels, 4.2% of the part.",
        "It scores 0.93. That is above 0.5.",
        "56 pixels wide and 39 high.",
        "I see 2. Number 5 is not there.",
        "外框是 56x39 像素，占 4.2%。",
        "No figure; only words, x and %.",
    ],
)
def test_what_was_measured_asked_or_stands_for_itself_can_be_written(text):
    assert writable(text)


@pytest.mark.parametrize(
    "text",
    [
        "It is 56x13 pixels.",
        "It is 39x56 pixels.",
        "It is 4.7% of it.",
        "It covers 4% of it.",
        "Score 0.9.",
        "7 of them",
        "占 2.4%",
    ],
)
def test_nothing_else_can(text):
    assert not writable(text)


def test_a_piece_of_several_characters_is_judged_whole():
    allow = KnownFigures([EVIDENCE]).allow
    assert allow("It is", " 56x39 pixels.")
    assert not allow("It is", " 56x40 pixels.")
