"""Which published tensor becomes which of ours: names, shapes and number formats checked before any weight is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from anomalygpt.checkpoint.files import CheckpointError
from anomalygpt.checkpoint.official import SIGNS, Table
from anomalygpt.checkpoint.published import Published


@dataclass(frozen=True)
class Origin:
    """Where one of our tensors comes from.

    Attributes:
        source: the file or folder.
        name: the tensor's in it.
        form: makes our form of it.
    """

    source: Published
    name: str
    form: Callable[[Tensor], Tensor]

    @property
    def place(self) -> str:
        """The tensor, its file and the option that named it, for messages."""
        return f"{self.source.option}: tensor '{self.name}' in {self.source.entries[self.name].file}"

    def outline(self) -> Tensor:
        """Our form of it on the meta device: shape and number format, and no weights.

        Raises:
            CheckpointError: it is not floating-point, or of so different a shape that it has no such form.
        """
        entry = self.source.entries[self.name]
        if entry.dtype is None:
            raise CheckpointError(
                f"{self.place} holds whole numbers: this is a quantised copy. Fetch the weights that it was made from."
            )
        try:
            return self.form(torch.empty(entry.shape, dtype=entry.dtype, device="meta"))
        except (IndexError, RuntimeError) as error:
            raise CheckpointError(
                f"{self.place} has the shape {tuple(entry.shape)}, which has too few dimensions. {_OTHER_SIZE}"
            ) from error

    def read(self) -> Tensor:
        """Our form of it, on the CPU.

        Raises:
            CheckpointError: it holds values that are no numbers.
        """
        tensor = self.source.read(self.name)
        if not finite(tensor):
            raise CheckpointError(
                f"{self.place} holds values that are infinite or no numbers: the file is damaged, or was saved by a "
                "training that had failed. Fetch it again."
            )
        return self.form(tensor)


_OTHER_SIZE = "The file is of a model of another size (13B in place of 7B, perhaps) or of another version."


def finite(tensor: Tensor) -> bool:
    """Whether every value of a floating-point tensor is a finite number; no copy of it is made."""
    return bool(torch.stack(tensor.aminmax()).isfinite().all()) if tensor.numel() else True


def trace(source: Published, table: Table) -> dict[str, Origin]:
    """The origin of each of our tensors that a published file is for.

    Raises:
        CheckpointError: it is another file than the table's, or a tensor is missing or unexpected.
    """
    found = next((what for sign, what in SIGNS.items() if sign in source.entries), table.what)
    if found != table.what:
        raise CheckpointError(
            f"{source.option}: {source.path} looks like {found}, and this option takes {table.what}. Two files seem to "
            "be swapped: give each to the option of its name."
        )
    unexpected = [name for name in source.entries if name not in table.targets and not table.ignores(name)]
    if unexpected:
        entry = source.entries[min(unexpected)]
        raise CheckpointError(
            f"{source.option}: tensor '{min(unexpected)}' in {entry.file} is unknown ({len(unexpected)} in all). The "
            "file is of a larger model, of another version, or not of this system."
        )
    origins = {
        target.name: Origin(source, name, target.form)
        for name, target in table.targets.items()
        if name in source.entries
    }
    missing = {
        target.name: name
        for name, target in reversed(table.targets.items())
        if target.name not in origins and target.name not in table.optional
    }
    if missing:
        raise CheckpointError(
            f"{source.option}: {source.path} has no tensor '{min(missing.values())}' ({len(missing)} are missing). The "
            "file is incomplete, or of a smaller model or another version."
        )
    return origins


def check_shapes(origins: dict[str, Origin], expected: dict[str, torch.Size]) -> None:
    """Compares what the origins give with the shapes that the model has.

    Raises:
        CheckpointError: the first that differs.
    """
    for name, origin in origins.items():
        shape = origin.outline().shape
        if shape != expected[name]:
            raise CheckpointError(
                f"{origin.place} gives the shape {tuple(shape)}, and the preset asks for {tuple(expected[name])}. "
                f"{_OTHER_SIZE}"
            )


def check_complete(expected: Iterable[str], *groups: Iterable[str]) -> None:
    """Says which of our tensors no published file is for.

    Raises:
        CheckpointError: there is one: the preset has a part that the published system has not.
    """
    if missing := set(expected).difference(*groups):
        raise CheckpointError(
            f"The preset's model has a tensor '{min(missing)}' that no published file holds ({len(missing)} in all). "
            "Give a preset of the published form: no fusion network, no region vectors, a Llama."
        )
