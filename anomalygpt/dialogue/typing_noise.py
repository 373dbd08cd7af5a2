"""How people really type: small letters, missing punctuation, slips of the finger."""

from __future__ import annotations

import re

from numpy.random import Generator

from anomalygpt.dialogue.template import pick

_NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip


def typed(text: str, language: str, rng: Generator) -> str:
    """A question as it might have been typed: often as it stands, else with a little carelessness."""
    careless = rng.random(4)
    if language == "en" and careless[0] < 0.08:
        text = slip(text, rng)
    if language == "en" and careless[1] < 0.22:
        text = text.lower()
    if careless[2] < 0.22:
        text = text.rstrip("?.!？。！ ") or text
    elif careless[3] < 0.08:
        text = text.replace("？", "?").replace("，", ",").replace("'", "")
    return text


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
