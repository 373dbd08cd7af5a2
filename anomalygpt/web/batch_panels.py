"""What is seen in the tab of many photos: files, references, progress, table, histogram and downloads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import gradio as gr

from anomalygpt.web.labels import Language, label
from anomalygpt.web.panels import WORDS

COLUMNS = ("picture", "file", "verdict", "score_short", "place", "regions_short", "note")
"""Of the table, by the keys of their headers."""

Datatype = Literal["str", "number", "bool", "date", "markdown", "html"]
DATATYPES: list[Datatype] = ["html", "str", "str", "number", "str", "str", "str"]


@dataclass(frozen=True)
class BatchPanels:
    """The components that events read and write."""

    files: gr.File
    references: gr.Gallery
    description: gr.Textbox
    start: gr.Button
    cancel: gr.Button
    notice: gr.HTML
    progress: gr.HTML
    histogram: gr.HTML
    csv: gr.DownloadButton
    html: gr.DownloadButton
    table: gr.Dataframe


def make_batch_panels() -> BatchPanels:
    """Lays the batch out inside the current tab."""
    with gr.Row(elem_id="batch"):
        with gr.Column(scale=27, min_width=250):
            files = gr.File(
                label=WORDS("batch_files"),
                file_count="multiple",
                file_types=["image", ".zip"],
                height=170,
                elem_id="batch-files",
            )
            references = gr.Gallery(
                label=WORDS("references"),
                type="filepath",
                file_types=["image"],
                sources=["upload", "clipboard"],
                columns=4,
                fit_columns=False,
                object_fit="cover",
                height=150,
                allow_preview=False,
                buttons=[],
                interactive=True,
                elem_id="batch-references",
            )
            description = gr.Textbox(
                label=WORDS("description"),
                placeholder=WORDS("description_hint"),
                max_length=500,
                lines=1,
                max_lines=3,
                elem_id="batch-description",
            )
            with gr.Row():
                start = gr.Button(WORDS("batch_start"), variant="primary", elem_id="batch-start", min_width=120)
                cancel = gr.Button(WORDS("batch_cancel"), interactive=False, elem_id="batch-cancel", min_width=100)
        with gr.Column(scale=73, min_width=320):
            notice = gr.HTML(visible=False, elem_id="batch-notice")
            progress = gr.HTML(f"<p>{label('batch_hint', 'en')}</p>", elem_id="batch-progress")
            histogram = gr.HTML(visible=False, elem_id="batch-histogram")
            with gr.Row():
                csv = gr.DownloadButton(WORDS("batch_csv"), interactive=False, size="sm", elem_id="batch-csv")
                html = gr.DownloadButton(WORDS("batch_html"), interactive=False, size="sm", elem_id="batch-html")
            table = gr.Dataframe(
                label=WORDS("batch_table"),
                headers=headers("en"),
                datatype=DATATYPES,
                type="array",
                interactive=False,
                wrap=True,
                max_height=520,
                column_widths=["112px", "140px", "104px", "76px", "88px", "130px", "230px"],
                buttons=["fullscreen"],
                visible=False,
                elem_id="batch-table",
            )
    return BatchPanels(
        files=files,
        references=references,
        description=description,
        start=start,
        cancel=cancel,
        notice=notice,
        progress=progress,
        histogram=histogram,
        csv=csv,
        html=html,
        table=table,
    )


def headers(language: Language) -> list[str]:
    """The headers of the table."""
    return [label(key, language) for key in COLUMNS]
