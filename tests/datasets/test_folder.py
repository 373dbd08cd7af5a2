import pytest

from anomalygpt.datasets.folder import index_folder, is_plain_folder
from anomalygpt.datasets.index import DataError


@pytest.fixture
def folder(files, tmp_path):
    for index in range(5):
        files[0](tmp_path / "parts" / "good" / f"{index}.jpg", index)
    files[0](tmp_path / "parts" / "scratched" / "a.png", 9, mode="L")
    files[0](tmp_path / "parts" / "dented" / "b.png", 10, mode="RGBA")
    return tmp_path / "parts"


def test_every_second_good_photo_is_checked(folder):
    assert is_plain_folder(folder)
    (parts,) = index_folder(folder)
    assert [path.name for path in parts.normals] == ["0.jpg", "2.jpg", "4.jpg"]
    assert [(case.name, case.kind) for case in parts.cases] == [
        ("good/1.jpg", "good"),
        ("good/3.jpg", "good"),
        ("dented/b.png", "dented"),
        ("scratched/a.png", "scratched"),
    ]
    assert parts.cases[2].load().mask is None


def test_masks_where_there_are_some(folder, files):
    files[1](folder / "masks" / "dented" / "b.png")
    cases = index_folder(folder)[0].cases
    assert cases[2].load().mask.sum() == 36 and cases[3].mask is None
    files[0](folder / "dented" / "c.png", 11)
    with pytest.raises(DataError, match=r"masks.dented.c_mask\.png"):
        index_folder(folder)
    assert index_folder(folder, partial_masks=True)[0].cases[3].mask is None


def test_a_folder_of_such_folders(folder):
    assert [category.name for category in index_folder(folder.parent)] == ["parts"]


def test_what_is_missing_is_said(folder, files, tmp_path):
    with pytest.raises(DataError, match=r"good photos into"):
        index_folder(folder / "good")
    files[0](tmp_path / "few" / "good" / "1.jpg")
    files[0](tmp_path / "few" / "bad" / "2.jpg")
    with pytest.raises(DataError, match=r"few.good.*at least two"):
        index_folder(tmp_path / "few")
