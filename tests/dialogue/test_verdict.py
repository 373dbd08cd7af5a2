from __future__ import annotations

import pytest

from anomalygpt.dialogue import detect_language, parse_verdict

ANOMALOUS = [
    "Yes.",
    "Yes, there is an anomaly in the image, at the top left.",
    "No, it is not fine: there is a scratch on the right.",
    "No, this is not normal.",
    "I would say it is damaged.",
    "Unfortunately the part isn't flawless.",
    "The hazelnut is not intact; the shell is cracked.",
    "I am not certain: there is a weak response at the top left.",
    "Nothing stands out on the left; the anomaly is in the center.",
    "It is not a scratch but a crack.",
    "There is no doubt that it is defective.",
    "Unlike the normal photo, there is a hole at the bottom.",
    "Anomalous (B)",
    "有。",
    "有异常，位于左上方。",
    "不正常。",
    "是的，这个零件有缺陷。",
    "不，它不是完好的：右侧有划痕。",
    "我不太确定，但左上方可能有异常。",
    "左侧没有什么，异常在中央。",
    "与正常照片相比，右侧有差异。",
]
NORMAL = [
    "No.",
    "No, there is no anomaly in the image.",
    "Yes, it is fine.",
    "Yes, the part looks perfectly normal.",
    "The surface is free of defects.",
    "I don't see any flaws.",
    "Nothing is wrong with it.",
    "It isn't damaged.",
    "I see neither scratches nor dents.",
    "The leather is intact, without any defect.",
    "No defects were found.",
    "Defects are not visible.",
    "All is in order.",
    "It does not look abnormal.",
    "Normal (A)",
    "没有。",
    "没有异常。",
    "没有发现任何缺陷。",
    "是的，它很正常。",
    "无异常，产品合格。",
    "我没有看到异常。",
    "零件没问题。",
    "看不出缺陷，没有划痕，也没有其他异常。",
]
UNSAID = [
    "",
    "You are welcome.",
    "This is a hazelnut.",
    "A good hazelnut has a closed shell without cracks.",
    "It should be smooth and free of scratches.",
    "Ask me about the anomaly if you like.",
    "I cannot tell whether it is a scratch.",
    "I can tell you what is wrong with a part.",
    "The photo is 640x480 pixels.",
    "I am AnomalyGPT.",
    "Is there a defect?",
    "不客气。",
    "这是榛子。",
    "好的榛子应外壳完整，没有裂纹。",
    "我说不清是不是划痕。",
]


@pytest.mark.parametrize("answer", ANOMALOUS)
def test_reads_anomalous(answer):
    assert parse_verdict(answer) is True


@pytest.mark.parametrize("answer", NORMAL)
def test_reads_normal(answer):
    assert parse_verdict(answer) is False


@pytest.mark.parametrize("answer", UNSAID)
def test_reads_nothing_where_nothing_is_said(answer):
    assert parse_verdict(answer) is None


def test_case_and_quotes_do_not_matter():
    assert parse_verdict("YES, THERE IS A DEFECT") is True
    assert parse_verdict("I don’t see any defect.") is False


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is it?", "en"),
        ("它在哪里？", "zh"),
        ("这个 PCB 正常吗", "zh"),
        ("", "en"),
        ("38x21?", "en"),
        ("What does 榛子 mean in English?", "en"),
    ],
)
def test_language(text, language):
    assert detect_language(text) == language
