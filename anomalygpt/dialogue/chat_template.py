"""The strings of a prompt format read off a chat template, whatever its family.

A template is a program that writes a dialogue out as text. Written out with marks for questions and answers, that text
shows what stands before, between and after them; with these strings a follow-up question can be put behind what the
language model has read already, and nothing is ever rendered, or read, twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anomalygpt.config.schema import PromptFormatConfig

Render = Callable[[Sequence[dict[str, str]], bool], str]
"""From messages, and whether the text goes on to where the next answer begins, to the text."""

_QUESTION, _ANSWER, _LATER = "(the first question)", "(the first answer)", "(the second question)"


def chat_prompt_format(config: PromptFormatConfig, render: Render, end: str) -> PromptFormatConfig:
    """The config with the strings of a chat template.

    Args:
        config: the rest of it, such as the instruction.
        render: the template.
        end: the tokenizer's end token, which closes an answer where the template itself has nothing there.

    Raises:
        ValueError: from `render`, or where the template changes a question or an answer, drops one, or asks a second
            question in another way than by adding to what is there.
    """
    asked = {"role": "user", "content": _QUESTION}
    answered = {"role": "assistant", "content": _ANSWER}
    first_human, assistant = _cut(render([asked], True), _QUESTION)
    _, closed = _cut(render([asked, answered], False), _ANSWER)
    dialogue = render([asked, answered, {"role": "user", "content": _LATER}], True)
    before, after = _cut(dialogue, _ANSWER)
    between, later_assistant = _cut(after, _LATER)
    if not before.startswith(first_human + _QUESTION) or later_assistant != assistant:
        raise ValueError("The language model's chat template asks a second question in another way than the first.")
    opened = before.removeprefix(first_human + _QUESTION)
    stop = _shared(closed, between)
    return config.model_copy(
        update={
            "first_human": first_human,
            "image_open": "",
            "image_close": "",
            "assistant": assistant,
            "lead": opened.removeprefix(assistant) if opened.startswith(assistant) else "",
            "later_human": between.removeprefix(stop),
            "stop": stop if stop.strip() else stop + end,
        }
    )


def _cut(text: str, mark: str) -> tuple[str, str]:
    """What stands before and after the only place of a mark."""
    before, found, after = text.partition(mark)
    if not found or mark in after:
        raise ValueError("The language model's chat template does not repeat questions and answers as they are.")
    return before, after


def _shared(one: str, other: str) -> str:
    """The longest beginning that two texts share."""
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]
