"""The rows of a batch as documents that stand by themselves: CSV, HTML with its pictures inside, a histogram."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from anomalygpt.dialogue.measures import share_text, unit_text
from anomalygpt.inspection.batch import Row
from anomalygpt.inspection.report import data_uri, template, verdict_word
from anomalygpt.records import ANOMALOUS

if TYPE_CHECKING:
    from anomalygpt.inspection.session import Session

COLUMNS = ("file", "verdict", "score", "place", "regions", "answer", "error")
"""Of the CSV. Several regions are written as "place share", with semicolons."""

BINS = 25
"""Of the histogram, over [0, 1]."""


@dataclass(frozen=True)
class Summary:
    """A batch in numbers.

    Attributes:
        model: name of the model that looked and answered.
        references: how many normal photos the batch was compared with.
        description: what the user said of the part, or "".
        planned: how many files were given; more than there are rows where the batch was cancelled.
        date: when it ended, with its time zone.
    """

    model: str
    references: int
    description: str
    planned: int
    date: datetime


def summary_of(session: Session, planned: int) -> Summary:
    """The numbers of a batch that ends now, inspected by this session, of so many files given."""
    return Summary(
        session.inspector.name, len(session.references), session.description, planned, datetime.now().astimezone()
    )


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many rows are anomalous, normal, undecided, and failed."""
    found = dict.fromkeys(("anomalous", "normal", "undecided", "failed"), 0)
    for row in rows:
        found["failed" if row.error else verdict_word(row.verdict)] += 1
    return found


def as_values(row: Row) -> dict[str, Any]:
    """A row as plain values by `COLUMNS`: text, and the score as a number or None; a failed file has no verdict."""
    regions = row.evidence.regions if row.evidence is not None else ()
    return {
        "file": row.name,
        "verdict": "" if row.error else verdict_word(row.verdict),
        "score": row.score,
        "place": row.place,
        "regions": "; ".join(f"{region.place} {share_text(region)}" for region in regions),
        "answer": row.answer,
        "error": row.error,
    }


def csv_table(rows: Sequence[Row]) -> str:
    """The rows as CSV with a header, for spreadsheets.

    It starts with a byte order mark, without which they misread Chinese; text that they would run as a formula gets
    an apostrophe before it.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in as_values(row).items()})
    return "\ufeff" + stream.getvalue()


def html_table(rows: Sequence[Row], summary: Summary) -> str:
    """The batch as one HTML page that needs no other file and runs no script; the highest scores come first."""
    ordered = sorted(rows, key=lambda row: -1.0 if row.score is None else row.score, reverse=True)
    return template("batch.html.j2").render(
        rows=[
            as_values(row)
            | {
                "score": "" if row.score is None else unit_text(row.score),
                "picture": None if row.thumbnail is None else data_uri(row.thumbnail),
            }
            for row in ordered
        ],
        counts=counts(rows),
        summary=summary,
        date=summary.date.isoformat(timespec="seconds"),
        histogram=histogram_uri(rows),
        limit=ANOMALOUS,
    )


def histogram(scores: Sequence[float]) -> bytes:
    """How the scores in [0, 1] are spread, with the limit marked, as a PNG file."""
    from matplotlib.figure import Figure  # not pyplot: no global state, no screen
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6.4, 2.4), layout="constrained")
    axes = figure.subplots()
    values = np.clip(np.asarray(scores, float), 0, 1)
    edges = np.linspace(0, 1, BINS + 1).tolist()
    for side, color, name in (
        (values < ANOMALOUS, "#2c8593", "under the limit"),
        (values >= ANOMALOUS, "#c2413a", "at or over the limit"),
    ):
        axes.hist(values[side], edges, color=color, label=f"{int(side.sum())} {name}")
    axes.axvline(ANOMALOUS, color="#272e35", linewidth=1, linestyle="--")
    axes.set(xlabel="score of the map", ylabel="photos", xlim=(0, 1))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=120)
    return stream.getvalue()


def histogram_uri(rows: Sequence[Row]) -> str | None:
    """The histogram of the rows' scores as an address that carries the image itself, None where there is no score."""
    scores = [row.score for row in rows if row.score is not None]
    return f"data:image/png;base64,{base64.b64encode(histogram(scores)).decode()}" if scores else None


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
