"""Simulated samples as files: a folder in MVTec-AD's layout, and contact sheets to look at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anomalygpt.records import Sample

_CONTOUR = (255, 40, 40)


def write_sample(sample: Sample, folder: Path, product: str, index: int) -> Path:
    """Writes one sample below `folder/product` as MVTec-AD does, each file beside and then renamed.

    References go to `train/good`, the query to `test/good` or `test/<kind of its first defect>`, the mask of an
    anomalous one to `ground_truth/<kind>/<index>_mask.png`. Spaces in names become underscores.

    Args:
        product: name of the category.
        index: number of the sample, in the file names.

    Returns:
        Path of the query.
    """
    root = folder / product.replace(" ", "_")
    name = f"{index:05d}"
    for shot, reference in enumerate(sample.references):
        _write(root / "train" / "good" / f"{name}_{shot}.png", reference)
    kind = sample.defects[0].kind.replace(" ", "_") if sample.defects else "good"
    query = root / "test" / kind / f"{name}.png"
    _write(query, sample.query)
    if sample.defects:
        _write(root / "ground_truth" / kind / f"{name}_mask.png", sample.mask.astype(np.uint8) * 255)
    return query


def contact_sheet(samples: Sequence[Sample], columns: int = 4, captions: bool = True) -> NDArray[np.uint8]:
    """Samples side by side, each as its first reference, its query, and its query with the mask's outline.

    Returns:
        RGB uint8, rows × columns of cells.
    """
    if not samples:
        raise ValueError("a contact sheet needs at least one sample")
    cells = [_cell(sample, captions) for sample in samples]
    blank = np.full_like(cells[0], 255)
    rows = []
    for start in range(0, len(cells), columns):
        row = cells[start : start + columns]
        rows.append(np.hstack(row + [blank] * (columns - len(row))))
    return np.vstack(rows)


def write_sheet(sheet: NDArray[np.uint8], path: Path) -> None:
    """Writes a contact sheet as PNG."""
    _write(path, sheet)


def _cell(sample: Sample, captions: bool) -> NDArray[np.uint8]:
    outlined = np.ascontiguousarray(sample.query.copy())
    outlines, _ = cv2.findContours(sample.mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(outlined, outlines, -1, _CONTOUR, 1)
    cell = np.hstack([sample.references[0], sample.query, outlined])
    cell = cv2.copyMakeBorder(cell, 14 if captions else 2, 2, 2, 4, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    if captions:
        kinds = ", ".join(f"{defect.kind} {defect.share:.1%} {defect.place}" for defect in sample.defects) or "good"
        text = f"{sample.product or 'unnamed'}: {kinds}"
        cv2.putText(cell, text, (3, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
    return np.asarray(cell, np.uint8)


def _write(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coded = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", coded)
    if not done:
        raise OSError(f"{path}: OpenCV could not encode the picture as PNG")
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(data.tobytes())
    os.replace(beside, path)


def product_name(sample: Sample) -> str:
    """The category under which a sample is written: its product, or the kind of unnamed product."""
    return sample.product or ("unnamed_surface" if sample.texture else "unnamed_object")
