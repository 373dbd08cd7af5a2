import threading

import numpy as np
import pytest
import torch

from anomalygpt.imaging.read import PhotoError
from anomalygpt.inspection.errors import NoPhotoError, QuestionError, ReferenceError
from anomalygpt.inspection.session import MAX_QUESTION
from anomalygpt.records import ANOMALOUS, Turn

QUESTION = "Is there any anomaly in the image?"


def ask(session, question=QUESTION, **settings):
    return "".join(session.ask(question, max_new_tokens=12, **settings))


@pytest.fixture
def session(tiny_inspector, make_photo):
    session = tiny_inspector.new_session("a metal nut")
    session.set_references([make_photo(1)])
    session.set_image(make_photo(2))
    return session


def test_the_map_lies_on_the_photo_itself(session, make_photo):
    inspection = session.set_image(make_photo(3, size=(150, 70)))
    assert inspection.photo.shape == (70, 150, 3)
    assert inspection.anomaly_map.shape == (70, 150) and inspection.anomaly_map.dtype == np.float32
    assert inspection.anomaly_map.min() >= 0 and inspection.anomaly_map.max() <= 1
    assert inspection.score == pytest.approx(float(inspection.anomaly_map.max()))
    assert bool(inspection.regions) == (inspection.score >= ANOMALOUS)
    assert inspection.evidence.references == 1


def test_a_photo_that_is_its_own_reference_is_normal_under_the_papers_rule(tiny_inspector, make_photo):
    session = tiny_inspector.new_session()
    session.set_references([make_photo(4)])
    assert session.set_image(make_photo(4)).score < 0.01
    assert session.set_image(make_photo(5)).score > 0.01


def test_paths_pictures_and_arrays_are_the_same_photo(tiny_inspector, make_photo):
    from PIL import Image

    path = make_photo(6)
    maps = []
    for photo in (path, Image.open(path), np.asarray(Image.open(path))):
        session = tiny_inspector.new_session()
        maps.append(session.set_image(photo).anomaly_map)
    assert np.array_equal(maps[0], maps[1]) and np.array_equal(maps[0], maps[2])


def test_answers_stream_and_are_kept(session):
    pieces = list(session.ask(QUESTION, max_new_tokens=12))
    assert len(session.turns) == 1
    assert session.turns[0].question == QUESTION and session.turns[0].answer == "".join(pieces).strip()
    assert session.verdict == session.turns[0].verdict


def test_the_photo_is_encoded_once_however_many_questions_follow(session, monkeypatch):
    def fail(*_):
        raise AssertionError("encoded again")

    monkeypatch.setattr(type(session.inspector.model.eye), "see", fail)
    for _ in range(3):
        ask(session)
    assert len(session.turns) == 3


def test_a_follow_up_reads_only_its_own_tokens(session, monkeypatch):
    read = []
    language = session.inspector.model.language
    step = type(language).step

    def counted(self, embeddings, cache, keep=1):
        read.append(embeddings.shape[1])
        return step(self, embeddings, cache, keep)

    monkeypatch.setattr(type(language), "step", counted)
    ask(session)
    first = max(read)
    read.clear()
    ask(session, "Where?")
    own = language.token_ids(session.inspector.prompt_format.later_turn("Where?")).shape[1]
    assert max(read) == own + bool(session.inspector.plans) < first  # the plan of the answer is read along


def test_undo_takes_back_the_last_turn_as_if_it_had_not_been(session):
    first = ask(session)
    second = ask(session, "Where?")
    session.undo()
    assert len(session.turns) == 1
    assert ask(session, "Where?") == second
    session.undo()
    session.undo()
    assert session.turns == [] and ask(session) == first
    session.reset_dialogue()
    session.undo()
    assert session.turns == []


def test_another_photo_or_other_references_start_the_dialogue_anew(session, make_photo):
    for change in (
        lambda: session.set_image(make_photo(7)),
        lambda: session.set_references([make_photo(8), make_photo(9)]),
        lambda: session.set_references([]),
        lambda: setattr(session, "description", "a screw"),
    ):
        ask(session)
        change()
        assert session.turns == [] and session.verdict is None and session.inspection is not None
    assert session.inspection.evidence.references == 0


def test_references_change_the_map_and_their_order_does_not(tiny_inspector, make_photo):
    def score(*references):
        session = tiny_inspector.new_session()
        session.set_references([make_photo(seed) for seed in references])
        return session.set_image(make_photo(10)).anomaly_map

    assert not np.allclose(score(11), score(12))
    assert np.allclose(score(11, 12), score(12, 11), atol=1e-5)
    assert score(11, 12).max() <= score(11).max() + 1e-5


def test_sessions_do_not_share_anything_but_the_model(tiny_inspector, make_photo):
    sessions = [tiny_inspector.new_session() for _ in range(4)]
    alone = {}
    for seed, session in enumerate(sessions):
        session.set_image(make_photo(20 + seed))
        alone[seed] = (session.inspection.anomaly_map, ask(session), ask(session, "Where?"))
        session.reset_dialogue()
    found = {}

    def visit(seed):
        session = sessions[seed]
        session.set_image(make_photo(20 + seed, f"again-{seed}.png"))
        found[seed] = (session.inspection.anomaly_map, ask(session), ask(session, "Where?"))

    threads = [threading.Thread(target=visit, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(4):
        assert np.allclose(found[seed][0], alone[seed][0], atol=1e-5) and found[seed][1:] == alone[seed][1:]


def test_a_stopped_answer_is_kept_and_the_dialogue_goes_on(session):
    cancel = threading.Event()
    pieces = []
    for piece in session.ask(QUESTION, max_new_tokens=40, cancel=cancel):
        pieces.append(piece)
        cancel.set()
    assert session.turns[0].finished is False and session.turns[0].answer == "".join(pieces).strip()
    ask(session, "Where?")
    assert len(session.turns) == 2


def test_what_cannot_be_asked_says_why_and_changes_nothing(tiny_inspector, session):
    with pytest.raises(NoPhotoError, match="Add a photo"):
        tiny_inspector.new_session().ask(QUESTION)
    ask(session)
    for question, said in (("   ", "empty"), ("x" * 10_000, f"{MAX_QUESTION:,}")):
        with pytest.raises(QuestionError, match=said):
            session.ask(question)
    assert len(session.turns) == 1


def test_a_photo_that_cannot_be_read_changes_nothing(session, tmp_path, make_photo):
    before = session.inspection
    ask(session)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(PhotoError, match=r"broken\.png"):
        session.set_image(broken)
    with pytest.raises(PhotoError, match=r"broken\.png"):
        session.set_references([make_photo(13), broken])
    with pytest.raises(ReferenceError, match="at most 16"):
        session.set_references([make_photo(13)] * 17)
    assert session.inspection is before and len(session.turns) == 1 and len(session.references) == 1


def test_an_unknown_rule_is_refused(session):
    with pytest.raises(ValueError, match="paper"):
        session.rule = "fused"
    assert session.rule == "paper" and session.inspection is not None


def test_sampling_repeats_with_its_seed(session):
    answers = []
    for seed in (1, 1, 2):
        answers.append(ask(session, temperature=1.0, top_p=1.0, seed=seed))
        session.undo()
    assert answers[0] == answers[1] != answers[2]


def test_nothing_is_kept_for_training(session):
    ask(session)
    assert not any(p.requires_grad for p in session.inspector.model.parameters())
    assert not torch.is_grad_enabled() or session.inspector.model.training is False


def test_a_part_that_lies_turned_is_normal_beside_turned_references(session):
    photo = np.random.default_rng(5).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    session.set_references([np.ascontiguousarray(np.rot90(photo))])
    straight = session.set_image(photo).anomaly_map
    session.rotations = True
    assert session.inspection.anomaly_map.mean() < straight.mean()
    assert session.inspection.evidence.references == 1
    session.rotations = False
    assert np.array_equal(session.inspection.anomaly_map, straight)


def test_a_dialogue_is_taken_up_again_with_the_next_answer_the_same(session, make_photo):
    turns = [Turn(QUESTION, "Yes, at the top left.", True), Turn("How big is it?", "Small.", None)]
    session.resume(turns)
    following = ask(session, "Where is it?")
    session.undo()
    assert session.turns == turns
    session.set_image(make_photo(2))
    session.resume(turns[:1])
    session.resume(turns)
    assert ask(session, "Where is it?") == following
    session.undo()
    session.undo()
    assert session.turns == turns[:1]


def test_without_a_photo_no_dialogue_is_taken_up(tiny_inspector):
    with pytest.raises(NoPhotoError):
        tiny_inspector.new_session().resume([Turn(QUESTION, "Yes.", True)])
