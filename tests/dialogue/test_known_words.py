"""Answers state the colours and shapes that were measured, in either language, and no others."""

import pytest

from anomalygpt.dialogue.known_words import KnownWords
from anomalygpt.dialogue.measures import color_of, shape_of
from anomalygpt.dialogue.phrasebook import phrasebook
from anomalygpt.dialogue.words import color_text, shape_text
from anomalygpt.records import Evidence, Region

DARK_RED = (-10.0, 9.0, 0.0)
BLUE = (0.0, 0.0, -20.0)
SAME = (0.0, 0.0, 0.0)


def region(color, elongation=1.0, angle=0.0, index=1):
    return Region(index, (0, 0, 9, 9), (4.0, 4.0), 81, 0.1, 0.9, "top", elongation, angle, color)


def known(*regions, asked=()):
    return KnownWords(Evidence(0.9, regions, 100, 100, 1), asked)


def refused(words, kind, answer):
    """The part of an answer up to the first word that is refused, None if all of it is allowed."""
    written = ""
    for piece in answer:
        if not words.allow(kind, written, piece):
            return written
        written += piece
    return None


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("color", [DARK_RED, BLUE, SAME, (30.0, 0.0, 20.0), (-40.0, -15.0, 0.0)])
@pytest.mark.parametrize(
    ("elongation", "angle"), [(1.0, 0.0), (2.0, 0.0), (6.0, 0.0), (6.0, 90.0), (6.0, 45.0), (6.0, 135.0)]
)
def test_every_measured_colour_and_shape_can_be_said(language, color, elongation, angle):
    one = region(color, elongation, angle)
    book, words = phrasebook(language), known(one)
    for kind, said in (
        ("color", color_text(book, one)),
        ("shape", shape_text(book, one)),
        ("describe", color_text(book, one)),
    ):
        answer = f"It is {said}." if language == "en" else f"它{said}。"
        assert refused(words, kind, answer) is None, (color_of(one), shape_of(one), answer)
        assert refused(words, kind, said.capitalize()) is None


@pytest.mark.parametrize(
    ("kind", "answer", "until"),
    [
        ("color", ["It is", " brighter", " than"], "It is"),
        ("color", ["It is", " much", " darker"], "It is"),
        ("color", ["It is", " about", " the same color"], "It is"),
        ("color", ["D", "arker", " than"], "Darker"),
        ("color", ["它比周围", "更暗", "、", "偏黄"], "它比周围更暗、"),
        ("color", ["它比周围", "更亮"], "它比周围"),
        ("", ["A mark that is", " bluer", " than"], "A mark that is"),
        ("shape", ["It is", " long", " and", " vertical"], "It is long and"),
        ("shape", ["它是", "椭圆形"], "它是"),
        ("describe", ["A", " round", " mark"], "A"),
    ],
)
def test_another_colour_or_shape_cannot(kind, answer, until):
    assert refused(known(region(DARK_RED, 6.0)), kind, answer) == until


@pytest.mark.parametrize(
    ("answer", "until"),
    [
        (["I count", " two", " of them"], None),
        (["I count", " three"], "I count"),
        (["J", "ust one", ", at the top"], "J"),
        (["Two", "; the strongest", " one", " is at the top"], None),
        (["一共", "两处", "异常"], None),
        (["一共", "三", "处"], "一共"),
        (["只有", "一处", "异常"], "只有"),
        (["共", " 2", " 处"], None),
        (["共", " 1", " 处"], "共"),
        (["发现 2 处，占", " 1", "4%"], None),
    ],
)
def test_asked_how_many_an_answer_counts_the_regions(answer, until):
    words = known(region(BLUE), region(BLUE, index=2))
    assert refused(words, "count", answer) == until
    assert refused(words, "describe", answer) is None


def test_words_that_only_look_alike_are_free():
    words = known(region(DARK_RED, 6.0))
    assert refused(words, "look", ["A good one is", " round", "."]) is None
    assert refused(words, "describe", ["It goes", " around", " along", " the edge, as long as", " it is seen"]) is None
    assert refused(words, "size", ["It is", " about", " 4%"]) is None


def test_any_region_may_be_spoken_of_and_without_regions_everything_is():
    words = known(region(DARK_RED), region(BLUE, index=2))
    assert refused(words, "describe", ["It is", " bluer", " than", " its surroundings"]) is None
    assert refused(known(), "color", ["Nothing is", " darker", " or", " brighter"]) is None


@pytest.mark.parametrize(
    ("asked", "bluer"),
    [
        (["What colour is it?"], False),
        (["Is there one?", "And its tone?"], False),
        (["How does it differ from the area next to it?"], False),
        (["What colour is the second one?"], True),
        (["And the one at the bottom left?", "What colour has it?"], True),
        (["region 2: colour?"], True),
        (["Colours of all of them?"], True),
        (["它是什么颜色？"], False),
        (["第二处是什么颜色？"], True),
        (["左边那处呢？"], True),
        (["另一处是什么颜色？"], True),
    ],
)
def test_a_colour_asked_for_is_the_strongest_regions_unless_the_user_points_at_another(asked, bluer):
    words = known(region(DARK_RED), region(BLUE, index=2), asked=asked)
    assert refused(words, "color", ["It is", " darker", " and", " redder"]) is None
    assert (refused(words, "color", ["It is", " bluer"]) is None) == bluer


def test_one_slip_does_not_refuse_all_that_follows():
    words = known(region(BLUE))
    assert words.allow("color", "It is darker than its", " surroundings")
    assert not words.allow("color", "It is darker than its surroundings and", " redder")


@pytest.mark.parametrize(
    ("kind", "product", "said"), [("product", "pill", False), ("product", "", True), ("okay", "pill", True)]
)
def test_of_a_product_that_was_named_it_is_not_said_that_nobody_knows_it(kind, product, said):
    words = KnownWords(Evidence(0.2, (), 100, 100, 1, product))
    assert (refused(words, kind, ["I do", " not know", " this product"]) is None) is said
    assert (refused(words, kind, ["我", "不认识", "它"]) is None) is said
    assert refused(words, kind, ["I see", " a pill"]) is None
