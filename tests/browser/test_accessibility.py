"""axe-core finds no serious fault on the main view, empty and at work, in light and dark."""

import os
from pathlib import Path

import pytest

QUESTION = "Is there any anomaly in the image?"


@pytest.fixture(scope="module")
def axe():
    """The script of axe-core, from the folder that `AXE_CORE` names (`npm install --no-save axe-core`)."""
    script = Path(os.environ.get("AXE_CORE", "")) / "axe.min.js"
    if not script.is_file():
        missing = "AXE_CORE does not name a folder of axe-core: npm install --no-save axe-core, and set it"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return script.read_text(encoding="utf-8")


@pytest.mark.parametrize("dark", [False, True])
def test_no_serious_fault(open_page, nut, axe, dark):
    bench = open_page(dark=dark)
    bench.page.wait_for_selector("#map .empty[role=img]")
    faults = run(bench, axe)
    bench.upload("photo", nut("part.png", spot=True))
    bench.upload("references", nut("good.png"))
    bench.wait_for_map()
    bench.ask(QUESTION)
    bench.page.click("#settings button")
    assert faults + run(bench, axe) == []


def run(bench, axe):
    """What axe finds serious or critical, each with the place on the page."""
    bench.page.evaluate(axe)
    found = bench.page.evaluate("axe.run().then(results => results.violations)")
    return [
        f"{fault['id']} ({fault['impact']}): {node['html'][:160]} | {node['any'][:1] and node['any'][0]['message']}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
