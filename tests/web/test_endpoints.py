import re
import zipfile
from pathlib import Path

import pytest

from anomalygpt.web.build_app import build_app, launch_options

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture(scope="module")
def address(tiny_inspector, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        app = build_app(tiny_inspector.new_session)
        _, url, _ = app.launch(prevent_thread_lock=True, mcp_server=True, **launch_options())
        yield url
        app.close()


@pytest.fixture(scope="module")
def client(address, tmp_path_factory):
    from gradio_client import Client

    return Client(address, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


def test_the_examples_of_the_guide_run_as_they_are_written(address, make_photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_photo(1, "part.png"), make_photo(2, "good.png")
    with zipfile.ZipFile("parts.zip", "w") as archive:
        archive.write(make_photo(3), "line/other.png")
        archive.writestr("broken.jpg", b"no image")
    names = {}
    for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL):
        exec(block.replace("http://127.0.0.1:7860/", address), names)
    assert names["result"]["answer"] == names["result"]["dialogue"][0]["answer"]
    assert 0 <= names["result"]["score"] <= 1 and names["result"]["references"] == 1
    assert Path(names["overlay"]).stat().st_size > 0
    assert names["further"]["question"] == "Where is it?"
    by_file = {row["file"]: row for row in names["table"]["rows"]}
    assert set(by_file) == {"part.png", "line/other.png", "broken.jpg"}
    assert "not an image" in by_file["broken.jpg"]["error"] and names["table"]["counts"]["failed"] == 1
    assert "line/other.png" in Path(names["csv"]).read_text(encoding="utf-8")
    assert "<!doctype html>" in Path(names["html"]).read_text(encoding="utf-8")


def test_what_cannot_be_done_is_refused_with_the_reason(client, tmp_path):
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    with pytest.raises(AppError, match="not an image"):
        client.predict(photo=handle_file(str(broken)), api_name="/inspect")
    with pytest.raises(AppError, match="no session 'gone'"):
        client.predict(session="gone", question="Where is it?", api_name="/ask")


def test_the_same_three_are_offered_over_mcp(address):
    import json
    import urllib.request

    with urllib.request.urlopen(f"{address}gradio_api/mcp/schema") as reply:
        tools = json.load(reply)
    assert sorted(tool["name"] for tool in tools) == ["ask", "batch", "inspect"]
    assert all(tool["description"] for tool in tools)
