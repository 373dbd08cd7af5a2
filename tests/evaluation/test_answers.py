import pytest

from anomalygpt.dialogue.phrasebook import LANGUAGES, phrasebook
from anomalygpt.evaluation.answers import (
    closest_statement,
    count_named,
    defect_statements,
    kinds_named,
    names_product,
    product_statements,
    shape_named,
)

EN, ZH = phrasebook("en"), phrasebook("zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_and_product_is_read_by_its_name(language):
    book = phrasebook(language)
    for key, entry in book.names["defects"].items():
        if key != "unknown":
            said = f"It looks like a {entry['name']}." if language == "en" else f"看起来是{entry['name']}。"
            assert kinds_named(said, book) == [key]
    for key, entry in book.names["products"].items():
        said = f"This is a {entry['name']}." if language == "en" else f"这是{entry['name']}。"
        assert names_product(said, key, book)
    for key, name in book.names["shapes"].items():
        assert shape_named(f"It is {name}.", book) == key


def test_kinds_in_the_order_of_the_words():
    assert kinds_named("Two scratches and one dent, no scratch more.", EN) == ["scratch", "dent"]
    assert kinds_named("It looks fine.", EN) == []
    assert kinds_named("像是划痕，也可能是裂纹。", ZH) == ["scratch", "crack"]


def test_a_product_that_is_not_the_true_one_is_wrong():
    assert not names_product("This is a screw.", "bottle", EN)
    assert not names_product("I do not know it.", "bottle", EN)
    assert not names_product("A bottle or a screw.", "bottle", EN)
    assert names_product("I see a nut.", "hazelnut", EN) and names_product("I see a nut.", "metal nut", EN)
    assert not names_product("这是拉链。", "cable", ZH)


@pytest.mark.parametrize(
    ("answer", "count", "book"),
    [
        ("There are three: at the top and on the left.", 3, EN),
        ("I see 2 regions.", 2, EN),
        ("A single one.", 1, EN),
        ("None at all.", 0, EN),
        ("It covers 2.5% of the part.", None, EN),
        ("The score is 0.93.", None, EN),
        ("It is at the top.", None, EN),
        ("有两处。", 2, ZH),
        ("共 3 处。", 3, ZH),
        ("一处。", 1, ZH),
        ("没有。", 0, ZH),
        ("第二处在左侧。", None, ZH),
        ("它在左侧。", None, ZH),
    ],
)
def test_numbers(answer, count, book):
    assert count_named(answer, book) == count


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_known_of_a_kind_or_product_is_recognized(language):
    book = phrasebook(language)
    for statements in (defect_statements(book), product_statements(book)):
        for key, texts in statements.items():
            assert all(key in closest_statement(f"{text} .", statements) for text in texts if text)


def test_an_answer_that_repeats_nothing_is_close_to_nothing():
    assert closest_statement("xyz qqq vvv", defect_statements(EN)) == set()
    assert closest_statement("", defect_statements(EN)) == set()
