"""The page: panels and handlers joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from anomalygpt.web.batch import BatchHandlers, connect_batch
from anomalygpt.web.batch_panels import make_batch_panels
from anomalygpt.web.endpoints import add_endpoints
from anomalygpt.web.examples import EXAMPLES_FOLDER, Example
from anomalygpt.web.feedback import Feedback
from anomalygpt.web.handlers_dialogue import DialogueHandlers
from anomalygpt.web.handlers_part import PartHandlers
from anomalygpt.web.handlers_record import RecordHandlers
from anomalygpt.web.panels import WORDS, Panels, make_header, make_panels
from anomalygpt.web.scripts import MEND_NAMES
from anomalygpt.web.sessions import IDLE_SECONDS, Visitors
from anomalygpt.web.theme import STYLE, TOGGLE_DARK, make_theme

if TYPE_CHECKING:
    from anomalygpt.inspection.session import Session

MODEL_EVENTS = 2
QUEUE_SIZE = 128
UPLOAD_LIMIT = "100mb"


def build_app(
    new_session: Callable[[], Session],
    examples: Sequence[Example] = (),
    feedback: Path | None = None,
    queue_size: int = QUEUE_SIZE,
    concurrency: int = MODEL_EVENTS,
) -> gr.Blocks:
    """Builds the page.

    Args:
        new_session: makes one visitor's session; called from a handler, so it may wait for the model to be loaded.
        examples: the showcase.
        feedback: file that thumbs up and down are appended to, as JSON lines; without one there are no thumbs.
        queue_size: how many events wait at most; over it a visitor is told that the queue is full.
        concurrency: how many visitors' steps of the model run at once; the others see their place in the queue.
    """
    visitors = Visitors(new_session)
    # Uploads and drawn maps are removed from disk when they are older than any visitor's session.
    with gr.Blocks(title="AnomalyGPT", fill_width=True, delete_cache=(600, int(IDLE_SECONDS))) as app:
        dark = make_header()
        dark.click(None, None, None, js=TOGGLE_DARK)
        app.load(None, None, None, js=MEND_NAMES)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab(WORDS("tab_part"), id="part"):
                panels = make_panels(examples, feedback is not None)
            with gr.Tab(WORDS("tab_batch"), id="batch"):
                batch = BatchHandlers(new_session, make_batch_panels())
        part = PartHandlers(visitors, panels)
        record = RecordHandlers(visitors, panels, Feedback(feedback) if feedback is not None else None)
        app.load(part.opened, None, _shown(panels), **_QUICK)
        # Waits for the model, which the page does not.
        settings = [panels.temperature, panels.top_p, panels.length, panels.rule, panels.rotations]
        app.load(part.model_known, None, settings, show_progress="hidden", **_PRIVATE)
        _connect_part(part)
        _connect_dialogue(DialogueHandlers(visitors, panels, examples))
        _connect_record(record)
        connect_batch(batch)
        add_endpoints(new_session)
        app.unload(record.leave)
        app.unload(batch.leave)
    app.queue(default_concurrency_limit=concurrency, max_size=queue_size)
    return app


def launch_options(upload_limit: str = UPLOAD_LIMIT) -> dict[str, Any]:
    """What `gr.Blocks.launch` needs for this page: its look, and nothing that leaves this computer.

    Args:
        upload_limit: the largest file that is taken, such as "100mb".
    """
    return {
        "theme": make_theme(),
        "i18n": WORDS,
        "css_paths": STYLE,
        # The page is not always started in the repository's own folder, and the examples' photos lie there.
        "allowed_paths": [str(EXAMPLES_FOLDER)],
        "footer_links": [],
        "run_history": False,
        "share": False,
        "ssr_mode": False,
        "enable_monitoring": False,
        "show_error": False,
        "max_file_size": upload_limit,
        "quiet": True,
    }


_PRIVATE: dict[str, Any] = {"api_visibility": "private"}
_QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", **_PRIVATE}
_MODEL: dict[str, Any] = {"concurrency_id": "model", "preprocess": False, **_PRIVATE}

CLICK_SAVED = "() => document.querySelector('#saved').click()"
"""Runs in the browser when a report is made: saves it."""


def _evidence(panels: Panels) -> list[Component]:
    """What `Handlers.evidence` writes."""
    return [
        panels.map, panels.compare, panels.badge, panels.warning, panels.regions, panels.history,
        *panels.reports.values(),
    ]  # fmt: skip


def _shown(panels: Panels) -> list[Component]:
    """What shows an inspection and its dialogue."""
    dialogue = [panels.chat, panels.question, panels.chat_notice, *panels.chips]
    return [*_evidence(panels), *dialogue, panels.part_notice, panels.legend]


def _connect_part(handlers: PartHandlers) -> None:
    panels = handlers.panels
    shown, drawing = _shown(panels), panels.drawing
    settings: dict[str, Any] = {"show_progress": "minimal", "show_progress_on": [panels.map], **_MODEL}
    panels.photo.change(handlers.photo_changed, [panels.photo, *drawing], [*shown, panels.photo], **settings)
    panels.references.change(
        handlers.references_changed, [panels.references, *drawing], [*shown, panels.references], **settings
    )
    gr.on(
        [panels.description.submit, panels.description.blur],
        handlers.description_changed,
        [panels.description, *drawing],
        shown,
        **settings,
    )
    gr.on(
        [panels.rule.input, panels.rotations.input],
        handlers.map_rule_changed,
        [panels.rule, panels.rotations, *drawing],
        shown,
        **settings,
    )
    pictures = [panels.map, panels.compare]
    panels.opacity.input(handlers.redraw, drawing, pictures, trigger_mode="always_last", **_QUICK)
    gr.on([panels.view.input, panels.contours.input], handlers.redraw, drawing, pictures, **_QUICK)
    panels.regions.select(
        handlers.region_picked, drawing, [*pictures, panels.regions, panels.question, panels.badge], **_QUICK
    )


def _connect_dialogue(handlers: DialogueHandlers) -> None:
    panels = handlers.panels
    shown, drawing = _shown(panels), panels.drawing
    part = [panels.photo, panels.references, panels.description]

    def then_answer(sent: Any) -> None:
        sent.then(
            handlers.answer,
            [*part, *drawing, *panels.decoding],
            shown,
            show_progress="minimal",
            show_progress_on=[panels.chat],
            **_MODEL,
        )

    sent = [panels.chat, panels.question, panels.chat_notice]
    then_answer(panels.question.submit(handlers.question_sent, [panels.question], sent, **_QUICK))
    for chip in panels.chips:
        then_answer(chip.click(handlers.question_sent, [chip], sent, **_QUICK))
    for i, card in enumerate(panels.cards):
        then_answer(card.click(handlers.example_chooser(i), None, [*shown, *part], **_QUICK))
    then_answer(panels.chat.retry(handlers.retried, None, sent, **_QUICK))
    then_answer(panels.chat.edit(handlers.question_edited, None, sent, **_QUICK))
    panels.chat.undo(handlers.undone, drawing, shown, **_QUICK)
    panels.chat.clear(handlers.clear_dialogue, drawing, shown, **_QUICK)
    panels.question.stop(handlers.stop, None, None, **_QUICK)


def _connect_record(handlers: RecordHandlers) -> None:
    panels = handlers.panels
    shown = _shown(panels)
    part = [panels.photo, panels.references, panels.description]
    panels.clear.click(handlers.clear, None, [*shown, *part], **_QUICK)
    panels.history.select(
        handlers.case_picked,
        panels.drawing,
        [*shown, *part, panels.rule, panels.rotations],
        show_progress="minimal",
        show_progress_on=[panels.map],
        **_MODEL,
    )
    for kind, button in panels.reports.items():
        button.click(handlers.reporter(kind), panels.decoding, panels.saved, **_QUICK)
    panels.saved.change(None, None, None, js=CLICK_SAVED)
    if handlers.feedback is not None:
        panels.chat.like(handlers.rated, None, None, **_QUICK)
