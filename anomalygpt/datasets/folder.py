"""A plain folder: good photos in `good`, photos to check in any other folders beside it.

`FOLDER/good`, `FOLDER/KIND`, and where there are masks `FOLDER/masks/KIND/STEM.EXT` (or `STEM_mask.EXT`). Every second
good photo is checked as well, as a good one; the others are the ones that references are taken from.
"""

from __future__ import annotations

from pathlib import Path

from anomalygpt.datasets.index import (
    GOOD_NAMES,
    Category,
    DataError,
    FileCase,
    find_below,
    find_mask,
    folders_in,
    photos_in,
    relative,
)

MASKS = "masks"


def is_plain_folder(folder: Path) -> bool:
    """Whether a folder has good photos and photos to check in this layout."""
    return _good(folder) is not None and bool(_kinds(folder))


def index_folder(root: Path, *, partial_masks: bool = False) -> list[Category]:
    """Indexes one such folder, or a folder of them; no photo is opened.

    Args:
        root: with `good` in it, or with folders of that kind.
        partial_masks: whether some photos of a kind that has masks may lack theirs.

    Raises:
        DataError: there are too few photos, or a mask is missing.
    """
    folders = find_below(root, is_plain_folder)
    if not folders:
        raise DataError(f"{root}: put good photos into '{root / 'good'}', others beside it, such as '{root / 'bad'}'.")
    return [_category(folder, root, partial_masks) for folder in folders]


def _category(folder: Path, root: Path, partial_masks: bool) -> Category:
    good = _good(folder)
    assert good is not None
    photos = photos_in(good)
    if len(photos) < 2:
        raise DataError(f"{good}: at least two good photos are needed, one as a reference and one to check.")
    cases = [FileCase(f"good/{photo.name}", photo, "good") for photo in photos[1::2]]
    for kind in _kinds(folder):
        masks = folder / MASKS / kind.name
        strict = bool(photos_in(masks)) and not partial_masks
        cases += [
            FileCase(f"{kind.name}/{photo.name}", photo, kind.name, find_mask(masks, photo, strict))
            for photo in photos_in(kind)
        ]
    return Category(relative(folder, root), tuple(photos[::2]), tuple(cases))


def _good(folder: Path) -> Path | None:
    return next((entry for entry in folders_in(folder) if entry.name.lower() in GOOD_NAMES and photos_in(entry)), None)


def _kinds(folder: Path) -> list[Path]:
    """Folders of photos to check."""
    others = [entry for entry in folders_in(folder) if entry.name.lower() not in (*GOOD_NAMES, MASKS)]
    return [entry for entry in others if photos_in(entry)]
