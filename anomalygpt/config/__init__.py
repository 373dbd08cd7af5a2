"""Validated configuration: the schema and the presets shipped with the package."""

from anomalygpt.config.base import ConfigError
from anomalygpt.config.reading import load_config, load_preset, preset_names
from anomalygpt.config.schema import (
    AnomalyGPTConfig,
    DecoderConfig,
    EncoderConfig,
    FusionConfig,
    GenerationConfig,
    LanguageConfig,
    LoRAConfig,
    MemoryConfig,
    PromptFormatConfig,
    PromptLearnerConfig,
)

__all__ = [
    "AnomalyGPTConfig",
    "ConfigError",
    "DecoderConfig",
    "EncoderConfig",
    "FusionConfig",
    "GenerationConfig",
    "LanguageConfig",
    "LoRAConfig",
    "MemoryConfig",
    "PromptFormatConfig",
    "PromptLearnerConfig",
    "load_config",
    "load_preset",
    "preset_names",
]
