"""Choosing tokens from logits: the most likely one, or a random one of the most likely (top-p)."""

from __future__ import annotations

import torch
from torch import Tensor


class Chooser:
    """One answer's choices, token by token.

    Args:
        temperature: 0 is greedy.
        top_p: share of the probability that is sampled from, in (0, 1].
        seed: of sampling; None draws one.
    """

    def __init__(self, temperature: float, top_p: float, seed: int | None) -> None:
        self._temperature, self._top_p = temperature, top_p
        # On the CPU wherever the model is, so that a seed means the same everywhere.
        self._generator = torch.Generator()
        if seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(seed)

    def __call__(self, logits: Tensor) -> int:
        """The id that is chosen from logits V."""
        if self._temperature == 0:
            return int(logits.argmax())
        probabilities, order = (logits / self._temperature).softmax(-1).sort(descending=True)
        cumulative = probabilities.cumsum(-1)
        # The most likely tokens up to the one that reaches top_p, that one included.
        count = int((cumulative - probabilities < self._top_p).sum())
        point = float(torch.rand((), generator=self._generator)) * cumulative[count - 1]
        position = int(torch.searchsorted(cumulative[:count], point))
        return int(order[min(position, count - 1)])
