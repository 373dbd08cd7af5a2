import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from anomalygpt.cli import make_app

QUESTION = "Is there any anomaly in the image?"


@pytest.fixture
def run(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run_inspect(*arguments, checkpoint=tiny_checkpoint):
        return CliRunner().invoke(make_app(), ["inspect", *arguments, "--checkpoint", str(checkpoint)])

    return run_inspect


def test_answers_are_printed_and_overlay_and_record_are_written(run, make_photo, tmp_path):
    from PIL import Image

    photo = make_photo(1, "part.png")
    result = run(
        photo, "--reference", make_photo(2), "--reference", make_photo(3), "--ask", QUESTION, "--ask", "Where is it?",
        "--description", "a nut", "--out", "results",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert f"> {QUESTION}" in result.output and "> Where is it?" in result.output
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["part.json", "part.overlay.png"]
    with Image.open(tmp_path / "results" / "part.overlay.png") as picture:
        assert picture.size == (120, 90)
    record = json.loads((tmp_path / "results" / "part.json").read_text(encoding="utf-8"))
    assert QUESTION in json.dumps(record)


def test_json_prints_the_record_and_nothing_else(run, make_photo):
    result = run(make_photo(1), "--json")
    assert result.exit_code == 0
    assert isinstance(json.loads(result.stdout), dict)


def test_the_seed_repeats_an_answer(run, make_photo):
    photo = make_photo(1)
    answers = [run(photo, "--temperature", "1.5", "--seed", seed).output for seed in ("1", "1", "2")]
    assert answers[0] == answers[1] != answers[2]


def test_bad_input_ends_with_2_and_a_message_that_names_it(run, make_photo, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    good = make_photo(1)
    for arguments, part in [
        ((str(tmp_path / "missing.png"),), "missing.png"),
        ((str(broken),), "broken.jpg"),
        ((good, "--reference", str(broken)), "broken.jpg"),
        ((good, "--ask", " "), "empty"),
        ((good, "--ask", "why " * 600), "2,000"),
        ((good, "--out", str(broken)), "--out"),
    ]:
        result = run(*arguments)
        assert result.exit_code == 2, arguments
        assert part in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "inspections").exists()


def test_a_missing_checkpoint_ends_with_2(run, make_photo, tmp_path):
    result = run(make_photo(1), checkpoint=tmp_path / "nowhere")
    assert result.exit_code == 2 and "nowhere" in result.stderr


def test_help_is_quick_because_nothing_heavy_is_imported():
    code = (
        "import sys; sys.argv = ['anomalygpt', '--help']\n"
        "from anomalygpt.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'gradio', 'transformers', 'numpy', 'cv2') if name in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert result.stdout.splitlines()[-1] == "[]"
    assert all(verb in result.stdout for verb in ("serve", "inspect", "simulate", "train", "evaluate"))
