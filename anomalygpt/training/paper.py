"""The paper's own training: encoder and language model rest, decoder and prompt learner learn (section 3.3).

The loss is the cross-entropy of the answers plus focal and dice loss of every layer's text map.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from accelerate import PartialState
from torch import Tensor, nn

from anomalygpt.checkpoint.placement import Placement
from anomalygpt.checkpoint.store import load_checkpoint
from anomalygpt.config import ConfigError
from anomalygpt.config.training import TrainingConfig
from anomalygpt.config.tuning import PaperData as Recipe
from anomalygpt.datasets.instructions import read_instructions
from anomalygpt.datasets.spoiled import SpoiledPhotos, good_photos
from anomalygpt.dialogue import PromptFormat
from anomalygpt.model.anomaly_decoder import text_map
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.model.encoder import Features
from anomalygpt.model.reference_memory import match, reference_map
from anomalygpt.training import losses
from anomalygpt.training.learned import learned_values, save_learned
from anomalygpt.training.loop import run
from anomalygpt.training.paper_data import PaperBatch, PaperData, collate
from anomalygpt.training.wording import embed

_PRECISIONS = {"no": "fp32", "bf16": "bf16", "fp16": "fp16"}


class PaperTask(nn.Module):
    """Decoder, prompt learner and, where the recipe has them, adapters of the language model learn.

    Args:
        model: of the paper's form.
        recipe: the section "paper".

    Raises:
        ConfigError: the model is not of the paper's form, or has other adapters than the recipe.
    """

    def __init__(self, model: AnomalyGPT, recipe: Recipe) -> None:
        super().__init__()
        _check(model)
        assert model.prompt_learner is not None
        self.model = model
        self.adapters = recipe.lora is not None
        if recipe.lora is not None:
            own = model.language.config.lora
            if own is None:
                model.language.add_adapters(recipe.lora)
            elif own != recipe.lora:
                raise ConfigError(
                    f"paper.lora is {recipe.lora!r} and model '{model.config.name}' has adapters of {own!r}. Make them "
                    "equal, or set paper.lora to null."
                )
        model.requires_grad_(False)
        model.eye.decoder.requires_grad_(True)
        model.prompt_learner.requires_grad_(True)
        for name, parameter in model.language.named_parameters():
            parameter.requires_grad_(self.adapters and ".lora_" in name)
        if recipe.checkpointing:
            model.language.compute_again()
        self._states: dict[str, Tensor] = {}

    def train(self, mode: bool = True) -> PaperTask:
        """As nn.Module's, but the eye rests, and so do adapters that do not learn."""
        super().train(mode)
        self.model.eye.eval()
        if not self.adapters:
            for module in self.model.language.modules():
                if isinstance(module, nn.Dropout):
                    module.eval()
        return self

    def forward(self, batch: PaperBatch) -> dict[str, Tensor]:
        """Named losses of a batch, each a scalar; only "words" for general images."""
        model, named = self.model, {}
        size = model.config.encoder.image_size
        # The maps need full precision: their logits are a hundred times a cosine.
        with torch.autocast(batch.squares.device.type, enabled=False):
            with torch.no_grad():
                query = model.eye.see(batch.squares)
                states = self._states_of(batch.names)
            logits = model.eye.decoder(query.patches, states)
            if batch.masks is not None:
                named = _map_losses(logits, batch.masks)
            maps = text_map(logits, size)
            if len(batch.rows):
                maps = maps.index_put((batch.rows,), self._few_shot_maps(query, batch, size))
        image = model.image_token(query.embedding)[:, 0]
        embeddings = embed(model, batch.words, image, model.prompt_vectors(maps, None))
        return {**named, "words": model.language(embeddings, labels=batch.words.labels, by_row=True)}

    def _states_of(self, names: list[str]) -> Tensor:
        """State embeddings of each name, B×2×D; the text tower rests, so they are kept."""
        if new := sorted(set(names) - self._states.keys()):
            self._states |= dict(zip(new, self.model.eye.states(new), strict=True))
        return torch.stack([self._states[name] for name in names])

    @torch.no_grad()
    def _few_shot_maps(self, query: Features, batch: PaperBatch, size: int) -> Tensor:
        """The paper's few-shot map (equation 2) of each photo in `batch.rows`, F×size×size."""
        references, maps = self.model.eye.see(batch.references), []
        for number, row in enumerate(batch.rows.tolist()):
            memory = self.model.eye.remember(references.select(slice(number, number + 1)))
            found = match(query.select(slice(row, row + 1)), memory, self.model.config.memory)
            maps.append(reference_map(found, size))
        return torch.cat(maps)


def _map_losses(logits: list[Tensor], masks: Tensor) -> dict[str, Tensor]:
    """Focal loss on the two channels and dice loss on the abnormal one, summed over the layers' maps."""
    targets = masks.float()
    focal, dice = [], []
    for layer in logits:
        full = F.interpolate(layer.float(), tuple(targets.shape[1:]), mode="bilinear", align_corners=True)
        difference = full[:, 1] - full[:, 0]
        focal.append(losses.focal(difference, targets))
        dice.append(losses.dice(difference, targets))
    return {"focal": torch.stack(focal).sum(), "dice": torch.stack(dice).sum()}


def _check(model: AnomalyGPT) -> None:
    config = model.config
    if config.fusion.rule != "paper" or config.prompt_format.evidence or config.prompt_learner is None:
        raise ConfigError(
            f"Stage 'paper' trains a model of the paper's form (fusion.rule 'paper', prompt vectors, no measured "
            f"evidence in the prompt), and '{config.name}' is none. Take the recipe 'adapt-eye' for the embedded model."
        )
    if config.prompt_learner.region_vectors:
        raise ConfigError(f"Stage 'paper' knows no prompt_learner.region_vectors, and '{config.name}' has some.")


def train_paper(config: TrainingConfig, out: Path, device: str) -> Path:
    """Trains on the user's photos and writes what was learned to `out/adapter`."""
    assert config.paper is not None
    products = good_photos(config.data)
    general = read_instructions(config.paper.general, config.paper.images) if config.paper.general else []
    where = PartialState(cpu=device == "cpu").device
    placement = Placement() if where.type == "cpu" else Placement(where, _PRECISIONS[config.precision])
    torch.manual_seed(config.seed)
    checkpoint = Path(config.model)
    model = load_checkpoint(checkpoint, placement)
    task = PaperTask(model, config.paper)
    assert model.config.prompt_learner is not None
    photos = SpoiledPhotos(products, model.config.encoder.image_size)
    photos.check()
    data = PaperData(
        config,
        photos,
        general,
        model.language,
        PromptFormat(model.config.prompt_format),
        model.config.prompt_learner.vectors,
    )
    average = run(config, task, data, collate, out, device)
    return save_learned(learned_values(task, average, out), out, model, checkpoint, config, list(products))
