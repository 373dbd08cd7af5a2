"""One visitor's session: references, photo and dialogue. The one public way in, with the inspector that makes it.

A photo and its references are encoded once, however many questions follow. A follow-up question costs only its own
new tokens, because the session keeps the language model's key/value cache.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from anomalygpt.dialogue.verdict import parse_verdict
from anomalygpt.imaging.read import read_photo
from anomalygpt.inspection.errors import NoPhotoError, QuestionError, ReferenceError
from anomalygpt.inspection.grounding import grounded
from anomalygpt.inspection.leaning import leanings_of
from anomalygpt.model.encoder import Features
from anomalygpt.model.generation import KVSession, Settings, Stream
from anomalygpt.model.looking import encode_photos, region_masks, square_map
from anomalygpt.model.references import References, embeddings_beside, look_beside
from anomalygpt.model.self_calibration import normal_distance
from anomalygpt.records import Inspection, Turn

if TYPE_CHECKING:
    from anomalygpt.inspection.inspector import Inspector

Photo = str | Path | Image.Image | NDArray[np.generic]

MAX_QUESTION = 2000
"""Longest question in characters; a longer one is refused, not cut."""


class Session:
    """One visitor's references, photo and dialogue.

    Attributes:
        inspection: of the current photo, None before there is one.
        turns: the dialogue so far.
    """

    def __init__(self, inspector: Inspector, description: str = "", rule: str | None = None) -> None:
        self.inspector = inspector
        self.inspection: Inspection | None = None
        self.turns: list[Turn] = []
        self._description = description.strip()
        self._rule = rule
        self._rotations = inspector.model.config.memory.rotations
        self._references: list[NDArray[np.uint8]] = []
        self._known: References | None = None
        self._normal: float | None = None
        self._query: Features | None = None
        self._likely: tuple[str, ...] = ()
        self._conversation: KVSession | None = None
        self._marks: list[int] = []

    @property
    def description(self) -> str:
        """What the user says the part is. Setting another one starts the dialogue anew."""
        return self._description

    @description.setter
    def description(self, text: str) -> None:
        if text.strip() != self._description:
            self._description = text.strip()
            self._look()

    @property
    def references(self) -> tuple[NDArray[np.uint8], ...]:
        """The normal photos, RGB uint8."""
        return tuple(self._references)

    @property
    def rule(self) -> str:
        """How text map and reference map are joined: "paper" or "fused". Setting another one looks anew."""
        return self._rule or self.inspector.model.config.fusion.rule

    @rule.setter
    def rule(self, rule: str) -> None:
        if rule not in self.inspector.rules:
            raise ValueError(f"This model cannot join its maps by rule '{rule}'; use 'paper'.")
        if rule != self.rule:
            self._rule = rule
            self._look()

    @property
    def rotations(self) -> bool:
        """Whether the photo is also compared with copies of each reference turned by 90, 180 and 270 degrees.

        For parts that lie in any direction. Setting it otherwise looks anew.
        """
        return self._rotations

    @rotations.setter
    def rotations(self, rotations: bool) -> None:
        if rotations != self._rotations:
            self._rotations = rotations
            self._remember()

    @property
    def verdict(self) -> bool | None:
        """What the last answer said: an anomaly, none, or nothing about it."""
        return self.turns[-1].verdict if self.turns else None

    def set_references(self, photos: Sequence[Photo]) -> None:
        """Takes 0 to 16 photos of good parts of the same product and starts the dialogue anew.

        If one of them cannot be read, nothing changes.

        Raises:
            PhotoError: a photo cannot be read; the message names it.
            ReferenceError: there are too many.
        """
        memory_config = self.inspector.model.config.memory
        if len(photos) > memory_config.max_references:
            raise ReferenceError(
                f"{len(photos)} normal photos are too many: give at most {memory_config.max_references}."
            )
        self._references = [read_photo(photo) for photo in photos]
        self._remember()

    def set_image(self, photo: Photo) -> Inspection:
        """Inspects a photo and starts the dialogue anew. If it cannot be read, nothing changes.

        Raises:
            PhotoError: the photo cannot be read; the message names it.
        """
        pixels = read_photo(photo)
        self._query = encode_photos(self.inspector.model.eye, [pixels])
        self._look(pixels)
        assert self.inspection is not None
        return self.inspection

    def ask(
        self,
        question: str,
        *,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        max_new_tokens: int | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[str]:
        """Asks about the photo; the answer comes piece by piece, and is in `turns` once the iteration ends.

        Args:
            question: 1 to `MAX_QUESTION` characters.
            temperature, top_p, max_new_tokens: the config's where left out.
            seed: of sampling; plays no part at temperature 0.
            cancel: set it from any thread to stop the answer; what was said so far stays.

        Raises:
            NoPhotoError: there is no photo yet.
            QuestionError: the question is empty or too long.
            ContextFull: the conversation has grown too long for the language model.
        """
        question = question.strip()
        if self.inspection is None:
            raise NoPhotoError("There is no photo yet. Add a photo of the part first, then ask about it.")
        if not question:
            raise QuestionError("The question is empty. Type what you want to know about the part.")
        if len(question) > MAX_QUESTION:
            raise QuestionError(f"The question has {len(question):,} characters; ask it in at most {MAX_QUESTION:,}.")
        defaults = self.inspector.model.config.generation
        settings = Settings(
            stop=(self.inspector.prompt_format.stop,),
            temperature=defaults.temperature if temperature is None else temperature,
            top_p=defaults.top_p if top_p is None else top_p,
            max_new_tokens=max_new_tokens or defaults.max_new_tokens,
            seed=seed,
            plan=tuple(self.inspector.plans),
            odds=self.inspector.plan_odds(question),
            allow=self._allow(question),
        )
        if self._conversation is None:
            self._conversation = KVSession(self.inspector.model.language)
        mark = self._conversation.checkpoint()
        stream = Stream(self._conversation, self._prompt(question), settings, cancel)
        return self._answer(question, stream, mark)

    @torch.inference_mode()
    def likelihoods(self, question: str, answers: Sequence[str]) -> list[float]:
        """How likely the model is to choose each answer to a question; the dialogue stays as it is.

        Returns:
            Natural logarithms of the probabilities of the whole answers, not counting how they end; minus infinity for
            one that what was measured contradicts (`generation.known_words`).

        Raises:
            NoPhotoError: there is no photo yet.
            ContextFull: question and answer do not fit any more.
        """
        if self.inspection is None:
            raise NoPhotoError("There is no photo yet. Add a photo of the part first, then ask about it.")
        language = self.inspector.model.language
        allow, choice = self._allow(question), self._plan_of("choice")
        if self._conversation is None:
            self._conversation = KVSession(language)
        conversation = self._conversation
        before = conversation.checkpoint()
        try:
            first = self._read(conversation, question.strip(), "choice").log_softmax(-1)
            asked = conversation.checkpoint()
            totals = []
            for answer in answers:
                if allow is not None and not allow(choice, "", answer):
                    totals.append(-math.inf)
                    continue
                lead = self.inspector.prompt_format.config.lead
                ids = language.token_ids(lead + answer.strip())[0].tolist()
                logits, total = first, 0.0
                for position, index in enumerate(ids):
                    total += float(logits[index])
                    if position + 1 < len(ids):
                        logits = conversation.append_ids([index]).log_softmax(-1)
                totals.append(total)
                conversation.restore(asked)
            return totals
        finally:
            conversation.restore(before)

    def undo(self) -> None:
        """Takes the last turn back, as if it had not been asked."""
        if self.turns:
            self.turns.pop()
            mark = self._marks.pop()
            assert self._conversation is not None
            self._conversation.restore(mark)

    @torch.inference_mode()
    def resume(self, turns: Sequence[Turn]) -> None:
        """Takes up a dialogue that was held about this photo before, in place of the present one.

        The language model reads it again, so that the next question goes on from there.

        Raises:
            NoPhotoError: there is no photo.
            ContextFull: the dialogue is too long for the language model.
        """
        if self.inspection is None:
            raise NoPhotoError("There is no photo yet. Add the photo that the dialogue was about first.")
        self.reset_dialogue()
        language = self.inspector.model.language
        self._conversation = conversation = KVSession(language)
        for turn in turns:
            self._marks.append(conversation.checkpoint())
            self._read(conversation, turn.question, turn.kind)
            conversation.append(
                language.embed_ids(language.token_ids(self.inspector.prompt_format.answer(turn.answer)))
            )
            self.turns.append(turn)

    def reset_dialogue(self) -> None:
        """Forgets the dialogue; photo and references stay."""
        self.turns = []
        self._marks = []
        self._conversation = None

    def _answer(self, question: str, stream: Stream, mark: int) -> Iterator[str]:
        try:
            yield from stream
        finally:
            stream.close()
            if stream.reason is not None and stream.tokens:
                answer = stream.text.strip()
                kind = "" if stream.plan is None else self.inspector.plans[stream.plan]
                self.turns.append(Turn(question, answer, parse_verdict(answer), stream.finished, kind))
                self._marks.append(mark)
            elif self._conversation is not None:
                self._conversation.restore(mark)

    def _remember(self) -> None:
        """Makes the memory of the present references, and looks anew."""
        eye, self._known, self._normal = self.inspector.model.eye, None, None
        if self._references:
            self._known = References(eye, self._references, self._rotations)
            if eye.config.fusion.calibrated:
                self._normal = normal_distance(eye, self._references, self._known.features)
        self._look()

    def _look(self, pixels: NDArray[np.uint8] | None = None) -> None:
        """Makes the inspection of the current photo anew from its kept features, and forgets the dialogue."""
        self.reset_dialogue()
        if pixels is None:
            if self.inspection is None:
                return
            pixels = self.inspection.photo
        assert self._query is not None
        eye = self.inspector.model.eye
        with torch.inference_mode():
            states = eye.states([self._description])
        embeddings = embeddings_beside(self._query, self._known)
        product, self._likely = self.inspector.names_of(embeddings, self._description)
        self.inspection = look_beside(eye, pixels, self._query, states, self._known, self.rule, self._normal, product)

    def _allow(self, question: str) -> Callable[[int | None, str, str], bool] | None:
        """What keeps the answer to a question to what was measured, told and asked."""
        assert self.inspection is not None
        model, earlier = self.inspector.model, [turn.question for turn in self.turns]
        lean = partial(leanings_of, self.inspection, self._likely, model.kind_reader)
        settings, plans = model.config.generation, self.inspector.plans
        return grounded(settings, self.inspection, question, self._description, earlier, plans, lean)

    def _plan_of(self, kind: str) -> int | None:
        """The plan of that kind, None where there is none."""
        return next((index for index, name in self.inspector.plans.items() if name == kind), None)

    def _read(self, conversation: KVSession, question: str, kind: str) -> torch.Tensor:
        """Reads a question and the plan of its answer; the logits of the answer's first token.

        Args:
            kind: of the question where it is known, one of `dialogue.kinds.KINDS`; "" leaves it to the model.
        """
        plan = self._plan_of(kind)
        among = tuple(self.inspector.plans) if plan is None else (plan,)
        odds = self.inspector.plan_odds(question) if plan is None else ()
        return conversation.append_planned(self._prompt(question), among, odds)[1]

    @torch.inference_mode()
    def _prompt(self, question: str) -> torch.Tensor:
        """Embeddings of what is new for the language model: everything on a first turn, then the question alone."""
        prompt_format, model = self.inspector.prompt_format, self.inspector.model
        language = model.language
        if self._conversation is None or self._conversation.length:
            return language.embed_ids(language.token_ids(prompt_format.later_turn(question)))
        assert self.inspection is not None and self._query is not None
        evidence = self.inspection.evidence if model.config.prompt_format.evidence else None
        before, between, after = prompt_format.first_turn(question, self._description, evidence)
        if model.config.prompt_learner is None:  # a chat model: its template has the beginning token
            return language.embed_ids(language.token_ids(before + between + after))
        anomaly_map = torch.from_numpy(square_map(self.inspection, model.config.encoder.image_size))[None]
        looks = None
        if count := model.config.prompt_learner.region_vectors:
            masks = region_masks(self.inspection, model.config.encoder.image_size, count)
            looks = model.eye.region_features(self._query, torch.from_numpy(masks)[None].to(model.device))
        parts = [
            language.embed_ids(language.token_ids(before, bos=True)),
            model.image_token(self._query.embedding),
            language.embed_ids(language.token_ids(between)),
            model.prompt_vectors(anomaly_map.to(model.device), looks),
            language.embed_ids(language.token_ids(after)),
        ]
        return torch.cat([part.to(language.device, language.dtype) for part in parts], 1)
