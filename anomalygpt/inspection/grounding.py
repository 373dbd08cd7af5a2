"""What keeps answers to what the model was told: figures and words joined to one rule for a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from anomalygpt.config import GenerationConfig
from anomalygpt.dialogue.known_options import KnownOptions, options_in
from anomalygpt.dialogue.known_words import KnownWords
from anomalygpt.dialogue.prompt_format import evidence_text
from anomalygpt.model.figures import KnownFigures
from anomalygpt.records import Inspection, Leanings


def grounded(
    config: GenerationConfig,
    inspection: Inspection,
    question: str,
    description: str,
    earlier: Sequence[str],
    plans: Mapping[int, str],
    lean: Callable[[], Leanings],
) -> Callable[[int | None, str, str], bool] | None:
    """What `Settings.allow` is for an answer about that photo; None where it may say anything.

    Args:
        question: that is to be answered.
        description: what the user said of the part, or "".
        earlier: questions of the dialogue before it.
        plans: the kind of question for each plan's id.
        lean: what the eye would choose; asked only where the question has options.
    """
    evidence = inspection.evidence
    read = (evidence_text(evidence), description, *earlier, question)
    figures = KnownFigures(read) if config.known_figures else None
    words = KnownWords(evidence, (*earlier[-1:], question)) if config.known_words else None
    options = KnownOptions(question, lean()) if config.known_words and options_in(question) else None
    if figures is None and words is None:
        return None

    def allow(plan: int | None, text: str, piece: str) -> bool:
        kind = "" if plan is None else plans.get(plan, "")
        if kind == "choice" and options is not None:
            return options.allow(text, piece)
        return (figures is None or figures.allow(text, piece)) and (words is None or words.allow(kind, text, piece))

    return allow
