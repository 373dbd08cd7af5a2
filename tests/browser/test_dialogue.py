"""Questions and answers in a real browser: stop, retry, undo, edit, copy, two languages, a reload."""

import re

import pytest

from anomalygpt.web.examples import read_examples
from anomalygpt.web.labels import label

QUESTION = "Is there any anomaly in the image?"


@pytest.fixture
def bench(open_page, nut):
    bench = open_page()
    bench.upload("photo", nut("part.png", spot=True))
    bench.wait_for_map()
    return bench


def test_stop_ends_the_answer_and_the_next_question_is_answered(bench):
    # Quicker than a hand: stops as soon as there is a way to.
    bench.page.evaluate(
        "() => { const timer = setInterval(() => { const stop = document.querySelector('#question .stop-button');"
        " if (stop) { stop.click(); clearInterval(timer); } }, 5); }"
    )
    bench.send(QUESTION)
    bench.page.wait_for_selector("#question .stop-button")
    bench.wait_until_ready()
    assert bench.answers() == [] or bench.answers()[-1].endswith(label("stopped", "en"))
    assert bench.ask("Where is it?")


def test_retry_undo_and_edit(bench):
    for question in (QUESTION, "Where is it?", "How big is it?"):
        bench.ask(question)
    bench.message_button("Retry").click()
    bench.page.wait_for_selector("#question .stop-button")
    bench.wait_until_ready()
    assert bench.questions() == [QUESTION, "Where is it?", "How big is it?"] and len(bench.answers()) == 3
    bench.message_button("Undo").click()
    bench.page.wait_for_function("document.querySelectorAll('#chat .user.message').length == 2")
    assert bench.page.input_value("#question textarea") == "How big is it?", "it can be asked another way"
    assert len(bench.answers()) == 2
    bench.message_button("Edit", 0).click()
    bench.page.fill("#chat textarea", "What <is> this?")
    bench.message_button("Submit").click()
    bench.page.wait_for_function("document.querySelectorAll('#chat .user.message').length == 1")
    bench.page.wait_for_selector("#chat .bot.message")
    bench.wait_until_ready()
    assert bench.questions() == ["What <is> this?"] and len(bench.answers()) == 1
    assert bench.ask("How big is it?") and bench.errors == []


def test_clear_and_copy(bench):
    answer = bench.ask(QUESTION)
    bench.message_button("Copy message").click()
    assert bench.page.evaluate("navigator.clipboard.readText()").split() == answer.split()
    bench.page.click("#chat button[aria-label='Clear']")
    bench.page.wait_for_function("document.querySelectorAll('#chat .message').length == 0")
    bench.page.wait_for_function("document.querySelector('#badge').innerText.includes('by the map alone')")
    assert bench.map_size() == [320, 240], "the part stays"


def test_shift_and_enter_break_the_line(bench):
    box = "#question textarea"
    bench.page.fill(box, "Is it good?")
    bench.page.press(box, "Shift+Enter")
    bench.page.type(box, "And how big is it?")
    assert bench.page.input_value(box) == "Is it good?\nAnd how big is it?" and bench.questions() == []


def test_the_page_speaks_the_language_of_the_browser(open_page, nut):
    bench = open_page(language="zh-CN")
    bench.page.wait_for_function("document.querySelector('#badge')?.innerText.includes('还没有照片')")
    bench.page.get_by_text("零件", exact=True).first.wait_for()
    bench.upload("photo", nut("part.png"))
    bench.wait_for_map()
    bench.page.locator(".chip:visible").first.click()
    bench.page.wait_for_selector("#chat .bot.message")
    bench.wait_until_ready()
    assert re.search("[\u4e00-\u9fff]", bench.questions()[0])
    assert re.search("[\u4e00-\u9fff]", bench.badge()) and "Anomalous" not in bench.badge()
    assert bench.page.inner_text("#question button.submit-button") == "提问"


def test_examples_are_in_the_language_of_the_browser(open_page):
    first = read_examples()[0].words("zh")
    bench = open_page(language="zh-CN")
    bench.page.locator(".card", has_text=first.name).click()
    bench.page.wait_for_selector("#chat .bot.message")
    bench.wait_until_ready()
    assert bench.questions() == [first.question] and re.search("[\u4e00-\u9fff]", bench.answers()[0])
    assert bench.page.input_value("#description textarea") == first.description


def test_a_reload_starts_anew(open_page, nut):
    bench = open_page()
    bench.upload("photo", nut("part.png"))
    bench.wait_for_map()
    bench.send(QUESTION)
    bench.page.wait_for_selector("#question .stop-button")
    bench.page.reload()
    bench.page.wait_for_selector("#question textarea")
    assert "No photo yet" in bench.badge() and bench.questions() == []
    bench.upload("photo", nut("part.png"))
    bench.wait_for_map()
    assert bench.ask(QUESTION)
