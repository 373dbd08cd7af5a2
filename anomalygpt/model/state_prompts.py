"""The words for a good and for a faulty part, and their text embeddings (paper, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from anomalygpt.model.encoder import Encoder

NORMAL = ("{}", "good {}", "intact {}", "{} in perfect order", "clean {}", "{} free of flaws", "{} without any defect")
ABNORMAL = ("broken {}", "{} with a flaw", "{} with a defect", "faulty {}", "{} that is damaged")
TEMPLATES = ("a photo of a {}.", "a close-up photo of the {}.")
ANY = "object"
"""Stands for a product whose name is not known."""
SURFACE = "surface"
"""Stands for a surface of which the same is true."""
UNNAMED = (ANY, SURFACE)
SHARPNESS = 20.0
"""Factor on the cosine between the embeddings of a photo and of a product's name before the softmax."""


def state_texts(product: str) -> tuple[list[str], list[str]]:
    """All normal and all abnormal texts for one product, 14 and 10."""
    normal, abnormal = (
        [template.format(state.format(product)) for state in states for template in TEMPLATES]
        for states in (NORMAL, ABNORMAL)
    )
    return normal, abnormal


def state_embeddings(encoder: Encoder, products: Sequence[str]) -> Tensor:
    """Text embeddings of {normal, abnormal} for each product: P×2×D, mean over the texts, L2-normalised."""
    pairs = [state_texts(product or ANY) for product in products]
    flat = encoder.encode_text([text for normal, abnormal in pairs for text in (*normal, *abnormal)])
    count = len(NORMAL) * len(TEMPLATES)
    per_product = flat.unflatten(0, (len(pairs), -1))
    means = torch.stack([per_product[:, :count].mean(1), per_product[:, count:].mean(1)], 1)
    return F.normalize(means, dim=-1)
