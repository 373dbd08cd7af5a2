"""Takes the pictures in docs/images from the running page, with the showcase only.

Start the page (`python app.py`), then run `python docs/make_screenshots.py` with Chromium and requirements-dev.txt
installed. Look at each picture before it is kept: overlapping, cut or empty areas are faults of the page.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer
from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


def ready(page: Page, answers: int) -> None:
    """Waits until so many answers have ended."""
    page.wait_for_function("n => document.querySelectorAll('#chat .bot.message').length >= n", arg=answers)
    page.wait_for_selector("#question button.submit-button")


def ask(page: Page, question: str) -> None:
    """Asks and waits until the answer has ended."""
    answers = page.locator("#chat .bot.message").count()
    page.fill("#question textarea", question)
    page.keyboard.press("Enter")
    ready(page, answers + 1)


def choose(page: Page, example: str) -> None:
    """Opens an example of the showcase and waits for its answer."""
    page.locator(".card", has_text=example).click()
    page.wait_for_selector("#question .stop-button")
    ready(page, 1)
    page.wait_for_selector("#map img")


def nothing_yet(page: Page) -> None:
    """The page as it opens."""


def talked(page: Page) -> None:
    """An example with its first answer and two questions more."""
    choose(page, "Concrete with a crack")
    ask(page, "Where is it?")
    ask(page, "What should I do with this part?")


def talked_in_chinese(page: Page) -> None:
    """The same in Chinese."""
    choose(page, "有裂纹的混凝土")
    ask(page, "它在哪里？")
    ask(page, "这个零件该怎么处理？")


def picked(page: Page) -> None:
    """Several inspections in the record, a region picked."""
    for example in ("Carpet", "Broken bottle", "Cut hazelnut", "Wood with a hole"):
        choose(page, example)
    row = page.locator("#regions tr[data-region]").first
    if row.count():
        row.click()
        page.wait_for_selector("#regions button[aria-pressed=true]")


def compared(page: Page) -> None:
    """Photo and map under the divider, the settings open."""
    choose(page, "Cut hazelnut")
    page.click("#view label:has-text('Before / after')")
    page.wait_for_selector("#compare img >> nth=1")
    page.click("#settings button")


@dataclass(frozen=True)
class Shot:
    """One picture: file name, state of the page, and the browser that sees it."""

    name: str
    state: Callable[[Page], None]
    dark: bool = False
    phone: bool = False
    language: str = "en-US"


SHOTS = (
    Shot("page", talked),
    Shot("page-dark", talked, dark=True),
    Shot("page-phone", talked, phone=True),
    Shot("page-chinese", talked_in_chinese, language="zh-CN"),
    Shot("empty", nothing_yet),
    Shot("empty-dark", nothing_yet, dark=True),
    Shot("record", picked),
    Shot("compare", compared),
    Shot("compare-dark", compared, dark=True),
)


def main(address: str = "http://127.0.0.1:7860", out: Path = IMAGES) -> None:
    """Takes every picture anew."""
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        for shot in SHOTS:
            page = browser.new_page(
                viewport={"width": 390, "height": 844} if shot.phone else {"width": 1280, "height": 800},
                color_scheme="dark" if shot.dark else "light",
                locale=shot.language,
            )
            page.goto(address)
            page.wait_for_selector("#map .empty[role=img]")
            shot.state(page)
            # Nothing fades any more, and the pointer is out of the way.
            page.mouse.move(0, 0)
            page.wait_for_timeout(600)
            page.screenshot(path=out / f"{shot.name}.png", full_page=shot.phone)
            page.close()
        browser.close()


if __name__ == "__main__":
    typer.run(main)
