import threading
from itertools import pairwise

import pytest

from anomalygpt.imaging.read import PhotoError
from anomalygpt.inspection.session import NoPhotoError, QuestionError, ReferenceError
from anomalygpt.web.sessions import Visitor, Visitors

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
    monkeypatch.setattr("anomalygpt.web.sessions.PAUSE_SECONDS", 0.0)
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
    monkeypatch.setattr("anomalygpt.web.sessions.PAUSE_SECONDS", 0.0)
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
    monkeypatch.setattr("anomalygpt.web.sessions.PAUSE_SECONDS", 0.0)
    visitor.set_photo(make_photo(1))
    pieces = visitor.ask(QUESTION)
    next(pieces)
    visitor.set_photo(make_photo(2))
    assert list(pieces) == []
    assert visitor.turns == ()
    answer(visitor)


def test_an_answer_that_nobody_reads_any_more_does_not_block_the_next(visitor, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.sessions.PAUSE_SECONDS", 0.0)
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


def test_visitors_at_once_keep_their_own_photos_and_turns(tiny_inspector, make_photo):
    visitors = Visitors(tiny_inspector.new_session)
    sizes = {f"visitor {i}": (60 + 10 * i, 50) for i in range(6)}
    paths = {key: make_photo(i, f"{i}.png", size) for i, (key, size) in enumerate(sizes.items())}
    failures = []

    def visit(key):
        try:
            visitors.get(key).set_photo(paths[key])
            for number in range(2):
                answer(visitors.get(key), f"Question {number} of {key}?")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=visit, args=(key,)) for key in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and len(visitors) == 6
    for key, (width, height) in sizes.items():
        visitor = visitors.get(key)
        assert visitor.inspection.photo.shape == (height, width, 3)
        assert [turn.question for turn in visitor.turns] == [f"Question {number} of {key}?" for number in range(2)]


def test_idle_and_surplus_visitors_are_forgotten(tiny_inspector, make_photo):
    now = [0.0]
    visitors = Visitors(tiny_inspector.new_session, idle_seconds=100, most=3, clock=lambda: now[0])
    first = visitors.get("first")
    first.set_photo(make_photo(1))
    now[0] = 60.0
    second = visitors.get("second")
    now[0] = 101.0
    assert visitors.get("second") is second
    assert len(visitors) == 1 and first.inspection is None
    for key in ("third", "fourth", "fifth"):
        visitors.get(key)
    assert len(visitors) == 3
    assert visitors.get("second") is not second


def test_leaving_ends_the_answer_and_gives_the_memory_back(tiny_inspector, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.sessions.PAUSE_SECONDS", 0.0)
    visitors = Visitors(tiny_inspector.new_session)
    visitor = visitors.get("a")
    visitor.set_photo(make_photo(1))
    pieces = visitor.ask(QUESTION)
    next(pieces)
    visitors.forget("a")
    visitors.forget("never seen")
    assert list(pieces) == [] and visitor.inspection is None and len(visitors) == 0
