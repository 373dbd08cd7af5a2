from collections.abc import Sequence

import numpy as np
import pytest
import torch

from anomalygpt.datasets.index import Loaded
from anomalygpt.evaluation.measuring import Bench
from anomalygpt.evaluation.protocol import OURS, QUESTION, WHERE, RunSettings
from anomalygpt.imaging.read import PhotoError
from anomalygpt.records import Evidence, Inspection, Turn


class Told:
    """A session whose answers are given, and whose map is bright where the photo is."""

    def __init__(self, answers: Sequence[tuple[str, bool | None]]) -> None:
        self.answers = list(answers)
        self.turns: list[Turn] = []
        self.asked: list[str] = []
        self.references: tuple[np.ndarray, ...] = ()

    @property
    def verdict(self):
        return self.turns[-1].verdict

    def set_references(self, photos):
        self.references = tuple(photos)

    def set_image(self, photo):
        anomaly_map = photo[..., 0].astype(np.float32) / 255
        return Inspection(photo, anomaly_map, Evidence(float(anomaly_map.max()), (), *photo.shape[:2], 1))

    def ask(self, question, temperature):
        assert temperature == 0
        self.asked.append(question)
        answer, verdict = self.answers.pop(0)
        if answer:
            self.turns.append(Turn(question, answer, verdict))
        yield answer


class Model:
    device = torch.device("cpu")

    class config:  # noqa: N801
        class encoder:  # noqa: N801
            image_size = 32


class Stage:
    """Stands for an inspector that hands out one prepared session."""

    model = Model

    def __init__(self, session):
        self.session = session

    def new_session(self, description=""):
        self.description = description
        return self.session


class Broken:
    """A case with a bright square at the top left."""

    name, anomalous, kind = "broken/0.png", True, "broken"

    def load(self):
        photo = np.zeros((90, 90, 3), np.uint8)
        photo[5:20, 5:20] = 200
        return Loaded(photo, photo[..., 0] > 0)


def measured(answers, case=None, **changes):
    session = Told(answers)
    bench = Bench(Stage(session), None, RunSettings("x", **changes), "plate")
    bench.set_references([])
    return bench.measure(case or Broken(), 1), session


def test_verdict_and_place_of_one_answer():
    found, session = measured([("Yes, at the top left.", True)])
    assert session.asked == [QUESTION]
    record = found.record
    assert (record["said"], record["verdicts"], record["places"]) == (True, {OURS: True}, ["top left"])
    assert record["place_right"] and record["place_right_strict"] and record["map_says"]
    assert record["scores"][OURS] == pytest.approx(200 / 255)
    assert found.mask.shape == found.maps[OURS].shape == (90, 90)
    assert {"set_image", "answer"} <= set(found.seconds)


def test_the_place_is_asked_for_where_the_answer_names_none():
    found, session = measured([("Yes.", True), ("On the right.", None)])
    assert session.asked == [QUESTION, WHERE]
    assert found.record["places"] == ["right"] and not found.record["place_right"]
    assert found.record["verdicts"] == {OURS: True}


@pytest.mark.parametrize("answer", [("No.", False), ("Perhaps.", None), ("", None)])
def test_what_was_not_called_has_no_place_to_judge(answer):
    class Silent(Told):
        verdict = answer[1]

    session = Silent([answer])
    bench = Bench(Stage(session), None, RunSettings("x"))
    bench.set_references([])
    record = bench.measure(Broken(), 1).record
    assert "place_right" not in record and record["said"] is answer[1] and session.asked == [QUESTION]


def test_without_words_nothing_is_asked():
    found, session = measured([], words=False)
    assert session.asked == [] and found.record["verdicts"] == {}


def test_maps_are_reduced_to_the_size_of_the_settings():
    found, _ = measured([("No.", False)], map_size=30)
    assert found.mask.shape == found.maps[OURS].shape == (30, 30)


def test_a_file_that_cannot_be_read_becomes_a_record_of_it():
    class Unreadable(Broken):
        def load(self):
            raise PhotoError("0.png is damaged")

    found, _ = measured([], Unreadable())
    assert found.record == {"name": "broken/0.png", "error": "0.png is damaged"} and found.mask is None


def test_own_references_are_shown_before_the_photo():
    class Paired(Broken):
        def load(self):
            plain = super().load()
            return Loaded(plain.photo, None, (plain.photo, plain.photo, plain.photo))

    session = Told([("No.", False)])
    bench = Bench(Stage(session), None, RunSettings("x"))
    found = bench.measure(Paired(), 2)
    assert len(session.references) == 2 and "set_references" in found.seconds and found.mask is None


@pytest.mark.parametrize("describe", [True, False])
def test_the_part_is_described_where_the_settings_say_so(describe):
    stage = Stage(Told([]))
    Bench(stage, None, RunSettings("x", describe=describe), "plate")
    assert stage.description == ("plate" if describe else "")
