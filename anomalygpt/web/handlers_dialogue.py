"""Events of the dialogue and of the showcase."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import unescape
from typing import Any

import gradio as gr

from anomalygpt.web import views
from anomalygpt.web.examples import Example
from anomalygpt.web.handlers import Handlers, Update, notice
from anomalygpt.web.labels import label
from anomalygpt.web.messages import user_message
from anomalygpt.web.panels import Panels
from anomalygpt.web.sessions import Visitors
from anomalygpt.web.uploads import path_of, paths_of
from anomalygpt.web.views import View
from anomalygpt.web.visitor import Visitor


class DialogueHandlers(Handlers):
    """Questions, answers, and how they are taken back."""

    def __init__(self, visitors: Visitors, panels: Panels, examples: Sequence[Example]) -> None:
        super().__init__(visitors, panels)
        self.examples = examples

    def question_sent(self, question: str, request: gr.Request) -> Update:
        """Shows the question at once; `answer` follows."""
        return self._sent(self.visitor(request), question)

    def question_edited(self, request: gr.Request, event: gr.EditData) -> Update:
        """Another question in the place of an earlier one, and nothing after it; `answer` follows."""
        visitor = self.visitor(request)
        visitor.rewind(_turn_of(event))
        return self._sent(visitor, unescape(str(event.value)))

    def retried(self, request: gr.Request, event: gr.RetryData) -> Update:
        """The last question once more; `answer` follows."""
        visitor = self.visitor(request)
        taken = visitor.rewind(_turn_of(event))
        return self._sent(visitor, taken[0].question if taken else _text_of(event.value))

    def undone(self, view: View, opacity: float, contours: bool, request: gr.Request, event: gr.UndoData) -> Update:
        """Takes the last question back into the box, as if it had not been asked."""
        visitor = self.visitor(request)
        taken = visitor.rewind(_turn_of(event))
        update = self.evidence(visitor, view, opacity, contours) | self.dialogue(visitor)
        words = taken[0].question if taken else _text_of(event.value)
        return update | {self.panels.question: self._box(visitor, words)}

    def example_chooser(self, index: int) -> Callable[[gr.Request], Update]:
        """The handler of one card of the showcase."""

        def choose(request: gr.Request) -> Update:
            return self.example_chosen(self.examples[index], request)

        return choose

    def example_chosen(self, example: Example, request: gr.Request) -> Update:
        """Puts an example's photo, reference and question on the page at once; `answer` follows."""
        visitor = self.visitor(request)
        words = example.words(visitor.language)
        visitor.clear()
        visitor.await_part(str(example.photo), [str(example.reference)])
        return (
            self.evidence(visitor, "overlay", 0.0, False)
            | self.part_notice("")
            | {
                self.panels.photo: str(example.photo),
                self.panels.references: [str(example.reference)],
                self.panels.description: words.description,
            }
            | self._sent(visitor, words.question)
        )

    def answer(
        self,
        photo: Mapping[str, Any] | None,
        references: Sequence[Mapping[str, Any]] | None,
        description: str,
        view: View,
        opacity: float,
        contours: bool,
        temperature: float,
        top_p: float,
        length: int,
        seed: int | None,
        request: gr.Request,
    ) -> Iterator[Update]:
        """Streams the answer to the question that was sent, after inspecting what is not inspected yet."""
        visitor = self.visitor(request)
        question, number, message = visitor.pending, visitor.asked, ""
        if question is not None:
            try:
                path = path_of(photo)
                if visitor.is_late("photo", [path] if path else []):
                    return  # another example was chosen before this answer could begin, and has its own
                visitor.pending = None
                described = visitor.describe(description)
                compared, _, left_out = visitor.set_references(paths_of(references))
                inspected = visitor.set_photo(path)
                if described or compared or inspected:
                    yield self.evidence(visitor, view, opacity, contours) | self.part_notice(" ".join(left_out))
                before = visitor.turns
                decoding = {"temperature": temperature, "top_p": top_p, "max_new_tokens": length, "seed": seed}
                for answer in visitor.ask(question, **decoding):
                    yield {self.panels.chat: views.messages(before, question, answer, visitor.language)}
            except Exception as error:
                visitor.pending = None
                message = user_message(error, visitor.language)
        if visitor.asked != number:
            return  # an example was chosen meanwhile, and its answer says when the page is at rest
        visitor.arrived("photo", "references")
        ready = self.evidence(visitor, view, opacity, contours) | self.dialogue(visitor, message)
        if message:
            ready[self.panels.question] = self._box(visitor, question or "")
        yield ready

    def stop(self, request: gr.Request) -> None:
        """Ends the answer that is streaming."""
        self.visitor(request).stop()

    def clear_dialogue(self, view: View, opacity: float, contours: bool, request: gr.Request) -> Update:
        """Forgets the turns and keeps the part."""
        visitor = self.visitor(request)
        visitor.stop()
        visitor.reset_dialogue()
        return self.evidence(visitor, view, opacity, contours) | self.dialogue(visitor)

    def _sent(self, visitor: Visitor, question: str) -> Update:
        """The page while the answer to a question is awaited."""
        visitor.send(question)
        shown = question if question.strip() else None
        return {
            self.panels.chat: views.messages(visitor.turns, shown, language=visitor.language),
            self.panels.question: gr.Textbox(value="", submit_btn=False, stop_btn=label("stop", visitor.language)),
            self.panels.chat_notice: notice(""),
        }

    def _box(self, visitor: Visitor, words: str) -> gr.Textbox:
        """The box ready to send, with a question in it."""
        return gr.Textbox(value=words, submit_btn=label("ask", visitor.language), stop_btn=False)


def _turn_of(event: gr.EditData | gr.RetryData | gr.UndoData) -> int:
    """The turn of a message in the chat, where questions and answers alternate."""
    assert isinstance(event.index, int)
    return event.index // 2


def _text_of(value: Any) -> str:
    """The text of a chat message as the browser sends it."""
    pieces = value if isinstance(value, list) else [value]
    return unescape("".join(str(piece.get("text", "")) if isinstance(piece, dict) else str(piece) for piece in pieces))
