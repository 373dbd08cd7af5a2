"""What is seen: the components of the page and where they lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from anomalygpt.web import views
from anomalygpt.web.examples import Example, card_names, read_examples
from anomalygpt.web.labels import label, translations
from anomalygpt.web.suggestions import MOST, next_questions

OPACITY = 0.5
"""Of the map, when the page opens."""

WORDS: Callable[[str], Any] = gr.I18n(**translations(card_names(read_examples())))
"""Labels that the browser puts into its own language; some components take them that declare only text."""

PICK_REGION = """
element.addEventListener('click', (event) => {
  const row = event.target.closest('tr[data-region]');
  if (row) trigger('select', {region: Number(row.dataset.region)});
});
document.addEventListener('click', (event) => {
  const photo = event.target.closest('#map') && document.querySelector('#map img');
  if (!photo || !photo.naturalWidth || event.target.closest('.icon-button-wrapper')) return;
  const box = photo.getBoundingClientRect();
  const scale = Math.min(box.width / photo.naturalWidth, box.height / photo.naturalHeight);
  const x = 0.5 + (event.clientX - (box.left + box.right) / 2) / (scale * photo.naturalWidth);
  const y = 0.5 + (event.clientY - (box.top + box.bottom) / 2) / (scale * photo.naturalHeight);
  if (x >= 0 && x <= 1 && y >= 0 && y <= 1) trigger('select', {x, y});
});
"""
"""Runs in the browser: tells which row of the region table was clicked (its button serves the keyboard), or where on
the photo, as shares of its width and height. Gradio's own event counts pixels, wrongly on a photo shown enlarged."""

PICK_CASE = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-case]');
  if (button) trigger('select', {case: Number(button.dataset.case)});
});
"""
"""Runs in the browser: tells which inspection of the visit was clicked."""


@dataclass(frozen=True)
class Panels:
    """The components that events read and write."""

    photo: gr.Image
    references: gr.Gallery
    description: gr.Textbox
    part_notice: gr.HTML
    temperature: gr.Slider
    top_p: gr.Slider
    length: gr.Slider
    seed: gr.Number
    rule: gr.Radio
    rotations: gr.Checkbox
    badge: gr.HTML
    warning: gr.HTML
    map: gr.Image
    compare: gr.ImageSlider
    view: gr.Radio
    opacity: gr.Slider
    contours: gr.Checkbox
    legend: gr.HTML
    regions: gr.HTML
    chat: gr.Chatbot
    chips: tuple[gr.Button, ...]
    question: gr.Textbox
    chat_notice: gr.HTML
    clear: gr.Button
    history: gr.HTML
    reports: dict[str, gr.Button]
    saved: gr.DownloadButton
    cards: tuple[gr.Button, ...]

    @property
    def drawing(self) -> list[Component]:
        """How the map is drawn."""
        return [self.view, self.opacity, self.contours]

    @property
    def decoding(self) -> list[Component]:
        """How answers are generated."""
        return [self.temperature, self.top_p, self.length, self.seed]


def make_header() -> gr.Button:
    """The line above all tabs; gives the button between light and dark."""
    with gr.Row(elem_id="header"):
        gr.Markdown("# AnomalyGPT", elem_id="brand")
        gr.Markdown(WORDS("tagline"), elem_id="tagline")
        return gr.Button(WORDS("dark"), size="sm", elem_id="dark", scale=0, min_width=96)


def make_panels(examples: Sequence[Example], feedback: bool = False) -> Panels:
    """Lays one inspection out inside the current tab: the part, its map, the dialogue, and the record below.

    Args:
        examples: the showcase.
        feedback: whether answers carry thumbs up and down.
    """
    seen: dict[str, object] = {}
    with gr.Row(elem_id="workbench", equal_height=True):
        with gr.Column(elem_id="part", scale=27, min_width=250):
            seen |= _part() | _settings()
        with gr.Column(elem_id="evidence", scale=45, min_width=320):
            seen |= _evidence()
        with gr.Column(elem_id="dialogue", scale=42, min_width=320):
            seen |= _dialogue(feedback)
    with gr.Row(elem_id="record"):
        seen |= _record()
    with gr.Row(elem_id="showcase", visible=bool(examples)):
        cards = tuple(
            gr.Button(WORDS(example.english.name), icon=example.photo, elem_classes="card", min_width=90)
            for example in examples
        )
    return Panels(cards=cards, **seen)  # type: ignore[arg-type]


def _part() -> dict[str, object]:
    return {
        "photo": gr.Image(
            label=WORDS("photo"),
            type="filepath",
            image_mode=None,
            sources=["upload", "webcam", "clipboard"],
            buttons=["fullscreen"],
            interactive=True,
            elem_id="photo",
        ),
        "references": gr.Gallery(
            label=WORDS("references"),
            type="filepath",
            file_types=["image"],
            sources=["upload", "webcam", "clipboard"],
            columns=4,
            fit_columns=False,
            object_fit="cover",
            allow_preview=False,
            buttons=[],
            interactive=True,
            elem_id="references",
        ),
        "description": gr.Textbox(
            label=WORDS("description"),
            placeholder=WORDS("description_hint"),
            max_length=500,
            lines=1,
            max_lines=3,
            elem_id="description",
        ),
        "part_notice": gr.HTML(visible=False, elem_id="part-notice"),
    }


def _settings() -> dict[str, object]:
    """Filled with the model's own values as soon as it is loaded; see `Handlers.model_known`."""
    with gr.Accordion(WORDS("settings"), open=False, elem_id="settings"):
        return {
            "temperature": gr.Slider(
                0.0, 1.5, 0.0, step=0.05, label=WORDS("temperature"), info=WORDS("temperature_info"), buttons=[]
            ),
            "top_p": gr.Slider(0.05, 1.0, 0.9, step=0.05, label=WORDS("top_p"), buttons=[]),
            "length": gr.Slider(16, 512, 160, step=16, label=WORDS("length"), buttons=[]),
            "seed": gr.Number(None, label=WORDS("seed"), precision=0, minimum=0),
            "rule": gr.Radio(
                [(WORDS("rule_paper"), "paper"), (WORDS("rule_fused"), "fused")],
                value="fused",
                label=WORDS("rule"),
                elem_id="rule",
            ),
            "rotations": gr.Checkbox(False, label=WORDS("rotations"), elem_id="rotations"),
        }


def _evidence() -> dict[str, object]:
    seen: dict[str, object] = {
        "badge": gr.HTML(views.verdict_badge(None, ()), elem_id="badge"),
        "warning": gr.HTML(visible=False, elem_id="warning"),
        "map": gr.Image(
            label=WORDS("map"),
            format="jpeg",
            interactive=False,
            buttons=["download", "fullscreen"],
            elem_id="map",
        ),
        "compare": gr.ImageSlider(
            label=WORDS("compare"),
            format="jpeg",
            interactive=False,
            visible=False,
            buttons=["fullscreen"],
            elem_id="compare",
        ),
    }
    with gr.Row(elem_id="map-tools"):
        choices = [(WORDS(f"view_{view}"), view) for view in ("overlay", "map", "compare")]
        seen["view"] = gr.Radio(
            choices, value="overlay", label=WORDS("view"), show_label=False, elem_id="view", min_width=200
        )
        seen["contours"] = gr.Checkbox(True, label=WORDS("contours"), elem_id="contours", scale=0, min_width=90)
        seen["opacity"] = gr.Slider(
            0.0, 1.0, OPACITY, step=0.05, label=WORDS("opacity"), buttons=[], elem_id="opacity", min_width=150
        )
        seen["legend"] = gr.HTML(views.legend(), elem_id="legend", min_width=180)
    seen["regions"] = gr.HTML(views.region_table(None), js_on_load=PICK_REGION, elem_id="regions")
    return seen


def _dialogue(feedback: bool) -> dict[str, object]:
    seen: dict[str, object] = {
        "chat": gr.Chatbot(
            label=WORDS("chat"),
            # What the model writes is text: never Markdown, formulas or HTML.
            render_markdown=False,
            sanitize_html=True,
            latex_delimiters=[],
            allow_tags=False,
            allow_file_downloads=False,
            feedback_options=("Like", "Dislike") if feedback else None,
            editable="user",
            buttons=["copy", "copy_all"],
            layout="bubble",
            height="100%",
            min_height=200,
            placeholder=WORDS("chat_hint"),
            elem_id="chat",
        )
    }
    with gr.Row(elem_id="chips"):
        first = next_questions((), None, "en")
        seen["chips"] = tuple(
            gr.Button(text, size="sm", elem_classes="chip", min_width=0, scale=0)
            for text in (*first, *("",) * (MOST - len(first)))
        )
    seen["chat_notice"] = gr.HTML(visible=False, elem_id="chat-notice")
    seen["question"] = gr.Textbox(
        label=WORDS("question"),
        show_label=False,
        placeholder=WORDS("question_hint"),
        lines=1,
        max_lines=4,
        submit_btn=label("ask", "en"),
        stop_btn=False,
        elem_id="question",
        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
    )
    return seen


def _record() -> dict[str, object]:
    seen: dict[str, object] = {
        "clear": gr.Button(WORDS("start_over"), size="sm", elem_id="clear", scale=0, min_width=96),
        "history": gr.HTML(views.strip((), None), js_on_load=PICK_CASE, elem_id="history"),
    }
    with gr.Row(elem_id="reports"):
        gr.Markdown(WORDS("report"), elem_id="report-label")
        seen["reports"] = {
            kind: gr.Button(kind.upper(), size="sm", interactive=False, elem_id=f"report-{kind}", min_width=0, scale=0)
            for kind in ("html", "json", "png")
        }
    # Filled and clicked when a report is asked for: it is made then, and not after every answer.
    seen["saved"] = gr.DownloadButton(visible="hidden", elem_id="saved")
    return seen
