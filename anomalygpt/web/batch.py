"""The tab of many photos: its events to a session that inspects one photo after the other."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from anomalygpt.dialogue.measures import share_text
from anomalygpt.inspection.unpacking import unpack
from anomalygpt.web import views
from anomalygpt.web.batch_panels import BatchPanels, headers
from anomalygpt.web.downloads import save_download
from anomalygpt.web.labels import Language, browser_language, label
from anomalygpt.web.messages import in_language, user_message
from anomalygpt.web.suggestions import next_questions
from anomalygpt.web.uploads import File, files_of, paths_of

if TYPE_CHECKING:
    from anomalygpt.inspection.batch import Row
    from anomalygpt.inspection.session import Session

UPDATE_SECONDS = 0.5
"""Least time between two states of the table."""

Update = dict[Any, Any]


class BatchHandlers:
    """The handlers of the tab, for all visitors. One batch of a visitor runs at a time, and can be cancelled."""

    def __init__(self, new_session: Callable[[], Session], panels: BatchPanels) -> None:
        self._new_session = new_session
        self._running: dict[str, threading.Event] = {}
        self.panels = panels

    def started(self, request: gr.Request) -> Update:
        """Shows at once that the batch is coming; `run` follows."""
        self.leave(request)
        self._running[request.session_hash or ""] = threading.Event()
        language = _language(request)
        return {
            self.panels.start: gr.Button(interactive=False),
            self.panels.cancel: gr.Button(interactive=True),
            self.panels.csv: gr.DownloadButton(interactive=False),
            self.panels.html: gr.DownloadButton(interactive=False),
            self.panels.notice: _notice(""),
            self.panels.progress: _progress(0, 0, label("batch_waiting", language)),
            self.panels.histogram: gr.HTML(visible=False),
            self.panels.table: gr.Dataframe(value=[], headers=headers(language), visible=False),
        }

    def run(
        self,
        files: Sequence[File] | None,
        references: Sequence[Mapping[str, File]] | None,
        description: str,
        request: gr.Request,
    ) -> Iterator[Update]:
        """Inspects the files one by one; the table grows, and the downloads come at the end."""
        language = _language(request)
        cancelled = self._running.get(request.session_hash or "")
        if cancelled is None:  # cancelled, or left, while it waited
            cancelled = threading.Event()
            cancelled.set()
        try:
            yield from self._run(files_of(files), paths_of(references), description, cancelled, language)
        except Exception as error:
            message = user_message(error, language, "batch_unexpected")
            yield {self.panels.notice: _notice(message), self.panels.progress: ""}
        yield {
            self.panels.start: gr.Button(interactive=True),
            self.panels.cancel: gr.Button(interactive=False),
        }

    def cancel(self, request: gr.Request) -> Update:
        """Ends the batch after the photo that is being inspected; what is done stays."""
        self.leave(request)
        return {self.panels.cancel: gr.Button(interactive=False)}

    def leave(self, request: gr.Request) -> None:
        """The page was closed or reloaded: nobody waits for the rest of the batch."""
        running = self._running.pop(request.session_hash or "", None)
        if running is not None:
            running.set()

    def _run(
        self,
        files: list[tuple[str, Path]],
        references: list[str],
        description: str,
        cancelled: threading.Event,
        language: Language,
    ) -> Iterator[Update]:
        from anomalygpt.inspection.batch import inspect_batch
        from anomalygpt.inspection.batch_report import csv_table, histogram_uri, html_table, summary_of

        rows: list[Row] = []
        with tempfile.TemporaryDirectory(prefix="anomalygpt-batch-", ignore_cleanup_errors=True) as folder:
            items = unpack(files, Path(folder))
            if not items:
                yield {self.panels.notice: _notice(label("batch_empty", language)), self.panels.progress: ""}
                return
            if cancelled.is_set():
                yield {self.panels.progress: _done(rows, len(items), language)}
                return
            session = self._new_session()
            session.description = description
            session.set_references(references)
            shown, begun = 0.0, time.monotonic()
            inspected = inspect_batch(session, items, next_questions((), None, language)[0])
            while len(rows) < len(items) and not cancelled.is_set():
                rows.append(next(inspected))
                if time.monotonic() - shown >= UPDATE_SECONDS:
                    left = (time.monotonic() - begun) / len(rows) * (len(items) - len(rows))
                    said = label("batch_progress", language, done=len(rows), all=len(items), left=_duration(left))
                    yield {self.panels.progress: _progress(len(rows), len(items), said)} | self._table(rows, language)
                    shown = time.monotonic()
        summary = summary_of(session, len(items))
        stem = f"batch-{summary.date:%Y%m%d-%H%M%S}"
        picture = histogram_uri(rows)
        yield {
            self.panels.progress: _done(rows, len(items), language),
            self.panels.histogram: gr.HTML(value=_figure(picture, language), visible=picture is not None),
            self.panels.csv: _download(csv_table(rows), f"{stem}.csv", bool(rows)),
            self.panels.html: _download(html_table(rows, summary), f"{stem}.html", bool(rows)),
        } | self._table(rows, language)

    def _table(self, rows: Sequence[Row], language: Language) -> Update:
        values = [_cells(row, language) for row in rows]
        return {self.panels.table: gr.Dataframe(value=values, headers=headers(language), visible=bool(rows))}


def connect_batch(handlers: BatchHandlers) -> None:
    """Connects the events of the tab, inside the current `gr.Blocks`.

    Batches have a line of their own, one at a time: they never make a visitor with one photo wait in theirs.
    """
    panels = handlers.panels
    quick: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    states = [
        panels.start, panels.cancel, panels.csv, panels.html, panels.notice, panels.progress, panels.histogram,
        panels.table,
    ]  # fmt: skip
    panels.start.click(handlers.started, None, states, **quick).then(
        handlers.run,
        [panels.files, panels.references, panels.description],
        states,
        show_progress="minimal",
        show_progress_on=[panels.progress],
        concurrency_id="batch",
        concurrency_limit=1,
        preprocess=False,
        api_visibility="private",
    )
    panels.cancel.click(handlers.cancel, None, [panels.cancel], **quick)


def _language(request: gr.Request) -> Language:
    return browser_language(request.headers.get("accept-language"))


def _cells(row: Row, language: Language) -> list[Any]:
    """A row of the table; the only HTML in it is its picture."""
    from anomalygpt.inspection.report import data_uri, verdict_word

    picture = "" if row.thumbnail is None else f'<img src="{data_uri(row.thumbnail)}" alt="" height="64">'
    if row.evidence is None:
        reason = in_language(row.error, language)
        return [picture, row.name, label("batch_failed", language), None, "", "", reason]
    regions = [f"{label(region.place, language)} {share_text(region)}" for region in row.evidence.regions]
    place = label(row.place, language) if row.place else ""
    verdict = label(verdict_word(row.verdict), language)
    return [picture, row.name, verdict, round(row.evidence.score, 4), place, "; ".join(regions), row.answer]


def _progress(done: int, count: int, text: str) -> str:
    share = 100 * done / count if count else 0
    return (
        f"<p>{escape(text)}</p>"
        f'<div role="progressbar" aria-label="{escape(text)}" aria-valuemin="0" aria-valuenow="{done}" '
        f'aria-valuemax="{count}" style="height: 0.6rem; border-radius: 0.3rem; overflow: hidden; '
        f'background: var(--border-color-primary)"><div style="width: {share:.1f}%; height: 100%; '
        f'background: var(--slider-color)"></div></div>'
    )


def _done(rows: Sequence[Row], planned: int, language: Language) -> str:
    from anomalygpt.inspection.batch_report import counts

    said = label("batch_done", language, **counts(rows))
    if len(rows) < planned:
        said = label("batch_cancelled", language, done=len(rows), all=planned) + " " + said
    return f'<p role="status">{escape(said)}</p>'


def _figure(picture: str | None, language: Language) -> str:
    if picture is None:
        return ""
    text = escape(label("batch_histogram", language))
    return f'<img src="{picture}" alt="{text}" style="width: min(100%, 32rem); border-radius: 6px">'


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _download(content: str, name: str, offered: bool) -> gr.DownloadButton:
    return gr.DownloadButton(value=save_download(content, name) if offered else None, interactive=offered)


def _notice(message: str) -> gr.HTML:
    return gr.HTML(value=views.notice(message), visible=bool(message))
