import zipfile

import pytest

from anomalygpt.inspection.unpacking import BatchError, Item, unpack


@pytest.fixture
def make_zip(tmp_path):
    def make(entries, name="parts.zip"):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, content in entries:
                archive.writestr(entry, content)
        return path

    return make


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked"


def test_files_and_archives_stand_in_the_order_given(make_zip, folder, tmp_path):
    archive = make_zip([("a/one.png", b"1"), ("b/one.png", b"2"), ("两.png", b"3")])
    items = unpack([("first.png", tmp_path / "first.png"), ("parts.zip", archive), ("last", tmp_path / "last")], folder)
    assert [item.name for item in items] == ["first.png", "a/one.png", "b/one.png", "两.png", "last"]
    assert items[0] == Item("first.png", tmp_path / "first.png")
    assert [item.path.read_bytes() for item in items[1:4]] == [b"1", b"2", b"3"]
    assert items[1].path.name == "one.png", "messages name the file as the user knows it"


@pytest.mark.parametrize(
    "name", ["../../evil.png", "/etc/evil.png", "..\\evil.png", "a/../../evil.png", "C:\\evil.png", "x" * 300 + ".png"]
)
def test_no_name_leads_out_of_the_folder(make_zip, folder, name):
    (item,) = unpack([("parts.zip", make_zip([(name, b"1")]))], folder)
    assert item.path.resolve().is_relative_to(folder) and ".." not in item.name and not item.name.startswith("/")


def test_what_systems_add_by_themselves_is_left_out(make_zip, folder):
    junk = ["__MACOSX/._a.png", "a/.DS_Store", "._b.png", "Thumbs.db", "a/desktop.ini", "a/", ".."]
    items = unpack([("parts.zip", make_zip([(name, b"") for name in junk] + [("a/b.png", b"1")]))], folder)
    assert [item.name for item in items] == ["a/b.png"]


def test_a_damaged_archive_is_one_item_that_says_so(make_zip, folder):
    path = make_zip([("a.png", b"1" * 1000)])
    path.write_bytes(path.read_bytes()[:40])
    (item,) = unpack([("parts.zip", path)], folder)
    assert item.path is None and "parts.zip" in item.problem and "damaged" in item.problem


def test_a_damaged_file_inside_leaves_the_others(make_zip, folder):
    path = make_zip([("bad.png", bytes(range(256)) * 40), ("good.png", b"1")])
    content = bytearray(path.read_bytes())
    content[60:90] = b"\xff" * 30
    path.write_bytes(content)
    bad, good = unpack([("parts.zip", path)], folder)
    assert bad.path is None and "bad.png cannot be unpacked" in bad.problem and good.path.read_bytes() == b"1"
    assert [found.name for found in folder.rglob("*") if found.is_file()] == ["good.png"]


def test_an_encrypted_file_says_so(make_zip, folder):
    path = make_zip([("a.png", b"1")])
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1
    path.write_bytes(content)
    (item,) = unpack([("parts.zip", path)], folder)
    assert item.path is None and "encrypted" in item.problem


def test_limits(make_zip, folder):
    path = make_zip([("big.png", b"0" * 5000), ("small.png", b"1")])
    big, small = unpack([("parts.zip", path)], folder, max_file_bytes=1000, max_bytes=1000)
    assert "too large" in big.problem and small.path is not None
    with pytest.raises(BatchError, match="2 files are too many"):
        unpack([("parts.zip", path)], folder, max_files=1)
    with pytest.raises(BatchError, match="unpacked"):
        unpack([("parts.zip", path)], folder, max_bytes=4000)


def test_a_file_that_is_larger_than_it_declares_is_not_read_on(make_zip, folder):
    path = make_zip([("bomb.png", b"0" * 100_000)])
    content = bytearray(path.read_bytes())
    for start in (content.index(b"PK\x03\x04") + 22, content.index(b"PK\x01\x02") + 24):
        content[start : start + 4] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    (item,) = unpack([("parts.zip", path)], folder)
    assert item.path is None and "bomb.png" in item.problem
