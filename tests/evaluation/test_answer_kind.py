import pytest

from anomalygpt.evaluation.answer_kind import is_of_kind


@pytest.mark.parametrize(
    ("answer", "kind", "others"),
    [
        ("Yes, there is a scratch at the top left.", "presence", ("size", "product", "off_topic")),
        ("It covers 4.2% of the screw, 38x21 pixels.", "size", ("where", "kind", "color")),
        ("It is darker than its surroundings.", "color", ("shape", "size", "presence")),
        ("The photo shows a bottle.", "product", ("material", "look", "where")),
        ("There are three: at the top, on the left and at the bottom right.", "count", ("size", "score", "purpose")),
        ("That is outside my world: I only know about the part in this photo.", "off_topic", ("who", "presence")),
        ("You are welcome!", "thanks", ("greeting", "presence")),
    ],
)
def test_an_answer_is_of_the_kind_that_says_such_things(answer, kind, others):
    assert is_of_kind(answer, kind, "en")
    assert not any(is_of_kind(answer, other, "en") for other in others)


def test_wrong_facts_do_not_change_the_kind():
    for share, box, part in (("0.3%", "5x9", "cable"), ("61%", "700x512", "part")):
        assert is_of_kind(f"It covers {share} of the {part}, {box} pixels.", "size", "en")


def test_a_good_photo_leaves_nothing_to_measure():
    answer = "Nothing stands out in this photo, so I have no region to speak of."
    assert is_of_kind(answer, "size", "en") and is_of_kind(answer, "color", "en")
    assert not is_of_kind(answer, "product", "en")


@pytest.mark.parametrize("answer", ["", "The the of and.", "Bananas are yellow and sweet."])
def test_nonsense_is_of_no_kind(answer):
    assert not any(is_of_kind(answer, kind, "en") for kind in ("presence", "where", "size", "who", "thanks"))


def test_chinese_answers_are_told_apart():
    assert is_of_kind("它占牙刷面积的 28%。", "percent", "zh")
    assert not is_of_kind("它占牙刷面积的 28%。", "color", "zh")
    assert is_of_kind("产品是金属螺母。", "product", "zh")
