import json

from anomalygpt.web.examples import Example, read_examples


def test_the_index_names_files_beside_it(tmp_path):
    entry = {"name": "Hazelnut", "photo": "cut.png", "reference": "good.png", "question": "Is it good?", "place": "top"}
    (tmp_path / "index.json").write_text(json.dumps([entry, entry | {"description": "a nut"}]), encoding="utf-8")
    first, second = read_examples(tmp_path)
    assert first == Example("Hazelnut", tmp_path / "cut.png", tmp_path / "good.png", "Is it good?", "")
    assert second.description == "a nut"


def test_no_folder_is_no_showcase(tmp_path):
    assert read_examples(tmp_path / "nothing") == ()
