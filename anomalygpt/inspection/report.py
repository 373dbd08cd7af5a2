"""One inspection as a document that stands by itself: HTML with its pictures inside, JSON, and the overlay as PNG.

Pure functions of a `Record`; nothing is read or written.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from numpy.typing import NDArray
from PIL import Image

from anomalygpt.dialogue import measures
from anomalygpt.dialogue.verdict import stated_verdict
from anomalygpt.imaging.overlay import draw_regions, legend, overlay
from anomalygpt.records import ANOMALOUS, Inspection, Region, Turn

if TYPE_CHECKING:
    from anomalygpt.inspection.session import Session

Setting = str | float | int | bool | None

THUMBNAIL = 320
"""Long side of the reference photos in a report, pixels."""


@dataclass(frozen=True, eq=False)
class Record:
    """All that is kept of one inspection.

    Attributes:
        inspection: photo, map and measured numbers.
        turns: the dialogue about it.
        model: name of the model that looked and answered.
        date: when it was made, with its time zone.
        name: of the photo's file, or "".
        description: what the user said of the part, or "".
        references: the normal photos it was compared with, RGB uint8 H×W×3.
        settings: of map and answers, by the names that a reader shall see; None for the model's own value.
    """

    inspection: Inspection
    turns: tuple[Turn, ...]
    model: str
    date: datetime
    name: str = ""
    description: str = ""
    references: tuple[NDArray[np.uint8], ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)

    @property
    def verdict(self) -> bool | None:
        """What the words said last of the presence of an anomaly, None if they said nothing of it."""
        return stated_verdict(self.turns)


def record_of(session: Session, name: str = "", settings: Mapping[str, Setting] | None = None) -> Record:
    """Keeps what a session holds at this moment; later questions do not change it.

    Args:
        session: with a photo.
        name: of the photo's file.
        settings: of the answers; the map's rule is added.

    Raises:
        ValueError: the session has no photo.
    """
    if session.inspection is None:
        raise ValueError("There is no photo yet, so there is nothing to record. Call set_image first.")
    return Record(
        inspection=session.inspection,
        turns=tuple(session.turns),
        model=session.inspector.name,
        date=datetime.now().astimezone(),
        name=name,
        description=session.description,
        references=session.references,
        settings={"map rule": session.rule} | dict(settings or {}),
    )


def json_report(record: Record) -> str:
    """The record as JSON text: everything but the pictures. `content` says what is in it."""
    return json.dumps(content(record), ensure_ascii=False, indent=2) + "\n"


def content(record: Record) -> dict[str, Any]:
    """The record as plain values.

    Returns:
        `photo` (name, width, height), `verdict` of the words ("anomalous", "normal" or "undecided"), `score` and
        `limit` of the map, `disagreement` of the two, `regions` (the fields of `records.Region`, and `shape`),
        `dialogue` (the fields of `records.Turn`), `description`, `references` (how many), `model`, `settings` and
        `date` (ISO 8601).
    """
    evidence = record.inspection.evidence
    return {
        "photo": {"name": record.name, "width": evidence.width, "height": evidence.height},
        "verdict": verdict_word(record.verdict),
        "score": evidence.score,
        "limit": ANOMALOUS,
        "disagreement": record.verdict is not None and record.verdict != evidence.anomalous,
        "regions": [asdict(region) | {"shape": measures.shape_of(region)} for region in evidence.regions],
        "dialogue": [asdict(turn) for turn in record.turns],
        "description": record.description,
        "references": evidence.references,
        "model": record.model,
        "settings": dict(record.settings),
        "date": record.date.isoformat(timespec="seconds"),
    }


def verdict_word(verdict: bool | None) -> str:
    """A verdict as one word: "anomalous", "normal" or "undecided"."""
    return "undecided" if verdict is None else "anomalous" if verdict else "normal"


def html_report(record: Record) -> str:
    """The record as one HTML page that needs no other file and runs no script."""
    inspection = record.inspection
    return template("report.html.j2").render(
        content=content(record),
        score=measures.unit_text(inspection.score),
        photo=data_uri(inspection.photo),
        overlay=data_uri(draw_overlay(inspection)),
        legend=data_uri(legend(), "PNG"),
        references=[data_uri(reduced(photo, THUMBNAIL)) for photo in record.references],
        regions=[_row(region) for region in inspection.regions],
    )


def draw_overlay(inspection: Inspection) -> NDArray[np.uint8]:
    """The photo under its map, in its own resolution, with contours and numbered regions, RGB uint8 H×W×3."""
    return draw_regions(overlay(inspection.photo, inspection.anomaly_map), inspection.regions)


def overlay_png(inspection: Inspection) -> bytes:
    """`draw_overlay` as a PNG file."""
    return encode(draw_overlay(inspection), "PNG")


def encode(image: NDArray[np.uint8], kind: str = "JPEG") -> bytes:
    """An RGB uint8 image as the bytes of a "JPEG" or "PNG" file."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format=kind, quality=90)
    return stream.getvalue()


def reduced(image: NDArray[np.uint8], long_side: int) -> NDArray[np.uint8]:
    """An RGB uint8 image with its long side at most so many pixels."""
    picture = Image.fromarray(image)
    picture.thumbnail((long_side, long_side))
    return np.asarray(picture)


def data_uri(image: NDArray[np.uint8], kind: str = "JPEG") -> str:
    """An RGB uint8 image as an address that carries the image itself, for pages without other files."""
    return f"data:image/{kind.lower()};base64,{base64.b64encode(encode(image, kind)).decode()}"


def template(name: str) -> Template:
    """A Jinja2 template of this room; every value put into it is escaped."""
    environment = Environment(
        loader=PackageLoader("anomalygpt.inspection", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _row(region: Region) -> tuple[str, ...]:
    """A region as the cells of the report's table."""
    size = f"{measures.share_text(region)}, {measures.box_text(region).replace('x', ' × ')} px"
    shape, color = measures.shape_of(region), measures.color_of(region)
    return str(region.index), region.place, size, measures.unit_text(region.peak), shape, color
