"""What every data set is made of: categories (one product each), their good photos, and the photos to check."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from anomalygpt.imaging.read import read_photo

PHOTOS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".jp2", ".avif", ".ppm")
"""Endings of photo files, compared in lower case."""

GOOD_NAMES = ("good", "ok", "normal")
"""Folders of good photos, as the data sets in MVTec-AD's layout name them."""


class DataError(ValueError):
    """A data set that cannot be used as it is; the message names the file or folder and the remedy."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """The content of one case.

    Attributes:
        photo: RGB uint8 H×W×3.
        mask: bool H×W, True where anomalous; None where the truth is not known by pixel.
        references: RGB uint8 photos to compare this case with instead of the category's, None where it has none.
    """

    photo: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    references: tuple[NDArray[np.uint8], ...] | None = None


class Case(Protocol):
    """One photo to check."""

    @property
    def name(self) -> str:
        """Unique in its category."""
        ...

    @property
    def anomalous(self) -> bool:
        """The truth."""
        ...

    @property
    def kind(self) -> str:
        """The kind of defect as the data set names it, "good" where there is none."""
        ...

    def load(self) -> Loaded:
        """Reads or makes the photo.

        Raises:
            PhotoError, DataError: a file of this case cannot be used.
        """
        ...


@dataclass(frozen=True)
class Category:
    """One product: good photos to take references from, and cases.

    Attributes:
        name: as in reports, such as "bottle".
        normals: files of good photos, in the data set's order; empty where every case brings its own references.
        cases: photos to check.
        own_references: whether every case brings its own, so that nothing is chosen from `normals`.
    """

    name: str
    normals: tuple[Path, ...]
    cases: Sequence[Case]
    own_references: bool = False


@dataclass(frozen=True)
class FileCase:
    """A case in files; see `Case`.

    Attributes:
        photo: file.
        mask: file, for an anomalous photo whose mask is there.
        reference: file of the photo to compare it with, where the data set pairs them.
        mirrored: whether the photo is looked at left for right.
    """

    name: str
    photo: Path
    kind: str
    mask: Path | None = None
    reference: Path | None = None
    mirrored: bool = False

    @property
    def anomalous(self) -> bool:
        """Whether the data set calls it anything but good."""
        return self.kind != "good"

    def load(self) -> Loaded:
        """Reads photo, mask and own reference; see `Case.load`."""
        photo = read_photo(self.photo)
        height, width = photo.shape[:2]
        mask = np.zeros((height, width), bool) if not self.anomalous else None
        if self.anomalous and self.mask is not None:
            mask = read_mask(self.mask, self.photo, (height, width))
        if self.mirrored:
            photo = np.ascontiguousarray(photo[:, ::-1])
            mask = None if mask is None else np.ascontiguousarray(mask[:, ::-1])
        return Loaded(photo, mask, None if self.reference is None else (read_photo(self.reference),))


def read_mask(path: Path, photo: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Reads a mask of any mode and bit depth: what is not zero is anomalous (over half of the range in a JPEG).

    Args:
        path: of the mask.
        photo: the file it belongs to.
        shape: height and width of the photo as it was read, to which the mask is brought.

    Raises:
        DataError: the mask cannot be read, or has another size than the photo's file.
    """
    try:
        with Image.open(path) as image:
            size = image.size
            pixels = np.asarray(image if image.mode != "P" else image.convert("L"))
        with Image.open(photo) as image:
            expected = image.size
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise DataError(f"{path}: this mask cannot be read ({error}). Restore the file.") from error
    if size not in (expected, shape[::-1]):
        raise DataError(
            f"{path}: the mask has {size[0]}×{size[1]} pixels and its photo {photo} has "
            f"{expected[0]}×{expected[1]}. They do not belong together; restore the right mask."
        )
    if pixels.ndim == 3:
        pixels = pixels[..., :3].max(2)
    mask = (pixels > (127 if path.suffix.lower() in (".jpg", ".jpeg") else 0)).astype(np.uint8)
    if mask.shape != shape:
        # Photos beyond what the program looks at are reduced on reading; any part of a mask pixel counts.
        mask = (cv2.resize(mask * np.uint8(255), shape[::-1], interpolation=cv2.INTER_AREA) >= 64).astype(np.uint8)
    return mask.astype(bool)


def photos_in(folder: Path) -> list[Path]:
    """Photo files directly in a folder, by name; an empty list where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(
        (path for path in folder.iterdir() if path.suffix.lower() in PHOTOS and not path.name.startswith(".")),
        key=lambda path: path.name,
    )


def folders_in(folder: Path) -> list[Path]:
    """Folders directly in a folder, by name, hidden ones left out."""
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def find_below(root: Path, wanted: Callable[[Path], bool], depth: int = 2) -> list[Path]:
    """The folders at or below `root` for which `wanted` holds, by path; nothing below a found one is searched."""
    if wanted(root):
        return [root]
    if depth == 0:
        return []
    return [found for folder in folders_in(root) for found in find_below(folder, wanted, depth - 1)]


def find_mask(folder: Path, photo: Path, strict: bool) -> Path | None:
    """The mask of a photo: `STEM_mask` or `STEM` with any ending, in a folder.

    Raises:
        DataError: there is none, and `strict` says that there should be.
    """
    for stem in (f"{photo.stem}_mask", photo.stem):
        for ending in PHOTOS:
            for candidate in (folder / f"{stem}{ending}", folder / f"{stem}{ending.upper()}"):
                if candidate.is_file():
                    return candidate
    if strict:
        raise DataError(
            f"{folder / photo.stem}_mask.png: the mask of {photo} is missing. Restore it, or give --partial-masks to "
            "measure pixels only where there are masks."
        )
    return None


def relative(path: Path, root: Path) -> str:
    """The path below a root with forward slashes, the root's own name for the root itself."""
    return Path(os.path.relpath(path, root)).as_posix() if path != root else root.resolve().name
