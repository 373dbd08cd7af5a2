"""Events of the page to calls of the visitor's session. No model code: what is shown comes from `views`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr

from anomalygpt.dialogue.verdict import detect_language
from anomalygpt.imaging.read import PhotoError
from anomalygpt.web import views
from anomalygpt.web.examples import Example
from anomalygpt.web.panels import Panels
from anomalygpt.web.sessions import Visitor, Visitors
from anomalygpt.web.suggestions import MOST, next_questions

logger = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong on the server, and its log says what. Your photo is still here: please try again."

Update = dict[Any, Any]
"""New values by component; a component that is not named keeps its own."""


class Handlers:
    """The handlers of one page, for all visitors.

    Photos come as the browser's own records (`preprocess=False`), so that a broken file reaches `read_photo` and
    its clear message, and not Gradio's decoder.
    """

    def __init__(self, visitors: Visitors, panels: Panels, examples: Sequence[Example]) -> None:
        self.visitors = visitors
        self.panels = panels
        self.examples = examples

    # Events of the part.

    def photo_changed(
        self, photo: Mapping[str, Any] | None, opacity: float, contours: bool, request: gr.Request
    ) -> Update:
        """Another photo, or none: inspects it at once, so that the map is there before the first question."""
        visitor = self._visitor(request)
        if visitor.pending is not None:
            return self._nothing()  # the answer that is about to start inspects this photo itself
        refused: Update = {}
        try:
            if not visitor.set_photo(_path(photo)):
                return self._nothing()
        except Exception as error:
            refused = {self.panels.photo: None} | self._part_notice(_message(error))
        shown = self._evidence(visitor, opacity, contours) | self._dialogue(visitor)
        return shown | (refused or self._part_notice(""))

    def references_changed(
        self, references: Sequence[Mapping[str, Any]] | None, opacity: float, contours: bool, request: gr.Request
    ) -> Update:
        """Other normal photos: compares with them from now on."""
        visitor = self._visitor(request)
        if visitor.pending is not None:
            return self._nothing()
        try:
            changed, used, messages = visitor.set_references(_paths(references))
        except Exception as error:
            return self._part_notice(_message(error))
        if not changed:
            return self._nothing()
        update = self._evidence(visitor, opacity, contours) | self._dialogue(visitor)
        if messages:
            update[self.panels.references] = used
        return update | self._part_notice(" ".join(messages))

    def description_changed(self, description: str, opacity: float, contours: bool, request: gr.Request) -> Update:
        """Another description of the part."""
        visitor = self._visitor(request)
        try:
            if visitor.pending is not None or not visitor.describe(description):
                return self._nothing()
        except Exception as error:
            return self._part_notice(_message(error))
        return self._evidence(visitor, opacity, contours) | self._dialogue(visitor)

    # Events of the dialogue.

    def question_sent(self, question: str, request: gr.Request) -> Update:
        """Shows the question at once; `answer` follows."""
        visitor = self._visitor(request)
        visitor.send(question)
        shown = question if question.strip() else None
        return {
            self.panels.chat: views.messages(visitor.turns, shown),
            self.panels.question: gr.Textbox(value="", submit_btn=False, stop_btn="Stop"),
            self.panels.chat_notice: _notice(""),
        }

    def example_chooser(self, index: int) -> Callable[[gr.Request], Update]:
        """The handler of one card of the showcase."""

        def choose(request: gr.Request) -> Update:
            return self.example_chosen(self.examples[index], request)

        return choose

    def example_chosen(self, example: Example, request: gr.Request) -> Update:
        """Puts an example's photo, reference and question on the page at once; `answer` follows."""
        visitor = self._visitor(request)
        visitor.clear()
        visitor.send(example.question)
        return (
            self._evidence(visitor, 0.0, False)
            | self._part_notice("")
            | {
                self.panels.photo: str(example.photo),
                self.panels.references: [str(example.reference)],
                self.panels.description: example.description,
                self.panels.chat: views.messages((), example.question),
                self.panels.question: gr.Textbox(value="", submit_btn=False, stop_btn="Stop"),
                self.panels.chat_notice: _notice(""),
            }
        )

    def answer(
        self,
        photo: Mapping[str, Any] | None,
        references: Sequence[Mapping[str, Any]] | None,
        description: str,
        opacity: float,
        contours: bool,
        request: gr.Request,
    ) -> Iterator[Update]:
        """Streams the answer to the question that was sent, after inspecting what is not inspected yet."""
        visitor = self._visitor(request)
        question, visitor.pending, number = visitor.pending, None, visitor.asked
        message = ""
        if question is not None:
            try:
                described = visitor.describe(description)
                compared, _, left_out = visitor.set_references(_paths(references))
                inspected = visitor.set_photo(_path(photo))
                if described or compared or inspected:
                    yield self._evidence(visitor, opacity, contours) | self._part_notice(" ".join(left_out))
                before = visitor.turns
                for answer in visitor.ask(question):
                    yield {self.panels.chat: views.messages(before, question, answer)}
            except Exception as error:
                message = _message(error)
        if visitor.asked != number:
            return  # an example was chosen meanwhile, and its answer says when the page is at rest
        ready = self._evidence(visitor, opacity, contours) | self._dialogue(visitor, message)
        if message:
            ready[self.panels.question] = gr.Textbox(value=question, submit_btn="Ask", stop_btn=False)
        yield ready

    def stop(self, request: gr.Request) -> None:
        """Ends the answer that is streaming."""
        self._visitor(request).stop()

    def clear_dialogue(self, opacity: float, contours: bool, request: gr.Request) -> Update:
        """Forgets the turns and keeps the part."""
        visitor = self._visitor(request)
        visitor.stop()
        visitor.reset_dialogue()
        return self._evidence(visitor, opacity, contours) | self._dialogue(visitor)

    def clear(self, request: gr.Request) -> Update:
        """Forgets everything."""
        visitor = self._visitor(request)
        visitor.clear()
        return (
            self._evidence(visitor, 0.0, False)
            | self._dialogue(visitor)
            | self._part_notice("")
            | {self.panels.photo: None, self.panels.references: None, self.panels.description: ""}
        )

    def leave(self, request: gr.Request) -> None:
        """The page was closed or reloaded."""
        if request.session_hash is not None:
            self.visitors.forget(request.session_hash)

    # Events of the map.

    def redraw(self, opacity: float, contours: bool, request: gr.Request) -> Any:
        """Draws the map again at another opacity, from what is measured already."""
        visitor = self._visitor(request)
        return self._map(visitor, opacity, contours)

    def region_picked(self, opacity: float, contours: bool, request: gr.Request, event: gr.EventData) -> Update:
        """Frames the picked region on the photo; picking it again takes the frame away."""
        visitor = self._visitor(request)
        picked = event.region
        visitor.highlighted = None if visitor.highlighted == picked else picked
        return {
            self.panels.map: self._map(visitor, opacity, contours),
            self.panels.regions: views.region_table(visitor.inspection, visitor.highlighted),
        }

    def _visitor(self, request: gr.Request) -> Visitor:
        return self.visitors.get(request.session_hash or "")

    def _nothing(self) -> Update:
        return {self.panels.badge: gr.skip()}

    def _map(self, visitor: Visitor, opacity: float, contours: bool) -> Any:
        inspection = visitor.inspection
        return None if inspection is None else views.render(inspection, opacity, contours, visitor.highlighted)

    def _evidence(self, visitor: Visitor, opacity: float, contours: bool) -> Update:
        """Everything that shows what was measured, and how the words stand to it."""
        inspection, turns = visitor.inspection, visitor.turns
        warning = views.disagreement(inspection, turns)
        return {
            self.panels.map: self._map(visitor, opacity, contours),
            self.panels.badge: views.verdict_badge(inspection, turns),
            self.panels.warning: gr.HTML(value=warning, visible=bool(warning)),
            self.panels.regions: views.region_table(inspection, visitor.highlighted),
        }

    def _dialogue(self, visitor: Visitor, message: str = "") -> Update:
        """The dialogue at rest: turns, next questions, and the box ready for one."""
        turns = visitor.turns
        language = detect_language(turns[-1].question) if turns else "en"
        chips = next_questions(turns, views.stated_verdict(turns), language)
        update: Update = {
            self.panels.chat: views.messages(turns),
            self.panels.question: gr.Textbox(submit_btn="Ask", stop_btn=False),
            self.panels.chat_notice: _notice(message),
        }
        for i, chip in enumerate(self.panels.chips):
            update[chip] = gr.Button(value=chips[i] if i < len(chips) else "", visible=i < min(len(chips), MOST))
        return update

    def _part_notice(self, message: str) -> Update:
        return {self.panels.part_notice: _notice(message)}


def _notice(message: str) -> gr.HTML:
    return gr.HTML(value=views.notice(message), visible=bool(message))


def _message(error: Exception) -> str:
    """What the visitor reads of an error: its own words where it was made for users."""
    from anomalygpt.inspection.session import NoPhotoError, QuestionError, ReferenceError
    from anomalygpt.model.generation import ContextFull

    if isinstance(error, PhotoError | NoPhotoError | QuestionError | ReferenceError | ContextFull):
        return str(error)
    logger.error("A handler of the page failed", exc_info=error)
    return UNEXPECTED


def _path(record: Mapping[str, Any] | None) -> str | None:
    """The uploaded file of a browser's record of an image, None where there is none."""
    path = record.get("path") if record else None
    return str(path) if path else None


def _paths(records: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """The uploaded files of a browser's records of a gallery."""
    found = [_path(record.get("image")) for record in records or ()]
    return [path for path in found if path is not None]
