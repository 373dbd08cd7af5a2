"""Words: dialogues composed from facts, verdicts read from answers, and the prompt's exact form."""

from anomalygpt.dialogue.compose import MAX_TURNS, compose, describe
from anomalygpt.dialogue.prompt_format import PromptFormat, evidence_text
from anomalygpt.dialogue.verdict import detect_language, parse_verdict

__all__ = ["MAX_TURNS", "PromptFormat", "compose", "describe", "detect_language", "evidence_text", "parse_verdict"]
