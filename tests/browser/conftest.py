import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE = 300.0
"""Seconds for a start on a busy machine."""


@pytest.fixture(scope="session")
def browser():
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if executable is None:
        missing = "no chromium on this machine: install it to run the tests of the page"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(browser, request):
    """The real app in a process of its own, on a free port."""
    shipped = ROOT / "checkpoints" / "embedded" / "config.json"
    checkpoint = "embedded" if shipped.is_file() else str(request.getfixturevalue("tiny_checkpoint"))
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    app = subprocess.Popen([sys.executable, "app.py", "--port", str(port), "--checkpoint", checkpoint], cwd=ROOT)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            break
        except OSError:
            if app.poll() is not None or time.monotonic() > end:
                app.kill()
                pytest.fail("the app does not start")
            time.sleep(0.2)
    yield f"http://127.0.0.1:{port}/"
    app.terminate()
    app.wait(30)


class Workbench:
    """The page as a visitor uses it."""

    def __init__(self, page, address):
        self.page = page
        self.outside = []
        self.errors = []
        page.on("request", lambda request: self._note(request.url, address))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(address)
        page.wait_for_selector("#question textarea")

    def _note(self, url, address):
        if not url.startswith((address, "data:", "blob:")):
            self.outside.append(url)

    def upload(self, part, *files):
        self.page.set_input_files(f"#{part} input[type=file]", [str(file) for file in files])

    def wait_for_map(self):
        self.page.wait_for_selector("#map img")

    def map_size(self):
        return self.page.evaluate(
            "async () => { const i = document.querySelector('#map img'); await i.decode();"
            " return [i.naturalWidth, i.naturalHeight]; }"
        )

    def send(self, question):
        self.page.fill("#question textarea", question)
        self.page.press("#question textarea", "Enter")

    def wait_until_ready(self):
        self.page.wait_for_selector("#question button.submit-button")

    def ask(self, question):
        """Asks and gives the answer when it is complete."""
        before = len(self.answers())
        self.send(question)
        self.page.wait_for_function("n => document.querySelectorAll('#chat .bot.message').length > n", arg=before)
        # A photo or a reference that is still being looked at can show the box ready, or the chat empty, for a moment.
        said: list[str] = []
        while True:
            self.wait_until_ready()
            if len(said) > before and said == self.answers():
                return said[-1]
            said = self.answers()
            self.page.wait_for_timeout(700)

    def answers(self):
        return [text.strip() for text in self.page.locator("#chat .bot.message").all_inner_texts()]

    def questions(self):
        return [text.strip() for text in self.page.locator("#chat .user.message").all_inner_texts()]

    def message_button(self, name, number=-1):
        """A button below the messages of the chat, by its name; the last one where there are several."""
        buttons = self.page.locator(f"#chat .message-buttons button[aria-label='{name}']")
        return buttons.nth(number if number >= 0 else buttons.count() + number)

    def cases(self):
        return self.page.locator("#history [data-case]")

    def download(self, kind):
        """Asks for a report and gives the name that it is saved by, and its content."""
        with self.page.expect_download() as saved:
            self.page.click(f"#report-{kind}")
        return saved.value.suggested_filename, Path(saved.value.path()).read_bytes()

    def badge(self):
        return self.page.inner_text("#badge")


@pytest.fixture
def open_page(browser, address):
    """Opens the page as another visitor each time."""
    contexts = []

    def open_one(width=1280, height=800, dark=False, language="en-US"):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale=language,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        return Workbench(context.new_page(), address)

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def nut(tmp_path):
    """Paints photos of a grey ring on white; with `spot`, a dark stain at the top right."""

    def paint(name, spot=False, size=(320, 240)):
        width, height = size
        image = np.full((height, width, 3), 245, np.uint8)
        cv2.circle(image, (width // 2, height // 2), height // 3, (150, 150, 155), height // 9, cv2.LINE_AA)
        if spot:
            cv2.circle(image, (width // 2 + height // 4, height // 2 - height // 4), height // 14, (20, 30, 90), -1)
        path = tmp_path / name
        cv2.imwrite(str(path), image)
        return path

    return paint
