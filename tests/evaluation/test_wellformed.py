import pytest

from anomalygpt.evaluation.wellformed import fault_of


@pytest.mark.parametrize(
    ("answer", "finished", "language", "fault"),
    [
        ("Yes, there is a scratch at the top left.", True, "en", None),
        ("Two regions: 1: top left, 4.2%, 38x21 pixels; 2: bottom, 0.1%, 4x9 pixels.", True, "en", None),
        ("Pill (A).", True, "en", None),
        ("", True, "en", "empty"),
        ("Yes, there is", True, "en", "cut off"),
        ("Yes, there is a scratch.", False, "en", "cut off"),
        ("It is normal.###", True, "en", "cut off"),
        ("It ### is normal.", True, "en", "stray signs"),
        ("It is \ufffd normal.", True, "en", "stray signs"),
        ("It is normal. Human: and now.", True, "en", "stray signs"),
        ("左上方有划痕。", True, "en", "wrong language"),
        ("It is normal.", True, "zh", "wrong language"),
        ("It is normal. It is normal.", True, "en", "repetition"),
        ("It is is normal.", True, "en", "repetition"),
        ("It is at the top, it is at the top, it is at the top.", True, "en", "repetition"),
        ("左上方有划痕，占 4.2%，38x21 像素。", True, "zh", None),
        ("我是 AnomalyGPT，不是真人。", True, "zh", None),
        ("28%。", True, "zh", None),
        ("没有异常。没有异常。", True, "zh", "repetition"),
    ],
)
def test_what_is_broken_is_named(answer, finished, language, fault):
    assert fault_of(answer, finished, language) == fault
