"""The anomaly decoder: patches compared with the words for good and faulty (paper, section 3.2, equation 1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anomalygpt.config import DecoderConfig, EncoderConfig


class AnomalyDecoder(nn.Module):
    """From patches into the joint embedding space, where they meet the state texts.

    As published, a trained linear adapter for each layer. In the form "projection" nothing is trained: the encoder's
    own last layer norm and projection take the patches of the last layer there, as they do the class token. The layers
    before it do not lie in the joint space, and are left to the reference map.
    """

    def __init__(self, config: DecoderConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        self.temperature = config.temperature
        if config.form == "projection":
            width = encoder.widths[-1]
            self.fc = nn.ModuleList(
                [nn.Sequential(nn.LayerNorm(width), nn.Linear(width, encoder.embed_dim, bias=False))]
            )
        else:
            self.fc = nn.ModuleList(nn.Linear(width, encoder.embed_dim) for width in encoder.widths)

    def forward(self, patches: list[Tensor], states: Tensor) -> list[Tensor]:
        """Logits of {normal, abnormal} for each patch of each layer that has a way into the joint space.

        Args:
            patches: raw features of each layer, B×C×h×w.
            states: B×2×D text embeddings of normal and abnormal, L2-normalised.

        Returns:
            For each of those layers B×2×h×w; softmax over the two channels gives the probabilities.
        """
        logits = []
        for adapter, layer in zip(self.fc, patches[-len(self.fc) :], strict=True):
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
