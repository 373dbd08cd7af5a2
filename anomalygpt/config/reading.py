"""Reading configs: the presets of the package and the config.json of a checkpoint."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from anomalygpt.config.base import ConfigError
from anomalygpt.config.schema import AnomalyGPTConfig


def preset_names() -> list[str]:
    """Names of the presets shipped with the package, sorted."""
    folder = resources.files("anomalygpt.config") / "presets"
    return sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))


def load_preset(name: str) -> AnomalyGPTConfig:
    """The preset of that name; a ConfigError lists the names there are."""
    if name not in preset_names():
        raise ConfigError(f"There is no preset '{name}'. Presets: {', '.join(preset_names())}.")
    source = resources.files("anomalygpt.config") / "presets" / f"{name}.json"
    return parse_config(source.read_text(encoding="utf-8"), f"preset '{name}'")


def load_config(path: Path) -> AnomalyGPTConfig:
    """The config in a JSON file; a ConfigError names the file and what is wrong in it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the config cannot be read ({error}).") from error
    return parse_config(text, str(path))


def parse_config(text: str, source: str) -> AnomalyGPTConfig:
    """Validates JSON text; `source` names it in the ConfigError."""
    try:
        return AnomalyGPTConfig.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{source}: not valid JSON ({error}). Restore the file or load another checkpoint."
        ) from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'config'}: {fault['msg']}" for fault in error.errors()
        )
        raise ConfigError(f"{source}: {faults}. Correct or remove these entries.") from error
