"""The best and the worst cases of a run to look at: photo, heatmap and truth side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anomalygpt.datasets.index import Loaded
from anomalygpt.evaluation.protocol import OURS, Unit
from anomalygpt.imaging.overlay import overlay
from anomalygpt.inspection.inspector import Inspector
from anomalygpt.records import Inspection

CASES = 8
"""Of each gallery."""

_CELL = 200
_TRUTH = (40, 220, 90)


def draw_galleries(
    inspector: Inspector, units: Sequence[Unit], results: Sequence[dict[str, Any]], describe: bool, folder: Path
) -> list[str]:
    """Writes `best.png` and `worst.png`; gives the names of those that have cases.

    The worst are the photos whose score is farthest on the wrong side: good ones that stand out, anomalous ones that do
    not; the best the other way round. They are inspected again, as maps are not kept.

    Args:
        inspector: the model.
        units, results: of one number of shots, in the same order.
        describe: whether the session is told what the part is.
        folder: made where missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ranked = []
    for position, result in enumerate(results):
        if result["round"]:
            continue
        names = {record["name"]: record for record in result["records"]}
        for index, case in enumerate(units[position].category.cases):
            if record := names.get(case.name):
                score = float(record["scores"][OURS])
                ranked.append((score if record["anomalous"] else 1 - score, position, index, record))
    ranked.sort(key=lambda entry: entry[:3])
    drawn = []
    for name, chosen in (("worst", ranked[:CASES]), ("best", ranked[::-1][:CASES])):
        if chosen:
            rows = [_row(inspector, units[position], index, record, describe) for _, position, index, record in chosen]
            Image.fromarray(np.vstack(rows)).save(folder / f"{name}.png")
            drawn.append(f"{name}.png")
    return drawn


def _row(inspector: Inspector, unit: Unit, index: int, record: dict[str, Any], describe: bool) -> NDArray[np.uint8]:
    """Reference, photo, heatmap and truth of one case, with a line of text above."""
    loaded = unit.category.cases[index].load()
    session = inspector.new_session(unit.description if describe else "")
    session.set_references(unit.references if loaded.references is None else loaded.references[: unit.shots])
    inspection = session.set_image(loaded.photo)
    reference = session.references[0] if session.references else np.full((8, 8, 3), 255, np.uint8)
    cells = [reference, loaded.photo, overlay(loaded.photo, inspection.anomaly_map), _truth(loaded, inspection)]
    row = np.hstack([_cell(cell) for cell in cells])
    banner = np.full((22, row.shape[1], 3), 255, np.uint8)
    truth = "anomalous" if record["anomalous"] else "good"
    score, answer = record["scores"][OURS], record.get("answer", "")
    text = f"{unit.category.name}/{record['name']}: {truth}, score {score:.2f}. {answer}"
    plain = text.encode("ascii", "replace").decode()  # OpenCV's letters are ASCII only
    cv2.putText(banner, plain[:118], (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([banner, row])


def _truth(loaded: Loaded, inspection: Inspection) -> NDArray[np.uint8]:
    outlined = inspection.photo.copy()
    if loaded.mask is not None:
        lines, _ = cv2.findContours(loaded.mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(outlined, lines, -1, _TRUTH, max(1, max(outlined.shape[:2]) // 150))
    return outlined


def _cell(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photo fitted into a white square."""
    height, width = photo.shape[:2]
    scale = _CELL / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (_CELL - size[1]) // 2, (_CELL - size[0]) // 2
    cell = np.full((_CELL + 6, _CELL + 6, 3), 255, np.uint8)
    cell[top + 3 : top + 3 + size[1], left + 3 : left + 3 + size[0]] = small
    return cell
