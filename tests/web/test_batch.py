import threading
import zipfile
from pathlib import Path

import gradio as gr
import pytest

from anomalygpt.web.batch import BatchHandlers, connect_batch
from anomalygpt.web.batch_panels import make_batch_panels


def visitor(key, language="en"):
    return gr.Request(session_hash=key, headers={"accept-language": language})


A, B, CHINESE = visitor("a"), visitor("b"), visitor("c", "zh-CN,zh;q=0.9")


@pytest.fixture
def handlers(tiny_inspector, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))  # what lies here counts as uploaded
    monkeypatch.setattr("anomalygpt.web.batch.UPDATE_SECONDS", 0.0)
    with gr.Blocks():
        panels = make_batch_panels()
        handlers = BatchHandlers(tiny_inspector.new_session, panels)
        connect_batch(handlers)
    return handlers


def uploaded(*paths):
    return [{"path": str(path), "orig_name": Path(path).name, "meta": {"_type": "gradio.FileData"}} for path in paths]


def gallery(*paths):
    return [{"image": record, "caption": None} for record in uploaded(*paths)]


def run(handlers, files, references=(), request=A):
    handlers.started(request)
    return list(handlers.run(uploaded(*files), gallery(*references), "a nut", request))


def test_the_table_grows_and_the_downloads_come_at_the_end(handlers, make_photo):
    panels = handlers.panels
    photos = [make_photo(i) for i in (1, 2, 3)]
    *growing, last, ready = run(handlers, photos, [make_photo(7)])
    assert [len(update[panels.table].value["data"]) for update in growing] == [1, 2, 3]
    assert (
        "2 of 3 photos" in growing[1][panels.progress]
        and 'aria-valuenow="2" aria-valuemax="3"' in growing[1][panels.progress]
    )
    picture, name, verdict, score, *_ = last[panels.table].value["data"][0]
    assert picture.startswith('<img src="data:image/jpeg') and name == "photo-1.png"
    assert verdict in ("Anomalous", "Normal", "Undecided") and 0 <= score <= 1
    assert "data:image/png" in last[panels.histogram].value and last[panels.histogram].visible
    for button, ending, said in ((panels.csv, ".csv", "photo-3.png"), (panels.html, ".html", "<!doctype html>")):
        assert last[button].interactive and last[button].value["path"].endswith(ending)
        assert said in Path(last[button].value["path"]).read_text(encoding="utf-8")
    assert ready[panels.start].interactive and not ready[panels.cancel].interactive


def test_an_archive_with_a_broken_file_and_rubbish_in_its_name(handlers, make_photo, tmp_path):
    archive = tmp_path / "parts.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.write(make_photo(1), "line 1/part.png")
        content.writestr("<img onerror=alert(1)>.jpg", b"no image")
        content.writestr("__MACOSX/._part.png", b"")
    *_, last, _ready = run(handlers, [archive])
    good, bad = last[handlers.panels.table].value["data"]
    assert good[1] == "line 1/part.png"
    assert bad[2] == "Failed" and "not an image" in bad[-1] and bad[0] == "", "only the picture is HTML"
    assert "1 failed" in last[handlers.panels.progress]


def test_why_a_photo_failed_is_said_in_the_language_of_the_reader(handlers, tmp_path):
    (tmp_path / "none.jpg").write_bytes(b"no image")
    handlers.started(CHINESE)
    *_, last, _ready = handlers.run(uploaded(tmp_path / "none.jpg"), None, "", CHINESE)
    assert "不是可读取的图像" in last[handlers.panels.table].value["data"][0][-1]


def test_cancel_keeps_what_is_done(handlers, make_photo):
    panels = handlers.panels
    handlers.started(A)
    updates = handlers.run(uploaded(*(make_photo(i) for i in range(4))), None, "", A)
    next(updates)
    handlers.cancel(A)
    last, ready = list(updates)
    assert "Cancelled after 1 of 4" in last[panels.progress] and len(last[panels.table].value["data"]) == 1
    assert last[panels.csv].interactive and ready[panels.start].interactive


def test_a_batch_that_was_cancelled_while_it_waited_does_nothing(handlers, make_photo):
    handlers.started(A)
    handlers.cancel(A)
    # The gone entry is what `run` meets; the model is never asked.
    handlers._new_session = lambda: pytest.fail("no session is needed")
    last, ready = list(handlers.run(uploaded(make_photo(1)), None, "", A))
    assert "Cancelled after 0 of 1" in last[handlers.panels.progress]
    assert handlers.panels.csv not in last and ready[handlers.panels.start].interactive


def test_leaving_ends_the_batch_of_this_visitor_alone(handlers, make_photo):
    photos = uploaded(make_photo(1), make_photo(2))
    handlers.started(A)
    handlers.started(B)
    a, b = (handlers.run(photos, None, "", request) for request in (A, B))
    next(a), next(b)
    handlers.leave(A)
    assert "Cancelled after 1 of 2" in next(a)[handlers.panels.progress]
    assert "2 of 2" in next(b)[handlers.panels.progress]


@pytest.mark.parametrize(("files", "said"), [([], "no photos yet"), (["missing.zip"], None)])
def test_nothing_to_do_says_so(handlers, tmp_path, files, said):
    updates = run(handlers, [tmp_path / name for name in files])
    if said:
        assert said in updates[0][handlers.panels.notice].value
    else:
        assert "missing.zip" in updates[-2][handlers.panels.table].value["data"][0][-1]
    assert updates[-1][handlers.panels.start].interactive


def test_a_broken_reference_is_named(handlers, make_photo, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    refused, ready = run(handlers, [make_photo(1)], [broken])
    assert "broken.jpg" in refused[handlers.panels.notice].value and ready[handlers.panels.start].interactive


def test_an_unexpected_error_is_told_plainly(handlers, make_photo, monkeypatch, caplog):
    monkeypatch.setattr(handlers, "_new_session", lambda: 1 / 0)
    refused, _ready = run(handlers, [make_photo(1)])
    assert "Please try again" in refused[handlers.panels.notice].value and "ZeroDivisionError" in caplog.text


def test_the_words_follow_the_browsers_language(handlers, make_photo):
    *_, last, _ready = run(handlers, [make_photo(1)], request=CHINESE)
    assert last[handlers.panels.table].value["headers"][1] == "文件" and "失败 0" in last[handlers.panels.progress]


def test_a_second_start_ends_the_first_batch(handlers, make_photo):
    handlers.started(A)
    first = handlers.run(uploaded(make_photo(1), make_photo(2)), None, "", A)
    next(first)
    assert isinstance(handlers._running["a"], threading.Event)
    handlers.started(A)
    assert "Cancelled after 1 of 2" in next(first)[handlers.panels.progress]
