"""VisA: its own layout with `split_csv/1cls.csv`; the converted one is MVTec-AD's below a folder `1cls`."""

from __future__ import annotations

import csv
from pathlib import Path

from anomalygpt.datasets.index import Category, DataError, FileCase, photos_in
from anomalygpt.datasets.mvtec import index_mvtec

SPLIT = Path("split_csv") / "1cls.csv"
CONVERTED = "1cls"

_COLUMNS = ("object", "split", "label", "image", "mask")


def is_visa(folder: Path) -> bool:
    """Whether a folder holds VisA, as it is given out or converted."""
    return (folder / SPLIT).is_file() or (folder / CONVERTED).is_dir()


def index_visa(root: Path, *, partial_masks: bool = False) -> list[Category]:
    """Indexes VisA; no photo is opened.

    Args:
        root: the folder with `split_csv`, or the converted one with `1cls`.
        partial_masks: whether defective photos may lack masks.

    Raises:
        DataError: there is no split file, a line of it is not of its form, or a file that it names is missing.
    """
    split = root / SPLIT
    if not split.is_file():
        if (root / CONVERTED).is_dir():
            return index_mvtec(root / CONVERTED, partial_masks=partial_masks)
        raise DataError(f"{split}: VisA's split file is missing. Restore it, or give the converted data set.")
    normals: dict[str, list[Path]] = {}
    cases: dict[str, list[FileCase]] = {}
    with split.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if missing := [column for column in _COLUMNS if column not in (reader.fieldnames or ())]:
            raise DataError(f"{split}: the columns {', '.join(missing)} are missing. Restore the file.")
        for row in reader:
            product, photo = row["object"], root / row["image"]
            if not photo.is_file():
                raise DataError(f"{photo}: this photo is missing; line {reader.line_num} of {split} names it.")
            good = row["label"].strip().lower() == "normal"
            if row["split"].strip().lower() == "train":
                normals.setdefault(product, []).append(photo)
                continue
            mask = None if good else _mask(root, row["mask"] or "", photo, partial_masks)
            name = f"{photo.parent.name}/{photo.name}"
            cases.setdefault(product, []).append(FileCase(name, photo, "good" if good else "anomaly", mask))
    if not cases:
        raise DataError(f"{split}: it names no photos to check. Restore the file.")
    for product in cases:
        if not normals.get(product):
            raise DataError(f"{split}: '{product}' has no good photos for references. Restore the file.")
    return [Category(product, tuple(normals[product]), tuple(found)) for product, found in sorted(cases.items())]


def _mask(root: Path, named: str, photo: Path, partial: bool) -> Path | None:
    path = root / named.strip()
    if named.strip() and path.is_file():
        return path
    if partial:
        return None
    if named.strip():
        raise DataError(f"{path}: the mask of {photo} is missing. Restore it, or give --partial-masks.")
    masks = ", ".join(str(found) for found in photos_in(photo.parent.parent.parent / "Masks" / photo.parent.name)[:1])
    hint = f" Masks lie at, for instance, {masks}." if masks else ""
    raise DataError(f"{root / SPLIT}: it names no mask for {photo}.{hint} Restore the file, or give --partial-masks.")
