"""Recipes for going on from a finished model with one's own photos: what learns, and from what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from anomalygpt.config.base import Frozen, Unit
from anomalygpt.config.schema import LoRAConfig


class AdaptData(Frozen):
    """Episodes of the user's own product among simulated ones, so that nothing is forgotten.

    Attributes:
        share: of episodes that are of the user's photos.
        learn: parts of the eye that learn; all others, the text tower and running statistics stay as they are.
        reach: how far to go from the old weights to the learned ones; a part of the way forgets less and still gains
            (Wortsman et al., arXiv 2109.01903).
    """

    share: Unit = 0.5
    reach: Unit = 0.25
    learn: tuple[Literal["encoder", "decoder", "fusion"], ...] = Field(default=("decoder", "fusion"), min_length=1)


class PaperData(Frozen):
    """The paper's own training (section 3.3 and 3.4): spoiled photos, each with its untouched original.

    Attributes:
        few_shot: chance that the few-shot map stands in for the text map in the prompt.
        general: JSON file of conversations about images whose batches alternate with these; "" for none.
        images: folder of those images; "" for the file's own.
        lora: adapters of the language model that learn too; those that the model has, or new ones. None: none learn.
        checkpointing: whether the language model's activations are computed again on the way back, to save memory.
    """

    few_shot: Unit = 0.5
    general: str = ""
    images: str = ""
    lora: LoRAConfig | None = None
    checkpointing: bool = True

    @model_validator(mode="after")
    def _agree(self) -> PaperData:
        if self.images and not self.general:
            raise ValueError("paper.images is the folder of the images of paper.general: give both or neither")
        return self
