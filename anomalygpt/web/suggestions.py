"""Next questions that fit the last answer, offered as buttons under the chat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from anomalygpt.records import Turn

MOST = 4
"""How many are offered at once."""

Stage = Literal["first", "anomalous", "normal", "unsaid"]

_QUESTIONS: dict[str, dict[Stage, tuple[str, ...]]] = {
    "en": {
        "first": (
            "Is there any anomaly in the image?",
            "What is this?",
            "How many defects are there?",
            "What does a good one look like?",
        ),
        "anomalous": (
            "Where is it?",
            "How big is it?",
            "What kind of defect is it?",
            "How bad is it?",
            "What should I do about it?",
            "What color is it?",
            "How sure are you?",
            "What does a good one look like?",
        ),
        "normal": (
            "How sure are you?",
            "What is this?",
            "What does a good one look like?",
            "How does it differ from the reference?",
        ),
        "unsaid": (
            "Is there any anomaly in the image?",
            "Where is it?",
            "How sure are you?",
            "What does a good one look like?",
        ),
    },
    "zh": {
        "first": ("图像中有异常吗？", "这是什么？", "有几处缺陷？", "合格品长什么样？"),
        "anomalous": (
            "它在哪里？",
            "它有多大？",
            "是什么缺陷？",
            "它严重吗？",
            "我该怎么处理？",
            "它是什么颜色？",
            "你有多确定？",
            "合格品长什么样？",
        ),
        "normal": ("你有多确定？", "这是什么？", "合格品长什么样？", "和参考图有什么不同？"),
        "unsaid": ("图像中有异常吗？", "它在哪里？", "你有多确定？", "合格品长什么样？"),
    },
}


def next_questions(turns: Sequence[Turn], verdict: bool | None, language: str) -> tuple[str, ...]:
    """At most `MOST` questions that were not asked yet.

    Args:
        turns: the dialogue so far.
        verdict: what the words said last of the presence of an anomaly.
        language: "en" or "zh", of the last question.
    """
    stage: Stage = "first"
    if turns:
        stage = "unsaid" if verdict is None else "anomalous" if verdict else "normal"
    asked = {turn.question.strip() for turn in turns}
    return tuple(question for question in _QUESTIONS[language][stage] if question not in asked)[:MOST]
