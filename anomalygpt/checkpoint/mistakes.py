"""Weights that were put together wrongly, found by what they say of each other.

A wrong file of the right shapes loads without complaint and talks nonsense. Before anything is written, a few matrices
are compared: a delta that changes nothing, one that is no delta, and one that is in the weights already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from anomalygpt.checkpoint.files import CheckpointError
from anomalygpt.checkpoint.origins import Origin
from anomalygpt.checkpoint.published import Published

_PROBES = 8
_MATRICES = ("q_proj.weight", "up_proj.weight")
_LAST_NORM = "model.norm.weight"
_SMALL_NORM = 0.05
"""A model's last norm has weights around 1; in a delta they are the change of it, some thousandths."""


def check_delta(base: Published, delta: Published) -> None:
    """Compares LLaMA and the delta that is to be added to it.

    Raises:
        CheckpointError: the delta is zero, equal to the base or a whole model, or is in the base already.
    """
    _check_whole(base)
    names = _probes(base)
    where = f"{delta.option}: tensor '{names[0]}' in {delta.entries[names[0]].file}"
    findings = [_compare(base.read(name).float(), delta.read(name).float()) for name in names]
    if all(finding == "zero" for finding in findings):
        raise CheckpointError(
            f"{where} is zero throughout, as are the others: adding it would leave LLaMA as it is. This is no delta of "
            "Vicuna. Fetch it again."
        )
    if all(finding == "equal" for finding in findings):
        raise CheckpointError(
            f"{where} equals that of {base.option}: the same weights were given twice. Give LLaMA to --llama and the "
            "delta to --vicuna-delta."
        )
    if all(finding == "whole" for finding in findings):
        raise CheckpointError(
            f"{where} is of a whole model and not of a delta: adding it would double the weights. If this is a "
            "finished Vicuna, give it with --vicuna, and leave --llama and --vicuna-delta out."
        )
    if all(finding == "contained" for finding in findings):
        raise CheckpointError(
            f"{base.option}: tensor '{names[0]}' in {base.entries[names[0]].file} holds the delta already: adding it "
            "again would apply it twice. This is a finished Vicuna: give it with --vicuna, and leave the delta out."
        )


def check_vicuna(vicuna: Published, llama: Published | None) -> None:
    """Looks whether a Vicuna is one.

    Raises:
        CheckpointError: it is the delta alone, or LLaMA to which the delta was never added.
    """
    _check_whole(vicuna)
    if llama is None:
        return
    names = [name for name in _probes(vicuna) if name in llama.entries]
    if names and all(torch.equal(vicuna.read(name), llama.read(name)) for name in names):
        raise CheckpointError(
            f"{vicuna.option}: tensor '{names[0]}' in {vicuna.entries[names[0]].file} equals that of --llama, as do "
            "the others: the delta was never added. Give --llama and --vicuna-delta in place of --vicuna."
        )


def check_adapters(base: Published, adapters: dict[str, tuple[Origin, Origin]], scale: float) -> None:
    """Compares the language model with the low-rank adapters that go onto it.

    Args:
        base: the language model, before a delta is added.
        adapters: A and B of each adapted weight.
        scale: factor on B·A.

    Raises:
        CheckpointError: the adapters change nothing, or are in the weights already.
    """
    names = _evenly(sorted(adapters))
    if not any(adapters[name][1].read().any() for name in names):
        raise CheckpointError(
            f"{adapters[names[0]][1].place} is zero throughout, as are the others: these adapters were never trained "
            "and change nothing. Fetch the file again."
        )
    if all(_contains(base.read(name).float(), scale * product(*adapters[name])) for name in names):
        raise CheckpointError(
            f"{base.option}: tensor '{names[0]}' in {base.entries[names[0]].file} holds PandaGPT's adapters already: "
            "merging them again would apply them twice. Give the Vicuna from before they were merged."
        )


def check_layers(layers: Sequence[Origin]) -> None:
    """Looks whether the decoder's layers differ.

    Raises:
        CheckpointError: two layers are equal.
    """
    tensors = [layer.read() for layer in layers]
    for number, tensor in enumerate(tensors):
        for other in range(number):
            if torch.equal(tensor, tensors[other]):
                raise CheckpointError(
                    f"{layers[number].place} equals '{layers[other].name}': layers of a trained decoder differ. The "
                    "file was converted wrongly. Fetch the published one."
                )


def product(down: Origin, up: Origin) -> Tensor:
    """B·A of a low-rank adapter, float32."""
    return up.read().float() @ down.read().float()


def _check_whole(model: Published) -> None:
    norm = model.read(_LAST_NORM).float().abs().mean()
    if norm < _SMALL_NORM:
        raise CheckpointError(
            f"{model.option}: tensor '{_LAST_NORM}' in {model.entries[_LAST_NORM].file} is close to zero, as in a "
            "delta that was not added to anything. Give LLaMA to --llama and this to --vicuna-delta."
        )


def _probes(model: Published) -> list[str]:
    return _evenly(sorted(name for name in model.entries if name.endswith(_MATRICES)))


def _evenly(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names[place] for place in _places(len(names))))


def _places(count: int) -> Iterator[int]:
    return (round(number * (count - 1) / max(1, _PROBES - 1)) for number in range(_PROBES))


def _compare(whole: Tensor, part: Tensor) -> Literal["zero", "equal", "whole", "contained", "fine"]:
    """What a matrix of a delta is to that of the base; only one pair of them is in memory at a time."""
    if not part.any():
        return "zero"
    if torch.equal(whole, part):
        return "equal"
    if _cosine(whole, part) > 0.5:
        return "whole"
    return "contained" if _contains(whole, part) else "fine"


def _cosine(first: Tensor, second: Tensor) -> float:
    return float(_dot(first, second) / (first.norm() * second.norm()).clamp(min=1e-12))


def _contains(whole: Tensor, part: Tensor) -> bool:
    """Whether `part` was added to `whole` once already.

    Weights from before have next to nothing of the part in them; afterwards they have it exactly once. The measure is
    the factor with which the part fits the whole best, and its error if the two had nothing to do with each other.
    """
    size = part.norm() ** 2
    if not size:
        return False
    factor = float(_dot(whole, part) / size)
    error = float(whole.norm() / (part.norm() * part.numel() ** 0.5))
    return abs(factor - 1) < 0.2 and factor > 5 * error


def _dot(first: Tensor, second: Tensor) -> Tensor:
    return torch.dot(first.flatten(), second.flatten())
