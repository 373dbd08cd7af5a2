"""The embedded image tower: filter bank, convolutions, a little attention, and a top-down path.

It has the interface of a timm model and is known to timm under `anomalygpt_bank_s`, so that open_clip builds the
embedded encoder from an architecture exactly as it builds ViT-H-14.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from timm.models import register_model
from torch import Tensor, nn

from anomalygpt.model.filter_bank import FilterBank

HEAD_WIDTH = 384
"""Features of the photo as a whole, before open_clip's projection."""


class ConvBlock(nn.Module):
    """Two 3×3 convolutions with batch norm around a residual, B×C×h×w to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """B×C×h×w to the same."""
        return F.relu(x + self.body(x))


class AttentionBlock(nn.Module):
    """Pre-norm self-attention and MLP over all cells, B×C×h×w to the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """B×C×h×w to the same."""
        batch, width, height, side = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(self.norm1(tokens)).chunk(3, -1)
        )
        # Written out: on a CPU the fused kernel takes several times longer backwards for so few tokens.
        weights = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
        attended = (weights @ v).transpose(1, 2).flatten(2)
        tokens = tokens + self.proj(attended)
        tokens = tokens + self.mlp(self.norm2(tokens))
        return tokens.transpose(1, 2).reshape(batch, width, height, side)


class BankTower(nn.Module):
    """Filter bank and learned stages of stride 4, 8 and 16.

    Intermediates: 0 the bank itself at stride 8, unlearned; 1 the stage of stride 8, enriched from above; 2 the stage
    of stride 16.

    Args:
        widths: channels at stride 4, 8 and 16.
        blocks: convolution blocks at stride 4 and 8, attention blocks at stride 16.
        num_classes: must be 0; open_clip puts its own projection on the pooled features.
        global_pool: how `forward_head` pools; "avg".
    """

    def __init__(
        self,
        widths: tuple[int, int, int] = (64, 128, 256),
        blocks: tuple[int, int, int] = (1, 2, 2),
        num_classes: int = 0,
        global_pool: str = "avg",
    ) -> None:
        super().__init__()
        fine, middle, deep = widths
        self.num_features = self.head_hidden_size = HEAD_WIDTH
        self.default_cfg: dict[str, Any] = {"pool_size": None}
        self.reset_classifier(num_classes, global_pool)
        self.bank = FilterBank()
        self.bank_norm = nn.BatchNorm2d(FilterBank.FINE, affine=False)
        self.coarse_norm = nn.BatchNorm2d(FilterBank.COARSE, affine=False)
        self.stem = nn.Conv2d(FilterBank.FINE, fine, 1)
        self.stage4 = nn.Sequential(*[ConvBlock(fine) for _ in range(blocks[0])])
        self.down8 = nn.Conv2d(fine, middle - FilterBank.COARSE, 3, stride=2, padding=1)
        self.stage8 = nn.Sequential(*[ConvBlock(middle) for _ in range(blocks[1])])
        self.down16 = nn.Conv2d(middle, deep, 3, stride=2, padding=1)
        self.stage16 = nn.Sequential(*[AttentionBlock(deep, deep // 32) for _ in range(blocks[2])])
        pooled = 2 * (deep + middle + FilterBank.FINE + FilterBank.COARSE)
        # Each statistic by its own spread over photos: normalised within a photo, the large ones drown the others.
        self.head_norm = nn.BatchNorm1d(pooled, affine=False)
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(pooled, HEAD_WIDTH), nn.GELU())
        self.up8 = nn.Conv2d(deep, middle, 1)
        self.merge8 = nn.Conv2d(middle, middle, 3, padding=1)

    def reset_classifier(self, num_classes: int, global_pool: str = "avg") -> None:
        """As timm's; this tower never classifies by itself."""
        if num_classes or global_pool != "avg":
            raise ValueError("the embedded tower has no classifier of its own and pools by 'avg'")

    def _stages(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        fine, coarse = self.bank(pixels)
        fine, coarse = self.bank_norm(fine), self.coarse_norm(coarse)
        plain = torch.cat([F.avg_pool2d(fine, 2), coarse], 1)
        x4 = self.stage4(F.relu(self.stem(fine)))
        x8 = self.stage8(F.relu(torch.cat([self.down8(x4), coarse], 1)))
        x16 = self.stage16(self.down16(x8))
        top8 = self.merge8(F.relu(x8 + F.interpolate(self.up8(x16), scale_factor=2.0, mode="nearest")))
        # The photo as a whole is known by the statistics of every depth: a weave by the bank's, a screw by the deepest.
        last = torch.cat([x16, F.avg_pool2d(x8, 2), F.avg_pool2d(plain, 2)], 1)
        return last, [plain, top8, x16]

    def forward_intermediates(
        self,
        x: Tensor,
        indices: list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """As timm's: the last features B×C×S/16×S/16 and the chosen of the three intermediates (NCHW)."""
        if norm or stop_early or output_fmt != "NCHW":
            raise ValueError("the embedded tower gives raw intermediates as NCHW, always of the whole tower")
        last, every = self._stages(x)
        chosen = every if indices is None else [every[index] for index in indices]
        return chosen if intermediates_only else (last, chosen)

    def forward_features(self, x: Tensor) -> Tensor:
        """B×3×S×S to B×C×S/16×S/16: what `forward_head` pools."""
        return self._stages(x)[0]

    def pool(self, x: Tensor) -> Tensor:
        """Mean and deviation of each channel, B×C×h×w to B×2C, float32."""
        flat = x.float().flatten(2)
        return torch.cat([flat.mean(2), flat.std(2)], 1)

    def forward_head(self, x: Tensor) -> Tensor:
        """Pools B×C×h×w to B×`num_features`."""
        return self.head(self.head_norm(self.pool(x)))

    def forward(self, x: Tensor) -> Tensor:
        """B×3×S×S to B×`num_features`."""
        return self.forward_head(self.forward_features(x))


@register_model
def anomalygpt_bank_s(
    pretrained: bool = False,
    pretrained_cfg: Any = None,
    pretrained_cfg_overlay: Any = None,
    cache_dir: Any = None,
    **kwargs: Any,
) -> BankTower:
    """The embedded tower as timm knows it. There are no weights to fetch, so what timm says of those goes unused."""
    if pretrained:
        raise ValueError("the embedded tower's weights come with a checkpoint of this project, not from a hub")
    return BankTower(**kwargs)
