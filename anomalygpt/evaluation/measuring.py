"""Measures one photo with the system and all baselines: the code that users run, timed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anomalygpt.datasets.index import Case, DataError, Loaded
from anomalygpt.evaluation.baselines import (
    HandMadeFeatures,
    PlainComparison,
    SeenMap,
    fitted_threshold,
    random_twin,
)
from anomalygpt.evaluation.pixels import reduce_map
from anomalygpt.evaluation.places import places_said, right_places, true_places
from anomalygpt.evaluation.protocol import OURS, QUESTION, WHERE, RunSettings
from anomalygpt.imaging.read import PhotoError
from anomalygpt.inspection.inspector import Inspector
from anomalygpt.inspection.session import Session
from anomalygpt.model.generation import ContextFull

_PLAIN = ("absolute-difference", "ssim")


@dataclass
class Measured:
    """What is kept of one photo.

    Attributes:
        record: JSON-able: name, truth, score and verdict of each method, answer, places, or the error.
        seconds: of each step, for the speed table; no figure depends on them.
        mask, maps: reduced; None where pixels are not measured.
    """

    record: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    mask: NDArray[np.bool_] | None = None
    maps: dict[str, NDArray[np.float32]] = field(default_factory=dict)


class Bench:
    """The system and its baselines, set up with the references of one unit.

    Args:
        inspector: the loaded model.
        twin: the same with random weights, where that baseline is wanted.
        settings: of the run.
        description: of the part, told to the session.
    """

    def __init__(
        self, inspector: Inspector, twin: Inspector | None, settings: RunSettings, description: str = ""
    ) -> None:
        self._inspector, self._twin, self._settings = inspector, twin, settings
        self._description = description if settings.describe else ""
        self._session: Session = inspector.new_session(self._description)
        self._others: dict[str, PlainComparison | HandMadeFeatures | SeenMap] = {}
        self._threshold: float | None = None

    @classmethod
    def twin_for(cls, inspector: Inspector, settings: RunSettings) -> Inspector | None:
        """The random-weights system, where the settings ask for it."""
        return random_twin(inspector, settings.seed) if "random-weights" in settings.baselines else None

    def set_references(self, photos: Sequence[Any]) -> float:
        """Shows the references to all methods; gives the seconds that the system itself took.

        Raises:
            PhotoError: a reference cannot be read.
        """
        # A fresh session: an old one would look at its old photo again.
        self._session = self._inspector.new_session(self._description)
        start = time.perf_counter()
        self._session.set_references(photos)
        self._wait()
        took = time.perf_counter() - start
        size = self._inspector.model.config.encoder.image_size
        references = self._session.references
        self._others, self._threshold = {}, None
        for name in self._settings.methods_at(len(references))[1:]:
            if name in _PLAIN:
                self._others[name] = PlainComparison(name, size)
            elif name == "handmade":
                self._others[name] = HandMadeFeatures(size)
            elif name == "paper-rule":
                self._others[name] = SeenMap(self._inspector, "paper", self._description)
            elif name == "random-weights":
                assert self._twin is not None
                self._others[name] = SeenMap(self._twin, "paper", self._description)
            else:
                self._threshold = fitted_threshold(self._inspector, references, self._description)
        for method in self._others.values():
            method.set_references(references)
        return took

    def measure(self, case: Case, shots: int) -> Measured:
        """Measures one case; a file that cannot be used becomes a record with its error."""
        try:
            loaded = case.load()
            seconds = {}
            if loaded.references is not None:
                seconds["set_references"] = self.set_references(loaded.references[:shots])
        except (PhotoError, DataError) as error:
            return Measured({"name": case.name, "error": str(error)})
        record: dict[str, Any] = {"name": case.name, "anomalous": case.anomalous, "kind": case.kind}
        start = time.perf_counter()
        inspection = self._session.set_image(loaded.photo)
        self._wait()
        seconds["set_image"] = time.perf_counter() - start
        maps = {OURS: inspection.anomaly_map}
        scores = {OURS: inspection.score}
        verdicts: dict[str, bool | None] = {}
        if self._settings.words:
            start = time.perf_counter()
            try:
                record |= self._ask()
            except ContextFull as error:
                return Measured({"name": case.name, "error": str(error)})
            seconds["answer"] = time.perf_counter() - start
            verdicts[OURS] = record["said"]
            self._judge_place(record, loaded)
        record["map_says"] = inspection.evidence.anomalous
        for name, method in self._others.items():
            maps[name] = method.anomaly_map(loaded.photo)
            scores[name] = float(maps[name].max())
        if self._threshold is not None:
            maps["fitted-threshold"], scores["fitted-threshold"] = maps[OURS], scores[OURS]
            verdicts["fitted-threshold"] = scores[OURS] > self._threshold
        record |= {"scores": scores, "verdicts": verdicts}
        if loaded.mask is None:
            return Measured(record, seconds)
        side = self._settings.map_size
        reduced = {name: reduce_map(values, side).astype(np.float32) for name, values in maps.items()}
        return Measured(record, seconds, reduce_map(loaded.mask, side), reduced)

    def _ask(self) -> dict[str, Any]:
        """Asks the first question, and where the anomaly is if there is one without a place."""
        answer, finished = self._answer(QUESTION)
        said = self._session.verdict
        places = places_said(answer) if said else ()
        asked: dict[str, Any] = {"answer": answer, "said": said, "finished": finished}
        if said and not places:
            asked["where"], _ = self._answer(WHERE)
            places = places_said(asked["where"])
        return asked | {"places": list(places)}

    def _answer(self, question: str) -> tuple[str, bool]:
        turns = len(self._session.turns)
        for _ in self._session.ask(question, temperature=0):
            pass
        if len(self._session.turns) == turns:  # nothing came at all
            return "", False
        return self._session.turns[-1].answer, self._session.turns[-1].finished

    def _judge_place(self, record: dict[str, Any], loaded: Loaded) -> None:
        """Whether the first place named is right, for an anomalous photo with a mask that was called."""
        if loaded.mask is None or not loaded.mask.any() or record["said"] is not True:
            return
        first = record["places"][0] if record["places"] else None
        record["true_places"] = list(true_places(loaded.mask))
        record["place_right"] = first in right_places(loaded.mask)
        record["place_right_strict"] = first in true_places(loaded.mask)

    def _wait(self) -> None:
        """Waits for the GPU, so that times are those of the work and not of its start."""
        if self._inspector.model.device.type == "cuda":
            torch.cuda.synchronize()
