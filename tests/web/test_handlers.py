import logging
from itertools import pairwise

import gradio as gr
import pytest

from anomalygpt.web.examples import Example
from anomalygpt.web.handlers import UNEXPECTED, Handlers
from anomalygpt.web.panels import make_panels
from anomalygpt.web.sessions import Visitors

QUESTION = "Is there any anomaly in the image?"
A, B = gr.Request(session_hash="a"), gr.Request(session_hash="b")


@pytest.fixture
def handlers(tiny_inspector, make_photo):
    photo, reference = make_photo(21, "nut.png"), make_photo(22, "good.png")
    examples = [Example("Nut", photo, reference, QUESTION, "a metal nut")]
    with gr.Blocks():
        panels = make_panels(examples)
    return Handlers(Visitors(tiny_inspector.new_session), panels, examples)


def uploaded(path):
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def gallery(*paths):
    return [{"image": uploaded(path), "caption": None} for path in paths]


def ask(handlers, question, photo, references=(), request=A, description=""):
    handlers.question_sent(question, request)
    return list(
        handlers.answer(uploaded(photo) if photo else None, gallery(*references), description, 0.5, True, request)
    )


def notice(update, panel):
    assert update[panel].visible is bool(update[panel].value)
    return update[panel].value


def test_a_photo_gives_its_map_badge_and_regions_before_any_question(handlers, make_photo):
    panels = handlers.panels
    update = handlers.photo_changed(uploaded(make_photo(1)), 0.5, True, A)
    assert update[panels.map].shape == (90, 120, 3)
    assert "by the map alone" in update[panels.badge]
    assert notice(update, panels.part_notice) == ""
    again = handlers.photo_changed(uploaded(make_photo(1)), 0.5, True, A)
    assert panels.map not in again, "the page told of a photo that is already inspected"


def test_an_answer_streams_and_ends_with_the_turn_and_next_questions(handlers, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.sessions.PAUSE_SECONDS", 0.0)
    panels = handlers.panels
    updates = ask(handlers, QUESTION, make_photo(1), [make_photo(7)])
    assert updates[0][panels.map].shape == (90, 120, 3)
    answers = [update[panels.chat][1]["content"] for update in updates[1:-1]]
    assert len(answers) > 2 and all(len(a) < len(b) for a, b in pairwise(answers))
    last = updates[-1]
    assert [message["role"] for message in last[panels.chat]] == ["user", "assistant"]
    assert last[panels.question].submit_btn == "Ask" and last[panels.question].stop_btn is False
    assert QUESTION not in [last[chip].value for chip in panels.chips if last[chip].visible]
    assert handlers.visitors.get("a").inspection.evidence.references == 1


def test_a_question_shows_at_once_with_a_way_to_stop(handlers):
    update = handlers.question_sent("Where is it?", A)
    assert update[handlers.panels.chat] == [{"role": "user", "content": "Where is it?"}]
    assert update[handlers.panels.question].value == "" and update[handlers.panels.question].stop_btn == "Stop"


@pytest.mark.parametrize(
    ("question", "with_photo", "part"),
    [(QUESTION, False, "no photo yet"), (" ", True, "empty"), ("why " * 600, True, "2,000")],
)
def test_a_question_that_cannot_be_answered_comes_back_with_the_reason(
    handlers, make_photo, question, with_photo, part
):
    (*_, last) = ask(handlers, question, make_photo(1) if with_photo else None)
    panels = handlers.panels
    assert part in notice(last, panels.chat_notice)
    assert last[panels.question].value == question and last[panels.chat] == []
    (*_, last) = ask(handlers, QUESTION, make_photo(1))
    assert notice(last, panels.chat_notice) == "" and len(last[panels.chat]) == 2


def test_a_broken_photo_is_named_and_taken_away(handlers, make_photo, tmp_path):
    panels = handlers.panels
    handlers.photo_changed(uploaded(make_photo(1)), 0.5, True, A)
    broken = tmp_path / "broken<b>.jpg"
    broken.write_bytes(b"\xff\xd8\xff no photo")
    update = handlers.photo_changed(uploaded(str(broken)), 0.5, True, A)
    assert "broken&lt;b&gt;.jpg" in notice(update, panels.part_notice)
    assert update[panels.photo] is None and update[panels.map] is None and "No photo yet" in update[panels.badge]
    after = handlers.photo_changed(None, 0.5, True, A)
    assert panels.part_notice not in after, "the message stays when the page takes the photo away"


def test_a_broken_reference_is_named_and_the_others_are_used(handlers, make_photo, tmp_path):
    panels = handlers.panels
    broken, good = tmp_path / "broken.jpg", make_photo(7)
    broken.write_bytes(b"")
    update = handlers.references_changed(gallery(good, str(broken)), 0.5, True, A)
    assert "broken.jpg" in notice(update, panels.part_notice)
    assert update[panels.references] == [good]


def test_seventeen_references_get_the_reason(handlers, make_photo):
    update = handlers.references_changed(gallery(*(make_photo(i) for i in range(17))), 0.5, True, A)
    assert "at most 16" in notice(update, handlers.panels.part_notice)


def test_an_unexpected_error_is_logged_and_told_plainly(handlers, make_photo, monkeypatch, caplog):
    monkeypatch.setattr("anomalygpt.web.sessions.read_photo", lambda path: 1 / 0)
    with caplog.at_level(logging.ERROR):
        update = handlers.photo_changed(uploaded(make_photo(1)), 0.5, True, A)
        (*_, last) = ask(handlers, QUESTION, make_photo(1))
    for shown in (notice(update, handlers.panels.part_notice), notice(last, handlers.panels.chat_notice)):
        assert UNEXPECTED in shown and "ZeroDivision" not in shown
    assert "ZeroDivisionError" in caplog.text


def test_an_example_loads_photo_reference_and_asks_its_question(handlers):
    panels = handlers.panels
    update = handlers.example_chooser(0)(A)
    example = handlers.examples[0]
    assert update[panels.photo] == example.photo and update[panels.references] == [example.reference]
    assert update[panels.description] == "a metal nut"
    # The browser tells of the new photo and reference while the answer is on its way: nothing may be done twice.
    assert panels.map not in handlers.photo_changed(uploaded(example.photo), 0.5, True, A)
    updates = list(handlers.answer(uploaded(example.photo), gallery(example.reference), "a metal nut", 0.5, True, A))
    assert updates[-1][panels.chat][0]["content"] == QUESTION
    assert panels.map not in handlers.references_changed(gallery(example.reference), 0.5, True, A)
    assert len(handlers.visitors.get("a").turns) == 1


def test_an_example_chosen_in_the_middle_of_an_answer_takes_its_place(handlers, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.sessions.PAUSE_SECONDS", 0.0)
    panels, example = handlers.panels, handlers.examples[0]
    handlers.question_sent("Where is it?", A)
    old = handlers.answer(uploaded(make_photo(1)), [], "", 0.5, True, A)
    next(old)
    next(old)
    handlers.example_chooser(0)(A)
    assert list(old) == [], "the old answer shows nothing any more"
    shown = (uploaded(example.photo), gallery(example.reference), example.description, 0.5, True, A)
    assert [message["content"] for message in list(handlers.answer(*shown))[-1][panels.chat]][:1] == [QUESTION]


def test_stop_before_the_answer_begins_drops_the_question(handlers, make_photo):
    handlers.question_sent(QUESTION, A)
    handlers.stop(A)
    (last,) = handlers.answer(uploaded(make_photo(1)), [], "", 0.5, True, A)
    assert last[handlers.panels.chat] == [] and last[handlers.panels.question].submit_btn == "Ask"


def test_clearing_the_dialogue_keeps_the_part_and_start_over_does_not(handlers, make_photo):
    panels = handlers.panels
    ask(handlers, QUESTION, make_photo(1))
    update = handlers.clear_dialogue(0.5, True, A)
    assert update[panels.chat] == [] and update[panels.map].shape == (90, 120, 3)
    update = handlers.clear(A)
    assert update[panels.map] is None and update[panels.photo] is None and update[panels.references] is None


def test_another_description_starts_the_dialogue_anew(handlers, make_photo):
    ask(handlers, QUESTION, make_photo(1))
    assert handlers.description_changed("a nut", 0.5, True, A)[handlers.panels.chat] == []
    assert handlers.panels.chat not in handlers.description_changed("a nut", 0.5, True, A)


def test_opacity_is_applied_without_the_model(handlers, make_photo, monkeypatch):
    handlers.photo_changed(uploaded(make_photo(1)), 0.5, True, A)
    monkeypatch.setattr("anomalygpt.inspection.session.look", None)
    photo = handlers.visitors.get("a").inspection.photo
    assert (handlers.redraw(0.0, False, A) == photo).all()
    assert handlers.redraw(1.0, False, B) is None, "another visitor has no map"


def test_picking_a_region_twice_takes_the_frame_away(handlers, make_photo):
    handlers.photo_changed(uploaded(make_photo(1)), 0.5, True, A)
    picked = gr.EventData(None, {"region": 1})
    handlers.region_picked(0.5, True, A, picked)
    assert handlers.visitors.get("a").highlighted == 1
    handlers.region_picked(0.5, True, A, picked)
    assert handlers.visitors.get("a").highlighted is None


def test_two_visitors_never_see_each_other(handlers, make_photo):
    ask(handlers, "First visitor?", make_photo(1, size=(60, 50)), request=A)
    (*_, last) = ask(handlers, "Second visitor?", make_photo(2, size=(80, 70)), request=B)
    panels = handlers.panels
    assert last[panels.map].shape == (70, 80, 3)
    assert last[panels.chat][0]["content"] == "Second visitor?"
    assert len(last[panels.chat]) == 2
    handlers.leave(B)
    assert handlers.visitors.get("a").inspection.photo.shape == (50, 60, 3)
