"""The page: panels and handlers joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from anomalygpt.web.examples import Example
from anomalygpt.web.handlers import Handlers
from anomalygpt.web.panels import make_header, make_panels
from anomalygpt.web.sessions import IDLE_SECONDS, Visitors
from anomalygpt.web.theme import STYLE, TOGGLE_DARK, make_theme

if TYPE_CHECKING:
    from anomalygpt.inspection.session import Session

MODEL_EVENTS = 2
"""How many visitors' steps of the model run at once; the others see their place in the queue."""

QUEUE_SIZE = 128
"""How many events wait at most; over it a visitor is told that the queue is full."""

UPLOAD_LIMIT = "100mb"


def build_app(new_session: Callable[[], Session], examples: Sequence[Example] = ()) -> gr.Blocks:
    """Builds the page.

    Args:
        new_session: makes one visitor's session; called from a handler, so it may wait for the model to be loaded.
        examples: the showcase.
    """
    visitors = Visitors(new_session)
    # Uploads and drawn maps are removed from disk when they are older than any visitor's session.
    with gr.Blocks(title="AnomalyGPT", fill_width=True, delete_cache=(600, int(IDLE_SECONDS))) as app:
        dark = make_header()
        dark.click(None, None, None, js=TOGGLE_DARK)
        with gr.Tabs(elem_id="tabs"), gr.Tab("One part", id="part"):
            panels = make_panels(examples)
        handlers = Handlers(visitors, panels, examples)
        _connect_part(handlers)
        _connect_dialogue(handlers)
        _connect_map(handlers)
        app.unload(handlers.leave)
    app.queue(default_concurrency_limit=MODEL_EVENTS, max_size=QUEUE_SIZE)
    return app


def launch_options() -> dict[str, Any]:
    """What `gr.Blocks.launch` needs for this page: its look, and nothing that leaves this computer."""
    return {
        "theme": make_theme(),
        "css_paths": STYLE,
        "footer_links": [],
        "run_history": False,
        "share": False,
        "ssr_mode": False,
        "enable_monitoring": False,
        "show_error": False,
        "max_file_size": UPLOAD_LIMIT,
        "quiet": True,
    }


_PRIVATE: dict[str, Any] = {"api_visibility": "private"}
_QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", **_PRIVATE}
_MODEL: dict[str, Any] = {"concurrency_id": "model", "preprocess": False, **_PRIVATE}


def _connect_part(handlers: Handlers) -> None:
    panels = handlers.panels
    drawing = [panels.opacity, panels.contours]
    shown = [
        panels.map, panels.badge, panels.warning, panels.regions, panels.chat, panels.question, panels.chat_notice,
        panels.part_notice, *panels.chips,
    ]  # fmt: skip
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


def _connect_dialogue(handlers: Handlers) -> None:
    panels = handlers.panels
    drawing = [panels.opacity, panels.contours]
    evidence = [panels.map, panels.badge, panels.warning, panels.regions]
    dialogue = [panels.chat, panels.question, panels.chat_notice, *panels.chips]
    part = [panels.photo, panels.references, panels.description, panels.part_notice]

    def then_answer(sent: Any) -> None:
        sent.then(
            handlers.answer,
            [panels.photo, panels.references, panels.description, *drawing],
            [*evidence, *dialogue, panels.part_notice],
            show_progress="minimal",
            show_progress_on=[panels.chat],
            **_MODEL,
        )

    sent = [panels.chat, panels.question, panels.chat_notice]
    then_answer(panels.question.submit(handlers.question_sent, [panels.question], sent, **_QUICK))
    for chip in panels.chips:
        then_answer(chip.click(handlers.question_sent, [chip], sent, **_QUICK))
    for i, card in enumerate(panels.cards):
        chosen = handlers.example_chooser(i)
        then_answer(card.click(chosen, None, [*evidence, *sent, *part], **_QUICK))
    panels.question.stop(handlers.stop, None, None, **_QUICK)
    panels.chat.clear(handlers.clear_dialogue, drawing, [*evidence, *dialogue], **_QUICK)
    panels.clear.click(handlers.clear, None, [*evidence, *dialogue, *part], **_QUICK)


def _connect_map(handlers: Handlers) -> None:
    panels = handlers.panels
    drawing = [panels.opacity, panels.contours]
    panels.opacity.input(handlers.redraw, drawing, panels.map, trigger_mode="always_last", **_QUICK)
    panels.contours.input(handlers.redraw, drawing, panels.map, **_QUICK)
    panels.regions.select(handlers.region_picked, drawing, [panels.map, panels.regions], **_QUICK)
