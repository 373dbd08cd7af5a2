"""From tokens to text that may be shown: whole characters, and nothing of a stop string."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

_REPLACEMENT = "\ufffd"
"""What decoding puts for a character that is not whole (yet)."""


class AnswerText:
    """The tokens of one answer as they become text: how much of it may be shown, and where a stop string ends it.

    Args:
        decode: token ids to text, an incomplete character as U+FFFD.
        stop: the stop strings; the first is the prompt format's own.

    Attributes:
        ids: all tokens so far.
        text: their text, without the bytes of a character that is still incomplete.
        shown: how many characters of `text` may be shown.
        stopped: whether a stop string was found; `shown` ends before it.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], stop: tuple[str, ...]) -> None:
        self.ids: list[int] = []
        self.text = ""
        self.shown = 0
        self.stopped = False
        self._decode = decode
        self._stop = stop
        # Token counts after which every character is whole, and the length of `text` there.
        self._counts = [0]
        self._lengths = [0]
        self._from = 0  # decoding starts here, a whole place before what is new: some tokenizers drop a first space
        self._decoded = ""  # what of `text` comes from there on

    def push(self, index: int) -> str:
        """Takes the next token and gives the text that may now be shown, or ""."""
        self.ids.append(index)
        decoded = self._decode(self.ids[self._from :])
        whole = decoded.removesuffix(_REPLACEMENT)
        self.text += whole[len(self._decoded) :]
        self._decoded = whole
        if whole == decoded:
            self._from = self._counts[-1]
            self._decoded = self._decode(self.ids[self._from :])
            self._counts.append(len(self.ids))
            self._lengths.append(len(self.text))
        shown = self.shown
        self.shown = self._showable()
        return self.text[shown : self.shown]

    def _showable(self) -> int:
        found = [at for stop in self._stop if (at := self.text.find(stop, self.shown)) >= 0]
        if found:
            self.stopped = True
            return min(found)
        # What may be the beginning of a stop string waits.
        longest = min(max(map(len, self._stop)) - 1, len(self.text) - self.shown)
        for length in range(longest, 0, -1):
            if any(stop.startswith(self.text[-length:]) for stop in self._stop):
                return len(self.text) - length
        return len(self.text)

    def ending(self) -> tuple[int, str]:
        """How many tokens stay, and the text to be read after them, for the shown answer and its stop string.

        Mostly all tokens stay and there is no text: the model wrote the stop string itself. Otherwise, after an end
        token, a cut or a cancellation, or where a token reaches beyond the stop string, the text makes up for it.
        """
        answer, stop = self.text[: self.shown], self._stop[0]
        if self.stopped and self.text == answer + stop and self._counts[-1] == len(self.ids):
            return len(self.ids), ""
        place = bisect_right(self._lengths, self.shown) - 1
        return self._counts[place], answer[self._lengths[place] :] + stop
