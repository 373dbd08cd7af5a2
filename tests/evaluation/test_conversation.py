from dataclasses import replace

import numpy as np
import pytest

from anomalygpt.dialogue.phrasebook import phrasebook
from anomalygpt.evaluation.asking import Truth, wordings
from anomalygpt.evaluation.conversation import (
    FIGURES,
    converse,
    judge_answer,
    stated_certainty,
    summarize_conversations,
)
from anomalygpt.records import Evidence, Region
from anomalygpt.simulation.scene import make_sample

EN, ZH = phrasebook("en"), phrasebook("zh")
REGION = Region(1, (10, 20, 48, 41), (29, 30), 600, 0.042, 0.9, "top left", 1.2, 0.0, (-10.0, 0.0, 0.0))
BAD = Evidence(0.9, (REGION, replace(REGION, index=2, place="bottom")), 640, 480, 1)
GOOD = Evidence(0.1, (), 640, 480, 1)
TRUTH = Truth(True, "bottle", "crack", ("top left",), "round", 1)


@pytest.mark.parametrize(
    ("kind", "figure", "right", "wrong"),
    [
        ("presence", "presence", "Yes, there is an anomaly.", "No, I see no anomaly."),
        ("presence", "presence", "Yes, there is an anomaly.", "I like it."),
        ("where", "place", "It is at the top left.", "It is at the bottom."),
        ("count", "count", "There are two.", "There is one."),
        ("size", "size", "It covers 4.0%, 40x20 pixels.", "It covers 4.2%, 98x21 pixels."),
        ("percent", "size", "About 4.9%.", "38x21 pixels."),
        ("pixels", "size", "38x21 pixels.", "4.2%."),
        ("shape", "shape", "It is round.", "It is oval."),
        ("color", "color", "It is darker than its surroundings.", "It is bluer than its surroundings."),
        ("product", "product", "This is a bottle.", "This is a screw."),
        ("photo_size", "size", "640x480 pixels.", "38x21 pixels."),
    ],
)
def test_what_is_said_is_held_against_the_evidence(kind, figure, right, wrong):
    assert judge_answer(kind, right, BAD, TRUTH, EN)[figure] is True
    assert judge_answer(kind, wrong, BAD, TRUTH, EN)[figure] is False


def test_a_good_photo_has_nothing_to_point_at():
    judged = judge_answer("where", "Nowhere: I see no anomaly.", GOOD, TRUTH, EN)
    assert "place" not in judged and judged["verdict"] is False
    assert judge_answer("count", "I see no anomaly.", GOOD, TRUTH, EN)["count"] is True


def test_certainty_is_read_from_figures_and_words():
    assert stated_certainty("I am certain: the score is 0.07.") == pytest.approx(0.93)
    assert stated_certainty("I am not certain.") == 0.575
    assert stated_certainty("I am fairly sure.") == 0.75
    assert stated_certainty("我很确定。") == 0.925
    assert stated_certainty("It is at the top.") is None


class Parrot:
    """A session that gives the same answer to everything."""

    def __init__(self, inspection, answer):
        self.inspection, self.answer, self.turns, self.asked = inspection, answer, [], []

    def reset_dialogue(self):
        self.turns = []

    def ask(self, question, **decoding):
        self.asked.append((question, decoding))
        turn = type("Turn", (), {"answer": self.answer, "finished": True})
        self.turns = [*self.turns, turn]
        yield self.answer


def talk_of(answer, evidence, book=EN):
    session = Parrot(type("Inspection", (), {"evidence": evidence}), answer)
    return session, converse(session, TRUTH, book, np.random.default_rng(0))


def test_one_who_gives_in_is_found_out():
    _, steady = talk_of("Yes, there is an anomaly at the top left.", BAD)
    found = summarize_conversations([steady], [True])["figures"]
    assert found["flips"] == {"value": 0.0, "answers": 3} and found["broken"]["value"] == 0
    turned = [dict(entry, verdict=False) if entry["part"] == "pushed" else entry for entry in steady]
    assert summarize_conversations([turned], [True])["figures"]["flips"]["value"] == 1
    changed = [dict(entry, verdict=False) if index == 3 else entry for index, entry in enumerate(steady)]
    assert summarize_conversations([changed], [True])["figures"]["contradictions"]["value"] > 0


@pytest.mark.parametrize(("evidence", "claim"), [(BAD, "good"), (GOOD, "bad")])
@pytest.mark.parametrize("book", [EN, ZH])
def test_users_contradict_what_is_seen_and_no_slot_stays_open(book, evidence, claim):
    session, entries = talk_of("It is normal.", evidence, book)
    assert [entry["kind"] for entry in entries if entry["part"] == "pushed"] == [
        f"contradict:{claim}",
        f"insist:{claim}",
        f"insist:{claim}",
    ]
    assert not any("{" in question for question, _ in session.asked)
    assert sum(decoding.get("temperature") == 1.0 for _, decoding in session.asked) == 3
    known = {text for texts in wordings(book.language)["kinds"].values() for text in texts if "{" not in text}
    assert all(
        entry["question"] in known for entry in entries if entry["kind"] not in ("place", "place_check", "kind_check")
    )


def test_a_talk_with_a_model_is_summed_up(tiny_inspector, monkeypatch):
    model = tiny_inspector.model
    short = model.config.generation.model_copy(update={"max_new_tokens": 8})
    monkeypatch.setattr(model, "config", model.config.model_copy(update={"generation": short}))
    sample = make_sample((1,), 64, key="bottle", anomalous=True)
    session = tiny_inspector.new_session()
    session.set_image(sample.query)
    entries = converse(session, TRUTH, EN, np.random.default_rng(0))
    assert entries == converse(session, TRUTH, EN, np.random.default_rng(0))
    summary = summarize_conversations([entries], [True])
    assert set(summary["figures"]) == set(FIGURES) and summary["faults"]
    assert summarize_conversations([], [])["figures"]["kind"] == {"value": None, "answers": 0}
