"""A fixed bank of classical filters: what the embedded tower sees of a photo before anything is learned.

Colour, its spread, and Gabor energy in six directions at four scales. Trained from pixels, a small network needs far
longer to find such filters than to learn what to do with their answers (docs/decisions/0002-the-eye.md).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ORIENTATIONS = 6
SCALES = 4
SIDE = 7

OPPONENT = ((0.299, 0.587, 0.114), (0.5, -0.5, 0.0), (-0.25, -0.25, 0.5))
"""Rows: luminance, red against green, blue against yellow."""


def gabor_kernels() -> Tensor:
    """Even and odd Gabor kernels of zero mean and unit norm, (2·ORIENTATIONS)×1×SIDE×SIDE."""
    line = torch.arange(SIDE, dtype=torch.float32) - SIDE // 2
    y, x = torch.meshgrid(line, line, indexing="ij")
    kernels = []
    for phase in (0.0, math.pi / 2):
        for index in range(ORIENTATIONS):
            angle = math.pi * index / ORIENTATIONS
            along = x * math.cos(angle) + y * math.sin(angle)
            kernel = torch.exp(-(x**2 + y**2) / (2 * 1.8**2)) * torch.cos(2 * math.pi * along / 4.0 + phase)
            kernel = kernel - kernel.mean()
            kernels.append(kernel / kernel.norm())
    return torch.stack(kernels)[:, None]


class FilterBank(nn.Module):
    """Filters without weights. Input B×3×S×S; outputs of stride 4 (`FINE` channels) and stride 8 (`COARSE`)."""

    FINE = 3 + 3 + 2 + 3 * ORIENTATIONS
    COARSE = ORIENTATIONS

    opponent: Tensor
    gabor: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("opponent", torch.tensor(OPPONENT), persistent=False)
        self.register_buffer("gabor", gabor_kernels(), persistent=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Filters B×3×S×S normalised pixels, S a multiple of 16.

        Returns:
            Stride-4 channels B×FINE×S/4×S/4 (colour mean, colour spread, gradient, energy of three scales) and the
            energy of the coarsest scale, B×COARSE×S/8×S/8.
        """
        with torch.no_grad(), torch.autocast(pixels.device.type, enabled=False):
            # As a product and not as a 1×1 convolution, and the Gabor kernels with channels last: several times faster
            # on a CPU for so few channels.
            colors = torch.einsum("oc,bchw->bohw", self.opponent, pixels.float())
            mean = F.avg_pool2d(colors, 4)
            spread = (F.avg_pool2d(colors.square(), 4) - mean.square()).clamp(min=0).add(1e-4).sqrt()
            level = colors[:, :1]
            energies = []
            for scale in range(SCALES):
                if scale:
                    level = F.avg_pool2d(level, 2)
                padded = F.pad(level, [SIDE // 2] * 4, mode="replicate").contiguous(memory_format=torch.channels_last)
                even, odd = F.conv2d(padded, self.gabor).contiguous().chunk(2, dim=1)
                energy = torch.hypot(even, odd)
                # Of the two finest scales the strongest answer in a cell is kept: small defects fill a fraction of one.
                if scale < 2:
                    energy = F.max_pool2d(energy, 4 >> scale)
                # The root compresses, so that a faint crack is not drowned by the part's outline.
                energies.append((energy.square() + 1e-6).sqrt().sqrt())
            padded = F.pad(mean[:, :1], [1] * 4, mode="replicate")
            gradient = torch.cat(
                [padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2], padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]], 1
            )
            fine = torch.cat([mean, spread, gradient, *energies[:3]], 1)
            # Convolutions with channels last are the fastest, and take their format from their input.
            last = torch.channels_last
            return fine.contiguous(memory_format=last), energies[3].contiguous(memory_format=last)
