r"""General instruction data: a JSON file of conversations about images, in the form that LLaVA made common.

`[{"image": "000001.jpg", "conversations": [{"from": "human", "value": "<image>\nWhat is this?"},
{"from": "gpt", "value": "A cat."}, ...]}, ...]`
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anomalygpt.datasets.index import DataError
from anomalygpt.records import Turn

_IMAGE = "<image>"
_HUMAN, _ASSISTANT = ("human", "user"), ("gpt", "assistant")


@dataclass(frozen=True)
class Conversation:
    """One image and what is said about it.

    Attributes:
        image: file.
        turns: at least one; questions without the mark of the image.
    """

    image: Path
    turns: tuple[Turn, ...]


def read_instructions(file: str, images: str = "") -> list[Conversation]:
    """Reads such a file and checks every entry; no image is opened.

    Args:
        file: JSON.
        images: folder that the images' paths start from, the file's own where it is "".

    Raises:
        DataError: the file or an image is missing, or an entry is not of the form; the message names it.
    """
    path = Path(file)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: this file cannot be read ({error.strerror or error}). Check the path.") from error
    except ValueError as error:
        raise DataError(f"{path}: this is no JSON file ({error}). Restore it.") from error
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path}: a list of conversations is expected, with at least one in it.")
    root = Path(images) if images else path.parent
    return [_conversation(entry, number, path, root) for number, entry in enumerate(entries, 1)]


def _conversation(entry: Any, number: int, path: Path, root: Path) -> Conversation:
    place = f"{path}, entry {number}"
    try:
        image, listed = entry["image"], entry["conversations"]
        said = [(str(line["from"]).lower(), line["value"]) for line in listed]
    except (KeyError, TypeError) as error:
        raise DataError(
            f'{place}: an entry is {{"image": ..., "conversations": [{{"from": ..., "value": ...}}, ...]}}, and this '
            f"one is not ({error!r}). Correct or remove it; entries without an image cannot be used."
        ) from error
    if not isinstance(image, str) or not (root / image).is_file():
        raise DataError(f"{place}: there is no image {root / str(image)}. Restore it, or name the images' folder.")
    roles_fit = all(role in (_ASSISTANT if at % 2 else _HUMAN) for at, (role, _) in enumerate(said))
    if not said or len(said) % 2 or not roles_fit or not all(isinstance(text, str) and text for _, text in said):
        raise DataError(
            f"{place}: human and gpt must take turns, human first, each with some text. Correct or remove the entry."
        )
    return Conversation(root / image, _turns([text for _, text in said]))


def _turns(texts: Sequence[str]) -> tuple[Turn, ...]:
    return tuple(
        Turn(question.replace(_IMAGE, "").strip(), answer.strip())
        for question, answer in zip(texts[::2], texts[1::2], strict=True)
    )
