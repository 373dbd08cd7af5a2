"""The inspector: one loaded model that many visitors share, each with a session of their own."""

from __future__ import annotations

from torch import Tensor

from anomalygpt.dialogue.naming import product_told
from anomalygpt.dialogue.prompt_format import PromptFormat
from anomalygpt.inspection.session import Session
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.model.looking import Products


class Inspector:
    """A loaded, read-only model. Threads may share it; each visitor gets a session of their own."""

    def __init__(self, model: AnomalyGPT) -> None:
        self.model = model.eval().requires_grad_(False)
        strings = model.config.prompt_format
        self.prompt_format = PromptFormat(strings, model.language.special_texts if strings.chat_template else ())
        self.products = Products(model.eye)
        plans = self.prompt_format.plans
        self.plans = dict(zip(model.language.special_ids(list(plans)), plans.values(), strict=True))

    def names_of(self, embeddings: Tensor, description: str) -> tuple[str, tuple[str, ...]]:
        """What photos of one product show, by their embeddings N×D, and what they may show, the likeliest first.

        What it is: as its user says, else as the encoder takes it; "" where neither tells.
        """
        if not self.model.config.products:
            return "", ()
        return product_told(description) or self.products.of(embeddings), self.products.ranked(embeddings)

    def plan_odds(self, question: str) -> tuple[float, ...]:
        """What the question reader says for each of `plans`, in their order, as logarithms; () without a reader."""
        reader = self.model.question_reader
        if reader is None:
            return ()
        chances = reader.log_chances(self.prompt_format.clean(question))
        least = min(chances.values())
        return tuple(chances.get(kind, least) for kind in self.plans.values())

    @property
    def name(self) -> str:
        """The model's name, as its config has it."""
        return self.model.config.name

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules by which this model can join its maps; see `Session.rule`."""
        return ("paper",) if self.model.eye.fusion is None else ("paper", "fused")

    def new_session(self, description: str = "") -> Session:
        """A session without photos; the description says what the part is, in the user's words."""
        return Session(self, description)
