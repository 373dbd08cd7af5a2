import pytest

from anomalygpt.imaging.read import PhotoError
from anomalygpt.web.uploads import files_of, path_of, paths_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "uploads").mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return tmp_path / "uploads"


def test_what_was_uploaded_is_found_by_its_own_name(folder):
    record = {"path": str(folder / "a1" / "part.png"), "orig_name": "my part.png"}
    assert path_of(record) == record["path"] and paths_of([{"image": record, "caption": None}]) == [record["path"]]
    assert files_of([record, {"path": record["path"]}]) == [
        ("my part.png", folder / "a1" / "part.png"), ("part.png", folder / "a1" / "part.png"),
    ]  # fmt: skip


def test_nothing_is_nothing():
    assert path_of(None) is None and path_of({"path": None}) is None and paths_of(None) == [] and files_of(None) == []


@pytest.mark.parametrize("way", ["{}/../secret.png", "/etc/secret.png", "{}/link.png", "secret.png"])
def test_a_file_of_the_server_is_refused_and_not_looked_for(folder, tmp_path, way):
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    record = {"path": way.format(folder)}
    for read in (path_of, lambda record: paths_of([{"image": record}]), lambda record: files_of([record])):
        with pytest.raises(PhotoError, match="was not uploaded here"):
            read(record)
