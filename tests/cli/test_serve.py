import gc
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anomalygpt.cli import make_app
from anomalygpt.cli.serve import _nothing_is_garbage

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0
"""Seconds for a start on a busy machine."""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start(*arguments):
    # An address that answers nothing for a proxy: whoever wants to go outside fails.
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}
    return subprocess.Popen(
        [sys.executable, "app.py", *arguments],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def wait_for_page(process, port):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
                return page.read().decode()
        except OSError:
            time.sleep(0.2)
    process.kill()
    pytest.fail(f"no page: {process.communicate()[0]}")


def test_app_opens_the_page_loads_the_model_and_leaves_no_files(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    port = free_port()
    process = start("--port", str(port), "--checkpoint", str(tiny_checkpoint), "--device", "cpu")
    try:
        assert "AnomalyGPT" in wait_for_page(process, port)
        lines = [process.stdout.readline() for _ in range(2)]
        assert f"http://127.0.0.1:{port}" in lines[0] and "'tiny' is ready" in lines[1]
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert "Traceback" not in output
    assert list(tmp_path.glob("anomalygpt-*")) == []


@pytest.fixture
def serve(monkeypatch):
    """Runs the command here, where all that it imports is loaded already; ends with what the command changes undone."""
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_ANALYTICS_CACHE_FREQUENCY"):
        monkeypatch.setenv(name, os.environ.get(name, "False" if "ENABLED" in name else "1000"))
    handler = signal.getsignal(signal.SIGTERM)
    yield lambda *arguments: CliRunner().invoke(make_app(), ["serve", *map(str, arguments)], env={"COLUMNS": "300"})
    signal.signal(signal.SIGTERM, handler)


def test_a_checkpoint_that_cannot_be_loaded_ends_the_program_with_the_reason(serve, tmp_path):
    result = serve("--port", free_port(), "--checkpoint", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "nowhere" in result.output and "Traceback" not in result.output


def test_a_port_in_use_is_told(serve, tiny_checkpoint):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = serve("--port", port, "--checkpoint", tiny_checkpoint)
    assert result.exit_code == 2
    assert f"Port {port}" in result.output and "--port" in result.output and "Traceback" not in result.output


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("--auth", "nobody", "USER:PASSWORD"),
        ("--auth-file", "nowhere.txt", "nowhere.txt"),
        ("--upload-limit", "lots", "100mb"),
        ("--queue-size", "0", "queue-size"),
        ("--concurrency", "0", "concurrency"),
        ("--port", "70000", "port"),
        ("--root-path", "anomaly", "/anomaly"),
        ("--feedback", "nowhere/thumbs.jsonl", "nowhere"),
    ],
)
def test_a_flag_that_makes_no_sense_is_refused(serve, flag, value, said):
    result = serve(flag, value)
    assert result.exit_code == 2 and said in result.output and "Traceback" not in result.output


def test_a_file_of_accounts_with_a_bad_line_names_the_line_and_no_password(serve, tmp_path):
    (tmp_path / "users.txt").write_text("# who may come in\nann:secret\n\nsecretword\n")
    result = serve("--auth-file", tmp_path / "users.txt")
    assert result.exit_code == 2 and "line 4" in result.output and "secret" not in result.output


def test_mcp_says_what_it_needs_and_what_it_excludes(serve, monkeypatch):
    result = serve("--mcp", "--auth", "a:b")
    assert result.exit_code == 2 and "--auth" in result.output
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "mcp" else found(name))
    result = serve("--mcp")
    assert result.exit_code == 2 and "pip install 'gradio[mcp]'" in result.output


def test_flags_reach_the_page(serve, monkeypatch, tmp_path):
    import gradio as gr

    seen = {}

    def launch(app, **options):
        seen.update(options, queue=app._queue.max_size, limit=app._queue.default_concurrency_limit)
        seen["thumbs"] = any(fn.name == "rated" for fn in app.fns.values())
        raise OSError("enough")

    monkeypatch.setattr(gr.Blocks, "launch", launch)
    (tmp_path / "users.txt").write_text("# comment\nbob:c\n")
    flags = "--host 0.0.0.0 --root-path /a/ --auth me:a:b --queue-size 7 --concurrency 3 --upload-limit 5MB"
    serve(*flags.split(), "--auth-file", tmp_path / "users.txt", "--feedback", tmp_path / "thumbs.jsonl")
    assert (seen["server_name"], seen["root_path"]) == ("0.0.0.0", "/a")
    assert seen["auth"] == [("me", "a:b"), ("bob", "c")]
    assert (seen["queue"], seen["limit"], seen["max_file_size"]) == (7, 3, "5mb")
    assert seen["mcp_server"] is False and seen["thumbs"]
    serve("--no-feedback", "--mcp")
    assert not seen["thumbs"] and seen["auth"] is None and seen["mcp_server"] is True


def test_no_garbage_is_collected_until_the_start_is_over():
    with pytest.raises(ZeroDivisionError), _nothing_is_garbage():
        assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()
    gc.unfreeze()
