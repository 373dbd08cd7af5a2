"""The files of a checkpoint: sharded weights, the manifest that vouches for them, and how new ones replace old ones."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

SHARD_BYTES = 15_000_000
"""Largest weights file; a single tensor that is larger has a file of its own."""

MANIFEST = "manifest.json"
_FORMAT = 1

HASH_LIMIT = 256_000_000
"""Loading compares the hashes of a checkpoint of at most so many bytes, and the sizes of a larger one: reading 13 GB
twice would double the time that it takes to start."""

FETCH_AGAIN = "Fetch the checkpoint folder again, or load another checkpoint."
OTHER_CONFIG = f"The weights belong to another config: use the config.json that came with them. {FETCH_AGAIN}"


class CheckpointError(ValueError):
    """A checkpoint that cannot be loaded or saved; the message names the file and the remedy, and users may see it."""


@dataclass(frozen=True)
class Piece:
    """One tensor that is to be written, and made only then.

    Attributes:
        name: on disk.
        shape, dtype: of what `make` gives.
        make: gives it, on the CPU.
    """

    name: str
    shape: torch.Size
    dtype: torch.dtype
    make: Callable[[], Tensor]

    @property
    def nbytes(self) -> int:
        """Its size on disk."""
        return self.shape.numel() * self.dtype.itemsize


@contextmanager
def replacing(folder: Path, work: str | None = None) -> Iterator[Path]:
    """Gives a folder to write a checkpoint into; at the end its files take their places in `folder`.

    Each file is renamed into place, the manifest last, and what an older manifest lists beyond the new one is removed.
    Files that no manifest knows, such as a model card, stay. If anything fails before, `folder` keeps its old state.

    Args:
        folder: of the checkpoint, made if it is not there.
        work: tells one piece of work from any other. If the same work was begun before and stopped, the files that it
            had written are in the folder given. None: nothing is kept, and the folder given is empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / ".saving"
    mark = beside / ".work"
    if work is None or not mark.is_file() or mark.read_text(encoding="utf-8") != work:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        if work is not None:
            mark.write_text(work, encoding="utf-8")
    try:
        yield beside
        written = sorted(
            path.relative_to(beside)
            for path in beside.rglob("*")
            if path.is_file() and not path.name.startswith(".")  # the mark, and what a stopped write left half done
        )
        old = _listed(folder / MANIFEST)
        manifest = {
            "format": _FORMAT,
            "files": {
                path.as_posix(): {"bytes": (beside / path).stat().st_size, "sha256": _sha256(beside / path)}
                # The config at the top may be edited by hand.
                for path in written
                if path.as_posix() != "config.json"
            },
        }
        (beside / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        for path in [*written, Path(MANIFEST)]:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (beside / path).chmod(0o644)  # safetensors lets only the owner read
            os.replace(beside / path, folder / path)
        for name in old - set(manifest["files"]):  # type: ignore[call-overload]
            (folder / name).unlink(missing_ok=True)
        mark.unlink(missing_ok=True)
    finally:
        if not mark.is_file():  # what is marked goes on later
            shutil.rmtree(beside, ignore_errors=True)


def check_files(folder: Path, hashes: bool | None = None) -> None:
    """Compares every file with the manifest.

    Args:
        folder: of the checkpoint.
        hashes: whether to read all of every file; None: if they are at most `HASH_LIMIT` bytes together.

    Raises:
        CheckpointError: a file is missing, truncated or not the one that was saved.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise CheckpointError(f"{manifest}: this file is missing, so nothing vouches for the weights. {FETCH_AGAIN}")
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
        version = content["format"]
        files = {str(name): (int(entry["bytes"]), str(entry["sha256"])) for name, entry in content["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{manifest}: this is no manifest of a checkpoint ({error!r}). {FETCH_AGAIN}") from error
    if version != _FORMAT:
        raise CheckpointError(
            f"{manifest}: checkpoint format {version} is newer than this program. Update the program."
        )
    for name, (size, _) in files.items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{path}: this file is missing. {FETCH_AGAIN}")
        found = path.stat().st_size
        if found != size:
            state = "truncated" if found < size else "not the one that was saved"
            raise CheckpointError(f"{path}: this file is {state} ({found:,} bytes of {size:,}). {FETCH_AGAIN}")
    if hashes is None:
        hashes = sum(size for size, _ in files.values()) <= HASH_LIMIT
    if hashes:
        for name, (_, digest) in files.items():
            if _sha256(folder / name) != digest:
                raise CheckpointError(f"{folder / name}: this file is not the one that was saved. {FETCH_AGAIN}")


def write_tensors(tensors: dict[str, Tensor], folder: Path, stem: str) -> None:
    """Writes `stem`.safetensors, or shards of at most `SHARD_BYTES` and their index in the form of transformers."""
    pieces = [
        Piece(name, tensor.shape, tensor.dtype, partial(Tensor.contiguous, tensor)) for name, tensor in tensors.items()
    ]
    write_pieces(pieces, folder, stem, SHARD_BYTES)


def write_pieces(
    pieces: Sequence[Piece],
    folder: Path,
    stem: str,
    shard_bytes: int,
    written: Callable[[int], None] = lambda _: None,
) -> None:
    """Writes what `write_tensors` writes, with one shard in memory at a time.

    A shard that is there already, from the same work begun before, is left as it is.

    Args:
        pieces: what to write, in order.
        folder: where to.
        stem: of the files' names.
        shard_bytes: size of a shard at most, unless one tensor alone is larger.
        written: told the bytes of each shard that is there.
    """
    shards: list[list[Piece]] = [[]]
    for piece in pieces:
        if shards[-1] and sum(other.nbytes for other in shards[-1]) + piece.nbytes > shard_bytes:
            shards.append([])
        shards[-1].append(piece)
    places: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        file = f"{stem}-{number:05d}-of-{len(shards):05d}.safetensors" if len(shards) > 1 else f"{stem}.safetensors"
        if not (folder / file).is_file():
            part = folder / f".{file}.part"
            save_file({piece.name: piece.make().contiguous() for piece in shard}, part, metadata={"format": "pt"})
            os.replace(part, folder / file)
        places |= {piece.name: file for piece in shard}
        written(sum(piece.nbytes for piece in shard))
    if len(shards) > 1:
        index = {"metadata": {"total_size": sum(piece.nbytes for piece in pieces)}, "weight_map": places}
        (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def read_tensors(
    folder: Path, stem: str, expected: dict[str, torch.Size], device: torch.device | str = "cpu"
) -> dict[str, Tensor]:
    """Reads what `write_tensors` wrote.

    Args:
        folder: that `write_tensors` wrote into.
        stem: the name it was given.
        expected: the shape of every tensor that must be there.
        device: that they are read to.

    Raises:
        CheckpointError: a file is missing or not safetensors, or a tensor is missing, unexpected or of another shape.
    """
    return {name: read() for name, read in _each(folder, stem, expected, device)}


def check_tensors(folder: Path, stem: str, expected: dict[str, torch.Size]) -> None:
    """Checks what `read_tensors` checks, without reading any weight."""
    for _ in _each(folder, stem, expected):
        pass


def _each(
    folder: Path, stem: str, expected: dict[str, torch.Size], device: torch.device | str = "cpu"
) -> Iterator[tuple[str, Callable[[], Tensor]]]:
    """Every tensor's name and how to read it, good until the next one is asked for."""
    single, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    paths = [single]
    if not single.is_file() and index.is_file():
        try:
            paths = [folder / file for file in sorted(set(json.loads(index.read_text())["weight_map"].values()))]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{index}: this is no index of weights ({error!r}). {FETCH_AGAIN}") from error
    missing = set(expected)
    for path in paths:
        if not path.is_file():
            raise CheckpointError(f"{path}: this file is missing. {FETCH_AGAIN}")
        try:
            with safe_open(path, framework="pt", device=str(device)) as file:
                for name in file.keys():  # noqa: SIM118  (the file is no dictionary)
                    _expect(path, name, torch.Size(file.get_slice(name).get_shape()), expected)
                    missing.discard(name)
                    yield name, partial(file.get_tensor, name)
        except SafetensorError as error:
            raise CheckpointError(f"{path}: this is no safetensors file ({error}). {FETCH_AGAIN}") from error
    if missing:
        raise CheckpointError(
            f"{paths[0]}: {len(missing)} tensors of the model are missing, '{min(missing)}' first. {OTHER_CONFIG}"
        )


def _expect(path: Path, name: str, shape: torch.Size, expected: dict[str, torch.Size]) -> None:
    if name not in expected:
        raise CheckpointError(f"{path}: the model has no tensor '{name}'. {OTHER_CONFIG}")
    if shape != expected[name]:
        raise CheckpointError(
            f"{path}: tensor '{name}' has the shape {tuple(shape)}, the config asks for {tuple(expected[name])}. "
            f"{OTHER_CONFIG}"
        )


def _listed(manifest: Path) -> set[str]:
    """The files in a manifest, none where it cannot be read."""
    try:
        return set(json.loads(manifest.read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
