"""Builds a model from its config: the one place where parts are made and put together."""

from __future__ import annotations

from typing import Any

from torch import nn

from anomalygpt.config import AnomalyGPTConfig
from anomalygpt.model.anomaly_decoder import AnomalyDecoder
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.model.encoder import Encoder
from anomalygpt.model.eye import Eye
from anomalygpt.model.kind_reader import KindReader
from anomalygpt.model.language import Language
from anomalygpt.model.map_fusion import MapFusion
from anomalygpt.model.prompt_learner import PromptLearner
from anomalygpt.model.question_reader import QuestionReader


def build_eye(config: AnomalyGPTConfig) -> Eye:
    """The seeing half of a model of that config, with random weights."""
    fusion = MapFusion(config.fusion, config.encoder) if config.fusion.channels is not None else None
    return Eye(config, Encoder(config.encoder), AnomalyDecoder(config.decoder, config.encoder), fusion)


def build_model(config: AnomalyGPTConfig, tokenizer: Any, language: Language | None = None) -> AnomalyGPT:
    """A whole model of that config with random weights.

    Args:
        config: every size of it.
        tokenizer: of the language model, as transformers makes them.
        language: a language model that is loaded already, taken as it is.
    """
    hidden, learner, projection = config.language.hidden_size, None, None
    if config.prompt_learner is not None:
        learner = PromptLearner(config.prompt_learner, hidden, sum(config.encoder.widths))
        projection = nn.Linear(config.encoder.embed_dim, hidden)
    reader = None if config.question_reader is None else QuestionReader(config.question_reader)
    kinds = None if config.kind_reader is None else KindReader(config.kind_reader)
    language = language or Language(config.language, tokenizer)
    return AnomalyGPT(config, build_eye(config), learner, projection, language, reader, kinds)
