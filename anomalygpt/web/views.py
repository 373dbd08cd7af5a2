"""What the page shows of an inspection and its dialogue, as plain values and escaped HTML. No gradio in here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anomalygpt.dialogue.measures import shape_of, unit_text
from anomalygpt.dialogue.verdict import stated_verdict
from anomalygpt.imaging.overlay import color_scale, colorize, draw_contours, highlight, overlay
from anomalygpt.imaging.regions import place_of
from anomalygpt.records import ANOMALOUS, Inspection, Region, Turn
from anomalygpt.web.history import Case
from anomalygpt.web.labels import Language, label

View = Literal["overlay", "map", "compare"]
"""The map on the photo, the map alone, or the photo beside its overlay under a divider that can be moved."""

REGION_HEADERS = ("number", "place", "share", "size", "peak", "shape")


def verdict_badge(inspection: Inspection | None, turns: Sequence[Turn], language: Language = "en") -> str:
    """The verdict with the score of the map, as HTML.

    The verdict is what the words say. Before a question it is what the map alone says, and named so.
    """
    if inspection is None:
        return _badge("none", label("no_photo", language), label("no_photo_hint", language), None, language)
    kind, reason = _verdict(inspection.score, turns)
    return _badge(kind, label(kind, language), label(reason, language), inspection.score, language)


def disagreement(inspection: Inspection | None, turns: Sequence[Turn], language: Language = "en") -> str:
    """A plain warning where words and map say different things, else ""."""
    verdict = stated_verdict(turns)
    if inspection is None or verdict is None or verdict == inspection.evidence.anomalous:
        return ""
    key = "words_yes_map_no" if verdict else "words_no_map_yes"
    return notice(label(key, language, score=unit_text(inspection.score), limit=unit_text(ANOMALOUS)))


def notice(text: str) -> str:
    """A message to the visitor as HTML, "" for none."""
    return f'<div class="notice" role="alert">{escape(text)}</div>' if text else ""


def region_table(inspection: Inspection | None, highlighted: int | None = None, language: Language = "en") -> str:
    """The regions of the map, strongest first, as an HTML table whose rows carry `data-region`, the region's index."""
    regions = inspection.regions if inspection is not None else ()
    if not regions:
        text = label("no_region" if inspection is not None else "regions_hint", language)
        return f'<p class="no-regions">{escape(text)}</p>'
    head = "".join(f'<th scope="col">{escape(label(key, language))}</th>' for key in REGION_HEADERS)
    rows = []
    for region in regions:
        left, top, right, bottom = region.box
        words = escape(label("frame_region", language, number=region.index))
        cells = (
            f'<button type="button" aria-pressed="{str(region.index == highlighted).lower()}" '
            f'aria-label="{words}">{region.index}</button>',
            escape(label(region.place, language)),
            _percent(region.share, language),
            f"{right - left} × {bottom - top}",
            unit_text(region.peak),
            escape(label(shape_of(region), language)),
        )
        rows.append(f'<tr data-region="{region.index}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>')
    caption = escape(label("regions", language))
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def region_at(inspection: Inspection, x: float, y: float) -> Region | None:
    """The region at a point of the photo, the smallest where several lie there, None where there is none.

    Args:
        inspection: what was measured.
        x, y: as shares of the photo's width and height, in [0, 1].
    """
    height, width = inspection.photo.shape[:2]
    column, row = x * width, y * height
    hit = [
        region
        for region in inspection.regions
        if region.box[0] <= column <= region.box[2] and region.box[1] <= row <= region.box[3]
    ]
    return min(hit, key=lambda region: region.area, default=None)


def question_at(inspection: Inspection, x: float, y: float, language: Language = "en") -> str:
    """A question about the region at a point of the photo, or about the place where no region is; see `region_at`."""
    region = region_at(inspection, x, y)
    if region is not None:
        return label("ask_region", language, number=region.index)
    return label("ask_place", language, place=label(place_of(x, y, 1.0, 1.0), language))


def render(
    inspection: Inspection, view: View, opacity: float, contours: bool, highlighted: int | None = None
) -> NDArray[np.uint8]:
    """The picture of the map, in the photo's own resolution.

    Args:
        inspection: what was measured.
        view: "map" leaves the photo out; the other two lay the map over it.
        opacity: of the map where it is strong, in [0, 1].
        contours: outline where the map crosses the limit.
        highlighted: index of the region to show by dimming the rest, None for none.

    Returns:
        RGB uint8 H×W×3.
    """
    if view == "map":
        image = colorize(inspection.anomaly_map)
        image = draw_contours(image, inspection.anomaly_map) if contours else image
    else:
        image = overlay(inspection.photo, inspection.anomaly_map, opacity, contours)
    picked = next((region for region in inspection.regions if region.index == highlighted), None)
    return image if picked is None else highlight(image, picked)


def legend(language: Language = "en") -> str:
    """The fixed colour scale of every map, as HTML."""
    colors = color_scale(21).tolist()
    stops = ", ".join(f"rgb({red} {green} {blue}) {5 * i}%" for i, (red, green, blue) in enumerate(colors))
    low, high, words = (escape(label(key, language)) for key in ("legend_low", "legend_high", "legend"))
    return (
        f'<div class="legend" role="img" aria-label="{words}">'
        f'<span>{low}</span><i style="background: linear-gradient(90deg, {stops})"><b></b></i>'
        f"<span>{high}</span></div>"
    )


def messages(
    turns: Sequence[Turn], question: str | None = None, answer: str = "", language: Language = "en"
) -> list[dict[str, str]]:
    """The dialogue for the chat: the turns, then a question that is being answered and its answer so far."""
    said = []
    for turn in turns:
        stopped = "" if turn.finished else f" {label('stopped', language)}"
        words = turn.answer + stopped or label("no_words", language)
        said += [("user", turn.question), ("assistant", words)]
    if question is not None:
        said.append(("user", question))
    if answer:
        said.append(("assistant", answer))
    # The chat would take tags for HTML even where it renders no Markdown.
    return [{"role": role, "content": escape(text, quote=False)} for role, text in said]


def strip(cases: Sequence[Case], current: int | None, language: Language = "en") -> str:
    """The inspections of the visit as HTML, the newest first; each button carries `data-case`, its number."""
    buttons = []
    for case in reversed(cases):
        kind, _ = _verdict(case.score, case.turns)
        verdict, score = label(kind, language), unit_text(case.score)
        words = label("open_case", language, number=case.number, name=case.photo.name, verdict=verdict, score=score)
        buttons.append(
            f'<button type="button" class="case {kind}" data-case="{case.number}" title="{escape(words)}" '
            f'aria-current="{str(case.number == current).lower()}">'
            f'<img src="{case.thumbnail}" alt="{escape(words)}"><span>{escape(verdict)}</span><b>{score}</b></button>'
        )
    words = escape(label("history", language))
    inside = "".join(buttons) or f"<p>{escape(label('history_hint', language))}</p>"
    return f'<div class="strip" role="group" aria-label="{words}">{inside}</div>'


def _verdict(score: float, turns: Sequence[Turn]) -> tuple[str, str]:
    """The verdict as a key of the labels, and the key of what it rests on."""
    verdict = stated_verdict(turns)
    if verdict is not None:
        return ("anomalous" if verdict else "normal"), "by_answer"
    if turns:
        return "undecided", "not_said"
    return ("anomalous" if score >= ANOMALOUS else "normal"), "by_map"


def _badge(kind: str, title: str, detail: str, score: float | None, language: Language) -> str:
    meter = ""
    if score is not None:
        words = escape(label("score", language))
        meter = (
            f'<span class="meter" role="meter" aria-label="{words}" aria-valuemin="0" aria-valuemax="1" '
            f'aria-valuenow="{unit_text(score)}"><i style="width: {100 * score:.0f}%"></i><b></b></span>'
            f'<span class="score">{unit_text(score)}</span>'
        )
    return (
        f'<div class="verdict {kind}" role="status"><span class="title">{escape(title)}</span>'
        f'<span class="detail">{escape(detail)}</span>{meter}</div>'
    )


def _percent(share: float, language: Language) -> str:
    percent = 100 * share
    if percent < 0.095:
        return escape(label("under", language, value=0.1))
    return f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.1f} %"
