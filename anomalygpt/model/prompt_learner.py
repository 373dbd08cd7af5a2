"""The prompt learner: from an anomaly map to vectors that stand among the words (paper, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from anomalygpt.config import PromptLearnerConfig


class PromptLearner(nn.Module):
    """Learned base vectors, a grid of vectors convolved from the map, and the look of the strongest regions.

    The blocks are a 3×3 convolution with padding 1, ReLU and 2×2 max-pooling each; the last convolution has no padding
    and goes to the language model's width. The grid is read row by row, so that a vector's position in the prompt says
    where on the photo it looks.

    Args:
        config: sizes.
        hidden_size: width H of the language model's embeddings.
        feature_width: width C of a region's pooled encoder features.
    """

    def __init__(self, config: PromptLearnerConfig, hidden_size: int, feature_width: int) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        width = 1
        for channels in config.channels:
            layers += [nn.Conv2d(width, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            width = channels
        layers.append(nn.Conv2d(width, hidden_size, config.kernel))
        self.meta_net = nn.Sequential(*layers)
        self.base_prompts = nn.Parameter(0.02 * torch.randn(config.base_vectors, hidden_size))
        if config.region_vectors:
            self.region_projection = nn.Linear(feature_width, hidden_size)
            self.no_region = nn.Parameter(0.02 * torch.randn(hidden_size))

    def forward(self, maps: Tensor, region_features: Tensor | None = None) -> Tensor:
        """The prompt vectors of B photos.

        Args:
            maps: B×1×S×S in [0, 1]; any S, resized to the config's `map_size`.
            region_features: B×R×C, encoder features pooled under each region, strongest first, all zero where a photo
                has fewer; regions beyond the config's `region_vectors` are left out. None: no regions. Unused in the
                paper's form, which has no region vectors.

        Returns:
            B×N×H with N = base vectors + grid² + region vectors, in this order.
        """
        size, weight = self.config.map_size, self.base_prompts
        maps = maps.to(weight.dtype)
        if maps.shape[-1] != size:
            maps = interpolate(maps, (size, size), mode="bilinear", align_corners=False, antialias=True)
        grid = self.meta_net(maps).flatten(2).transpose(1, 2)
        vectors = [self.base_prompts.expand(len(maps), -1, -1), grid]
        if self.config.region_vectors:
            vectors.append(self._regions(len(maps), region_features))
        return torch.cat(vectors, 1)

    def _regions(self, batch: int, features: Tensor | None) -> Tensor:
        count = self.config.region_vectors
        none = self.no_region.expand(batch, count, -1)
        if features is None:
            return none
        features = features[:, :count].to(none.dtype)
        present = (features != 0).any(-1, keepdim=True)
        found = torch.where(present, self.region_projection(features), none[:, : features.shape[1]])
        return torch.cat([found, none[:, features.shape[1] :]], 1)
