"""Files that are made for a visitor and go away with the page's other files."""

from __future__ import annotations

from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder


def save_download(content: str | bytes, name: str) -> str:
    """Writes what is offered for download into the folder that Gradio serves and cleans up.

    Args:
        content: text is written as UTF-8.
        name: of the file, with its ending.

    Returns:
        The path, in a folder whose name nobody can guess without knowing the content.
    """
    data = content.encode() if isinstance(content, str) else content
    return save_bytes_to_cache(data, name, get_upload_folder())
