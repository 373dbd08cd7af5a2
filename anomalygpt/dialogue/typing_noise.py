"""How people really type: small letters, missing punctuation, slips of the finger."""

from __future__ import annotations

import re
from collections.abc import Sequence

from numpy.random import Generator

from anomalygpt.dialogue.template import pick

_NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip

_VARIANTS = (
    ("what is", "what's"), ("where is", "where's"), ("it is", "it's"), ("there is", "there's"), ("that is", "that's"),
    ("do not", "don't"), ("does not", "doesn't"), ("is not", "isn't"), ("cannot", "can't"), ("i am", "i'm"),
    ("you are", "you're"), ("i would", "i'd"), ("color", "colour"), ("center", "centre"), ("recognize", "recognise"),
    ("summarize", "summarise"), ("analyze", "analyse"), ("itemize", "itemise"), ("characterize", "characterise"),
    ("okay", "ok"), ("please", "pls"), ("you", "u"), ("photo", "pic"), ("and", "&"), ("what", "wat"),
)  # fmt: skip
_SPELLINGS = 19
"""How many of the first variants are ordinary spellings; the rest are of chat."""


def typed(text: str, language: str, rng: Generator) -> str:
    """A question as it might have been typed: often as it stands, else with a little carelessness."""
    careless = rng.random(5)
    if language == "en" and careless[4] < 0.25:
        text = respelled(text, _VARIANTS if careless[4] < 0.03 else _VARIANTS[:_SPELLINGS], rng)
    if language == "en" and careless[0] < 0.08:
        text = slip(text, rng)
    if language == "en" and careless[1] < 0.22:
        text = text.lower()
    if careless[2] < 0.22:
        text = text.rstrip("?.!？。！ ") or text
    elif careless[3] < 0.08:
        text = text.replace("？", "?").replace("，", ",").replace("'", "")
    return text


def respelled(text: str, variants: Sequence[tuple[str, str]], rng: Generator) -> str:
    """One word or pair of words of the text in its other spelling, where it has one of the variants."""
    found = [(long, short) for long, short in variants if re.search(rf"\b{long}\b", text, re.IGNORECASE)]
    if not found:
        return text
    long, short = found[int(rng.integers(len(found)))]
    return re.sub(rf"\b{long}\b", lambda match: _cased(short, match[0]), text, count=1, flags=re.IGNORECASE)


def _cased(word: str, like: str) -> str:
    return word[0].upper() + word[1:] if like[0].isupper() else word


def slip(text: str, rng: Generator) -> str:
    """One typing mistake in one word of at least four letters: two swapped, one lost, doubled or mistaken."""
    words = [match for match in re.finditer(r"[A-Za-z]{4,}", text)]
    if not words:
        return text
    word = words[int(rng.integers(len(words)))]
    at = word.start() + int(rng.integers(1, len(word[0]) - 1))
    letter = text[at]
    change = int(rng.integers(4))
    if change == 0:
        return text[:at] + text[at + 1] + letter + text[at + 2 :]
    if change == 1:
        return text[:at] + text[at + 1 :]
    if change == 2:
        return text[:at] + letter + text[at:]
    return text[:at] + pick(list(_NEIGHBOURS.get(letter.lower(), letter)), rng) + text[at + 1 :]
