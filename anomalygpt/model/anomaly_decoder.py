"""The anomaly decoder: patches compared with the words for good and faulty (paper, section 3.2, equation 1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anomalygpt.config import DecoderConfig, EncoderConfig


class AnomalyDecoder(nn.Module):
    """One linear adapter for each layer, into the joint embedding space, where patches meet the state texts."""

    def __init__(self, config: DecoderConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        self.temperature = config.temperature
        self.fc = nn.ModuleList(nn.Linear(width, encoder.embed_dim) for width in encoder.widths)

    def forward(self, patches: list[Tensor], states: Tensor) -> list[Tensor]:
        """Logits of {normal, abnormal} for each patch of each layer.

        Args:
            patches: raw features of each layer, B×C×h×w.
            states: B×2×D text embeddings of normal and abnormal, L2-normalised.

        Returns:
            For each layer B×2×h×w; softmax over the two channels gives the probabilities.
        """
        logits = []
        for adapter, layer in zip(self.fc, patches, strict=True):
            adapted = F.normalize(adapter(layer.flatten(2).transpose(1, 2)), dim=-1)
            similarity = self.temperature * adapted @ states.transpose(1, 2)
            logits.append(similarity.transpose(1, 2).unflatten(2, layer.shape[2:]))
        return logits


def text_map(logits: list[Tensor], size: int) -> Tensor:
    """The zero-shot map: abnormal probability, upsampled and averaged over the layers; B×size×size."""
    maps = [
        F.interpolate(layer.float(), (size, size), mode="bilinear", align_corners=True).softmax(1)[:, 1]
        for layer in logits
    ]
    return torch.stack(maps).mean(0)
