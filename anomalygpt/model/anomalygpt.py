"""AnomalyGPT: the finished parts joined. No loading, no files, no dialogue state.

The model is read-only once built; everything that belongs to one visitor is returned and kept by the caller.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anomalygpt.config import AnomalyGPTConfig
from anomalygpt.model.eye import Eye
from anomalygpt.model.kind_reader import KindReader
from anomalygpt.model.language import Language
from anomalygpt.model.prompt_learner import PromptLearner
from anomalygpt.model.question_reader import QuestionReader


class AnomalyGPT(nn.Module):
    """The eye, what carries its findings into the prompt, and the language model (paper, figure 2).

    Attributes:
        config: what it was built from.
        prompt_learner, image_projection: what turns the map, and the joint embedding (the image token), into vectors of
            the language model's space; None, both, where it was not trained with an eye and is told in words.
        question_reader: helps the language model to plan answers; None: it does so alone.
        kind_reader: chooses among kinds of defect; None: nothing does.
    """

    def __init__(
        self,
        config: AnomalyGPTConfig,
        eye: Eye,
        prompt_learner: PromptLearner | None,
        image_projection: nn.Linear | None,
        language: Language,
        question_reader: QuestionReader | None = None,
        kind_reader: KindReader | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.eye = eye
        self.prompt_learner = prompt_learner
        self.image_projection = image_projection
        self.language = language
        self.question_reader = question_reader
        self.kind_reader = kind_reader

    @property
    def device(self) -> torch.device:
        """Where the eye lies."""
        return self.eye.device

    def image_token(self, embedding: Tensor) -> Tensor:
        """The image's one vector in the prompt: joint embedding B×D to B×1×H."""
        assert self.image_projection is not None
        return self.image_projection(embedding.to(self.image_projection.weight.dtype))[:, None]

    def prompt_vectors(self, maps: Tensor, region_features: Tensor | None) -> Tensor:
        """What the map says to the language model, B×V×H.

        Args:
            maps: B×S×S in [0, 1].
            region_features: B×R×C of `Eye.region_features`, where the prompt learner has region vectors.
        """
        assert self.prompt_learner is not None
        return self.prompt_learner(maps[:, None], region_features)
