import math

import numpy as np
import pytest

from anomalygpt.dialogue.phrasebook import phrasebook
from anomalygpt.evaluation.asking import LETTERS, Truth
from anomalygpt.evaluation.dialogue import judge, judge_follow, measure_dialogue, pick_option, summarize_dialogue
from anomalygpt.simulation.scene import make_sample

EN, ZH = phrasebook("en"), phrasebook("zh")
BAD = Truth(True, "bottle", "crack", ("top left",), "round", 1)
GOOD = Truth(False, "bottle", None, (), None, 0)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("discrimination", "Yes, there is an anomaly at the top left.", "No, I see no anomaly."),
        ("defect localization", "It is at the top left.", "It is on the right."),
        ("defect classification", "It looks like a crack.", "It looks like a stain."),
        ("object classification", "This is a bottle.", "This is a screw."),
        ("object analysis", "It is made of glass, to hold liquids.", "It is made of steel, to fasten a bolt."),
        ("defect description", "A round crack at the top left.", "An oval stain on the right."),
    ],
)
def test_free_answers_are_judged_by_the_facts(kind, right, wrong):
    assert judge(kind, right, BAD, EN) == 1
    assert judge(kind, wrong, BAD, EN) == 0
    assert judge(kind, "", BAD, EN) == 0


@pytest.mark.parametrize("book", [EN, ZH])
def test_the_known_cause_of_the_true_kind_is_right(book):
    causes = {key: entry["cause"] for key, entry in book.names["defects"].items()}
    assert all(judge("defect analysis", cause, BAD, book) == 1 for cause in causes["crack"])
    assert all(judge("defect analysis", cause, BAD, book) == 0 for cause in causes["stain"])


def test_a_description_is_judged_by_what_it_states():
    assert judge("defect description", "There is a stain at the top left.", BAD, EN) == 0.5
    assert judge("defect description", "It is at the top left.", BAD, EN) == 1


def follow(name, answer, first="Yes, there is an anomaly at the top left.", regions=("top left",), map_says=True):
    return judge_follow(name, answer, first, regions, map_says, BAD, EN)


def test_later_answers_agree_or_not():
    assert follow("where", "At the top left.") == {"first": True, "map": True, "facts": True}
    assert follow("where", "On the right.") == {"first": False, "map": False, "facts": False}
    assert follow("where", "At the top left.", first="Yes.", regions=("right",)) == {
        "first": None,
        "map": False,
        "facts": True,
    }
    assert follow("count", "There is one.") == {"first": None, "map": True, "facts": True}
    assert follow("count", "I see three regions.") == {"first": None, "map": False, "facts": False}
    assert follow("okay", "No, it is defective.") == {"first": True, "map": True, "facts": True}
    assert follow("sure", "Yes, there is an anomaly.", map_says=False) == {"first": True, "map": False, "facts": True}


def test_a_bare_yes_means_what_was_asked():
    assert follow("okay", "Yes.") == {"first": False, "map": False, "facts": False}
    assert follow("okay", "No.") == {"first": True, "map": True, "facts": True}
    assert follow("sure", "Yes.") == {"first": True, "map": True, "facts": True}
    assert follow("sure", "Yes.", first="No, I see no anomaly.") == {"first": True, "map": False, "facts": False}
    assert judge_follow("okay", "不可以。", "有，左上方有裂纹。", (), True, BAD, ZH)["first"] is True


def test_what_says_nothing_of_it_is_not_counted():
    silent = {"first": None, "map": None, "facts": None}
    assert follow("where", "I cannot say.") == silent
    assert follow("count", "I cannot say.") == silent
    assert follow("okay", "Please ask about the part.") == silent


class Likely:
    """A session for which one answer is the likeliest."""

    def __init__(self, wanted):
        self.wanted = wanted

    def reset_dialogue(self):
        pass

    def likelihoods(self, question, answers):
        return [0.0 if self.wanted in answer.lower() else -1.0 for answer in answers]


def test_the_likeliest_option_is_picked():
    assert pick_option(Likely("stain"), "Which? A) crack. B) stain.", ["crack.", "stain."], EN) == 1
    assert pick_option(Likely("a"), "Which? A) 裂纹 B) 污渍", ["裂纹", "污渍"], ZH) == 0


def test_likelihoods_are_those_of_the_tokens_and_leave_the_dialogue_alone(tiny_inspector, make_photo):
    session = tiny_inspector.new_session()
    session.set_image(make_photo(1))
    alone = session.likelihoods("Is there a scratch?", ["Yes", "Yes, there is"])
    assert alone[0] > alone[1] and all(value < 0 for value in alone)
    every = session.likelihoods("Is there a scratch?", [chr(97 + index) for index in range(26)])
    assert sum(map(math.exp, every)) <= 1
    plain = "".join(session.ask("Is there any anomaly?"))
    session.reset_dialogue()
    session.likelihoods("What?", ["Yes", "No"])
    assert "".join(session.ask("Is there any anomaly?")) == plain
    later = session.likelihoods("Why?", ["Yes"])
    assert session.likelihoods("Why?", ["No", "Yes"])[1] == pytest.approx(later[0], abs=1e-4)
    assert len(session.turns) == 1


def test_everything_is_asked_in_both_languages_and_summed_up(tiny_inspector, monkeypatch):
    model = tiny_inspector.model
    short = model.config.generation.model_copy(update={"max_new_tokens": 8})
    monkeypatch.setattr(model, "config", model.config.model_copy(update={"generation": short}))
    records = []
    for seed in range(2):
        sample = make_sample((seed,), 64, key="bottle", anomalous=bool(seed))
        session = tiny_inspector.new_session()
        session.set_references(sample.references)
        session.set_image(sample.query)
        records.append(measure_dialogue(session, sample, (1, seed)))
        assert session.turns == []
    assert measure_dialogue(session, sample, (1, 1)) == records[1]
    summary = summarize_dialogue(records)
    for found in summary.values():
        assert found["choice"]["object classification"] == {
            "accuracy": found["choice"]["object classification"]["accuracy"],
            "chance": 0.25,
            "count": 2,
        }
        assert found["choice_mean"] == pytest.approx(np.mean([entry["accuracy"] for entry in found["choice"].values()]))
        assert found["agreement"]["silent"] is not None
        assert found["talk"]["figures"]["kind"]["answers"] == 28
    for record in records:
        for language in ("en", "zh"):
            found = record[language]
            assert all(entry["picked"] in LETTERS for entry in found["choice"].values())


def test_of_no_records_there_is_no_mean():
    assert summarize_dialogue([])["en"]["choice_mean"] is None
