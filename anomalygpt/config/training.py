"""The validated description of one training run: the recipe."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from anomalygpt.config.base import ConfigError, Frozen, Natural, Positive, Unit
from anomalygpt.config.tuning import AdaptData, PaperData

SECTIONS = {
    "eye": {"eye"},
    "names": {"names"},
    "voice": {"voice"},
    "reader": {"reader"},
    "kinds": {"kinds"},
    "adapt": {"eye", "adapt"},
    "paper": {"paper"},
}
"""The sections that a recipe of each stage has."""


class EyeData(Frozen):
    """Simulated episodes: one product, a few references, several queries.

    Attributes:
        size: side of the photos in pixels.
        early_size: side in the first part of the run, where a smaller one teaches more a minute.
        early: share of the run in which that is so.
        shots: how many references an episode has, with the chance of each.
        queries: queries an episode, about half of them normal.
        oblong: share of episodes whose photos are not square.
        copies: share of episodes with one turned copy of each reference in memory.
        every_copy: share of episodes with all of them, as at use.
        again: share of episodes that were shown some steps before, turned otherwise and with good photos exchanged
            between references and queries; drawing photos takes longer than learning from them on a GPU.
    """

    size: Positive = 224
    early_size: Positive = 160
    early: Unit = 0.0
    shots: dict[Positive, Unit] = Field(default={1: 0.6, 2: 0.25, 4: 0.15})
    queries: Positive = 2
    oblong: Unit = 0.25
    copies: Unit = 0.35
    every_copy: Unit = 0.0
    again: Annotated[float, Field(ge=0, le=0.5)] = 0.0

    @model_validator(mode="after")
    def _agree(self) -> EyeData:
        if abs(sum(self.shots.values()) - 1) > 1e-6:
            raise ValueError("data.shots: the chances must add up to 1")
        if self.copies + self.every_copy > 1:
            raise ValueError("eye.copies and eye.every_copy are shares of all episodes: together at most 1")
        return self


class NamesData(Frozen):
    """Simulated photos from which the encoder's head learns to tell products apart.

    Attributes:
        photos: how many are simulated, half of them references and half queries.
        named: share of photos of named products; the others teach what has no name.
        balance: on how many further samples the map's bias is set at the end (`training.balance`); 0 leaves it.
    """

    photos: Positive = 12000
    named: Unit = 0.85
    balance: Natural = 0


class VoiceData(Frozen):
    """Simulated photos as the trained eye sees them, and dialogues composed about them.

    Attributes:
        photos: how many photos are shown to the eye and kept.
        shots: how many references a photo has, with the chance of each; 0 is none.
        max_turns: longest dialogue.
        chinese: share of Chinese dialogues.
        vocabulary_dialogues: how many dialogues the tokenizer is trained on.
        region_vectors: vectors with the look of the strongest regions; None as the eye's config has it.
        evidence: whether the measured regions are told as text; None as the eye's config has it.
        kinds: whether dialogues name the true kind of defect under a region. Off, the voice learns to say that it
            cannot tell: of an eye that does not show kinds it would learn to guess.
        start: a checkpoint whose tokenizer, language model and prompt learner the stage goes on from; "" draws them
            anew. Tokens that its tokenizer lacks are added.
    """

    photos: Positive = 6000
    shots: dict[Natural, Unit] = Field(default={0: 0.15, 1: 0.6, 2: 0.15, 4: 0.1})
    max_turns: Annotated[int, Field(ge=1, le=10)] = 10
    chinese: Unit = 0.4
    vocabulary_dialogues: Positive = 20000
    region_vectors: Natural | None = None
    evidence: bool | None = None
    kinds: bool = True
    start: str = ""


class ReaderData(Frozen):
    """Questions as the phrases word them, each of its kind, all kinds alike.

    Attributes:
        photos: simulated photos that the questions are about.
        chinese: share of Chinese questions.
        dropped: share of a question's pieces that are left out at random, as if they had never been met.
        buckets: of the reader.
    """

    photos: Positive = 300
    chinese: Unit = 0.5
    dropped: Unit = 0.2
    buckets: Positive = 32768


class KindsData(Frozen):
    """Regions that the trained eye finds on simulated faulty parts, with the kind of the defect that is really there.

    Attributes:
        photos: how many are shown to the eye.
        shots: how many references a photo has, with the chance of each; 0 is none.
        width: of the reader's hidden layers.
        smoothing: share of a region's kind that is spread over all kinds.
    """

    photos: Positive = 4000
    shots: dict[Natural, Unit] = Field(default={0: 0.15, 1: 0.85})
    width: Positive = 64
    smoothing: Unit = 0.1


class TrainingConfig(Frozen):
    """One stage of training.

    Attributes:
        stage: "eye" (encoder, decoder, fusion), then "names" (the encoder's head over the photo as a whole), then
            "voice" (prompt learner, image projection, language model), then "reader" (what kind a question is of)
            and "kinds" (what kind a defect may be of). "adapt" (the eye) and "paper" (decoder, prompt learner, perhaps
            adapters of the language model) go on from a finished model with one's own photos.
        model: preset to start from, the folder of the eye that the stage before has trained, or for all later ones
            a checkpoint.
        data: folder of good photos, for "adapt" and "paper".
        first_seed: simulated data of this run are drawn from seeds at and over this number.
        batch: episodes (eye, adapt), photos (names), questions (reader), regions (kinds) or dialogues (voice, paper) in
            one step over all processes.
        accumulate: parts in which each process works through its share of a step, to save memory.
        steps: optimiser steps in all.
        optimizer: "adamw", or "adamw8bit", whose moments take a quarter of the memory, on a GPU.
        learning_rate: the highest; rises over `warmup` steps, then falls on a cosine to zero.
        average: decay of the moving average of weights that is shipped; 0 keeps none.
        weights: factor of each named loss; what is not named counts 1.
        save_minutes: time between two resumable states.
    """

    stage: Literal["eye", "names", "voice", "reader", "kinds", "adapt", "paper"]
    model: str
    data: str = ""
    seed: Natural = 0
    first_seed: Natural = 0
    eye: EyeData | None = None
    names: NamesData | None = None
    voice: VoiceData | None = None
    reader: ReaderData | None = None
    kinds: KindsData | None = None
    adapt: AdaptData | None = None
    paper: PaperData | None = None
    batch: Positive
    accumulate: Positive = 1
    steps: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    optimizer: Literal["adamw", "adamw8bit"] = "adamw"
    warmup: Natural = 100
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.998
    precision: Literal["no", "bf16", "fp16"] = "no"
    workers: Natural = 2
    save_minutes: Annotated[float, Field(gt=0)] = 3.0
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default={})

    @model_validator(mode="after")
    def _agree(self) -> TrainingConfig:
        needed = SECTIONS[self.stage]
        if {name for name in set().union(*SECTIONS.values()) if getattr(self, name) is not None} != needed:
            listed = " and ".join(f"'{name}'" for name in sorted(needed))
            raise ValueError(f"a run of stage '{self.stage}' has the section {listed} and no other stage's")
        if self.data and self.stage not in ("adapt", "paper"):
            raise ValueError(f"stage '{self.stage}' learns from the simulation alone: leave out data")
        if self.stage == "adapt" and self.eye is not None and self.eye.early:
            raise ValueError("stage 'adapt' has photos of one size: leave out eye.early")
        if self.batch % self.accumulate:
            raise ValueError(f"batch ({self.batch}) must be a multiple of accumulate ({self.accumulate})")
        if self.warmup >= self.steps:
            raise ValueError("warmup must be shorter than steps")
        return self


def recipe_names() -> list[str]:
    """Names of the recipes shipped with the package, sorted."""
    folder = resources.files("anomalygpt.config") / "recipes"
    return sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))


def with_changes(config: TrainingConfig, **changes: str | None) -> TrainingConfig:
    """The recipe with other places of things; what is None stays.

    Args:
        config: the recipe.
        changes: of `model`, `data`, and of the section "paper" `general` and `images`.

    Raises:
        ConfigError: the recipe has no place for one of them.
    """
    content = config.model_dump()
    for name, value in changes.items():
        if value is None:
            continue
        section = content if name in content else content["paper"]
        if section is None:
            raise ConfigError(f"A recipe of stage '{config.stage}' has no place for '{name}'. Leave it out.")
        section[name] = value
    try:
        return TrainingConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError("; ".join(fault["msg"] for fault in error.errors())) from error


def load_recipe(source: str) -> TrainingConfig:
    """A recipe by the name of a shipped one or the path of a JSON file; ConfigError says what is wrong."""
    if source in recipe_names():
        text = (resources.files("anomalygpt.config") / "recipes" / f"{source}.json").read_text(encoding="utf-8")
    else:
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            shipped = ", ".join(recipe_names())
            raise ConfigError(
                f"{source}: neither a shipped recipe ({shipped}) nor a readable file ({error})."
            ) from error
    try:
        return TrainingConfig.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{source}: not valid JSON ({error}).") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'recipe'}: {fault['msg']}" for fault in error.errors()
        )
        raise ConfigError(f"{source}: {faults}. Correct or remove these entries.") from error
