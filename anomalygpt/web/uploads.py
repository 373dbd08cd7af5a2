"""From the browser's records of files to paths. Only what was uploaded to this server is ever read.

Photos are taken as records (`preprocess=False`), so that a broken file reaches `read_photo` and its clear message, and
not Gradio's decoder. Gradio's own check of paths passes a record of an image that does not call itself an upload, so
the check is made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder, is_in_or_equal

from anomalygpt.imaging.read import PhotoError

File = Mapping[str, Any]
"""A file as the browser, or a program, tells of it."""


def path_of(record: File | None) -> str | None:
    """The uploaded file of a record, None where there is none.

    Raises:
        PhotoError: the path does not lie where uploads do.
    """
    path = record.get("path") if record else None
    if not path:
        return None
    if not is_in_or_equal(str(path), get_upload_folder()):
        raise PhotoError(f"{Path(str(path)).name} was not uploaded here. Upload the photo.")
    return str(path)


def paths_of(records: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """The uploaded files of the records of a gallery.

    Raises:
        PhotoError: as `path_of`.
    """
    found = [path_of(record.get("image")) for record in records or ()]
    return [path for path in found if path is not None]


def files_of(records: Sequence[File] | None) -> list[tuple[str, Path]]:
    """Uploaded files by the names that the visitor knows them by.

    Raises:
        PhotoError: as `path_of`.
    """
    found = [(record.get("orig_name"), path_of(record)) for record in records or ()]
    return [(str(name or Path(path).name), Path(path)) for name, path in found if path is not None]
