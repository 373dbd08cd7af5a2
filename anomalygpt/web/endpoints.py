"""Named endpoints for programs: the same work as on the page, without the page. See docs/api.md.

A program's session has a name that is given to it alone, so that clients which share a connection, as MCP's do, never
share a photo.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from anomalygpt.dialogue.verdict import FIRST_QUESTION
from anomalygpt.inspection.unpacking import BatchError, unpack
from anomalygpt.web.downloads import save_download
from anomalygpt.web.labels import label
from anomalygpt.web.messages import user_message
from anomalygpt.web.sessions import Visitors
from anomalygpt.web.uploads import File, files_of, path_of
from anomalygpt.web.visitor import Visitor

if TYPE_CHECKING:
    from anomalygpt.inspection.session import Session

IDLE_SECONDS = 1800.0
"""A program's session that is not asked for so long is forgotten."""

MOST_SESSIONS = 32
"""Sessions of programs that are kept; over it the one idle longest goes first."""


class Endpoints:
    """The functions behind the endpoints. Their docstrings are what API pages and MCP clients show."""

    def __init__(self, new_session: Callable[[], Session]) -> None:
        self._new_session = new_session
        self._callers = Visitors(new_session, IDLE_SECONDS, MOST_SESSIONS)

    def inspect(
        self,
        photo: File | None,
        references: Sequence[File] | None = None,
        description: str = "",
        question: str = FIRST_QUESTION,
    ) -> tuple[dict[str, Any], NDArray[np.uint8]]:
        """Inspect a photo of a part for anomalies, answer a question about it, and open a session for more questions.

        Args:
            photo: Photo of the part: JPEG, PNG, WebP, BMP, GIF or TIFF.
            references: 0 to 16 photos of good parts of the same product; one or more make the map much better.
            description: What the part is, in a few words, such as "a metal nut"; may be empty.
            question: Asked first, in English or Chinese.

        Returns:
            A JSON object with session, answer, verdict, score and regions; and the photo under its anomaly map.
        """
        name = secrets.token_urlsafe(16)
        caller = self._callers.get(name)
        try:
            caller.describe(description)
            _, _, left_out = caller.set_references([str(path) for _, path in files_of(references)])
            caller.set_photo(path_of(photo))
            answered = _answer(caller, question)
        except Exception as error:
            self._callers.forget(name)
            raise _refusal(error) from error
        return self._inspected(name, caller, answered, left_out)

    def ask(self, session: str, question: str) -> dict[str, Any]:
        """Ask a further question about a photo that was inspected before; earlier answers are known.

        Args:
            session: The name that inspect gave.
            question: In English or Chinese, such as "Where is it?" or "How bad is it?".

        Returns:
            A JSON object with session, question, answer, and the verdict of this answer.
        """
        if session not in self._callers:
            raise gr.Error(
                f"There is no session '{session[:40]}', or it was idle for too long. Call inspect again.",
                print_exception=False,
            )
        try:
            return {"session": session} | _answer(self._callers.get(session), question)
        except Exception as error:
            raise _refusal(error) from error

    def batch(
        self,
        photos: Sequence[File] | None,
        references: Sequence[File] | None = None,
        description: str = "",
        progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio finds its progress by this default
    ) -> tuple[dict[str, Any], str, str]:
        """Inspect many photos of one product, one after the other; a file that cannot be read is a row that says why.

        Args:
            photos: Photos of parts, or ZIP archives of them.
            references: 0 to 16 photos of good parts of the same product.
            description: What the parts are, in a few words; may be empty.

        Returns:
            A JSON object with counts and a row for each file; the rows as a CSV file and as an HTML page.
        """
        from anomalygpt.inspection.batch import inspect_batch
        from anomalygpt.inspection.batch_report import as_values, counts, csv_table, html_table, summary_of

        try:
            with tempfile.TemporaryDirectory(prefix="anomalygpt-batch-", ignore_cleanup_errors=True) as folder:
                items = unpack(files_of(photos), Path(folder))
                if not items:
                    raise BatchError(label("batch_empty", "en"))
                session = self._new_session()
                session.description = description
                session.set_references([path for _, path in files_of(references)])
                rows = list(progress.tqdm(inspect_batch(session, items), total=len(items), unit="photos"))
        except Exception as error:
            raise _refusal(error) from error
        summary = summary_of(session, len(items))
        return (
            {"counts": counts(rows), "rows": [as_values(row) for row in rows]},
            save_download(csv_table(rows), "batch.csv"),
            save_download(html_table(rows, summary), "batch.html"),
        )

    def _inspected(
        self, name: str, caller: Visitor, answered: dict[str, Any], left_out: Sequence[str]
    ) -> tuple[dict[str, Any], NDArray[np.uint8]]:
        from anomalygpt.inspection.report import content, draw_overlay

        record = caller.snapshot({})
        result = {"session": name, "answer": answered["answer"], "notices": list(left_out)} | content(record)
        return result, draw_overlay(record.inspection)


def add_endpoints(new_session: Callable[[], Session]) -> None:
    """Adds the endpoints to the current `gr.Blocks`; nothing of them is seen on the page."""
    with gr.Row(visible=False):
        endpoints = Endpoints(new_session)
        photo = gr.Image(label="Photo", type="filepath", image_mode=None)
        references = gr.File(label="References", file_count="multiple", file_types=["image"])
        photos = gr.File(label="Photos", file_count="multiple", file_types=["image", ".zip"])
        description = gr.Textbox("", label="Description")
        question = gr.Textbox(FIRST_QUESTION, label="Question")
        further = gr.Textbox(label="Question")
        session = gr.Textbox(label="Session")
        result, overlay = gr.JSON(label="Result"), gr.Image(label="Overlay", format="png")
        csv, html = gr.File(label="CSV"), gr.File(label="HTML")
        trigger = gr.Button()
        model: dict[str, Any] = {"preprocess": False, "show_progress": "hidden"}
        trigger.click(
            endpoints.inspect,
            [photo, references, description, question],
            [result, overlay],
            api_name="inspect",
            concurrency_id="model",
            **model,
        )
        trigger.click(endpoints.ask, [session, further], result, api_name="ask", concurrency_id="model", **model)
        trigger.click(
            endpoints.batch,
            [photos, references, description],
            [result, csv, html],
            api_name="batch",
            concurrency_id="batch",
            **model,
        )


def _answer(caller: Visitor, question: str) -> dict[str, Any]:
    from anomalygpt.inspection.report import verdict_word

    before = len(caller.turns)
    for _ in caller.ask(question, temperature=0):
        pass
    turns = caller.turns[before:]
    answer, verdict = (turns[0].answer, turns[0].verdict) if turns else ("", None)
    return {"question": question.strip(), "answer": answer, "verdict": verdict_word(verdict)}


def _refusal(error: Exception) -> gr.Error:
    """What the program gets in place of a result."""
    return gr.Error(user_message(error, unexpected="batch_unexpected"), print_exception=False)
