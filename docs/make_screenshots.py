"""Takes the pictures in docs/images from the running page, with the showcase only.

Start the page (`python app.py`), then run `python docs/make_screenshots.py` with Chromium and requirements-dev.txt
installed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import typer
from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


def ask(page: Page, question: str) -> None:
    """Asks and waits until the answer has ended."""
    before = page.locator("#chat .bot.message").count()
    page.fill("#question textarea", question)
    page.keyboard.press("Enter")
    page.wait_for_function("before => document.querySelectorAll('#chat .bot.message').length > before", arg=before)
    page.wait_for_selector("#question button.submit-button")


def main(address: str = "http://127.0.0.1:7860", example: str = "Concrete with a crack") -> None:
    """Takes the page in light and in dark, and at a phone's width."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        for name, width, height, scheme in (
            ("page", 1280, 800, "light"),
            ("page-dark", 1280, 800, "dark"),
            ("page-phone", 390, 844, "light"),
        ):
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(address)
            page.get_by_text(example, exact=True).click()
            page.wait_for_selector("#chat .bot.message")
            page.wait_for_selector("#question button.submit-button")
            ask(page, "Where is it?")
            ask(page, "What should I do with this part?")
            page.screenshot(path=IMAGES / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    typer.run(main)
