"""Events of the record: the inspections of the visit, reports, and what visitors think of answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gradio as gr

from anomalygpt.inspection.report import html_report, json_report, overlay_png
from anomalygpt.web.downloads import save_download
from anomalygpt.web.feedback import Feedback
from anomalygpt.web.handlers import Handlers, Update
from anomalygpt.web.labels import label
from anomalygpt.web.messages import user_message
from anomalygpt.web.panels import Panels
from anomalygpt.web.sessions import Visitors
from anomalygpt.web.views import View


class RecordHandlers(Handlers):
    """What is kept of a visit, and what of it leaves the page."""

    def __init__(self, visitors: Visitors, panels: Panels, feedback: Feedback | None) -> None:
        super().__init__(visitors, panels)
        self.feedback = feedback

    def case_picked(
        self, view: View, opacity: float, contours: bool, request: gr.Request, event: gr.EventData
    ) -> Update:
        """Returns to an earlier inspection with its photos and its dialogue."""
        visitor, panels = self.visitor(request), self.panels
        try:
            case = visitor.recall(int(event._data["case"]))
        except KeyError:
            return self.evidence(visitor, view, opacity, contours) | self.part_notice(
                label("case_gone", visitor.language)
            )
        except Exception as error:
            return self.part_notice(user_message(error, visitor.language))
        part = {
            panels.photo: str(case.photo),
            panels.references: [str(path) for path in case.references] or None,
            panels.description: case.description,
            panels.rule: case.rule,
            panels.rotations: case.rotations,
        }
        shown = self.evidence(visitor, view, opacity, contours) | self.dialogue(visitor)
        return shown | self.part_notice("") | part

    def clear(self, request: gr.Request) -> Update:
        """Empties the page for the next part; the record of the visit stays."""
        visitor = self.visitor(request)
        visitor.clear()
        return (
            self.evidence(visitor, "overlay", 0.0, False)
            | self.dialogue(visitor)
            | self.part_notice("")
            | {self.panels.photo: None, self.panels.references: None, self.panels.description: ""}
        )

    def leave(self, request: gr.Request) -> None:
        """The page was closed or reloaded."""
        if request.session_hash is not None:
            self.visitors.forget(request.session_hash)

    def reporter(self, kind: str) -> Callable[[float, float, int, int | None, gr.Request], Update]:
        """The handler of one button for a report: "html", "json" or "png"."""

        def report(temperature: float, top_p: float, length: int, seed: int | None, request: gr.Request) -> Update:
            settings = {"temperature": temperature, "top-p": top_p, "longest answer": length, "seed": seed}
            visitor = self.visitor(request)
            try:
                record = visitor.snapshot(settings)
            except ValueError:
                return self.nothing()
            if kind == "png":
                content: str | bytes = overlay_png(record.inspection)
            else:
                content = html_report(record) if kind == "html" else json_report(record)
            name = f"{Path(record.name).stem}-{record.date:%Y%m%d-%H%M%S}.{kind}"
            return {self.panels.saved: save_download(content, name)}

        return report

    def rated(self, request: gr.Request, event: gr.LikeData) -> None:
        """Thumbs up or down on an answer."""
        visitor = self.visitor(request)
        turns, turn = visitor.turns, int(event.index) // 2  # type: ignore[arg-type]
        if self.feedback is not None and turn < len(turns) and visitor.inspection is not None:
            visitor.ratings[turn] = bool(event.liked)
            self.feedback.add(
                bool(event.liked), visitor.session().inspector.name, visitor.inspection.score, turns[: turn + 1]
            )
