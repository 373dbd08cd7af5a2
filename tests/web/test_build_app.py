import re

import pytest

from anomalygpt.web.build_app import build_app, launch_options
from anomalygpt.web.examples import EXAMPLES_FOLDER, Example, Words, read_examples
from anomalygpt.web.panels import WORDS


@pytest.fixture(scope="module")
def app():
    return build_app(lambda: pytest.fail("no session is needed to show the page"))


def test_nothing_of_the_look_comes_from_outside():
    options = launch_options()
    theme = options["theme"]
    assert not any(theme._stylesheets)
    for style in (theme._get_theme_css(), options["css_paths"].read_text(encoding="utf-8")):
        assert "@import" not in style
        assert re.findall(r"""url\((?!['"]?data:)[^)]*""", style) == []
    assert options["share"] is False and options["show_error"] is False


def test_the_examples_are_shown_wherever_the_page_is_started_from():
    allowed = launch_options()["allowed_paths"]
    assert allowed == [str(EXAMPLES_FOLDER)]
    assert all(
        path.is_relative_to(allowed[0]) for example in read_examples() for path in (example.photo, example.reference)
    )


def test_only_what_is_meant_for_programs_is_a_public_endpoint(app):
    public = [fn.api_name for fn in app.fns.values() if fn.api_visibility == "public" and fn.targets[0][1] != "unload"]
    assert sorted(public) == ["ask", "batch", "inspect"]


def test_the_model_answers_few_at_once_and_stop_never_waits(app):
    by_name = {fn.name: fn for fn in app.fns.values()}
    assert by_name["answer"].queue is not False and by_name["answer"].concurrency_id == "model"
    assert app._queue.default_concurrency_limit == 2 and app._queue.max_size is not None
    for name in ("stop", "question_sent", "retried", "question_edited", "undone", "clear", "redraw"):
        assert by_name[name].queue is False


def test_photos_reach_our_own_reader_undecoded(app):
    by_name = {fn.name: fn for fn in app.fns.values()}
    for name in ("photo_changed", "references_changed", "answer"):
        assert by_name[name].preprocess is False


def test_every_example_is_a_card(make_photo):
    photo = make_photo(1)
    examples = [Example(photo, photo, Words(name, "Is it good?")) for name in ("Bolt", "Nut")]
    app = build_app(lambda: None, examples)
    cards = [block for block in app.blocks.values() if "card" in (block.elem_classes or [])]
    assert [card.value for card in cards] == [str(WORDS("Bolt")), str(WORDS("Nut"))]


def test_there_are_thumbs_only_where_they_are_kept(app, tmp_path):
    for page, kept in ((app, False), (build_app(lambda: None, feedback=tmp_path / "feedback.jsonl"), True)):
        (chat,) = (block for block in page.blocks.values() if block.elem_id == "chat")
        assert bool(chat.feedback_options) is kept
        assert ("rated" in [fn.name for fn in page.fns.values()]) is kept
