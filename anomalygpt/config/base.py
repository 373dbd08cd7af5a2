"""What every config is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]


class ConfigError(ValueError):
    """A config that cannot be read or contradicts itself; the message names the place and the remedy."""


class Frozen(BaseModel):
    """Base of every config: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
