"""Training the voice: tokenizer, prompt learner, image projection and language model, on dialogues about seen photos.

The loss is the cross-entropy of the answers' tokens (paper, section 3.3); questions and measured evidence are read,
not learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import PartialState
from torch import Tensor, nn

from anomalygpt.checkpoint.store import load_checkpoint, save_checkpoint
from anomalygpt.config import AnomalyGPTConfig, ConfigError
from anomalygpt.config.training import TrainingConfig
from anomalygpt.dialogue import PromptFormat, compose, describe
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.model.build import build_model
from anomalygpt.model.eye import Eye
from anomalygpt.model.language import Language
from anomalygpt.model.tokenizer import load_tokenizer, train_tokenizer, with_special
from anomalygpt.records import Facts, Turn
from anomalygpt.training.loop import run
from anomalygpt.training.seen import SeenPhotos, see_photos
from anomalygpt.training.wording import Wording, WordingBatch, embed, pad, word

PLAN_WEIGHT = 4.0
"""How many words the token that plans an answer counts for: all that follows hangs on it."""

REGION_PARTS = ("prompt_learner.region_projection.", "prompt_learner.no_region")
"""Weights that a prompt learner has for region vectors only."""

TOLD = 0.25
"""Share of dialogues in which the user has described the part."""


@dataclass
class VoiceBatch:
    """B dialogues and what the eye saw of their photos.

    Attributes:
        words: the dialogues.
        embeddings, maps, looks: of each dialogue's photo, as in `SeenPhotos`.
    """

    words: WordingBatch
    embeddings: Tensor
    maps: Tensor
    looks: Tensor

    def to(self, device: torch.device) -> VoiceBatch:
        """The same on another device."""
        return VoiceBatch(**{name: value.to(device) for name, value in vars(self).items()})


def draw_dialogue(config: TrainingConfig, photos: SeenPhotos, index: int) -> tuple[int, Facts, list[Turn]]:
    """Dialogue number `index` of a recipe: the photo's number, its facts as told, and the turns.

    All dialogues of one step have equally many turns, so that little of a batch is padding.
    """
    assert config.voice is not None
    turns = int(np.random.default_rng((config.seed, index // config.batch, 4)).integers(config.voice.max_turns)) + 1
    rng = np.random.default_rng((config.seed, index, 3))
    photo = int(rng.integers(len(photos)))
    facts = photos.facts[photo]
    if not config.voice.kinds:
        facts = replace(facts, defects=(None,) * len(facts.defects))
    language: Literal["en", "zh"] = "zh" if rng.random() < config.voice.chinese else "en"
    if rng.random() < TOLD:
        facts = replace(facts, description=describe(facts.product, facts.texture, language, rng))
    return photo, facts, compose(facts, rng, language, turns)


class VoiceData(torch.utils.data.Dataset[tuple[int, Wording]]):
    """Item i is one dialogue with the number of its photo, determined by the recipe's seed and i alone."""

    def __init__(
        self, config: TrainingConfig, photos: SeenPhotos, language: Language, prompt_format: PromptFormat, vectors: int
    ) -> None:
        self.config, self.photos = config, photos
        self.language, self.format, self.vectors = language, prompt_format, vectors

    def __len__(self) -> int:
        return self.config.steps * self.config.batch

    def __getitem__(self, index: int) -> tuple[int, Wording]:
        photo, facts, turns = draw_dialogue(self.config, self.photos, index)
        evidence = facts.evidence if self.format.config.evidence else None
        cuts = np.random.default_rng((self.config.seed, index, 5))
        return photo, word(turns, facts.description, evidence, self.language, self.format, self.vectors, cuts)

    def collate(self, items: Sequence[tuple[int, Wording]]) -> VoiceBatch:
        """Joins items to a padded batch."""
        photos = torch.tensor([photo for photo, _ in items])
        return VoiceBatch(
            pad([wording for _, wording in items]),
            self.photos.embeddings[photos],
            self.photos.maps[photos].float(),
            self.photos.looks[photos],
        )


class VoiceTask(nn.Module):
    """Prompt learner, image projection and language model learn; the eye rests."""

    def __init__(self, model: AnomalyGPT) -> None:
        super().__init__()
        self.model = model
        model.eye.requires_grad_(False)
        for reader in (model.question_reader, model.kind_reader):  # these have stages of their own
            if reader is not None:
                reader.requires_grad_(False)
        plans = PromptFormat(model.config.prompt_format).plans
        self.plans = torch.tensor(model.language.special_ids(list(plans)))

    def train(self, mode: bool = True) -> VoiceTask:
        """As nn.Module's, but the eye's running statistics stay as they are."""
        super().train(mode)
        self.model.eye.eval()
        return self

    def forward(self, batch: VoiceBatch) -> dict[str, Tensor]:
        """Named losses of a batch, each a scalar."""
        model = self.model
        image = model.image_token(batch.embeddings)[:, 0]
        looks = batch.looks if model.config.trainable_prompt_learner.region_vectors else None
        embeddings = embed(model, batch.words, image, model.prompt_vectors(batch.maps, looks))
        labels = batch.words.labels
        weights = 1 + (PLAN_WEIGHT - 1) * torch.isin(labels, self.plans.to(labels)).float()
        return {"words": model.language(embeddings, labels=labels, weights=weights)}


def corpus(photos: SeenPhotos, config: TrainingConfig, prompt_format: PromptFormat) -> Iterator[str]:
    """The texts that the tokenizer is trained on: dialogues with their evidence, as the model will read them."""
    assert config.voice is not None
    for index in range(config.voice.vocabulary_dialogues):
        _, facts, turns = draw_dialogue(config, photos, index)
        yield "".join(prompt_format.first_turn(turns[0].question, facts.description, facts.evidence))
        yield from (prompt_format.later_turn(turn.question) for turn in turns[1:])
        yield from (prompt_format.answer(turn.answer) for turn in turns)


def make_tokenizer(
    eye: Eye, photos: SeenPhotos, config: TrainingConfig, prompt_format: PromptFormat, start: AnomalyGPT | None
) -> Any:
    """The tokenizer of an earlier voice with the tokens that it lacks, or one trained on the corpus."""
    special = list(prompt_format.plans)
    if start is None:
        vocabulary = int(eye.config.language.architecture["vocab_size"])
        return train_tokenizer(corpus(photos, config, prompt_format), vocabulary, special)
    return with_special(start.language.tokenizer, special)


def take_voice(model: AnomalyGPT, start: AnomalyGPT) -> None:
    """Gives a new model the prompt learner and the language model of a finished one.

    It may know more tokens, and have no region vectors or no readers where the finished one has.

    Raises:
        ConfigError: the two are not of the same sizes.
    """
    own = model.state_dict()
    left_out: tuple[str, ...] = ("eye.",)
    left_out += () if model.config.trainable_prompt_learner.region_vectors else REGION_PARTS
    for name in ("question_reader", "kind_reader"):
        left_out += () if getattr(model, name) is not None else (f"{name}.",)
    for name, value in start.state_dict().items():
        if name.startswith(left_out):
            continue
        if name not in own or own[name].shape[1:] != value.shape[1:] or len(own[name]) < len(value):
            raise ConfigError(
                f"voice.start: '{start.config.name}' is of other sizes than the eye's config asks for ({name})"
            )
        own[name][: len(value)] = value


def with_channels(model: AnomalyGPTConfig, config: TrainingConfig) -> AnomalyGPTConfig:
    """A model's config with the ways to tell the voice what was seen that the recipe asks for."""
    assert config.voice is not None
    learner, prompt_format, generation = model.trainable_prompt_learner, model.prompt_format, model.generation
    if config.voice.region_vectors is not None:
        learner = learner.model_copy(update={"region_vectors": config.voice.region_vectors})
    if config.voice.evidence is not None:
        prompt_format = prompt_format.model_copy(update={"evidence": config.voice.evidence})
    if not prompt_format.evidence:  # nothing is told that answers could be kept to
        generation = generation.model_copy(update={"known_figures": False, "known_words": False})
    return model.model_copy(
        update={"prompt_learner": learner, "prompt_format": prompt_format, "generation": generation}
    )


def train_voice(config: TrainingConfig, out: Path, device: str) -> Path:
    """Shows the eye its photos, trains the tokenizer, then the voice; writes the whole model to `out/checkpoint`."""
    from anomalygpt.training.stages import load_eye

    eye = load_eye(Path(config.model)).eval()
    eye.config = with_channels(eye.config, config)
    prompt_format = PromptFormat(eye.config.prompt_format)
    start = None if config.voice is None or not config.voice.start else load_checkpoint(config.voice.start)
    with PartialState().main_process_first():  # the others find photos and tokenizer made
        photos = see_photos(eye, config, out / "seen")
        if not (out / "tokenizer" / "tokenizer.json").exists():
            make_tokenizer(eye, photos, config, prompt_format, start).save_pretrained(out / "tokenizer")
    torch.manual_seed(config.seed)
    model = build_model(eye.config, load_tokenizer(out / "tokenizer"))
    model.eye.load_state_dict(eye.state_dict())
    if start is not None:
        take_voice(model, start)
    task = VoiceTask(model)
    data = VoiceData(config, photos, model.language, prompt_format, eye.config.trainable_prompt_learner.vectors)
    average = run(config, task, data, data.collate, out, device)
    if average is not None:
        average.copy_to(task)
    if PartialState().is_main_process:
        save_checkpoint(model.cpu(), out / "checkpoint")
    return out / "checkpoint"
