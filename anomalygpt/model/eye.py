"""The eye: encoder, anomaly decoder, reference memory and map fusion joined. It sees; it has no words."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anomalygpt.config import AnomalyGPTConfig
from anomalygpt.model.anomaly_decoder import AnomalyDecoder
from anomalygpt.model.encoder import Encoder, Features
from anomalygpt.model.map_fusion import MapFusion, paper_map, upsample_logits
from anomalygpt.model.reference_memory import LayerMemory, match, remember
from anomalygpt.model.state_prompts import state_embeddings


class Eye(nn.Module):
    """From photos to anomaly maps and the look of their regions.

    Attributes:
        config: of the whole model.
        fusion: None where the config has no fusion network.
    """

    def __init__(
        self, config: AnomalyGPTConfig, encoder: Encoder, decoder: AnomalyDecoder, fusion: MapFusion | None
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.decoder = decoder
        self.fusion = fusion

    @property
    def device(self) -> torch.device:
        """Where the eye lies."""
        return self.encoder.mean.device

    def see(self, squares: Tensor) -> Features:
        """Encodes B×3×S×S uint8 photos."""
        return self.encoder.encode_image(self.encoder.preprocess(squares.to(self.device)))

    def states(self, products: Sequence[str]) -> Tensor:
        """State text embeddings of each product's name (or ""), P×2×D."""
        return state_embeddings(self.encoder, products)

    def remember(self, references: Features, upright: int | None = None) -> list[LayerMemory]:
        """The memory of K encoded references; the first `upright` of them are no turned copies."""
        return remember(references, upright, self.config.memory.coarse_search)

    def anomaly_map(
        self,
        query: Features,
        states: Tensor,
        memory: list[LayerMemory] | None,
        rule: str | None = None,
        normal: float | None = None,
    ) -> Tensor:
        """The anomaly map of B photos, B×S×S float32 in [0, 1].

        Args:
            query: encoded photos.
            states: B×2×D (or 1×2×D) state embeddings.
            memory: of the references, None without any.
            rule: "paper" or "fused"; the config's if left out.
            normal: by rule "paper", the distance at which the reference map is 0.5 (`self_calibration`); None: the
                distances themselves, as in the paper.

        Raises:
            ValueError: rule "fused" on a model without a fusion network.
        """
        size = self.config.encoder.image_size
        logits = self.decoder(query.patches, states.expand(len(query.embedding), -1, -1))
        matches = None if memory is None else match(query, memory, self.config.memory)
        if (rule or self.config.fusion.rule) == "paper":
            return paper_map(logits, matches, size, normal)
        if self.fusion is None:
            raise ValueError("this model has no fusion network; use rule 'paper'")
        references = 1 if memory is None else memory[0].upright
        return upsample_logits(self.fusion(query, logits, matches, references), size).sigmoid()

    def region_features(self, query: Features, masks: Tensor) -> Tensor:
        """The look of regions: features of all layers pooled under each, B×R×C.

        Args:
            query: encoded photos.
            masks: B×R×S×S, weights of each region in [0, 1]; all zero where there is none.
        """
        pooled = []
        for layer in query.patches:
            weights = F.adaptive_avg_pool2d(masks.to(layer.dtype), (layer.shape[2], layer.shape[3])).flatten(2)
            weights = weights / weights.sum(2, keepdim=True).clamp(min=1e-6)
            pooled.append(weights @ layer.flatten(2).transpose(1, 2))
        return torch.cat(pooled, 2)
