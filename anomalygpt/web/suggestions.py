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
            "What is in the photo?",
            "How many defects are there?",
            "What should a good one look like?",
        ),
        "anomalous": (
            "Where is it?",
            "What kind of defect is it?",
            "How big is it?",
            "What should I do with this part?",
            "What colour is it?",
            "How sure are you?",
            "What should a good one look like?",
        ),
        "normal": (
            "How sure are you?",
            "What is in the photo?",
            "What should a good one look like?",
            "How does it differ from the reference?",
        ),
        "unsaid": (
            "Is there any anomaly in the image?",
            "Where is it?",
            "How sure are you?",
            "What should a good one look like?",
        ),
    },
    "zh": {
        "first": ("图中有异常吗？", "图中是什么？", "有几处缺陷？", "合格品应该是什么样的？"),
        "anomalous": (
            "异常在哪里？",
            "是什么缺陷？",
            "有多大？",
            "这个零件该怎么处理？",
            "是什么颜色？",
            "你有多确定？",
            "合格品应该是什么样的？",
        ),
        "normal": ("你有多确定？", "图中是什么？", "合格品应该是什么样的？", "与参考图有什么不同？"),
        "unsaid": ("图中有异常吗？", "异常在哪里？", "你有多确定？", "合格品应该是什么样的？"),
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
