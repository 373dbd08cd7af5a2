"""Training of the byte-level BPE tokenizer that a language model of our own reads and writes with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

SPECIAL_TOKENS: tuple[str, ...] = ("<pad>", "<s>", "</s>")
"""Padding, beginning and end, with the ids 0, 1 and 2 that transformers' LlamaConfig takes for granted."""

SMALLEST_VOCABULARY = 256 + len(SPECIAL_TOKENS)
"""Every byte and the special tokens; with no merges at all."""

LONGEST_TOKEN = 12
"""Bytes in the longest token. Four Chinese characters: longer pieces would be whole phrases of the training corpus, and
a question that differs in one character would then be cut up quite differently."""

# Words take the space before them, digits stand alone so that numbers are copied digit by digit, Chinese characters
# keep apart from Latin letters, and a run of white space leaves its last space to the word that follows.
_PIECES = r" ?[\p{L}\p{M}&&[^\p{Han}]]+|\p{Han}+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s+"


def train_tokenizer(texts: Iterable[str], vocab_size: int, special: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """Trains a tokenizer on a corpus; the same texts in the same order give the same tokenizer.

    Any string can be encoded and decoded without loss, whether or not its characters were in the corpus. The result's
    `save_pretrained` writes tokenizer.json and tokenizer_config.json, a folder that transformers' AutoTokenizer loads.

    Args:
        texts: the corpus, a sentence or a dialogue each.
        special: further special tokens, which no text can hold.
        vocab_size: tokens at most, special ones included; fewer where the corpus offers no more pairs to merge.

    Raises:
        ValueError: if `vocab_size` has no room for every byte and the special tokens.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    smallest = SMALLEST_VOCABULARY + len(special)
    if vocab_size < smallest:
        raise ValueError(f"A byte-level vocabulary needs at least {smallest} tokens, not {vocab_size}.")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[*SPECIAL_TOKENS, *special],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=LONGEST_TOKEN,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    padding, beginning, end = SPECIAL_TOKENS
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=padding,
        bos_token=beginning,
        eos_token=end,
        clean_up_tokenization_spaces=False,
        # What users type is never a special token, even where it looks like one.
        split_special_tokens=True,
    )


def with_special(tokenizer: PreTrainedTokenizerBase, special: Sequence[str]) -> PreTrainedTokenizerBase:
    """A tokenizer with further special tokens, behind those it has; tokens that it knows keep their ids."""
    from tokenizers import AddedToken

    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Reads a saved tokenizer from its folder; nothing is asked of a hub."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)
