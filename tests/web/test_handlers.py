import json
import logging
from itertools import pairwise
from pathlib import Path

import gradio as gr
import pytest
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from anomalygpt.web.examples import Example, Words
from anomalygpt.web.feedback import Feedback
from anomalygpt.web.handlers_dialogue import DialogueHandlers
from anomalygpt.web.handlers_part import PartHandlers
from anomalygpt.web.handlers_record import RecordHandlers
from anomalygpt.web.labels import label
from anomalygpt.web.panels import make_panels
from anomalygpt.web.sessions import Visitors

QUESTION = "Is there any anomaly in the image?"
DRAWING = ("overlay", 0.5, True)
DECODING = (0.0, 0.9, 40, None)
A, B = gr.Request(session_hash="a"), gr.Request(session_hash="b")


class Page:
    """All handlers of one page, by the names of their methods."""

    def __init__(self, visitors, panels, examples, feedback):
        self.visitors, self.panels, self.examples = visitors, panels, examples
        self._parts = (
            PartHandlers(visitors, panels),
            DialogueHandlers(visitors, panels, examples),
            RecordHandlers(visitors, panels, feedback),
        )

    def __getattr__(self, name):
        return next(getattr(part, name) for part in self._parts if hasattr(part, name))


@pytest.fixture
def handlers(tiny_inspector, make_photo, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))  # what lies here counts as uploaded
    photo, reference = make_photo(21, "nut.png"), make_photo(22, "good.png")
    examples = [Example(photo, reference, Words("Nut", QUESTION, "a metal nut"))]
    with gr.Blocks():
        panels = make_panels(examples)
    return Page(Visitors(tiny_inspector.new_session), panels, examples, Feedback(tmp_path / "feedback.jsonl"))


def uploaded(path):
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def served(path):
    """Where Gradio puts a file that is shown on the page, and what the browser then tells of."""
    return save_file_to_cache(path, get_upload_folder())


def gallery(*paths):
    return [{"image": uploaded(path), "caption": None} for path in paths]


def ask(handlers, question, photo, references=(), request=A, description=""):
    handlers.question_sent(question, request)
    return list(
        handlers.answer(
            uploaded(photo) if photo else None, gallery(*references), description, *DRAWING, *DECODING, request
        )
    )


def notice(update, panel):
    assert update[panel].visible is bool(update[panel].value)
    return update[panel].value


def test_a_photo_gives_its_map_badge_and_regions_before_any_question(handlers, make_photo):
    panels = handlers.panels
    update = handlers.photo_changed(uploaded(make_photo(1)), *DRAWING, A)
    assert update[panels.map]["value"].shape == (90, 120, 3)
    assert "by the map alone" in update[panels.badge]
    assert notice(update, panels.part_notice) == ""
    again = handlers.photo_changed(uploaded(make_photo(1)), *DRAWING, A)
    assert panels.map not in again, "the page told of a photo that is already inspected"


def test_an_answer_streams_and_ends_with_the_turn_and_next_questions(handlers, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.visitor.PAUSE_SECONDS", 0.0)
    panels = handlers.panels
    updates = ask(handlers, QUESTION, make_photo(1), [make_photo(7)])
    assert updates[0][panels.map]["value"].shape == (90, 120, 3)
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
    handlers.photo_changed(uploaded(make_photo(1)), *DRAWING, A)
    broken = tmp_path / "broken<b>.jpg"
    broken.write_bytes(b"\xff\xd8\xff no photo")
    update = handlers.photo_changed(uploaded(str(broken)), *DRAWING, A)
    assert "broken&lt;b&gt;.jpg" in notice(update, panels.part_notice)
    assert (
        update[panels.photo] is None and update[panels.map]["value"] is None and "No photo yet" in update[panels.badge]
    )
    after = handlers.photo_changed(None, *DRAWING, A)
    assert panels.part_notice not in after, "the message stays when the page takes the photo away"


def test_a_broken_reference_is_named_and_the_others_are_used(handlers, make_photo, tmp_path):
    panels = handlers.panels
    broken, good = tmp_path / "broken.jpg", make_photo(7)
    broken.write_bytes(b"")
    update = handlers.references_changed(gallery(good, str(broken)), *DRAWING, A)
    assert "broken.jpg" in notice(update, panels.part_notice)
    assert update[panels.references] == [good]


def test_seventeen_references_get_the_reason(handlers, make_photo):
    update = handlers.references_changed(gallery(*(make_photo(i) for i in range(17))), *DRAWING, A)
    assert "at most 16" in notice(update, handlers.panels.part_notice)


def test_an_unexpected_error_is_logged_and_told_plainly(handlers, make_photo, monkeypatch, caplog):
    monkeypatch.setattr("anomalygpt.web.visitor.read_photo", lambda path: 1 / 0)
    with caplog.at_level(logging.ERROR):
        update = handlers.photo_changed(uploaded(make_photo(1)), *DRAWING, A)
        (*_, last) = ask(handlers, QUESTION, make_photo(1))
    for shown in (notice(update, handlers.panels.part_notice), notice(last, handlers.panels.chat_notice)):
        assert label("unexpected", "en") in shown and "ZeroDivision" not in shown
    assert "ZeroDivisionError" in caplog.text


def test_an_example_loads_photo_reference_and_asks_its_question(handlers):
    panels = handlers.panels
    update = handlers.example_chooser(0)(A)
    example = handlers.examples[0]
    assert update[panels.photo] == example.photo and update[panels.references] == [example.reference]
    assert update[panels.description] == "a metal nut"
    # The browser tells of the new photo and reference while the answer is on its way: nothing may be done twice.
    assert panels.map not in handlers.photo_changed(uploaded(example.photo), *DRAWING, A)
    updates = list(
        handlers.answer(uploaded(example.photo), gallery(example.reference), "a metal nut", *DRAWING, *DECODING, A)
    )
    assert updates[-1][panels.chat][0]["content"] == QUESTION
    assert panels.map not in handlers.references_changed(gallery(example.reference), *DRAWING, A)
    assert len(handlers.visitors.get("a").turns) == 1


def test_an_example_chosen_in_the_middle_of_an_answer_takes_its_place(handlers, make_photo, monkeypatch):
    monkeypatch.setattr("anomalygpt.web.visitor.PAUSE_SECONDS", 0.0)
    panels, example = handlers.panels, handlers.examples[0]
    handlers.question_sent("Where is it?", A)
    old = handlers.answer(uploaded(make_photo(1)), [], "", *DRAWING, *DECODING, A)
    next(old)
    next(old)
    handlers.example_chooser(0)(A)
    assert list(old) == [], "the old answer shows nothing any more"
    shown = (uploaded(example.photo), gallery(example.reference), example.english.description, *DRAWING, *DECODING, A)
    assert [message["content"] for message in list(handlers.answer(*shown))[-1][panels.chat]][:1] == [QUESTION]


def test_what_the_page_tells_of_an_example_that_gave_way_to_another_is_not_heard(handlers, make_photo):
    panels, visitor = handlers.panels, handlers.visitors.get("a")
    words = Words("Bolt", "Where is it?", "a bolt")
    other = Example(make_photo(31, "bolt.png"), make_photo(32, "fine.png"), words)
    handlers.examples.append(other)
    first, second = handlers.examples
    handlers.example_chooser(0)(A)
    handlers.example_chooser(1)(A)

    def shown(example):
        return uploaded(example.photo), gallery(example.reference), example.english.description, *DRAWING, *DECODING, A

    assert list(handlers.answer(*shown(first))) == [], "the first example's answer is too late"
    answer = handlers.answer(*shown(second))
    next(answer)
    assert panels.map not in handlers.photo_changed(uploaded(first.photo), *DRAWING, A)
    assert panels.map not in handlers.references_changed(gallery(first.reference), *DRAWING, A)
    last = list(answer)[-1]
    assert last[panels.chat][0]["content"] == "Where is it?"
    assert [case.photo.name for case in visitor.history.cases] == ["bolt.png"]
    assert panels.map in handlers.photo_changed(uploaded(make_photo(33)), *DRAWING, A), "the visitor's own photo"


def test_stop_before_the_answer_begins_drops_the_question(handlers, make_photo):
    handlers.question_sent(QUESTION, A)
    handlers.stop(A)
    (last,) = handlers.answer(uploaded(make_photo(1)), [], "", *DRAWING, *DECODING, A)
    assert last[handlers.panels.chat] == [] and last[handlers.panels.question].submit_btn == "Ask"


def test_clearing_the_dialogue_keeps_the_part_and_start_over_does_not(handlers, make_photo):
    panels = handlers.panels
    ask(handlers, QUESTION, make_photo(1))
    update = handlers.clear_dialogue(*DRAWING, A)
    assert update[panels.chat] == [] and update[panels.map]["value"].shape == (90, 120, 3)
    update = handlers.clear(A)
    assert update[panels.map]["value"] is None and update[panels.photo] is None and update[panels.references] is None


def test_another_description_starts_the_dialogue_anew(handlers, make_photo):
    ask(handlers, QUESTION, make_photo(1))
    assert handlers.description_changed("a nut", *DRAWING, A)[handlers.panels.chat] == []
    assert handlers.panels.chat not in handlers.description_changed("a nut", *DRAWING, A)


def test_opacity_is_applied_without_the_model(handlers, make_photo, monkeypatch):
    handlers.photo_changed(uploaded(make_photo(1)), *DRAWING, A)
    monkeypatch.setattr("anomalygpt.inspection.session.look_beside", None)
    photo = handlers.visitors.get("a").inspection.photo
    panels = handlers.panels
    assert (handlers.redraw("overlay", 0.0, False, A)[panels.map]["value"] == photo).all()
    assert handlers.redraw("overlay", 1.0, False, B)[panels.map]["value"] is None, "another visitor has no map"
    update = handlers.redraw("compare", 0.5, True, A)
    assert update[panels.map]["visible"] is False and update[panels.compare]["visible"] is True
    before, after = update[panels.compare]["value"]
    assert (before == photo).all() and after.shape == photo.shape


def test_picking_a_region_twice_takes_the_frame_away(handlers, make_photo):
    handlers.photo_changed(uploaded(make_photo(1)), *DRAWING, A)
    picked = gr.EventData(None, {"region": 1})
    handlers.region_picked(*DRAWING, A, picked)
    assert handlers.visitors.get("a").highlighted == 1
    handlers.region_picked(*DRAWING, A, picked)
    assert handlers.visitors.get("a").highlighted is None


def test_two_visitors_never_see_each_other(handlers, make_photo):
    ask(handlers, "First visitor?", make_photo(1, size=(60, 50)), request=A)
    (*_, last) = ask(handlers, "Second visitor?", make_photo(2, size=(80, 70)), request=B)
    panels = handlers.panels
    assert last[panels.map]["value"].shape == (70, 80, 3)
    assert last[panels.chat][0]["content"] == "Second visitor?"
    assert len(last[panels.chat]) == 2
    handlers.leave(B)
    assert handlers.visitors.get("a").inspection.photo.shape == (50, 60, 3)


def test_retry_edit_and_undo_take_the_answer_along(handlers, make_photo):
    panels, photo = handlers.panels, make_photo(1)
    for question in (QUESTION, "Where <is> it?", "How big is it?"):
        ask(handlers, question, photo)
    shown = (uploaded(photo), [], "", *DRAWING, *DECODING, A)
    last = handlers.visitors.get("a").turns[2]
    again = handlers.retried(A, gr.RetryData(None, {"index": 4, "value": [{"text": "How big is it?"}]}))
    assert again[panels.chat][-1] == {"role": "user", "content": "How big is it?"} and len(again[panels.chat]) == 5
    list(handlers.answer(*shown))
    assert handlers.visitors.get("a").turns[2] == last, "at temperature 0 the same answer"
    edited = handlers.question_edited(
        A, gr.EditData(None, {"index": 2, "value": "What &lt;kind&gt;?", "previous_value": ""})
    )
    assert [message["content"] for message in edited[panels.chat]][2:] == ["What &lt;kind&gt;?"]
    list(handlers.answer(*shown))
    assert [turn.question for turn in handlers.visitors.get("a").turns] == [QUESTION, "What <kind>?"]
    undone = handlers.undone(*DRAWING, A, gr.UndoData(None, {"index": 2, "value": "What &lt;kind&gt;?"}))
    assert undone[panels.question].value == "What <kind>?" and len(undone[panels.chat]) == 2
    assert undone[panels.map]["value"].shape == (90, 120, 3)


def test_a_click_on_the_photo_puts_a_question_into_the_box(handlers, make_photo):
    panels = handlers.panels
    assert panels.question not in handlers.region_picked(*DRAWING, A, gr.EventData(None, {"x": 0.1, "y": 0.9}))
    handlers.photo_changed(uploaded(make_photo(1)), *DRAWING, A)
    update = handlers.region_picked(*DRAWING, A, gr.EventData(None, {"x": 0.1, "y": 0.9}))
    assert "bottom left" in update[panels.question] or "region" in update[panels.question]
    assert handlers.visitors.get("a").turns == ()


def test_settings_show_the_models_own_values_and_reach_the_map(handlers, make_photo):
    panels = handlers.panels
    known = handlers.model_known(A)
    assert known[panels.temperature] == 0.0 and known[panels.length] == 40
    assert [value for _, value in known[panels.rule].choices] == ["paper"] and known[panels.rule].value == "paper"
    handlers.references_changed(gallery(make_photo(7)), *DRAWING, A)
    handlers.photo_changed(uploaded(make_photo(1)), *DRAWING, A)
    assert panels.map in handlers.map_rule_changed("paper", True, *DRAWING, A)
    assert panels.map not in handlers.map_rule_changed("paper", True, *DRAWING, A)


def test_the_page_is_in_the_language_of_the_browser(handlers, make_photo):
    panels = handlers.panels
    chinese = type("Request", (), {"session_hash": "c", "headers": {"accept-language": "zh-CN,zh;q=0.9"}})()
    assert panels.badge in handlers.opened(A) and panels.chat not in handlers.opened(A)
    opened = handlers.opened(chinese)
    assert "还没有照片" in opened[panels.badge] and opened[panels.question].submit_btn == "提问"
    assert "图像中有异常吗？" in [opened[chip].value for chip in panels.chips]
    assert "仅依据热图" in handlers.photo_changed(uploaded(make_photo(1)), *DRAWING, chinese)[panels.badge]


def test_the_record_leads_back_and_outlives_a_new_inspection(handlers, make_photo):
    panels = handlers.panels
    ask(handlers, QUESTION, make_photo(1, "one.png", (60, 50)), [make_photo(7)], description="a nut")
    handlers.clear(A)
    (*_, last) = ask(handlers, "Where?", make_photo(2, "two.png", (80, 70)))
    assert last[panels.history].count("data-case") == 2
    update = handlers.case_picked(*DRAWING, A, gr.EventData(None, {"case": 1}))
    assert update[panels.map]["value"].shape == (50, 60, 3) and update[panels.description] == "a nut"
    assert update[panels.photo].endswith("one.png") and len(update[panels.references]) == 1
    assert update[panels.chat][0]["content"] == QUESTION
    # The browser tells of the photos that were put on the page: nothing may be done twice.
    assert panels.map not in handlers.photo_changed(uploaded(served(update[panels.photo])), *DRAWING, A)
    assert panels.map not in handlers.references_changed(gallery(*map(served, update[panels.references])), *DRAWING, A)
    gone = handlers.case_picked(*DRAWING, A, gr.EventData(None, {"case": 9}))
    assert "no longer" in notice(gone, panels.part_notice)
    assert handlers.case_picked(*DRAWING, B, gr.EventData(None, {"case": 1}))[panels.map]["value"] is None


def test_reports_are_files_named_after_the_photo(handlers, make_photo):
    panels = handlers.panels
    assert panels.saved not in handlers.reporter("html")(*DECODING, A)
    ask(handlers, QUESTION, make_photo(1, "part.png"))
    for kind, start in (("html", b"<!DOCTYPE html>"), ("json", b"{"), ("png", b"\x89PNG")):
        path = Path(handlers.reporter(kind)(*DECODING, A)[panels.saved])
        assert path.name.startswith("part-") and path.suffix == f".{kind}"
        assert path.read_bytes().lower().startswith(start.lower())
    assert (
        json.loads(Path(handlers.reporter("json")(*DECODING, A)[panels.saved]).read_text())["settings"]["top-p"] == 0.9
    )


def test_thumbs_are_kept_with_the_dialogue(handlers, make_photo, tmp_path):
    ask(handlers, QUESTION, make_photo(1))
    handlers.rated(A, gr.LikeData(None, {"index": 1, "value": "", "liked": False}))
    handlers.rated(A, gr.LikeData(None, {"index": 9, "value": "", "liked": True}))
    (line,) = (tmp_path / "feedback.jsonl").read_text().splitlines()
    assert json.loads(line)["liked"] is False and handlers.visitors.get("a").ratings == {0: False}
