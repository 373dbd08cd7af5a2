"""What the page shows of an inspection and its dialogue, as plain values and escaped HTML. No gradio in here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from anomalygpt.imaging.overlay import color_scale, highlight, overlay
from anomalygpt.records import ANOMALOUS, Inspection, Turn

STOPPED = " … (stopped)"
"""Marks an answer that was stopped before its end."""

REGION_HEADERS = ("", "Place", "Share", "Size in pixels", "Peak")


def stated_verdict(turns: Sequence[Turn]) -> bool | None:
    """What the words said last of the presence of an anomaly, None if no answer said anything of it."""
    return next((turn.verdict for turn in reversed(turns) if turn.verdict is not None), None)


def verdict_badge(inspection: Inspection | None, turns: Sequence[Turn]) -> str:
    """The verdict with the score of the map, as HTML.

    The verdict is what the words say. Before a question it is what the map alone says, and named so.
    """
    if inspection is None:
        return _badge("none", "No photo yet", "Add a photo of the part, or try an example.", None)
    score = inspection.score
    verdict = stated_verdict(turns)
    if verdict is not None:
        return _badge(*_named(verdict), "by the answer", score)
    if turns:
        return _badge("undecided", "Undecided", "the answers do not say", score)
    return _badge(*_named(score >= ANOMALOUS), "by the map alone", score)


def disagreement(inspection: Inspection | None, turns: Sequence[Turn]) -> str:
    """A plain warning where words and map say different things, else ""."""
    verdict = stated_verdict(turns)
    if inspection is None or verdict is None or verdict == inspection.evidence.anomalous:
        return ""
    words = "finds an anomaly" if verdict else "finds none"
    side = "at or above" if inspection.evidence.anomalous else "below"
    return notice(
        f"Words and map disagree: the answer {words}, but the map scores {inspection.score:.2f}, "
        f"{side} the limit of {ANOMALOUS:.2f}. Check this part yourself."
    )


def notice(text: str) -> str:
    """A message to the visitor as HTML, "" for none."""
    return f'<div class="notice" role="alert">{escape(text)}</div>' if text else ""


def region_table(inspection: Inspection | None, highlighted: int | None = None) -> str:
    """The regions of the map, strongest first, as an HTML table whose rows carry `data-region`, the region's index."""
    regions = inspection.regions if inspection is not None else ()
    if not regions:
        text = "No region reaches the limit." if inspection is not None else "Regions of the map are listed here."
        return f'<p class="no-regions">{text}</p>'
    head = "".join(f'<th scope="col">{header}</th>' for header in REGION_HEADERS)
    rows = []
    for region in regions:
        left, top, right, bottom = region.box
        cells = (
            f'<button type="button" aria-pressed="{str(region.index == highlighted).lower()}" '
            f'aria-label="Frame region {region.index} on the photo">{region.index}</button>',
            escape(region.place),
            _percent(region.share),
            f"{right - left} × {bottom - top}",
            f"{region.peak:.2f}",
        )
        rows.append(f'<tr data-region="{region.index}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>')
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def render(inspection: Inspection, opacity: float, contours: bool, highlighted: int | None = None) -> NDArray[np.uint8]:
    """The photo under its map, in the photo's own resolution.

    Args:
        inspection: what was measured.
        opacity: of the map where it is strong, in [0, 1].
        contours: outline where the map crosses the limit.
        highlighted: index of the region to show by dimming the rest, None for none.

    Returns:
        RGB uint8 H×W×3.
    """
    image = overlay(inspection.photo, inspection.anomaly_map, opacity, contours)
    picked = next((region for region in inspection.regions if region.index == highlighted), None)
    return image if picked is None else highlight(image, picked)


def legend() -> str:
    """The fixed colour scale of every map, as HTML."""
    colors = color_scale(21).tolist()
    stops = ", ".join(f"rgb({red} {green} {blue}) {5 * i}%" for i, (red, green, blue) in enumerate(colors))
    return (
        '<div class="legend" role="img" aria-label="Colour scale of the map, from 0 normal to 1 anomalous, limit 0.5">'
        f'<span>0 normal</span><i style="background: linear-gradient(90deg, {stops})"><b></b></i>'
        "<span>1 anomalous</span></div>"
    )


def messages(turns: Sequence[Turn], question: str | None = None, answer: str = "") -> list[dict[str, str]]:
    """The dialogue for the chat: the turns, then a question that is being answered and its answer so far."""
    said = []
    for turn in turns:
        said += [("user", turn.question), ("assistant", turn.answer + ("" if turn.finished else STOPPED))]
    if question is not None:
        said.append(("user", question))
    if answer:
        said.append(("assistant", answer))
    # The chat would take tags for HTML even where it renders no Markdown.
    return [{"role": role, "content": escape(text, quote=False)} for role, text in said]


def _named(verdict: bool) -> tuple[str, str]:
    return ("anomalous", "Anomalous") if verdict else ("normal", "Normal")


def _badge(kind: str, title: str, detail: str, score: float | None) -> str:
    meter = ""
    if score is not None:
        meter = (
            f'<span class="meter" role="meter" aria-label="Score of the map" aria-valuemin="0" aria-valuemax="1" '
            f'aria-valuenow="{score:.2f}"><i style="width: {100 * score:.0f}%"></i><b></b></span>'
            f'<span class="score">{score:.2f}</span>'
        )
    return (
        f'<div class="verdict {kind}" role="status"><span class="title">{escape(title)}</span>'
        f'<span class="detail">{escape(detail)}</span>{meter}</div>'
    )


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.1f} %" if percent >= 0.095 else "under 0.1 %"
