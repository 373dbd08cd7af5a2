import json

from anomalygpt.web.examples import Example, Words, card_names, read_examples


def test_the_index_names_files_beside_it(tmp_path):
    entry = {"name": "Hazelnut", "photo": "cut.png", "reference": "good.png", "question": "Is it good?", "place": "top"}
    chinese = {"name": "榛子", "question": "合格吗？", "description": "一颗榛子"}
    entries = [entry, entry | {"description": "a nut", "chinese": chinese}]
    (tmp_path / "index.json").write_text(json.dumps(entries), encoding="utf-8")
    first, second = read_examples(tmp_path)
    assert first == Example(tmp_path / "cut.png", tmp_path / "good.png", Words("Hazelnut", "Is it good?", ""))
    assert first.words("zh") == first.words("en") and second.words("en").description == "a nut"
    assert second.words("zh") == Words("榛子", "合格吗？", "一颗榛子")
    assert card_names([second]) == {"Hazelnut": ("Hazelnut", "榛子")}


def test_no_folder_is_no_showcase(tmp_path):
    assert read_examples(tmp_path / "nothing") == ()
