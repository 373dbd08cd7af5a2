"""Bad input by every way in: session, page and command line. Each gets a message naming the file and the remedy, the
session and the others go on, and nothing is written half."""

import json
import shutil
import signal
import socket
import struct
import zlib

import gradio as gr
import pytest
from PIL import Image
from typer.testing import CliRunner

from anomalygpt.cli import make_app
from anomalygpt.imaging.read import PhotoError
from anomalygpt.inspection.errors import QuestionError
from anomalygpt.web.handlers_part import PartHandlers
from anomalygpt.web.panels import make_panels
from anomalygpt.web.sessions import Visitors

QUESTION = "Is there any anomaly in the image?"
DRAWING = ("overlay", 0.5, True)

PHOTOS = {
    "missing.png": ("there is no such file", "Check the path"),
    "text.jpg": ("not an image", "Use a JPEG"),
    "truncated.jpg": ("damaged or incomplete", "again"),
    "dot.png": ("too small: 1×1 pixels", "at least 8 pixels"),
    "huge.png": ("too large", "over 65 megapixels", "Scale it down"),
}
"""Name, and what the message must say: the fault and the remedy."""

QUESTIONS = {"": ("empty", "Type what"), "why " * 2500: ("9,999 characters", "2,000")}


def png_of_size(width, height):
    """A PNG that says it has so many pixels, and holds none of them."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(b"")]
    parts = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def bad_photo(tmp_path, make_photo):
    def make(name):
        path = tmp_path / name
        if name == "text.jpg":
            path.write_text("no image")
        elif name == "truncated.jpg":
            Image.open(make_photo(99)).save(path)
            path.write_bytes(path.read_bytes()[:2000])
        elif name == "dot.png":
            Image.new("RGB", (1, 1)).save(path)
        elif name == "huge.png":
            path.write_bytes(png_of_size(30_000, 30_000))
        return path

    return make


def says(message, *parts):
    return all(part in message for part in parts)


@pytest.fixture
def session(tiny_inspector, make_photo):
    session = tiny_inspector.new_session()
    session.set_image(make_photo(1))
    return session


@pytest.mark.parametrize("name", PHOTOS)
def test_a_session_refuses_the_photo_and_goes_on(session, bad_photo, name):
    before = session.inspection
    for use in (session.set_image, lambda photo: session.set_references([photo])):
        with pytest.raises(PhotoError) as caught:
            use(bad_photo(name))
        assert says(str(caught.value), name, *PHOTOS[name])
    assert session.inspection is before and session.references == ()
    for _ in session.ask(QUESTION, max_new_tokens=3):
        pass
    assert len(session.turns) == 1


@pytest.mark.parametrize("question", QUESTIONS, ids=["empty", "long"])
def test_a_session_refuses_the_question_and_goes_on(session, question):
    with pytest.raises(QuestionError) as caught:
        session.ask(question)
    assert says(str(caught.value), *QUESTIONS[question]) and session.turns == []


@pytest.mark.parametrize("name", PHOTOS)
def test_the_page_names_the_photo_and_the_other_visitors_go_on(
    tiny_inspector, bad_photo, make_photo, name, tmp_path, monkeypatch
):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))  # what lies here counts as uploaded
    with gr.Blocks():
        handlers = PartHandlers(Visitors(tiny_inspector.new_session), make_panels(()))
    one, other = gr.Request(session_hash="one"), gr.Request(session_hash="other")
    handlers.photo_changed({"path": make_photo(1)}, *DRAWING, other)
    before = handlers.visitor(other).inspection
    refused = handlers.photo_changed({"path": str(bad_photo(name))}, *DRAWING, one)
    message = refused[handlers.panels.part_notice].value
    assert says(message, name, *PHOTOS[name]), message
    assert handlers.visitor(other).inspection is before
    handlers.photo_changed({"path": make_photo(2)}, *DRAWING, one)
    assert handlers.visitor(one).inspection is not None


@pytest.fixture
def inspect(tiny_checkpoint, tmp_path):
    """Runs the command; gives its message after seeing that it ended with 2 and wrote nothing."""

    def run(*arguments, checkpoint=tiny_checkpoint):
        out = tmp_path / "results"
        command = ["inspect", *map(str, arguments), "--checkpoint", str(checkpoint), "--out", str(out)]
        result = CliRunner().invoke(make_app(), command, env={"COLUMNS": "300"})
        assert result.exit_code == 2 and not out.exists(), result.output
        assert "Traceback" not in result.stderr
        return result.stderr

    return run


@pytest.mark.parametrize("name", PHOTOS)
def test_the_command_names_the_photo(inspect, bad_photo, make_photo, name):
    assert says(inspect(bad_photo(name)), name, *PHOTOS[name])
    assert says(inspect(make_photo(1), "--reference", bad_photo(name)), name, *PHOTOS[name])


@pytest.mark.parametrize("question", QUESTIONS, ids=["empty", "long"])
def test_the_command_names_the_question(inspect, make_photo, question):
    assert says(inspect(make_photo(1), "--ask", question), *QUESTIONS[question])


def test_the_command_without_a_photo_says_that_it_wants_one(inspect):
    assert says(inspect(), "Missing argument", "photo")


FAULTS = {
    "missing": ("eye.safetensors", "missing", "Fetch the checkpoint folder again"),
    "truncated": ("model.safetensors", "truncated", "Fetch the checkpoint folder again"),
    "foreign": ("eye.safetensors", "not the one that was saved", "Fetch the checkpoint folder again"),
    "unknown key": ("config.json", "colour", "emove"),
}
"""What was done to a checkpoint folder, and what the message must say."""


@pytest.fixture
def bad_checkpoint(tiny_checkpoint, tmp_path):
    def make(fault):
        folder = tmp_path / "checkpoint"
        shutil.copytree(tiny_checkpoint, folder)
        file = folder / ("language/" if fault == "truncated" else "") / FAULTS[fault][0]
        if fault == "missing":
            file.unlink()
        elif fault == "truncated":
            file.write_bytes(file.read_bytes()[:-1000])
        elif fault == "foreign":
            # As long as the real one, but not it.
            file.write_bytes(file.read_bytes()[:-1000] + bytes(1000))
        else:
            file.write_text(json.dumps(json.loads(file.read_text()) | {"colour": 1}))
        return folder

    return make


@pytest.mark.parametrize("fault", FAULTS)
def test_python_and_the_command_name_the_file_of_the_checkpoint(inspect, bad_checkpoint, make_photo, fault):
    import anomalygpt

    folder = bad_checkpoint(fault)
    with pytest.raises(ValueError) as caught:
        anomalygpt.load(str(folder))
    assert says(str(caught.value), *FAULTS[fault]), str(caught.value)
    assert says(inspect(make_photo(1), checkpoint=folder), *FAULTS[fault])


@pytest.mark.parametrize("fault", FAULTS)
def test_the_server_names_the_file_of_the_checkpoint_and_ends(bad_checkpoint, fault, monkeypatch, tmp_path):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    handler = signal.getsignal(signal.SIGTERM)
    try:
        command = ["serve", "--port", str(port), "--checkpoint", str(bad_checkpoint(fault)), "--no-feedback"]
        result = CliRunner().invoke(make_app(), command)
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert result.exit_code == 2 and says(result.output, *FAULTS[fault]), result.output
    assert "Traceback" not in result.output
