import base64
import json
import re
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
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


def test_a_session_holds_only_what_its_own_program_showed(client, make_photo):
    from gradio_client import handle_file

    answers = [client.predict(photo=handle_file(make_photo(seed)), api_name="/inspect")[0] for seed in (1, 2)]
    assert answers[0]["session"] != answers[1]["session"]
    for answer, name in zip(answers, ("photo-1.png", "photo-2.png"), strict=True):
        assert answer["photo"]["name"] == name
        further = client.predict(session=answer["session"], question="Where is it?", api_name="/ask")
        assert further["session"] == answer["session"]


@pytest.mark.parametrize(("question", "said"), [(" ", "question is empty"), ("why " * 2500, "10,000|9,999 characters")])
def test_a_question_that_cannot_be_answered_is_refused(client, make_photo, question, said):
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match=said):
        client.predict(photo=handle_file(make_photo(1)), question=question, api_name="/inspect")


def test_no_photo_and_no_photos_are_refused_in_friendly_words(client):
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match="no photo yet"):
        client.predict(photo=None, api_name="/inspect")
    with pytest.raises(AppError, match="no photos yet"):
        client.predict(photos=None, api_name="/batch")


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
@pytest.mark.parametrize("place", [0, 1])
def test_a_file_of_the_server_cannot_be_named(address, make_photo, meta, place):
    """Only what was uploaded is read, whatever path a program writes."""
    named = {"path": make_photo(1), **meta}
    data = [named, []] if place == 0 else [None, [named]]
    call = f"{address}gradio_api/call/inspect"
    body = json.dumps({"data": [*data, "", "Is it good?"]}).encode()
    request = urllib.request.Request(call, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        event = json.load(reply)["event_id"]
    with urllib.request.urlopen(f"{call}/{event}", timeout=60) as reply:
        said = reply.read().decode()
    assert "event: error" in said and "no photo yet" not in said


def test_the_same_three_are_tools_of_mcp_and_one_of_them_answers(address, make_photo):
    import anyio
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    shown = "data:image/png;base64," + base64.b64encode(Path(make_photo(1)).read_bytes()).decode()

    async def note(progress, total, message):
        """A client that wants to hear of the progress gets the pictures too."""

    async def call():
        async with (
            streamablehttp_client(f"{address}gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return (await session.list_tools()).tools, await session.call_tool(
                "inspect", {"photo": shown}, progress_callback=note
            )

    # In a thread of its own: the browser that other tests of the same run drive keeps an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        tools, result = pool.submit(anyio.run, call).result()
    assert sorted(tool.name for tool in tools) == ["ask", "batch", "inspect"]
    for tool in tools:
        described = tool.inputSchema["properties"]
        assert tool.description and all(parameter.get("description") for parameter in described.values()), tool.name
    assert not result.isError, result.content
    assert any("session" in part.text for part in result.content if part.type == "text")
    assert any(part.type == "image" for part in result.content)
