import json

from anomalygpt.records import Turn
from anomalygpt.web.feedback import Feedback


def test_every_rating_is_a_line_of_its_own(tmp_path):
    path = tmp_path / "feedback.jsonl"
    turns = [Turn("有异常吗？", "有。", True), Turn("How big?", "Small.")]
    Feedback(path).add(True, "tiny", 0.61234, turns[:1])
    Feedback(path).add(False, "tiny", 0.61234, turns)
    up, down = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert up["liked"] is True and down["liked"] is False and up["score"] == 0.6123 and up["model"] == "tiny"
    assert [turn["question"] for turn in down["dialogue"]] == ["有异常吗？", "How big?"]
    assert "有异常" in path.read_text(encoding="utf-8")
