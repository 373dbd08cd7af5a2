from itertools import pairwise

import pytest

from anomalygpt.imaging.read import PhotoError
from anomalygpt.inspection.errors import NoPhotoError, QuestionError, ReferenceError
from anomalygpt.web.visitor import Visitor

QUESTION = "Is there any anomaly in the image?"


@pytest.fixture
def visitor(tiny_inspector):
    return Visitor(tiny_inspector.new_session)


def answer(visitor, question=QUESTION):
    for _ in visitor.ask(question):
        pass
    return visitor.turns[-1]


def test_a_photo_is_inspected_once_however_often_the_page_sends_it(visitor, make_photo):
    first = make_photo(1)
    assert visitor.set_photo(first)
    inspection = visitor.inspection
    answer(visitor)
    assert not visitor.set_photo(first)
    assert not visitor.set_photo(make_photo(1, "the same photo under another name.png"))
    assert visitor.inspection is inspection and len(visitor.turns) == 1
    assert visitor.set_photo(make_photo(2))
    assert visitor.inspection is not inspection and visitor.turns == ()


def test_a_broken_photo_leaves_no_photo_and_the_references_stay(visitor, make_photo, tmp_path):
    visitor.set_references([make_photo(7), make_photo(8)])
    visitor.set_photo(make_photo(1))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    with pytest.raises(PhotoError, match=r"broken\.png"):
        visitor.set_photo(str(broken))
    assert visitor.inspection is None
    assert not visitor.set_photo(None), "the page takes the broken photo away, which is no news"
    with pytest.raises(NoPhotoError):
        next(visitor.ask(QUESTION))
    visitor.set_photo(make_photo(1))
    assert visitor.inspection.evidence.references == 2


def test_broken_references_are_left_out_and_named(visitor, make_photo, tmp_path):
    visitor.set_photo(make_photo(1))
    good, broken = make_photo(7), tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    changed, used, messages = visitor.set_references([str(broken), good])
    assert changed and used == [good]
    assert len(messages) == 1 and "broken.png" in messages[0]
    assert visitor.inspection.evidence.references == 1
    inspection = visitor.inspection
    for same in ([good], [str(broken), good]):
        assert visitor.set_references(same) == (False, same, [])
    assert visitor.inspection is inspection


def test_too_many_references_are_refused_with_the_number(visitor, make_photo):
    with pytest.raises(ReferenceError, match="at most 16"):
        visitor.set_references([make_photo(i) for i in range(17)])


def test_a_description_starts_the_dialogue_anew_once(visitor, make_photo):
    visitor.set_photo(make_photo(1))
    answer(visitor)
    assert visitor.describe(" a metal nut ")
    assert visitor.turns == ()
    answer(visitor)
    assert not visitor.describe("a metal nut")
    assert len(visitor.turns) == 1


def test_the_answer_grows_and_becomes_a_turn(visitor, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.visitor.PAUSE_SECONDS", 0.0)
    visitor.set_photo(make_photo(1))
    seen = list(visitor.ask(QUESTION))
    assert len(seen) > 2
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    assert visitor.turns[0].question == QUESTION and visitor.turns[0].answer == seen[-1].strip()


@pytest.mark.parametrize("question", ["", "   ", "why? " * 2000])
def test_bad_questions_are_refused_and_change_nothing(visitor, make_photo, question):
    visitor.set_photo(make_photo(1))
    with pytest.raises(QuestionError):
        next(visitor.ask(question))
    assert visitor.turns == ()
    assert answer(visitor).question == QUESTION


def test_stop_keeps_what_was_said_and_the_next_question_is_answered(visitor, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.visitor.PAUSE_SECONDS", 0.0)
    visitor.set_photo(make_photo(1))
    whole = answer(visitor).answer
    visitor.reset_dialogue()
    pieces = visitor.ask(QUESTION)
    next(pieces)
    next(pieces)
    visitor.stop()
    rest = list(pieces)
    assert len(rest) <= 1
    (turn,) = visitor.turns
    assert not turn.finished
    assert turn.answer and whole.startswith(turn.answer) and turn.answer != whole
    answer(visitor, "How big is it?")
    assert len(visitor.turns) == 2


def test_another_photo_ends_the_answer_about_the_old_one(visitor, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.visitor.PAUSE_SECONDS", 0.0)
    visitor.set_photo(make_photo(1))
    pieces = visitor.ask(QUESTION)
    next(pieces)
    visitor.set_photo(make_photo(2))
    assert list(pieces) == []
    assert visitor.turns == ()
    answer(visitor)


def test_an_answer_that_nobody_reads_any_more_does_not_block_the_next(visitor, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.visitor.PAUSE_SECONDS", 0.0)
    visitor.set_photo(make_photo(1))
    abandoned = visitor.ask(QUESTION)
    next(abandoned)
    assert answer(visitor, "Where is it?").question == "Where is it?"
    assert list(abandoned) == []
    assert visitor.turns[-1].question == "Where is it?"


def test_clear_forgets_everything(visitor, make_photo):
    visitor.set_references([make_photo(7)])
    visitor.set_photo(make_photo(1))
    visitor.describe("a nut")
    answer(visitor)
    visitor.pending = "more?"
    visitor.clear()
    assert (visitor.inspection, visitor.turns, visitor.pending) == (None, (), None)
    assert visitor.set_photo(make_photo(1))
    assert visitor.inspection.evidence.references == 0


def test_rewinding_takes_turns_back_and_the_next_answer_is_as_if_they_had_not_been(visitor, make_photo):
    visitor.set_photo(make_photo(1))
    first, second = answer(visitor), answer(visitor, "How big is it?")
    visitor.ratings = {0: True, 1: False}
    assert visitor.rewind(1) == [second] and list(visitor.turns) == [first] and visitor.ratings == {0: True}
    assert answer(visitor, "How big is it?") == second
    assert visitor.rewind(5) == []
    assert visitor.rewind(0) == [first, second] and visitor.turns == ()


def test_rewinding_ends_the_answer_that_is_streaming(visitor, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.visitor.PAUSE_SECONDS", 0.0)
    visitor.set_photo(make_photo(1))
    pieces = visitor.ask(QUESTION)
    next(pieces)
    (taken,) = visitor.rewind(0)
    assert not taken.finished and list(pieces) == [] and visitor.turns == ()


def test_another_rule_or_turned_references_look_anew_once(visitor, make_photo):
    visitor.set_references([make_photo(7)])
    visitor.set_photo(make_photo(1))
    before = visitor.inspection
    assert not visitor.set_map_rule("paper", False)
    assert visitor.set_map_rule("paper", True)
    assert visitor.inspection is not before
    visitor.set_photo(None)
    visitor.set_photo(make_photo(2))
    assert visitor.session().rotations, "settings outlive the photo"
    with pytest.raises(ValueError, match="use 'paper'"):
        visitor.set_map_rule("fused", True)


def test_returning_to_an_inspection_brings_photo_references_and_dialogue_back(visitor, make_photo, tmp_path):
    photo, good = make_photo(1, size=(60, 50)), make_photo(7)
    visitor.set_references([good])
    visitor.describe("a nut")
    visitor.set_photo(photo)
    turn, score = answer(visitor), visitor.inspection.score
    visitor.set_references([])
    visitor.set_references([good])
    visitor.describe("a nut")
    turn = answer(visitor)
    visitor.set_photo(make_photo(2, size=(80, 70)))
    visitor.describe("a bolt")
    assert [case.number for case in visitor.history.cases] == [1, 2] and visitor.history.current == 2
    # What the page uploaded may be gone by now.
    (tmp_path / "photo-1.png").unlink()
    case = visitor.recall(1)
    assert visitor.inspection.photo.shape == (50, 60, 3) and visitor.inspection.score == pytest.approx(score)
    assert visitor.turns == (turn,) == case.turns and visitor.history.current == 1
    assert not visitor.set_photo(str(case.photo)) and not visitor.describe("a nut")
    assert visitor.set_references([str(path) for path in case.references])[0] is False
    answer(visitor, "How big is it?")
    assert len(visitor.history[1].turns) == 2 and len(visitor.history.cases) == 2
    with pytest.raises(KeyError):
        visitor.recall(9)


def test_clearing_keeps_the_record_and_leaving_does_not(visitor, make_photo):
    visitor.set_photo(make_photo(1))
    answer(visitor)
    visitor.clear()
    (case,) = visitor.history.cases
    assert len(case.turns) == 1 and visitor.history.current is None and case.photo.is_file()
    visitor.leave()
    assert visitor.history.cases == () and not case.photo.exists()


def test_a_snapshot_holds_what_a_report_needs(visitor, make_photo):
    with pytest.raises(ValueError, match="no photo"):
        visitor.snapshot({})
    visitor.set_photo(make_photo(1, "nut.png"))
    answer(visitor)
    record = visitor.snapshot({"seed": 3})
    assert record.name == "nut.png" and len(record.turns) == 1 and record.settings["seed"] == 3
