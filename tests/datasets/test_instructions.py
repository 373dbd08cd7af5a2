import json

import numpy as np
import pytest
from PIL import Image

from anomalygpt.datasets.index import DataError
from anomalygpt.datasets.instructions import read_instructions

GOOD = {
    "image": "cat.png",
    "conversations": [
        {"from": "human", "value": "<image>\nWhat is this?"},
        {"from": "gpt", "value": "A cat."},
        {"from": "human", "value": "Which color?"},
        {"from": "gpt", "value": "Grey."},
    ],
}


def written(folder, *entries):
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / "cat.png")
    (folder / "talk.json").write_text(json.dumps(list(entries)))
    return str(folder / "talk.json")


def test_turns_are_read_without_the_mark_of_the_image(tmp_path):
    (found,) = read_instructions(written(tmp_path / "a", GOOD))
    assert [(turn.question, turn.answer) for turn in found.turns] == [
        ("What is this?", "A cat."),
        ("Which color?", "Grey."),
    ]
    assert read_instructions(written(tmp_path / "b", GOOD), str(tmp_path / "a"))[0].image == tmp_path / "a/cat.png"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"conversations": GOOD["conversations"]}, "entry 2: an entry is"),
        ({**GOOD, "image": "dog.png"}, "entry 2: there is no image"),
        ({**GOOD, "conversations": GOOD["conversations"][:3]}, "take turns"),
        ({**GOOD, "conversations": GOOD["conversations"][::-1]}, "take turns"),
        ({**GOOD, "conversations": [{"from": "human", "value": ""}, {"from": "gpt", "value": "x"}]}, "take turns"),
        ("text", "entry 2: an entry is"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_entry(tmp_path, entry, said):
    with pytest.raises(DataError, match=said):
        read_instructions(written(tmp_path / "talk", GOOD, entry))


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_instructions(str(tmp_path / "nothing.json"))
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(DataError, match="no JSON"):
        read_instructions(str(tmp_path / "broken.json"))
    (tmp_path / "empty.json").write_text("[]")
    with pytest.raises(DataError, match="at least one"):
        read_instructions(str(tmp_path / "empty.json"))
