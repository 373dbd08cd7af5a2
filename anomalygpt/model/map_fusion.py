"""Map fusion: text map and reference map made into one map.

Two rules. The paper's: where there is a reference, its map replaces the text map. Ours: a small network reads all the
evidence, with or without references, and gives one calibrated map whose highest value is the score of the photo, so
that 0.5 means the same on the map, on the score and on products never seen.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anomalygpt.config import EncoderConfig, FusionConfig
from anomalygpt.model.anomaly_decoder import text_map
from anomalygpt.model.encoder import Features
from anomalygpt.model.reference_memory import LayerMatch, reference_map

STEEPNESS = 4.0
"""Of `calibrated`, in units of the normal distance: no distance gives 0.02, twice the normal one 0.98."""


def paper_map(logits: list[Tensor], matches: list[LayerMatch] | None, size: int, normal: float | None = None) -> Tensor:
    """The published rule: the reference map where there is a reference, the text map otherwise; B×size×size.

    Args:
        logits: of the text map, by layer.
        matches: with the references, by layer; None without any.
        size: of the map.
        normal: the distance at which the reference map is set to 0.5; None leaves distances as they are.
    """
    if matches is None:
        return text_map(logits, size)
    distance = reference_map(matches, size)
    return distance if normal is None else calibrated(distance, normal)


def calibrated(distance: Tensor, normal: float) -> Tensor:
    """Distances of any shape to values in [0, 1], 0.5 at the normal distance; their order stays as it is."""
    return torch.sigmoid(STEEPNESS * (distance / normal - 1))


class ContextBlock(nn.Module):
    """A residual 3×3 block that also hears the mean and the maximum over the whole map."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.context = nn.Linear(2 * width, width)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """B×C×h×w to the same."""
        whole = self.context(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))
        return x + self.second(F.relu(self.first(F.relu(x)) + whole[:, :, None, None]))


class MapFusion(nn.Module):
    """The learned, calibrated rule. One map of logits comes out, at the finest grid of the layers.

    Evidence of each layer: the text logit; the distances of `LayerMatch`, plain and relative to what is typical of
    these references and of this photo; what differs between a patch and its match; what the patch itself is.
    """

    MEASURES = 8

    per_doubling: Tensor

    def __init__(self, config: FusionConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        if config.channels is None:
            raise ValueError("this config has no fusion network: fusion.channels is null")
        width, residual = config.channels, config.residual
        self.residual = residual
        self.differ = nn.ModuleList(nn.Conv2d(channels, residual, 1) for channels in encoder.widths)
        self.look = nn.ModuleList(nn.Conv2d(channels, residual, 1) for channels in encoder.widths)
        layers = len(encoder.widths)
        self.stem = nn.Conv2d(layers * (1 + self.MEASURES + 2 * residual) + 1, width, 3, padding=1)
        self.blocks = nn.Sequential(*[ContextBlock(width) for _ in range(3)])
        self.local = nn.Conv2d(width, 1, 3, padding=1)
        self.whole = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 1))
        # The more references, the nearer anything lies to one of them: scores fall, and this is what they are raised by
        # for each doubling (`training.balance`).
        self.register_buffer("per_doubling", torch.zeros(()))
        # An untrained network starts at "normal", as nearly every cell is.
        assert self.local.bias is not None
        nn.init.constant_(self.local.bias, -2.0)

    def forward(
        self, query: Features, logits: list[Tensor], matches: list[LayerMatch] | None, references: Tensor | int = 1
    ) -> Tensor:
        """Logits of the fused map, B×h×w at the finest grid; its maximum is the logit of the photo's score.

        Args:
            query: encoded photos.
            logits: of the text map, by layer.
            matches: with the references, by layer; None without any.
            references: how many, without turned copies; of each photo (B) or of all.
        """
        finest = max((patches.shape[2:] for patches in query.patches), key=lambda grid: grid[0])
        evidence = []
        for index, (patches, text) in enumerate(zip(query.patches, logits, strict=True)):
            channels = [(text[:, 1:] - text[:, :1]) / 4, self.look[index](_unit(patches))]
            if matches is None:
                batch, _, height, width = patches.shape
                absent = self.MEASURES + self.residual
                channels.append(patches.new_zeros(batch, absent, height, width))
            else:
                found = matches[index]
                channels += [
                    _measures(found),
                    self.differ[index]((F.normalize(patches, dim=1) - found.matched).abs() * 8),
                ]
            layer = torch.cat([channel.to(channels[0].dtype) for channel in channels], 1)
            evidence.append(F.interpolate(layer, tuple(finest), mode="bilinear", align_corners=False))
        known = torch.full_like(evidence[0][:, :1], float(matches is not None))
        x = self.blocks(self.stem(torch.cat([*evidence, known], 1)))
        whole = self.whole(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1).relu())
        fused = (self.local(x.relu()) + whole[:, :, None, None])[:, 0].float()
        doublings = torch.as_tensor(references, dtype=torch.float32, device=fused.device).log2()
        return fused + self.per_doubling * doublings.view(-1, 1, 1)


def upsample_logits(logits: Tensor, size: int) -> Tensor:
    """Fused logits B×grid×grid to B×size×size; bilinear, so no value exceeds the highest of the grid."""
    return F.interpolate(logits[:, None], (size, size), mode="bilinear", align_corners=False)[:, 0]


def _unit(patches: Tensor) -> Tensor:
    """L2-normalised over the channels, times the root of their number: unit deviation whatever the width."""
    return F.normalize(patches, dim=1) * patches.shape[1] ** 0.5


def _measures(found: LayerMatch) -> Tensor:
    distance, windowed, reverse, typical = (
        value[:, None].float() for value in (found.distance, found.windowed, found.reverse, found.typical)
    )
    usual = typical.mean((2, 3), keepdim=True) + 0.02
    here = distance.mean((2, 3), keepdim=True) + 0.02
    near = windowed.mean((2, 3), keepdim=True) + 0.02
    plain = [4 * distance, 4 * windowed, 4 * reverse, 4 * typical]
    relative = [distance / usual - 1, (distance - typical) / usual, distance / here - 1, windowed / near - 1]
    return torch.cat([*plain, *relative], 1)
