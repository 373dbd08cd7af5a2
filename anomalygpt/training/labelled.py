"""Rows of tables with a label each, as batches: what the small stages learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class LabelledBatch:
    """B rows: inputs B×C and labels B."""

    inputs: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> LabelledBatch:
        """The same on another device."""
        return LabelledBatch(self.inputs.to(device), self.labels.to(device))


def take_rows(rows: Sequence[int], inputs: Tensor, labels: Tensor) -> LabelledBatch:
    """Some rows of a table R×C with labels R."""
    index = torch.tensor(rows)
    return LabelledBatch(inputs[index], labels[index])
