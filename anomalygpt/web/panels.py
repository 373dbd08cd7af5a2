"""What is seen: the components of the page and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from anomalygpt.web import views
from anomalygpt.web.examples import Example
from anomalygpt.web.suggestions import MOST, next_questions

OPACITY = 0.5
"""Of the map, when the page opens."""

PICK_REGION = """
element.addEventListener('click', (event) => {
  const row = event.target.closest('tr[data-region]');
  if (row) trigger('select', {region: Number(row.dataset.region)});
});
"""
"""Runs in the browser: a click on a row of the region table tells its region. Its button serves the keyboard."""


@dataclass(frozen=True)
class Panels:
    """The components that events read and write."""

    clear: gr.Button
    photo: gr.Image
    references: gr.Gallery
    description: gr.Textbox
    part_notice: gr.HTML
    badge: gr.HTML
    warning: gr.HTML
    map: gr.Image
    opacity: gr.Slider
    contours: gr.Checkbox
    regions: gr.HTML
    chat: gr.Chatbot
    chips: tuple[gr.Button, ...]
    question: gr.Textbox
    chat_notice: gr.HTML
    cards: tuple[gr.Button, ...]


def make_header() -> gr.Button:
    """The line above all tabs; gives the button between light and dark."""
    with gr.Row(elem_id="header"):
        gr.HTML("<h1>AnomalyGPT</h1><p>Show a part and a good one, and ask what is wrong with it.</p>", elem_id="brand")
        return gr.Button("Light / dark", size="sm", elem_id="dark", scale=0, min_width=96)


def make_panels(examples: Sequence[Example]) -> Panels:
    """Lays one inspection out inside the current tab: the part, its map, the dialogue, and the showcase below."""
    with gr.Row(elem_id="workbench", equal_height=True):
        with gr.Column(elem_id="part", scale=27, min_width=250):
            photo, references, description, part_notice = _part()
        with gr.Column(elem_id="evidence", scale=45, min_width=320):
            badge, warning, picture, opacity, contours, regions = _evidence()
        with gr.Column(elem_id="dialogue", scale=42, min_width=320):
            chat, chips, question, chat_notice = _dialogue()
    with gr.Row(elem_id="showcase"):
        clear = gr.Button("Start over", size="sm", elem_id="clear", scale=0, min_width=96)
        cards = tuple(
            gr.Button(example.name, icon=example.photo, elem_classes="card", min_width=90) for example in examples
        )
    return Panels(
        clear=clear,
        photo=photo,
        references=references,
        description=description,
        part_notice=part_notice,
        badge=badge,
        warning=warning,
        map=picture,
        opacity=opacity,
        contours=contours,
        regions=regions,
        chat=chat,
        chips=chips,
        question=question,
        chat_notice=chat_notice,
        cards=cards,
    )


def _part() -> tuple[gr.Image, gr.Gallery, gr.Textbox, gr.HTML]:
    photo = gr.Image(
        label="The part",
        type="filepath",
        image_mode=None,
        sources=["upload", "webcam", "clipboard"],
        buttons=["fullscreen"],
        interactive=True,
        elem_id="photo",
    )
    references = gr.Gallery(
        label="Good parts",
        type="filepath",
        file_types=["image"],
        sources=["upload", "clipboard"],
        columns=4,
        fit_columns=False,
        object_fit="cover",
        allow_preview=False,
        buttons=[],
        interactive=True,
        elem_id="references",
    )
    description = gr.Textbox(
        label="Description (optional)",
        placeholder="a metal nut, four wings, no scratches",
        max_length=500,
        lines=1,
        max_lines=3,
        elem_id="description",
    )
    part_notice = gr.HTML(visible=False, elem_id="part-notice")
    return photo, references, description, part_notice


def _evidence() -> tuple[gr.HTML, gr.HTML, gr.Image, gr.Slider, gr.Checkbox, gr.HTML]:
    badge = gr.HTML(views.verdict_badge(None, ()), elem_id="badge")
    warning = gr.HTML(visible=False, elem_id="warning")
    picture = gr.Image(
        label="Map on the photo",
        format="jpeg",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="map",
    )
    with gr.Row(elem_id="map-tools"):
        opacity = gr.Slider(0.0, 1.0, OPACITY, step=0.05, label="Opacity", buttons=[], elem_id="opacity", min_width=150)
        contours = gr.Checkbox(True, label="Outlines", elem_id="contours", scale=0, min_width=90)
        gr.HTML(views.legend(), elem_id="legend", min_width=180)
    regions = gr.HTML(views.region_table(None), js_on_load=PICK_REGION, elem_id="regions")
    return badge, warning, picture, opacity, contours, regions


def _dialogue() -> tuple[gr.Chatbot, tuple[gr.Button, ...], gr.Textbox, gr.HTML]:
    chat = gr.Chatbot(
        label="Dialogue",
        # What the model writes is text: never Markdown, formulas or HTML.
        render_markdown=False,
        sanitize_html=True,
        latex_delimiters=[],
        allow_tags=False,
        allow_file_downloads=False,
        feedback_options=None,
        buttons=["copy"],
        layout="bubble",
        height="100%",
        min_height=220,
        placeholder="Add a photo of the part and one of a good part, then ask. Or start with an example.",
        elem_id="chat",
    )
    with gr.Row(elem_id="chips"):
        first = next_questions((), None, "en")
        chips = tuple(
            gr.Button(text, size="sm", elem_classes="chip", min_width=0, scale=0)
            for text in (*first, *("",) * (MOST - len(first)))
        )
    chat_notice = gr.HTML(visible=False, elem_id="chat-notice")
    question = gr.Textbox(
        label="Question",
        show_label=False,
        placeholder="Ask about the part",
        lines=1,
        max_lines=4,
        submit_btn="Ask",
        stop_btn=False,
        elem_id="question",
        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
    )
    return chat, chips, question, chat_notice
