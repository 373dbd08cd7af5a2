"""From uploaded files to photos on disk: ZIP archives are unpacked, safely."""

from __future__ import annotations

import lzma
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MAX_FILES = 2000
"""Most files of one batch."""

MAX_FILE_BYTES = 200_000_000
"""Largest file inside an archive, unpacked."""

MAX_BYTES = 4_000_000_000
"""Most that the archives of one batch may hold, unpacked."""

JUNK_FOLDERS = ("__MACOSX", "$RECYCLE.BIN", "System Volume Information")
JUNK_FILES = ("thumbs.db", "desktop.ini")


BROKEN = (zlib.error, lzma.LZMAError, OSError, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What the decoders raise at damaged data, or the disk where it is full."""


class BatchError(ValueError):
    """A batch that cannot be taken at all; the message says why and what to do, and may be shown to a user."""


@dataclass(frozen=True)
class Item:
    """One file of a batch.

    Attributes:
        name: as the user knows it; inside an archive with its folders.
        path: where it lies, None where it could not be unpacked.
        problem: why not, or "".
    """

    name: str
    path: Path | None
    problem: str = ""


def unpack(
    files: Sequence[tuple[str, Path]],
    folder: Path,
    *,
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_bytes: int = MAX_BYTES,
) -> list[Item]:
    """Puts the files of a batch in line, with those of every ZIP archive in its place.

    Names inside an archive are only shown: where a file is written is decided here, so none can leave the folder.
    What systems add by themselves (`__MACOSX`, hidden files, thumbnails) is left out. An archive or a file inside it
    that is damaged, encrypted or too large becomes an item with its problem.

    Args:
        files: (name, path) of each file that was given.
        folder: an empty one, to unpack into.
        max_files: of the whole batch.
        max_file_bytes: of one file inside an archive.
        max_bytes: of all files inside archives together.

    Raises:
        BatchError: there are too many files, or they are too large together; the message gives the limit.
    """
    items: list[Item] = []
    left = max_bytes
    for name, path in files:
        _check_count(len(items) + 1, max_files)
        if path.suffix.lower() != ".zip":
            items.append(Item(name, path))
            continue
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, *BROKEN):
            items.append(Item(name, None, f"{name} is no ZIP archive, or it is damaged. Make or upload it again."))
            continue
        with archive:
            entries = [entry for entry in archive.infolist() if not _is_junk(entry)]
            _check_count(len(items) + len(entries), max_files)
            left -= sum(entry.file_size for entry in entries if entry.file_size <= max_file_bytes)
            if left < 0:
                raise BatchError(f"{name} holds over {_size(max_bytes)} unpacked. Split it into several batches.")
            for entry in entries:
                items.append(_unpacked(archive, entry, folder / f"{len(items):05d}", max_file_bytes))
    return items


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, max_bytes: int) -> Item:
    """Unpacks one file into a folder of its own, where it keeps the last part of its name."""
    name = _plain(entry.filename)
    if entry.file_size > max_bytes:
        return Item(name, None, f"{name} is too large: over {_size(max_bytes)}. Scale it down.")
    if entry.flag_bits & 0x1:
        return Item(name, None, f"{name} is encrypted. Make the archive without a password.")
    path = folder / (PurePosixPath(name).name[-60:] or "file")
    folder.mkdir()
    try:
        # No more is read than the declared size that was judged above.
        with archive.open(entry) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    except (zipfile.BadZipFile, *BROKEN) as error:
        path.unlink(missing_ok=True)
        return Item(name, None, f"{name} cannot be unpacked ({error}). Make the archive again.")
    return Item(name, path)


def _is_junk(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a folder, or something that a system added by itself."""
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    if entry.is_dir() or not parts:
        return True
    return parts[-1].startswith(".") or parts[-1].lower() in JUNK_FILES or any(part in JUNK_FOLDERS for part in parts)


def _plain(name: str) -> str:
    """A name inside an archive as text to show: forward slashes, nothing that does not print, no way up."""
    printable = "".join(letter if letter.isprintable() else "_" for letter in name.replace("\\", "/"))
    return "/".join(part for part in printable.split("/") if part not in ("", ".", ".."))[-300:]


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise BatchError(f"{count:,} files are too many for one batch: give at most {most:,}, in several batches.")


def _size(count: int) -> str:
    return f"{count / 1e9:g} GB" if count >= 1e9 else f"{count / 1e6:g} MB"
