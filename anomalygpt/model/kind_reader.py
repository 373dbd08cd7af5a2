"""What kind of defect a region may be, read off its form and colours.

Kinds are hard to tell by these alone, so nothing that it says is put in words of its own accord: it chooses where a
question offers kinds to choose from.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from anomalygpt.config.schema import KindReaderConfig
from anomalygpt.imaging.region_look import FIGURES

DROPOUT = 0.5
"""Of both hidden layers: a few thousand regions are soon learned by heart."""

FAR = 3.0
"""Figures further than so many deviations from their mean are taken for no further."""


class KindReader(nn.Module):
    """Figures of regions (`imaging.region_look`) to logits of the kinds.

    Attributes:
        mean, deviation: of each figure over the training data; 0 and 1 until they are set.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: KindReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(FIGURES))
        self.register_buffer("deviation", torch.ones(FIGURES))
        self.layers = nn.Sequential(
            nn.Linear(FIGURES, config.width),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(config.width, config.width),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(config.width, len(config.kinds)),
        )

    def forward(self, figures: Tensor) -> Tensor:
        """R×`FIGURES` to logits R×kinds, float32."""
        scaled = ((figures - self.mean) / self.deviation).clamp(-FAR, FAR)
        return self.layers(scaled).float()

    @torch.inference_mode()
    def ranked(self, figures: NDArray[np.float32]) -> tuple[str, ...]:
        """All kinds, the likeliest first, of the regions of one photo taken together; () without regions."""
        if not len(figures):
            return ()
        chances = self(torch.from_numpy(figures).to(self.mean.device)).softmax(1).mean(0)
        return tuple(self.config.kinds[index] for index in chances.argsort(descending=True).tolist())
