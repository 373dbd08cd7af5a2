"""The CLIP encoder: patch features of chosen layers and the joint embedding, from one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache

import open_clip
import torch
import torch.nn.functional as F
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor, nn

from anomalygpt.config import EncoderConfig
from anomalygpt.model import tower  # noqa: F401  (makes the embedded tower known to timm)


@dataclass(frozen=True)
class Features:
    """What the encoder sees of a batch of photos.

    Attributes:
        patches: raw features of each chosen layer, B×C×h×w, class token dropped.
        embedding: joint embedding, B×D, L2-normalised.
    """

    patches: list[Tensor]
    embedding: Tensor

    def select(self, index: slice | Tensor) -> Features:
        """The features of some photos of the batch."""
        return Features([layer[index] for layer in self.patches], self.embedding[index])


@lru_cache(maxsize=8)
def fast_at_bfloat16(device: torch.device) -> bool:
    """Without hardware for it, products in bfloat16 take longer than in float32."""
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()


class Encoder(nn.Module):
    """An open_clip model with its image and text towers, built from a JSON architecture.

    ViT-H-14 and the embedded convolutional tower are both carried by this class; only the architecture differs.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.clip = open_clip.model.CLIP(**config.architecture)
        self.register_buffer("mean", torch.tensor(config.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(config.std)[:, None, None], persistent=False)
        self._tokenizer: SimpleTokenizer | None = None

    def preprocess(self, squares: Tensor) -> Tensor:
        """Normalises B×3×S×S uint8 (or float in [0, 255]) to what the towers expect."""
        return (squares.to(self.mean.dtype) / 255 - self.mean) / self.std

    def encode_image(self, pixels: Tensor) -> Features:
        """Encodes B×3×S×S normalised pixels."""
        half = self.config.bfloat16 and not torch.is_grad_enabled() and fast_at_bfloat16(pixels.device)
        with torch.autocast(pixels.device.type, torch.bfloat16) if half else nullcontext():
            output = self.clip.forward_intermediates(image=pixels, image_indices=list(self.config.layers))
        features = Features(list(output["image_intermediates"]), output["image_features"])
        return Features([layer.float() for layer in features.patches], features.embedding.float()) if half else features

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encodes N texts to N×D, L2-normalised."""
        if self._tokenizer is None:  # reading the vocabulary takes a moment; many uses never need it
            self._tokenizer = SimpleTokenizer(context_length=self.clip.context_length)
        tokens = self._tokenizer(list(texts)).to(self.mean.device)
        # In full precision always: before training, texts differ by less than half precision tells apart.
        with torch.autocast(self.mean.device.type, enabled=False):
            return F.normalize(self.clip.encode_text(tokens), dim=-1)
