"""Reading published weights tensor by tensor: safetensors and pickled files, alone or as a folder of transformers.

A file is opened anew for each tensor, so that the pages of a mapped file are given back with it, and memory holds one
tensor and not one file.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from anomalygpt.checkpoint.files import CheckpointError

_FETCH = "Fetch it again, and compare its size with the one shown where it is published."

_FLOATS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True)
class Entry:
    """Where a tensor lies, and what it is.

    Attributes:
        file: that holds it.
        shape: of it.
        dtype: None where it is not floating-point of 16 bits or more.
    """

    file: Path
    shape: torch.Size
    dtype: torch.dtype | None


class Published:
    """The tensors of one published file or folder.

    Attributes:
        option: of the command line that named it, for messages.
        path: the file or folder.
        entries: what it holds, by name; no weight has been read for it.

    Raises:
        CheckpointError: there is no such file, or it is not readable as weights; the message says the likely cause.
    """

    def __init__(self, path: Path, option: str) -> None:
        self.path = path
        self.option = option
        self.entries: dict[str, Entry] = {}
        for file in self._files():
            with _opened(file, option) as tensors:
                for name, entry in tensors.entries(file).items():
                    if name in self.entries:
                        raise CheckpointError(
                            f"{option}: tensor '{name}' is in two files, {self.entries[name].file} and {file}. The "
                            f"folder mixes the files of two downloads: remove those that are not of one."
                        )
                    self.entries[name] = entry

    def read(self, name: str) -> Tensor:
        """One tensor, on the CPU, in the number format of the file; its memory may be that of the mapped file."""
        file = self.entries[name].file
        with _opened(file, self.option) as tensors:
            return tensors.read(name)

    def _files(self) -> list[Path]:
        if self.path.is_file():
            return [self.path]
        if not self.path.is_dir():
            raise CheckpointError(f"{self.option}: there is no file or folder {self.path}. Check the path.")
        for pattern in ("*.safetensors.index.json", "*.safetensors", "*.bin.index.json", "*.bin"):
            found = sorted(self.path.glob(pattern))
            if found and pattern.endswith(".json"):
                return self._indexed(found[0])
            if found:
                return found
        if any(self.path.glob("consolidated.*.pth")):
            raise CheckpointError(
                f"{self.option}: {self.path} holds the weights in Meta's own form (consolidated.*.pth). Convert them "
                "with transformers' convert_llama_weights_to_hf, and give the folder that it writes."
            )
        raise CheckpointError(
            f"{self.option}: {self.path} holds no weights (no *.safetensors and no *.bin). Give the folder with "
            "config.json and the weights beside it."
        )

    def _indexed(self, index: Path) -> list[Path]:
        try:
            places = {str(name): str(file) for name, file in json.loads(index.read_text())["weight_map"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{self.option}: {index} is no index of weights ({error!r}). {_FETCH}") from error
        files = [self.path / file for file in sorted(set(places.values()))]
        for file in files:
            if not file.is_file():
                raise CheckpointError(
                    f"{self.option}: {file} is missing, but {index.name} names it: one part of the weights was not "
                    "fetched. Fetch that file into the folder."
                )
        return files


class _Safetensors:
    def __init__(self, file: Any) -> None:
        self._file = file

    def entries(self, path: Path) -> dict[str, Entry]:
        entries = {}
        for name in self._file.keys():  # noqa: SIM118  (the file is no dictionary)
            part = self._file.get_slice(name)
            entries[name] = Entry(path, torch.Size(part.get_shape()), _FLOATS.get(part.get_dtype()))
        return entries

    def read(self, name: str) -> Tensor:
        return self._file.get_tensor(name)


class _Pickled:
    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._tensors = tensors

    def entries(self, path: Path) -> dict[str, Entry]:
        return {
            name: Entry(path, tensor.shape, tensor.dtype if tensor.dtype in _FLOATS.values() else None)
            for name, tensor in self._tensors.items()
        }

    def read(self, name: str) -> Tensor:
        return self._tensors[name].detach()


@contextmanager
def _opened(file: Path, option: str) -> Iterator[_Safetensors | _Pickled]:
    """A file of weights, mapped and not read; closed again at the end."""
    try:
        with file.open("rb") as raw:
            start = raw.read(64)
    except OSError as error:
        raise CheckpointError(f"{option}: {file} cannot be read ({error.strerror}).") from error
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            f"{option}: {file} is only the pointer that git keeps in place of the weights. Run `git lfs pull` in its "
            "folder, or fetch the file itself."
        )
    if start.lstrip()[:1] == b"<":
        raise CheckpointError(
            f"{option}: {file} is a web page, not weights: the server answered with a page (a login, perhaps). "
            "Open the address in a browser, and fetch the file itself."
        )
    if start[8:9] == b"{":
        try:
            with safe_open(file, framework="pt") as opened:
                yield _Safetensors(opened)
        except SafetensorError as error:
            raise CheckpointError(f"{option}: {file} is truncated or damaged ({error}). {_FETCH}") from error
    else:
        yield _Pickled(_unpickled(file, start, option))


def _unpickled(file: Path, start: bytes, option: str) -> dict[str, Tensor]:
    if not start.startswith(b"PK"):
        if start.startswith(b"\x80"):
            raise CheckpointError(
                f"{option}: {file} is in the form that torch saved before version 1.6, which can only be read as a "
                "whole. Load it and save it again once: torch.save(torch.load(FILE, weights_only=True), FILE)."
            )
        raise CheckpointError(f"{option}: {file} holds neither safetensors nor what torch saves. {_FETCH}")
    try:
        content: Any = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{option}: {file} holds something other than tensors, which could run code when it is read, and is not "
            f"read for that reason. Fetch the file from where it is published. ({str(error).splitlines()[0]})"
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        raise CheckpointError(
            f"{option}: {file} is truncated or damaged ({str(error).splitlines()[0]}). {_FETCH}"
        ) from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        inside = ", ".join(map(str, list(content)[:4])) if isinstance(content, dict) else type(content).__name__
        raise CheckpointError(
            f"{option}: {file} is no plain dictionary of tensors (it holds {inside}): this is the state of a training, "
            "not the weights that were published."
        )
    return content
