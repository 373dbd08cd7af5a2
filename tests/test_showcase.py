"""What the shipped model says of the seven showcase cases, in both languages."""

import json
from pathlib import Path

import pytest

from anomalygpt.inspection.loading import SHIPPED

FOLDER = Path(__file__).parents[1] / "assets" / "examples"
CASES = json.loads((FOLDER / "index.json").read_text()) if (FOLDER / "index.json").exists() else []
NAMES = json.loads((Path(__file__).parents[1] / "anomalygpt/dialogue/phrases/zh/names.json").read_text())


@pytest.fixture(scope="module")
def inspector():
    import anomalygpt

    return anomalygpt.load("embedded", device="cpu")


@pytest.fixture(params=CASES, ids=lambda case: case["name"])
def asked(request, inspector):
    case = request.param
    session = inspector.new_session(case["description"])
    session.set_references([FOLDER / case["reference"]])
    session.set_image(FOLDER / case["photo"])

    def ask(question):
        session.reset_dialogue()
        return "".join(session.ask(question)), session.verdict

    return case["truth"], session, ask


def test_there_are_seven():
    assert len(CASES) == 7 and (SHIPPED / "embedded").is_dir()


def test_presence_is_right_in_english_and_chinese(asked):
    truth, session, ask = asked
    assert session.inspection.evidence.anomalous == truth["anomalous"]
    for question in ("Is there any anomaly in the image?", "图中有异常吗？"):
        answer, verdict = ask(question)
        assert verdict is truth["anomalous"], answer


def test_only_faulty_parts_have_regions(asked):
    truth, session, _ = asked
    assert bool(session.inspection.regions) is truth["anomalous"]


def test_the_place_is_right_where_there_is_a_defect(asked):
    truth, session, ask = asked
    if not truth["anomalous"]:
        return
    assert session.inspection.regions[0].place in truth["places"]
    answer, _ = ask("Where is it?")
    assert any(place in answer for place in truth["places"]), answer


def test_the_product_is_named(asked):
    truth, _, ask = asked
    answer, _ = ask("What is in the photo?")
    assert truth["product"] in answer, answer
    answer, _ = ask("这是什么产品？")
    assert NAMES["products"][truth["product"]]["name"] in answer, answer
