"""From what a user names to the categories of a data set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from anomalygpt.datasets.folder import index_folder, is_plain_folder
from anomalygpt.datasets.index import Category, DataError, find_below
from anomalygpt.datasets.mvtec import index_mvtec, is_mvtec_product
from anomalygpt.datasets.simulated_cases import index_simulated
from anomalygpt.datasets.visa import index_visa, is_visa

LAYOUTS = ("auto", "mvtec", "visa", "folder")

_SIMULATED = re.compile(r"simulated:(\d+)")


def open_data(
    source: str,
    layout: str = "auto",
    *,
    seed: int = 0,
    shots: int = 1,
    partial_masks: bool = False,
    paired: bool = False,
    only: Sequence[str] = (),
) -> tuple[list[Category], str]:
    """Indexes a data set; gives its categories and its layout.

    Args:
        source: a folder, or "simulated:N" for N fresh simulated samples.
        layout: one of `LAYOUTS`; "auto" looks at the folder.
        seed: of simulated samples.
        shots: references of each simulated sample.
        partial_masks: see `index_mvtec`.
        paired: see `index_mvtec`.
        only: names of the categories wanted; all where empty.

    Raises:
        DataError: there is no such data set, or a file of it is missing.
    """
    if match := _SIMULATED.fullmatch(source):
        count = int(match.group(1))
        if not count:
            raise DataError(f"{source}: ask for at least one sample.")
        return index_simulated(count, seed, shots), "simulated"
    root = Path(source)
    if not root.is_dir():
        raise DataError(f"{source}: there is no such folder. Give a folder, or simulated:200 for simulated samples.")
    if layout == "auto":
        layout = _detect(root)
    if layout == "mvtec":
        categories = index_mvtec(root, partial_masks=partial_masks, paired=paired)
    elif layout == "visa":
        categories = index_visa(root, partial_masks=partial_masks)
    elif layout == "folder":
        categories = index_folder(root, partial_masks=partial_masks)
    else:
        raise DataError(f"'{layout}' is no layout of photos. Choose one of: {', '.join(LAYOUTS)}.")
    known = [category.name for category in categories]
    for name in only:
        if name not in known:
            raise DataError(f"{source}: there is no category '{name}'. There are: {', '.join(known)}.")
    return [category for category in categories if not only or category.name in only], layout


def _detect(root: Path) -> str:
    """The layout of a folder."""
    if is_visa(root):
        return "visa"
    if find_below(root, is_mvtec_product):
        return "mvtec"
    if find_below(root, is_plain_folder):
        return "folder"
    raise DataError(
        f"{root}: its layout is not known. It should hold, for each product, 'train/good' and 'test' as MVTec-AD does; "
        "or VisA's 'split_csv/1cls.csv'; or a folder 'good' with others to check beside it."
    )
