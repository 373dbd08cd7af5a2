import pytest

from anomalygpt.evaluation.protocol import RunSettings
from anomalygpt.evaluation.provenance import command
from anomalygpt.evaluation.report import html, markdown
from anomalygpt.evaluation.summary import summarize


@pytest.fixture
def content():
    units = [
        {
            "category": category,
            "shots": 1,
            "round": number,
            "photos": 4,
            "anomalous": 2,
            "figures": {"ours": {"image_auroc": value, "place_accuracy": None}, "ssim": {"image_auroc": 0.5}},
            "failed": [{"name": "bad/<1>.png", "error": "it | is damaged"}] if number else [],
            "milliseconds": {"set_image": 20.0},
        }
        for category, number, value in (("a|b", 0, 0.9), ("a|b", 1, 0.7), ("c", 0, None), ("c", 1, None))
    ]
    return {
        "model": "tiny",
        "settings": {"data": "folder", "map_size": 256},
        "command": "python -m anomalygpt evaluate --data folder",
        "date": "2026-01-02T03:04:05+00:00",
        "versions": {"commit": "abc"},
        "machine": {"device": "cpu", "processor": "P", "cores": 2},
        "peak_memory_mb": {"process": 1234.5},
        "summary": summarize(units),
        "units": units,
        "dialogue": None,
        "against": None,
        "batch": 2,
        "plots": {"1": ["plots/1-shot/pro.png"]},
    }


def test_markdown_has_figures_spread_and_what_is_undefined(content):
    text = markdown(content)
    assert "| Image AUROC | 80.0 ± 14.1 (1 of 2) | 50.0 ± 0.0 |" in text
    assert "| Place in words | undefined | – |" in text
    assert "| a\\|b | 4 (2) | 80.0 ± 14.1 | undefined |" in text
    assert "long side of 256 pixels" in text and "![pro](plots/1-shot/pro.png)" in text
    assert "2026-01-02, commit abc" in text and "Photos that failed: 2" in text


def test_html_says_the_same_and_cannot_be_broken_by_names(content):
    page = html(content)
    assert page.startswith("<!doctype html>") and "80.0 ± 14.1 (1 of 2)" in page
    assert "bad/&lt;1&gt;.png" in page and "<1>" not in page
    assert 'src="plots/1-shot/pro.png"' in page


def test_every_table_row_is_as_long_as_its_header(content):
    for block in markdown(content).split("\n\n"):
        if block.startswith("| ") or block.startswith("|  |"):
            widths = {line.replace("\\|", "").count("|") for line in block.splitlines()}
            assert len(widths) == 1


def test_dialogue_and_comparison_have_their_tables(content):
    entry = {"accuracy": 0.5, "chance": 0.25, "count": 8}
    found = {"choice": {"defect analysis": entry}, "choice_mean": 0.5, "free": {}, "free_mean": None}
    agreement = {"answers": 6, "first": 1.0, "map": None, "facts": 0.5, "silent": 0.0}
    content["dialogue"] = {"en": {**found, "agreement": agreement}, "MMAD, 1-shot": {**found, "failed": []}}
    figure = {"this": 0.9, "other": 0.8, "difference": 0.1}
    photos = {
        "shared": 8,
        "verdicts_became_right": 2,
        "verdicts_became_wrong": 1,
        "image_auroc_difference_95": [-0.05, 0.2],
    }
    compared = {"figures": {"image_auroc": figure}, "categories": {"c": figure}, "photos": photos}
    run = {"folder": "old", "command": "x", "model": "tiny", "commit": "def"}
    content["against"] = {**run, "shots": {"1": compared}}
    text = markdown(content)
    assert "| English: defect analysis | 50.0 | 25.0 | undefined | 8 |" in text
    assert "| English | 100.0 | undefined | 50.0 | 0.0 | 6 |" in text
    assert "| MMAD, 1-shot: defect analysis |" in text
    assert "| Image AUROC | 90.0 | 80.0 | +10.0 |" in text and "-5.0 to +20.0" in text


def test_the_command_gives_the_settings_again():
    assert command(RunSettings("d")) == "python -m anomalygpt evaluate --data d"
    settings = RunSettings("d", shots=(0, 2), references="paper", baselines=("ssim",), words=False, categories=("a",))
    for part in ("--shots 0,2", "--paper-references", "--baseline ssim", "--no-words", "--category a"):
        assert part in command(settings)
