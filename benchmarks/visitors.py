"""Many visitors at once in a real browser, each with a photo of their own and three questions.

Start the page (`python app.py`), then run `python benchmarks/visitors.py --process PID`: it checks that
every answer and map belongs to its own photo and none is lost, and prints the time until the page can be used, the time
from a click on an example to the first word, and the server's memory before, during and after.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
from playwright.async_api import Browser, Page, async_playwright

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
QUESTIONS = ("Is there any anomaly in the image? I am visitor {n}.", "Where is it, visitor {n} asks?", "How big, {n}?")
PATIENCE = 600_000
"""Milliseconds that a visitor waits for one thing."""


def paint(folder: Path, number: int) -> tuple[Path, list[int]]:
    """A photo whose size tells whose it is."""
    width, height = 200 + 4 * number, 240 + 2 * number
    image = np.full((height, width, 3), 240, np.uint8)
    cv2.circle(image, (width // 2, height // 2), 70, (150, 150 - number, 155), 24, cv2.LINE_AA)
    cv2.circle(image, (60 + 5 * number, 60), 9, (20, 30, 90), -1)
    path = folder / f"visitor-{number}.png"
    cv2.imwrite(str(path), image)
    return path, [width, height]


async def opened(browser: Browser, address: str) -> tuple[Page, float]:
    """A visitor's own page, and seconds until a question can be typed."""
    page = await (await browser.new_context()).new_page()
    page.set_default_timeout(PATIENCE)
    began = time.perf_counter()
    await page.goto(address)
    await page.fill("#question textarea", "x")
    elapsed = time.perf_counter() - began
    await page.fill("#question textarea", "")
    return page, elapsed


async def first_word(browser: Browser, address: str) -> float:
    """Seconds from a click on an example to the first word on the page."""
    page, _ = await opened(browser, address)
    began = time.perf_counter()
    await page.locator(".card").first.click()
    await page.wait_for_function("() => document.querySelector('#chat .bot.message')?.innerText.trim()")
    elapsed = time.perf_counter() - began
    await page.wait_for_selector("#question button.submit-button")
    await page.context.close()
    return elapsed


async def visit(browser: Browser, address: str, folder: Path, number: int) -> list[str]:
    """One visit; gives what went wrong."""
    page, _ = await opened(browser, address)
    path, size = paint(folder, number)
    await page.set_input_files("#photo input[type=file]", str(path))
    await page.wait_for_selector("#map img")
    wrong = []
    asked = [question.format(n=number) for question in QUESTIONS]
    for count, question in enumerate(asked, 1):
        await page.fill("#question textarea", question)
        await page.press("#question textarea", "Enter")
        await page.wait_for_function("n => document.querySelectorAll('#chat .bot.message').length == n", arg=count)
        await page.wait_for_selector("#question button.submit-button")
    shown = await page.locator("#chat .user.message").all_inner_texts()
    if [text.strip() for text in shown] != asked:
        wrong.append(f"visitor {number}: questions {shown}")
    answers = await page.locator("#chat .bot.message").all_inner_texts()
    if len(answers) != len(asked) or not all(text.strip() for text in answers):
        wrong.append(f"visitor {number}: answers {answers}")
    seen = await page.evaluate(
        "async () => { const i = document.querySelector('#map img'); await i.decode();"
        " return [i.naturalWidth, i.naturalHeight]; }"
    )
    if seen != size:
        wrong.append(f"visitor {number}: a map of {seen} for a photo of {size}")
    if path.name not in (await page.get_attribute("#history [data-case]", "title") or ""):
        wrong.append(f"visitor {number}: another's record")
    await page.context.close()
    return wrong


def memory(process: int) -> float:
    """Resident memory of the server, MiB."""
    return psutil.Process(process).memory_info().rss / 2**20


async def measure(address: str, process: int, count: int) -> None:
    """Runs everything and prints it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        usable = []
        for _ in range(3):
            page, elapsed = await opened(browser, address)
            usable.append(elapsed)
            await page.context.close()
        print(f"page usable after {statistics.median(usable):.2f} s (median of {len(usable)})")
        words = [await first_word(browser, address) for _ in range(5)]
        print(f"first word after {statistics.median(words):.2f} s (median of {len(words)}, one visitor)")
        with tempfile.TemporaryDirectory() as name:
            # One whole round first: what the libraries keep for good is not the visitors'.
            await visit(browser, address, Path(name), 0)
            await asyncio.sleep(2)
            before, began = memory(process), time.perf_counter()
            visits = [
                asyncio.create_task(visit(browser, address, Path(name), number)) for number in range(1, count + 1)
            ]
            most = before
            while not all(task.done() for task in visits):
                most = max(most, memory(process))
                await asyncio.sleep(0.5)
            elapsed = time.perf_counter() - began
            wrong = [fault for task in visits for fault in task.result()]
        await browser.close()
    await asyncio.sleep(5)
    after = memory(process)
    print(f"{count} visitors, {3 * count} answers in {elapsed:.0f} s; {len(wrong)} faults")
    print(
        f"memory {before:.0f} MiB before, {most:.0f} at most, {after:.0f} after ({100 * (after / before - 1):+.0f} %)"
    )
    for fault in wrong:
        print(fault)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="http://127.0.0.1:7860")
    parser.add_argument("--process", type=int, required=True, help="process id of the server, for its memory")
    parser.add_argument("--count", type=int, default=20, help="visitors at once")
    options = parser.parse_args()
    asyncio.run(measure(options.address, options.process, options.count))
