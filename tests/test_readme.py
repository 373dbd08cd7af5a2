"""What the README promises is there."""

import re
from pathlib import Path

from typer.testing import CliRunner

from anomalygpt.cli import make_app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_two_commands_stand_there_word_for_word():
    lines = README.splitlines()
    assert "pip install -r requirements.txt && python app.py" in lines
    assert "pip install -r requirements-dev.txt && python -m pytest" in lines
    assert "pip install -r requirements-dev.txt && python -m pytest" in (ROOT / ".ci/run").read_text().replace("\\", "")


def test_every_verb_that_is_named_explains_itself():
    for verb in sorted(set(re.findall(r"python -m anomalygpt ([a-z]+)", README))):
        result = CliRunner().invoke(make_app(), [verb, "--help"])
        assert result.exit_code == 0 and "Usage" in result.output, verb


def test_every_link_within_the_repository_leads_somewhere():
    targets = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_the_python_example_calls_what_there_is():
    from anomalygpt.inspection.session import Session
    from anomalygpt.records import Inspection

    code = re.search(r"```python\n(.+?)```", README, re.S).group(1)
    for owner, name in re.findall(r"\b(session|inspection)\.(\w+)", code):
        home = {"session": Session, "inspection": Inspection}[owner]
        assert hasattr(home, name) or name in home.__dataclass_fields__, name
