"""What kind of question this is, read off its pieces of text: a second opinion on the plan of an answer.

A language model of a few million weights reads words as wholes, and one that it has not met says little to it. Most new
words and slips of the finger have a beginning, an end or a neighbour in common with known ones: a linear layer over
the hashed pieces of the question finds those (fastText, arXiv 1607.01759, with pieces as in 1607.04606). It sees one
question and nothing of the dialogue; the language model, which does, has the other half of the say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from zlib import crc32

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anomalygpt.config.schema import QuestionReaderConfig

_WORDS = re.compile(r"[^\W_]+|[^\w\s]")


def text_pieces(text: str, longest: int) -> list[str]:
    """The distinct pieces of a text: runs of 1 to `longest` characters, words, and pairs of words, in small letters."""
    plain = unicodedata.normalize("NFKC", text).lower()
    spaced = f" {' '.join(plain.split())} "
    runs = [spaced[at : at + n] for n in range(1, longest + 1) for at in range(len(spaced) - n + 1)]
    words = _WORDS.findall(plain)
    pairs = [f"{first} {second}" for first, second in pairwise(words)]
    return list(dict.fromkeys([*runs, *(f"={word}" for word in [*words, *pairs])]))


class QuestionReader(nn.Module):
    """Questions to logits of their kinds. Untrained, it holds all kinds equally likely."""

    def __init__(self, config: QuestionReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.zeros(config.buckets, len(config.kinds)))
        self.bias = nn.Parameter(torch.zeros(len(config.kinds)))

    def buckets(self, text: str) -> list[int]:
        """The buckets of a question's pieces, at least one."""
        return [crc32(piece.encode()) % self.config.buckets for piece in text_pieces(text, self.config.longest)]

    def forward(self, questions: Sequence[Sequence[int]]) -> Tensor:
        """Logits, B×kinds float32, of questions given as buckets."""
        counts = torch.tensor([len(question) for question in questions], device=self.weight.device)
        together = torch.tensor([bucket for question in questions for bucket in question], device=self.weight.device)
        summed = F.embedding_bag(together, self.weight, counts.cumsum(0) - counts, mode="sum")
        return (summed / counts[:, None].sqrt() + self.bias).float()

    @torch.inference_mode()
    def log_chances(self, question: str) -> dict[str, float]:
        """How likely a question is of each kind, as natural logarithms by kind."""
        logarithms = self([self.buckets(question)])[0].log_softmax(0)
        return dict(zip(self.config.kinds, logarithms.tolist(), strict=True))
