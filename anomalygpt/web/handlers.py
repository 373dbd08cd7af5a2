"""What all handlers of the page share: the visitor, and the visitor's state as new values of the panels.

No model code: what is shown comes from `views`.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from anomalygpt.dialogue.verdict import detect_language, stated_verdict
from anomalygpt.web import views
from anomalygpt.web.labels import Language, browser_language, label
from anomalygpt.web.panels import Panels
from anomalygpt.web.sessions import Visitors
from anomalygpt.web.suggestions import MOST, next_questions
from anomalygpt.web.views import View
from anomalygpt.web.visitor import Visitor

Update = dict[Any, Any]
"""New values by component; a component that is not named keeps its own."""


class Handlers:
    """The base of the handlers of one page, for all visitors."""

    def __init__(self, visitors: Visitors, panels: Panels) -> None:
        self.visitors = visitors
        self.panels = panels

    def visitor(self, request: gr.Request) -> Visitor:
        """Who sent an event, in the language of their browser."""
        visitor = self.visitors.get(request.session_hash or "")
        visitor.language = request_language(request)
        return visitor

    def nothing(self) -> Update:
        """An update that changes nothing."""
        return {self.panels.badge: gr.skip()}

    def picture(self, visitor: Visitor, view: View, opacity: float, contours: bool) -> Update:
        """The map as it is wanted, alone or beside the bare photo."""
        panels, inspection = self.panels, visitor.inspection
        beside = view == "compare" and inspection is not None
        update = {panels.map: gr.update(value=None, visible=not beside), panels.compare: gr.update(visible=beside)}
        if inspection is not None:
            image = views.render(inspection, view, opacity, contours, visitor.highlighted)
            if beside:
                update[panels.compare]["value"] = (inspection.photo, image)
            else:
                update[panels.map]["value"] = image
        return update

    def evidence(self, visitor: Visitor, view: View, opacity: float, contours: bool) -> Update:
        """Everything that shows what was measured, and how the words stand to it."""
        inspection, turns, language = visitor.inspection, visitor.turns, visitor.language
        warning = views.disagreement(inspection, turns, language)
        update = self.picture(visitor, view, opacity, contours) | {
            self.panels.badge: views.verdict_badge(inspection, turns, language),
            self.panels.warning: gr.HTML(value=warning, visible=bool(warning)),
            self.panels.regions: views.region_table(inspection, visitor.highlighted, language),
            self.panels.history: views.strip(visitor.history.cases, visitor.history.current, language),
        }
        for button in self.panels.reports.values():
            update[button] = gr.Button(interactive=inspection is not None)
        return update

    def dialogue(self, visitor: Visitor, message: str = "") -> Update:
        """The dialogue at rest: turns, next questions, and the box ready for one."""
        turns = visitor.turns
        language = detect_language(turns[-1].question) if turns else visitor.language
        chips = next_questions(turns, stated_verdict(turns), language)
        update: Update = {
            self.panels.chat: views.messages(turns, language=visitor.language),
            self.panels.question: gr.Textbox(submit_btn=label("ask", visitor.language), stop_btn=False),
            self.panels.chat_notice: notice(message),
        }
        for i, chip in enumerate(self.panels.chips):
            update[chip] = gr.Button(value=chips[i] if i < len(chips) else "", visible=i < min(len(chips), MOST))
        return update

    def part_notice(self, text: str) -> Update:
        """A message below the photos, "" for none."""
        return {self.panels.part_notice: notice(text)}


def notice(text: str) -> gr.HTML:
    """A message to the visitor in its place, "" for none."""
    return gr.HTML(value=views.notice(text), visible=bool(text))


def request_language(request: gr.Request) -> Language:
    """The language of the browser that sent an event."""
    headers = getattr(request, "headers", None)
    return browser_language(headers.get("accept-language") if headers else None)
