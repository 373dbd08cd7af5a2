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
from torch import Tensor, nn

from anomalygpt.checkpoint.store import save_checkpoint
from anomalygpt.config.training import TrainingConfig
from anomalygpt.dialogue import PromptFormat, compose, describe
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.model.build import build_model
from anomalygpt.model.language import IGNORED, Language
from anomalygpt.model.tokenizer import load_tokenizer, train_tokenizer
from anomalygpt.records import Facts, Turn
from anomalygpt.training.loop import run
from anomalygpt.training.seen import SeenPhotos, see_photos

TOLD = 0.25
"""Share of dialogues in which the user has described the part."""


@dataclass
class VoiceBatch:
    """B dialogues, padded on the right, where nothing that comes before can see the padding.

    Attributes:
        ids: B×T token ids; 0 where a vector stands.
        labels: B×T, `IGNORED` but on answers.
        image_at, prompt_at: position of the image vector and of the first prompt vector of each dialogue.
        embeddings, maps, looks: of each dialogue's photo, as in `SeenPhotos`.
    """

    ids: Tensor
    labels: Tensor
    image_at: Tensor
    prompt_at: Tensor
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
    language: Literal["en", "zh"] = "zh" if rng.random() < config.voice.chinese else "en"
    if rng.random() < TOLD:
        facts = replace(facts, description=describe(facts.product, facts.texture, language, rng))
    return photo, facts, compose(facts, rng, language, turns)


class VoiceData(torch.utils.data.Dataset[dict[str, Any]]):
    """Item i is one dialogue about one photo, determined by the recipe's seed and i alone."""

    def __init__(
        self, config: TrainingConfig, photos: SeenPhotos, language: Language, prompt_format: PromptFormat, vectors: int
    ) -> None:
        self.config, self.photos = config, photos
        self.language, self.format, self.vectors = language, prompt_format, vectors

    def __len__(self) -> int:
        return self.config.steps * self.config.batch

    def __getitem__(self, index: int) -> dict[str, Any]:
        photo, facts, turns = draw_dialogue(self.config, self.photos, index)
        evidence = facts.evidence if self.format.config.evidence else None
        before, between, after = self.format.first_turn(turns[0].question, facts.description, evidence)
        ids, labels = self._ids(before, bos=True), []
        image_at = len(ids)
        ids += [0, *self._ids(between)]
        prompt_at = len(ids)
        ids += [0] * self.vectors + self._ids(after)
        labels = [IGNORED] * len(ids)
        for number, turn in enumerate(turns):
            if number:
                question = self._ids(self.format.later_turn(turn.question))
                ids += question
                labels += [IGNORED] * len(question)
            # Answer and stop string are cut into tokens apart, as they are when an answer is closed for a cut-off.
            answer = self._ids(f" {turn.answer}") + self._ids(self.format.stop)
            ids += answer
            labels += answer
        limit = self.language.max_positions
        return {
            "photo": photo,
            "ids": ids[:limit],
            "labels": labels[:limit],
            "image_at": image_at,
            "prompt_at": prompt_at,
        }

    def _ids(self, text: str, bos: bool = False) -> list[int]:
        return self.language.token_ids(text, bos)[0].tolist()

    def collate(self, items: Sequence[dict[str, Any]]) -> VoiceBatch:
        """Joins items to a padded batch."""
        # Few different lengths: each new one costs a CPU's or a GPU's library the making of new kernels.
        length = -(-max(len(item["ids"]) for item in items) // 32) * 32
        photos = torch.tensor([item["photo"] for item in items])

        def padded(key: str, fill: int) -> Tensor:
            return torch.tensor([item[key] + [fill] * (length - len(item[key])) for item in items])

        return VoiceBatch(
            padded("ids", 0),
            padded("labels", IGNORED),
            torch.tensor([item["image_at"] for item in items]),
            torch.tensor([item["prompt_at"] for item in items]),
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

    def train(self, mode: bool = True) -> VoiceTask:
        """As nn.Module's, but the eye's running statistics stay as they are."""
        super().train(mode)
        self.model.eye.eval()
        return self

    def forward(self, batch: VoiceBatch) -> dict[str, Tensor]:
        """Named losses of a batch, each a scalar."""
        model = self.model
        embeddings = model.language.embed_ids(batch.ids)
        image = model.image_token(batch.embeddings)[:, 0]
        looks = batch.looks if model.config.trainable_prompt_learner.region_vectors else None
        vectors = model.prompt_vectors(batch.maps, looks)
        rows = torch.arange(len(batch.ids), device=batch.ids.device)
        columns = batch.prompt_at[:, None] + torch.arange(vectors.shape[1], device=batch.ids.device)
        embeddings = embeddings.index_put((rows, batch.image_at), image.to(embeddings.dtype))
        embeddings = embeddings.index_put((rows[:, None], columns), vectors.to(embeddings.dtype))
        return {"words": model.language(embeddings, labels=batch.labels)}


def corpus(photos: SeenPhotos, config: TrainingConfig, prompt_format: PromptFormat) -> Iterator[str]:
    """The texts that the tokenizer is trained on: dialogues with their evidence, as the model will read them."""
    assert config.voice is not None
    for index in range(config.voice.vocabulary_dialogues):
        _, facts, turns = draw_dialogue(config, photos, index)
        yield "".join(prompt_format.first_turn(turns[0].question, facts.description, facts.evidence))
        yield from (prompt_format.later_turn(turn.question) for turn in turns[1:])
        yield from (prompt_format.answer(turn.answer) for turn in turns)


def train_voice(config: TrainingConfig, out: Path, device: str) -> Path:
    """Shows the eye its photos, trains the tokenizer, then the voice; writes the whole model to `out/checkpoint`."""
    from anomalygpt.training.stages import load_eye

    eye = load_eye(Path(config.model)).eval()
    photos = see_photos(eye, config, out / "seen")
    prompt_format = PromptFormat(eye.config.prompt_format)
    if not (out / "tokenizer" / "tokenizer.json").exists():
        vocabulary = int(eye.config.language.architecture["vocab_size"])
        train_tokenizer(corpus(photos, config, prompt_format), vocabulary).save_pretrained(out / "tokenizer")
    torch.manual_seed(config.seed)
    model = build_model(eye.config, load_tokenizer(out / "tokenizer"))
    model.eye.load_state_dict(eye.state_dict())
    task = VoiceTask(model)
    data = VoiceData(config, photos, model.language, prompt_format, eye.config.trainable_prompt_learner.vectors)
    average = run(config, task, data, data.collate, out, device)
    if average is not None:
        average.copy_to(task)
    save_checkpoint(model.cpu(), out / "checkpoint")
    return out / "checkpoint"
