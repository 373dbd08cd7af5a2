"""What the guides promise is there: commands, options, links."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anomalygpt.cli import make_app

DOCS = Path(__file__).parents[1] / "docs"
GUIDES = sorted(DOCS.glob("*.md"))


def commands(text):
    """Every (verb, options) of a command in a guide, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for verb, rest in re.findall(r"python -m anomalygpt ([a-z]+)([^\n`]*)", joined):
        yield verb, re.findall(r"--[a-z][a-z-]*", rest)
    for rest in re.findall(r"python app\.py([^\n`]*)", joined):
        yield "serve", re.findall(r"--[a-z][a-z-]*", rest)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_every_option_of_a_command_is_one(path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    for verb, options in set((verb, tuple(options)) for verb, options in commands(path.read_text(encoding="utf-8"))):
        result = CliRunner().invoke(make_app(), [verb, "--help"])
        assert result.exit_code == 0, verb
        for option in options:
            assert option in result.output, (verb, option)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(path):
    for target in re.findall(r"\]\((?!http)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_every_explained_message_is_one_of_the_program():
    """The first words of each message in the table of errors stand somewhere in the code."""
    code = "".join(path.read_text(encoding="utf-8") for path in DOCS.parent.joinpath("anomalygpt").rglob("*.py"))
    table = (DOCS / "train-your-own.md").read_text(encoding="utf-8").split("## What an error means")[1]
    messages = re.findall(r"^\| `([^`]+)`", table, re.M)
    assert len(messages) > 15
    for message in messages:
        words = re.sub(r"^[\w./, ]+: |'[\w-]+'.*|\b\d+\b.*| \.\.\..*", "", message).split("...")[0].strip()
        assert words[:24] in code, message
