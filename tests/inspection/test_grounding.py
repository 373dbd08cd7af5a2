"""The one rule that figures, words and options make for the answer to a question."""

import numpy as np

from anomalygpt.config import GenerationConfig
from anomalygpt.inspection.grounding import grounded
from anomalygpt.records import Evidence, Inspection, Leanings, Region

REGION = Region(1, (0, 0, 30, 9), (4.0, 4.0), 270, 0.01, 0.9, "top left", 1.0, 0.0, (-10.0, 0.0, 0.0))
INSPECTION = Inspection(
    np.zeros((100, 100, 3), np.uint8),
    np.zeros((100, 100), np.float32),
    Evidence(0.93, (REGION,), 100, 100, 1),
)
PLANS = {7: "color", 8: "choice"}


def lean():
    return Leanings(places=("top left", "center"), regions=(REGION,))


def never():
    raise AssertionError("without options nobody need know what the eye leans to")


def rule(question="", description="", earlier=(), leaning=never, **config):
    return grounded(GenerationConfig(**config), INSPECTION, question, description, earlier, PLANS, leaning)


def test_a_model_of_the_world_may_say_anything():
    assert rule() is None


def test_figures_and_words_are_kept_each_by_its_own_setting():
    figures = rule("Is it 5 mm?", "part 7", ["lot 12"], known_figures=True)
    assert figures(7, "It is brighter", ", 30x9") and figures(None, "", "5") and figures(None, "lot ", "12")
    assert figures(None, "part ", "7")
    assert not figures(None, "", "31x9")
    words = rule(known_words=True)
    assert words(7, "Its box is", " 31x9") and not words(7, "It is", " brighter")


def test_options_bind_only_an_answer_that_was_planned_as_a_choice():
    allow = rule("Where? A) center B) top left", leaning=lean, known_figures=True, known_words=True)
    assert allow(8, "", "Top left (B).") and not allow(8, "", "Center (A).")
    assert allow(7, "", "Center (A).") and allow(None, "", "Center")


def test_only_the_question_before_is_harked_back_to():
    other = Region(2, (50, 50, 60, 60), (55.0, 55.0), 100, 0.01, 0.8, "center", 1.0, 0.0, (10.0, 0.0, 0.0))
    evidence = Evidence(0.93, (REGION, other), 100, 100, 1)
    two = Inspection(INSPECTION.photo, INSPECTION.anomaly_map, evidence)
    for earlier, brighter in ((["And the second one?"], True), (["And the second one?", "Is it large?"], False)):
        allow = grounded(GenerationConfig(known_words=True), two, "What colour is it?", "", earlier, PLANS, never)
        assert allow(7, "It is", " brighter") is brighter and allow(7, "It is", " darker")
