"""Generation: a stream of words apart from the model, over a key/value cache that is kept from turn to turn.

Nothing here keeps state on the model. A `KVSession` belongs to one conversation, so that many of them, in several
threads, share one model; a follow-up question computes only its own new tokens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from anomalygpt.model.answer_text import AnswerText
from anomalygpt.model.choosing import Chooser

Reason = Literal["stop", "length", "context", "cancelled"]

SHORTEST_ROOM = 48
"""Tokens that an answer must have room for (or `max_new_tokens`, if that is less) before a question is accepted."""

_SPARE = 16
"""Positions kept free beside the stop string's own, so that an answer cut off can always be closed with it."""

_CHOICES = 24
"""How many tokens that may not follow are passed over before the likeliest is taken all the same."""


class ContextFull(ValueError):  # noqa: N818  (part of the public interface by this name)
    """The conversation has no positions left; the message may be shown to the user."""


class CausalModel(Protocol):
    """What generation needs of a language model; `Language` has it, and so has a fake one in the tests."""

    max_positions: int
    end_ids: frozenset[int]

    def token_ids(self, text: str, bos: bool = False) -> Tensor:
        """Token ids of a text, int64 1×T."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; an incomplete character is U+FFFD."""

    def embed_ids(self, ids: Tensor) -> Tensor:
        """Embeddings B×T×H of token ids B×T."""

    def new_cache(self) -> Any:
        """An empty cache with `get_seq_length()` and `crop(-n)`, which drops the last n positions."""

    def step(self, embeddings: Tensor, cache: Any, keep: int = 1) -> Tensor:
        """Reads embeddings 1×T×H into the cache, gives the logits keep×V of what follows the last `keep` of them."""


@dataclass(frozen=True)
class Settings:
    """How one answer is decoded.

    Attributes:
        stop: strings that end an answer; the first is the one the prompt format uses, and is what the cache holds
            after an answer that was broken off.
        temperature: 0 is greedy.
        top_p: share of the probability that is sampled from, in (0, 1].
        max_new_tokens: of the answer, at most.
        seed: of sampling; None draws one.
        plan: ids of which the likeliest is read before the answer begins, and never shown; empty: none is.
        odds: what else is known of each of `plan`, as logarithms that are added to the model's own; empty: nothing.
        allow: whether an answer of that plan (None without) may go on, after a text, with a piece; None allows all.
    """

    stop: tuple[str, ...]
    temperature: float = 0.0
    top_p: float = 1.0
    max_new_tokens: int = 160
    seed: int | None = None
    plan: tuple[int, ...] = ()
    odds: tuple[float, ...] = ()
    allow: Callable[[int | None, str, str], bool] | None = None

    def __post_init__(self) -> None:
        if not self.stop or not all(self.stop):
            raise ValueError("An answer needs at least one stop string, and none of them may be empty.")
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.max_new_tokens < 1:
            raise ValueError("temperature must be at least 0, top_p in (0, 1] and max_new_tokens at least 1.")


class KVSession:
    """The key/value cache of one conversation: everything said so far, as the model has read it."""

    def __init__(self, language: CausalModel) -> None:
        self.language = language
        self._cache = language.new_cache()
        self._answering = threading.Lock()

    @property
    def length(self) -> int:
        """Positions in use."""
        return int(self._cache.get_seq_length())

    @property
    def room(self) -> int:
        """Positions that are left."""
        return self.language.max_positions - self.length

    def append(self, embeddings: Tensor) -> Tensor:
        """Reads embeddings 1×T×H, T at least 1, and gives the logits V of what comes next.

        Raises:
            ContextFull: if they do not fit; nothing is read then.
        """
        return self._read(embeddings, 1)[0]

    def _read(self, embeddings: Tensor, keep: int) -> Tensor:
        if embeddings.shape[1] > self.room:
            raise _full(self.language)
        return self.language.step(embeddings, self._cache, keep)

    @torch.inference_mode()
    def append_ids(self, ids: Sequence[int]) -> Tensor:
        """Reads token ids, at least one; otherwise as `append`."""
        return self.append(self.language.embed_ids(torch.tensor([list(ids)])))

    @torch.inference_mode()
    def append_planned(
        self, prompt: Tensor, among: Sequence[int], odds: Sequence[float] = ()
    ) -> tuple[int | None, Tensor]:
        """Reads a prompt and the likeliest of some ids, whatever the temperature: what is talked about is not chance.

        The id that the odds alone would choose is read along with the prompt; where the model agrees, as it mostly
        does, the first word comes one step sooner.

        Args:
            prompt: embeddings 1×T×H.
            among: the ids; empty: the prompt alone is read.
            odds: logarithms added to the model's logits of each of them; empty: nothing.

        Returns:
            The id, None if there are none, and the logits of what comes next.

        Raises:
            ContextFull: if they do not fit.
        """
        if not among:
            return None, self.append(prompt)
        added = torch.tensor(odds or [0.0] * len(among))
        guess = among[int(added.argmax())]
        guessed = self.language.embed_ids(torch.tensor([[guess]]))
        logits = self._read(torch.cat([prompt.to(guessed.device, guessed.dtype), guessed], 1), 2)
        scores = logits[0, torch.tensor(among, device=logits.device)] + added.to(logits.device)
        chosen = among[int(scores.argmax())]
        if chosen == guess:
            return chosen, logits[1]
        self.restore(self.length - 1)
        return chosen, self.append_ids([chosen])

    def checkpoint(self) -> int:
        """A mark of what has been read so far, for `restore`."""
        return self.length

    def restore(self, mark: int) -> None:
        """Forgets everything read since the mark; costs nothing.

        Raises:
            ValueError: if less than that has been read.
        """
        surplus = self.length - mark
        if surplus < 0 or mark < 0:
            raise ValueError(f"There is no mark {mark} in a session of {self.length} positions.")
        if surplus:
            self._cache.crop(-surplus)


class Stream(Iterator[str]):
    """The answer to one prompt, piece by piece; `close` (or dropping it) cancels what has not been generated.

    Pieces are whole characters and never a stop string nor the beginning of one. Once the stream has ended, in
    whichever way, the session holds the prompt, the answer as it was yielded and the stop string, so that the next turn
    goes on well-formed. If the model fails, the session is as it was before the prompt.

    Args:
        session: of the conversation; one stream at a time.
        prompt: embeddings 1×T×H of what is new: all of a first turn, or the next question alone.
        settings: how to decode.
        cancel: set it, from any thread, to end the answer at the next token.

    Raises:
        ContextFull: when made, if there is no room for the prompt and a short answer; nothing is read then.
        RuntimeError: at the first piece, if another stream on this session has not ended.
        FloatingPointError: at the first piece, if the model gives no numbers.
    """

    def __init__(
        self, session: KVSession, prompt: Tensor, settings: Settings, cancel: threading.Event | None = None
    ) -> None:
        answer = _Answer(session, settings, cancel or threading.Event())
        answer.need_room(prompt.shape[1])
        self._answer = answer
        # The generator knows the answer and not this handle: dropping the handle then closes it at once.
        self._pieces = answer.run(prompt)

    @property
    def text(self) -> str:
        """What has been yielded so far."""
        return self._answer.text

    @property
    def reason(self) -> Reason | None:
        """Why the answer ended, None before.

        "stop" (a stop string or an end token), "length" (`max_new_tokens`), "context" (no positions left), "cancelled".
        """
        return self._answer.reason

    @property
    def finished(self) -> bool:
        """Whether the answer came to its own end, and was not cut off or cancelled."""
        return self.reason == "stop"

    @property
    def plan(self) -> int | None:
        """The id of `Settings.plan` that was chosen, None before or without."""
        return self._answer.plan

    @property
    def tokens(self) -> int:
        """How many tokens were generated."""
        return self._answer.tokens

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        """Ends the answer where it is; does nothing if it has ended."""
        self._pieces.close()
        self._answer.reason = self._answer.reason or "cancelled"


class _Answer:
    """One answer while it is generated; `Stream` is its reader's handle."""

    def __init__(self, session: KVSession, settings: Settings, cancel: threading.Event) -> None:
        self.text = ""
        self.reason: Reason | None = None
        self.plan: int | None = None
        self.tokens = 0
        self._session = session
        self._settings = settings
        self._cancel = cancel
        self._reserve = session.language.token_ids(settings.stop[0]).shape[1] + _SPARE
        self._written = AnswerText(session.language.decode, settings.stop)

    def need_room(self, prompt: int) -> None:
        """Raises ContextFull if there is no room for a prompt of that many positions and a short answer."""
        shortest = min(self._settings.max_new_tokens, SHORTEST_ROOM)
        if prompt + shortest + self._reserve > self._session.room:
            raise _full(self._session.language)

    def run(self, prompt: Tensor) -> Generator[str, None, None]:
        session = self._session
        if not session._answering.acquire(blocking=False):
            raise RuntimeError("This conversation is still answering: finish or close that answer first.")
        mark = session.checkpoint()
        try:
            self.plan, logits = session.append_planned(prompt, self._settings.plan, self._settings.odds)
            start = session.length
            try:
                for piece in self._generate(logits):
                    self.text += piece
                    yield piece
            except GeneratorExit:
                self.reason = self.reason or "cancelled"
                self._settle(start)
                raise
            self._settle(start)
        except GeneratorExit:
            raise
        except BaseException:
            session.restore(mark)
            raise
        finally:
            session._answering.release()

    def _generate(self, logits: Tensor) -> Iterator[str]:
        """Chooses tokens until there is a reason to end; the last one chosen is not read into the session."""
        if logits.isnan().any():
            raise FloatingPointError(
                "The language model gives no numbers (NaN). Its number format is too narrow for it, or its weights are "
                "damaged: load it in bfloat16 or float32, or fetch the checkpoint again."
            )
        session, settings = self._session, self._settings
        choose = Chooser(settings.temperature, settings.top_p, settings.seed)
        while True:
            if self._cancel.is_set():
                self.reason = "cancelled"
                return
            index = self._allowed(choose, logits)
            self.tokens += 1
            if index in session.language.end_ids:
                self.reason = "stop"
                return
            piece = self._written.push(index)
            if self._written.stopped:
                self.reason = "stop"
            elif self.tokens >= settings.max_new_tokens:
                self.reason = "length"
            elif session.room <= self._reserve:
                self.reason = "context"
            if piece:
                yield piece
            if self.reason is not None:
                return
            logits = session.append_ids([index])

    def _allowed(self, choose: Chooser, logits: Tensor) -> int:
        """The first choice with which the answer may go on; the very first if so many are refused."""
        first = index = choose(logits)
        allow, language = self._settings.allow, self._session.language
        if allow is None:
            return first
        for _ in range(_CHOICES):
            if index in language.end_ids or allow(self.plan, self._written.text, language.decode([index])):
                return index
            logits = logits.index_fill(0, torch.tensor([index], device=logits.device), -torch.inf)
            index = choose(logits)
        return first

    def _settle(self, start: int) -> None:
        """Makes what the session holds from position `start` exactly the answer as shown, and the stop string."""
        session = self._session
        kept, rest = self._written.ending()
        read = session.length - start
        session.restore(start + min(kept, read))
        missing = self._written.ids[read:kept]
        if rest:
            missing = [*missing, *session.language.token_ids(rest)[0].tolist()]
        if missing:
            session.append_ids(missing)


def _full(language: CausalModel) -> ContextFull:
    return ContextFull(
        f"This conversation has used up the {language.max_positions} tokens that the language model can hold. "
        "Clear the chat to go on; the photo stays."
    )
