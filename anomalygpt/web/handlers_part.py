"""Events of the part and of its map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from anomalygpt.web import views
from anomalygpt.web.handlers import Handlers, Update, request_language
from anomalygpt.web.labels import label
from anomalygpt.web.messages import user_message
from anomalygpt.web.uploads import path_of, paths_of
from anomalygpt.web.views import View


class PartHandlers(Handlers):
    """Photo, references, description, map."""

    def opened(self, request: gr.Request) -> Update:
        """The page was opened: what is written on the server appears in the browser's language."""
        visitor = self.visitor(request)
        if visitor.language == "en":
            return self.nothing()
        legend = {self.panels.legend: views.legend(visitor.language)}
        return self.evidence(visitor, "overlay", 0.0, False) | self.dialogue(visitor) | legend

    def model_known(self, request: gr.Request) -> Update:
        """The model is there: the settings show its own values."""
        panels, session, language = self.panels, self.visitor(request).session(), request_language(request)
        decoding = session.inspector.model.config.generation
        rules = [(label(f"rule_{rule}", language), rule) for rule in session.inspector.rules]
        return {
            panels.temperature: decoding.temperature,
            panels.top_p: decoding.top_p,
            panels.length: decoding.max_new_tokens,
            panels.rule: gr.Radio(choices=rules, value=session.rule),
            panels.rotations: session.rotations,
        }

    def photo_changed(
        self, photo: Mapping[str, Any] | None, view: View, opacity: float, contours: bool, request: gr.Request
    ) -> Update:
        """Another photo, or none: inspects it at once, so that the map is there before the first question."""
        visitor = self.visitor(request)
        refused, number = Update(), visitor.asked
        try:
            path = path_of(photo)
            if visitor.is_late("photo", [path] if path else []):
                return self.nothing()
            visitor.arrived("photo")
            if visitor.pending is not None:
                return self.nothing()  # the answer that is about to start inspects this photo itself
            if not visitor.set_photo(path) or visitor.asked != number:
                return self.nothing()  # a question came meanwhile, and its answer shows all of this
        except Exception as error:
            refused = {self.panels.photo: None} | self.part_notice(user_message(error, visitor.language))
        shown = self.evidence(visitor, view, opacity, contours) | self.dialogue(visitor)
        return shown | (refused or self.part_notice(""))

    def references_changed(
        self,
        references: Sequence[Mapping[str, Any]] | None,
        view: View,
        opacity: float,
        contours: bool,
        request: gr.Request,
    ) -> Update:
        """Other normal photos: compares with them from now on."""
        visitor = self.visitor(request)
        number = visitor.asked
        try:
            paths = paths_of(references)
            if visitor.is_late("references", paths):
                return self.nothing()
            visitor.arrived("references")
            if visitor.pending is not None:
                return self.nothing()
            changed, used, messages = visitor.set_references(paths)
        except Exception as error:
            return self.part_notice(user_message(error, visitor.language))
        if not changed or visitor.asked != number:
            return self.nothing()  # not to end the answer that has begun meanwhile
        update = self.evidence(visitor, view, opacity, contours) | self.dialogue(visitor)
        if messages:
            update[self.panels.references] = used
        return update | self.part_notice(" ".join(messages))

    def description_changed(
        self, description: str, view: View, opacity: float, contours: bool, request: gr.Request
    ) -> Update:
        """Another description of the part."""
        visitor = self.visitor(request)
        try:
            if visitor.pending is not None or not visitor.describe(description):
                return self.nothing()
        except Exception as error:
            return self.part_notice(user_message(error, visitor.language))
        return self.evidence(visitor, view, opacity, contours) | self.dialogue(visitor)

    def map_rule_changed(
        self, rule: str, rotations: bool, view: View, opacity: float, contours: bool, request: gr.Request
    ) -> Update:
        """Another way to make the map: looks at the photo anew."""
        visitor = self.visitor(request)
        try:
            if not visitor.set_map_rule(rule, rotations):
                return self.nothing()
        except Exception as error:
            return self.part_notice(user_message(error, visitor.language))
        return self.evidence(visitor, view, opacity, contours) | self.dialogue(visitor)

    def redraw(self, view: View, opacity: float, contours: bool, request: gr.Request) -> Update:
        """Draws the map another way, from what is measured already."""
        return self.picture(self.visitor(request), view, opacity, contours)

    def region_picked(
        self, view: View, opacity: float, contours: bool, request: gr.Request, event: gr.EventData
    ) -> Update:
        """Frames the region that was picked, in the table by its number or on the photo by a point.

        Picking it again in the table takes the frame away; a point on the photo also puts a question about what is
        there into the box.
        """
        visitor, picked = self.visitor(request), event._data
        inspection, asked = visitor.inspection, self.nothing()
        if inspection is None:
            return asked
        if "region" in picked:
            visitor.highlighted = None if visitor.highlighted == picked["region"] else picked["region"]
        else:
            region = views.region_at(inspection, picked["x"], picked["y"])
            visitor.highlighted = region.index if region is not None else None
            asked = {self.panels.question: views.question_at(inspection, picked["x"], picked["y"], visitor.language)}
        table = {self.panels.regions: views.region_table(inspection, visitor.highlighted, visitor.language)}
        return self.picture(visitor, view, opacity, contours) | table | asked
