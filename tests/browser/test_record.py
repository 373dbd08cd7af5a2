"""The record of a visit in a real browser: back to an earlier inspection, and reports as files."""

import json

import cv2
import numpy as np

QUESTION = "Is there any anomaly in the image?"


def test_back_to_an_earlier_inspection_with_its_dialogue(open_page, nut):
    bench = open_page()
    bench.upload("references", nut("good.png"))
    bench.upload("photo", nut("first.png", spot=True))
    bench.wait_for_map()
    bench.ask(QUESTION)
    answers, badge = bench.answers(), bench.badge()
    bench.page.click("#clear")
    bench.page.wait_for_selector("#map img", state="detached")
    bench.upload("photo", nut("second.png", size=(200, 260)))
    bench.wait_for_map()
    bench.ask("What is this?")
    assert bench.cases().count() == 2
    assert "first.png" in bench.page.get_attribute("#history [data-case='1']", "title")
    bench.page.click("#history [data-case='1']")
    bench.page.wait_for_selector("#history [data-case='1'][aria-current='true']")
    assert bench.questions() == [QUESTION] and bench.answers() == answers and bench.badge() == badge
    bench.page.wait_for_selector("#references .thumbnail-item img")
    bench.page.wait_for_function("document.querySelector('#map img').naturalWidth == 320")
    bench.ask("How big is it?")
    assert bench.questions() == [QUESTION, "How big is it?"] and bench.cases().count() == 2


def test_reports_open_and_hold_the_inspection(open_page, nut, tmp_path):
    bench = open_page()
    assert bench.page.is_disabled("#report-html"), "there is nothing to report yet"
    bench.upload("photo", nut("part.png", spot=True))
    bench.wait_for_map()
    answer = bench.ask(QUESTION)
    name, content = bench.download("json")
    record = json.loads(content)
    assert name.startswith("part-") and record["photo"] == {"name": "part.png", "width": 320, "height": 240}
    assert record["dialogue"][0]["question"] == QUESTION and record["dialogue"][0]["answer"] in answer
    _, content = bench.download("png")
    assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).shape == (240, 320, 3)
    name, content = bench.download("html")
    report = tmp_path / name
    report.write_bytes(content)
    page = bench.page.context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    assert QUESTION in page.inner_text("body") and f"{record['score']:.2f}"[:3] in page.inner_text("body")
    sizes = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert sizes.count(320) >= 2 and all(sizes), "photo and overlay are inside"
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
