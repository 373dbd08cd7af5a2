"""The page in a real browser, against the real app."""

import re
import struct
import zlib

import pytest

from anomalygpt.web.examples import read_examples

QUESTION = "Is there any anomaly in the image?"

NEW_MAP = "old => { const i = document.querySelector('#map img'); return i.src != old && i.naturalWidth > 0; }"
"""Whether another map than the one of that address is shown."""


def test_a_part_a_good_one_and_questions_about_it(open_page, nut):
    bench = open_page()
    bench.upload("photo", nut("part.png", spot=True))
    bench.wait_for_map()
    assert bench.map_size() == [320, 240], "the map is drawn in the photo's own resolution"
    assert "by the map alone" in bench.badge()
    bench.upload("references", nut("good.png"))
    bench.page.wait_for_selector("#references .thumbnail-item img")
    # Every state of the answer that the visitor sees.
    bench.page.evaluate(
        "() => { window.seen = new Set(); setInterval(() => {"
        " const said = document.querySelector('#chat .bot.message');"
        " if (said) window.seen.add(said.innerText.trim()); }, 10); }"
    )
    answer = bench.ask(QUESTION)
    seen = [text for text in bench.page.evaluate("[...window.seen]") if text and answer.startswith(text)]
    assert answer and len(seen) >= 2, "the answer grew before the visitor's eyes"
    chip = bench.page.locator(".chip:visible").first
    suggested = chip.inner_text()
    chip.click()
    bench.page.wait_for_function("document.querySelectorAll('#chat .bot.message').length == 2")
    bench.wait_until_ready()
    bench.ask("这是什么？")
    assert bench.questions() == [QUESTION, suggested, "这是什么？"]
    assert len(bench.answers()) == 3 and all(bench.answers())
    assert bench.errors == [] and bench.outside == [], "nothing is fetched from elsewhere"


def test_opacity_is_applied_to_the_map_on_the_page(open_page, nut):
    bench = open_page()
    bench.upload("photo", nut("part.png", spot=True))
    bench.wait_for_map()
    before = bench.page.get_attribute("#map img", "src")
    bench.page.focus("#opacity input[type=range]")
    bench.page.keyboard.press("End")
    bench.page.wait_for_function(NEW_MAP, arg=before)
    assert bench.map_size() == [320, 240]


def test_the_map_alone_and_under_a_divider(open_page, nut):
    bench = open_page()
    bench.upload("photo", nut("part.png", spot=True))
    bench.wait_for_map()
    on_photo = bench.page.get_attribute("#map img", "src")
    bench.page.click("#view label:has-text('Map alone')")
    bench.page.wait_for_function("old => document.querySelector('#map img')?.src != old", arg=on_photo)
    bench.page.click("#view label:has-text('Before / after')")
    bench.page.wait_for_selector("#compare img >> nth=1")
    box = bench.page.locator("#compare").bounding_box()
    assert box["height"] > 150 and box["width"] > 300
    bench.page.click("#view label:has-text('On the photo')")
    bench.page.wait_for_selector("#compare", state="hidden")
    bench.page.wait_for_selector("#map img")


def test_references_come_and_go_singly(open_page, nut):
    bench = open_page()
    bench.upload("photo", nut("part.png"))
    bench.wait_for_map()
    shown = bench.page.locator("#references .thumbnail-item img")
    for number in (1, 2, 3):
        bench.upload("references", nut(f"good-{number}.png", size=(300 + number, 240)))
        bench.page.wait_for_function(
            "n => document.querySelectorAll('#references .thumbnail-item img').length == n", arg=number
        )
    second = shown.nth(1).get_attribute("src")
    bench.page.locator("#references .delete-button").nth(1).click()
    bench.page.wait_for_function("document.querySelectorAll('#references .thumbnail-item img').length == 2")
    assert second not in [shown.nth(i).get_attribute("src") for i in range(2)]


def test_a_picked_region_is_framed_and_a_click_on_the_photo_asks_about_it(open_page, nut):
    bench = open_page()
    bench.upload("photo", nut("part.png", spot=True))
    bench.wait_for_map()
    bench.page.locator("#map img").click(position={"x": 60, "y": 300})
    bench.page.wait_for_function("document.querySelector('#question textarea').value.startsWith('What is')")
    row = bench.page.locator("#regions tr[data-region]").first
    if not row.count():
        pytest.skip("this model finds no region on the part")
    before = bench.page.get_attribute("#map img", "src")
    row.click()
    bench.page.wait_for_selector("#regions button[aria-pressed=true]")
    bench.page.wait_for_function(NEW_MAP, arg=before)
    # The stain of this part is at 220, 60 of 320 × 240.
    at = bench.page.evaluate(
        "() => { const i = document.querySelector('#map img'), b = i.getBoundingClientRect();"
        " const s = Math.min(b.width / i.naturalWidth, b.height / i.naturalHeight);"
        " return [b.left + b.width / 2 + s * (220 - 160), b.top + b.height / 2 + s * (60 - 120)]; }"
    )
    bench.page.fill("#question textarea", "")
    bench.page.mouse.click(*at)
    bench.page.wait_for_function(
        "/^What is (region \\d|at the )/.test(document.querySelector('#question textarea').value)"
    )
    question = bench.page.input_value("#question textarea")
    assert re.fullmatch(r"What is region \d\?|What is at the (top|top right|right)\?", question)
    bench.page.press("#question textarea", "Enter")
    bench.page.wait_for_selector("#chat .bot.message")
    assert bench.questions() == [question]


def test_light_and_dark_change_by_a_button(open_page):
    bench = open_page()
    seen = "getComputedStyle(document.querySelector('#description')).backgroundColor"
    light = bench.page.evaluate(seen)
    bench.page.click("#dark")
    assert bench.page.evaluate(seen) != light
    bench.page.click("#dark")
    assert bench.page.evaluate(seen) == light


def test_settings_are_out_of_the_way_and_show_the_models_own(open_page):
    bench = open_page()
    assert not bench.page.locator("#rule").is_visible()
    bench.page.click("#settings button")
    bench.page.wait_for_selector("#rule input:checked")
    bench.page.check("#rotations input")
    assert bench.errors == []


def test_a_new_inspection_empties_the_page(open_page, nut):
    bench = open_page()
    bench.upload("photo", nut("part.png"))
    bench.upload("references", nut("good.png"))
    bench.wait_for_map()
    bench.ask(QUESTION)
    bench.page.click("#clear")
    bench.page.wait_for_selector("#map img", state="detached")
    bench.page.wait_for_selector("#photo img", state="detached")
    bench.page.wait_for_selector("#references .thumbnail-item", state="detached")
    assert bench.answers() == [] and bench.questions() == []
    assert "No photo yet" in bench.badge()


def test_without_photo_the_page_says_what_to_do(open_page):
    bench = open_page()
    bench.send("Where is it?")
    bench.page.wait_for_selector("#chat-notice .notice")
    assert "no photo yet" in bench.page.inner_text("#chat-notice")
    assert bench.page.input_value("#question textarea") == "Where is it?", "the question is not lost"


@pytest.mark.parametrize("content", [b"this is no image", b""])
def test_a_broken_file_is_named_and_the_page_goes_on(open_page, nut, tmp_path, content):
    bench = open_page()
    broken = tmp_path / "broken.png"
    broken.write_bytes(content)
    bench.upload("photo", broken)
    bench.page.wait_for_selector("#part-notice .notice")
    assert "broken.png" in bench.page.inner_text("#part-notice")
    bench.upload("references", broken)
    bench.page.wait_for_timeout(300)
    bench.upload("photo", nut("part.png"))
    bench.wait_for_map()
    assert bench.ask(QUESTION)


def test_a_truncated_photo_and_one_of_900_megapixels_are_refused(open_page, nut, tmp_path):
    whole = nut("whole.png", spot=True).read_bytes()
    bench = open_page()
    cut = tmp_path / "cut.png"
    cut.write_bytes(whole[: len(whole) // 2])
    bench.upload("photo", cut)
    bench.page.wait_for_selector("#part-notice .notice")
    assert "cut.png" in bench.page.inner_text("#part-notice")
    huge = tmp_path / "huge.png"
    # The header alone says how large it is: width and height are the first fields of a PNG's first chunk.
    header = b"IHDR" + struct.pack(">II", 30000, 30000) + whole[24:29]
    huge.write_bytes(whole[:12] + header + struct.pack(">I", zlib.crc32(header)) + whole[33:])
    bench.upload("photo", huge)
    bench.page.wait_for_function("document.querySelector('#part-notice').innerText.includes('huge.png')")
    assert "too large" in bench.page.inner_text("#part-notice")


def test_two_visitors_at_once_have_their_own_photo_map_and_turns(open_page, nut):
    first, second = open_page(), open_page()
    first.upload("photo", nut("first.png", size=(320, 240)))
    second.upload("photo", nut("second.png", size=(200, 260)))
    first.wait_for_map()
    second.wait_for_map()
    first.send("What does the first visitor see?")
    second.send("What does the second visitor see?")
    for bench, name, size in ((first, "first", [320, 240]), (second, "second", [200, 260])):
        bench.page.wait_for_selector("#chat .bot.message")
        bench.wait_until_ready()
        assert bench.questions() == [f"What does the {name} visitor see?"]
        assert len(bench.answers()) == 1
        assert bench.map_size() == size


def test_an_example_loads_and_is_answered_with_one_click(open_page):
    if not read_examples():
        pytest.skip("there is no showcase in assets/examples")
    bench = open_page()
    names = [example.english.name for example in read_examples()]
    assert bench.page.locator(".card").all_inner_texts() == names
    for case, number in enumerate((0, len(names) - 1), start=1):
        bench.page.locator(".card").nth(number).click()
        # Its own case in the record, so that nothing of the example before is taken for it.
        bench.page.wait_for_selector(f"#history [data-case='{case}'][aria-current='true']")
        bench.page.wait_for_selector("#chat .bot.message")
        bench.wait_until_ready()
        assert bench.questions() == [read_examples()[number].english.question]
        bench.wait_for_map()
        assert bench.page.locator("#references .thumbnail-item").count() == 1
        assert re.search(r"\d\.\d\d", bench.badge())


@pytest.mark.parametrize(("width", "height", "dark"), [(1280, 800, False), (1280, 800, True), (390, 844, False)])
def test_the_main_view_fits(open_page, nut, width, height, dark):
    bench = open_page(width, height, dark)
    bench.upload("photo", nut("part.png", spot=True))
    bench.upload("references", nut("good.png"))
    bench.wait_for_map()
    bench.ask(QUESTION)
    wide, high = bench.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert wide <= width, "nothing is cut off at the side"
    if width >= 1000:
        assert high <= height, "the main view needs no scrolling"
    boxes = bench.page.evaluate(
        "['#header', '#part', '#evidence', '#dialogue'].map(s => document.querySelector(s).getBoundingClientRect())"
        ".map(b => [b.left, b.top, b.right, b.bottom])"
    )
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            apart = one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]
            assert apart, "two areas overlap"
    assert bench.page.evaluate("document.body.classList.contains('dark')") is dark
