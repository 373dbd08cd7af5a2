import json

import pytest

from anomalygpt.datasets.index import DataError
from anomalygpt.datasets.mmad import index_mmad, is_mmad

ENTRY = {
    "conversation": [
        {
            "Question": "Is there any defect in the object?",
            "Answer": "A",
            "Options": {"B": "No.", "A": "Yes."},
            "type": "Anomaly Detection",
            "annotation": True,
        },
        {
            "Question": "What is the object made of?",
            "Answer": "C",
            "Options": {"A": "Wood", "B": "Iron", "C": "Glass"},
            "type": "Object Structure",
            "annotation": True,
        },
    ],
    "similar_templates": ["DS-MVTec/bottle/image/good/001.png"],
    "random_templates": ["DS-MVTec/bottle/image/good/000.png"],
}
NAME = "DS-MVTec/bottle/image/broken_large/000.png"


def write(root, content):
    (root / "DS-MVTec").mkdir(exist_ok=True)
    (root / "mmad.json").write_text(json.dumps(content))


def test_questions_options_and_templates(tmp_path):
    write(tmp_path, {NAME: ENTRY, "VisA/pcb1/test/bad/000.JPG": ENTRY})
    assert is_mmad(str(tmp_path), "auto") and not is_mmad(str(tmp_path / "DS-MVTec"), "auto")
    (item,) = index_mmad(tmp_path)  # VisA's folder is not there
    assert (item.name, item.dataset, item.category) == (NAME, "DS-MVTec", "DS-MVTec/bottle")
    assert item.photo == tmp_path / NAME
    assert item.references == (tmp_path / "DS-MVTec/bottle/image/good/000.png",)
    first, second = item.questions
    assert (first.kind, first.options, first.right) == ("discrimination", ("Yes.", "No."), 0)
    assert (second.kind, second.options, second.right) == ("object analysis", ("Wood", "Iron", "Glass"), 2)


def test_similar_templates_stand_in(tmp_path):
    write(tmp_path, {NAME: {**ENTRY, "random_templates": []}})
    assert index_mmad(tmp_path)[0].references == (tmp_path / "DS-MVTec/bottle/image/good/001.png",)


@pytest.mark.parametrize(
    "change",
    [
        {"Answer": "Z"},
        {"Options": ["Yes", "No"]},
        {"type": "Weather"},
        {"Question": None, "Options": None},
    ],
)
def test_an_entry_of_another_form_is_named(tmp_path, change):
    write(tmp_path, {NAME: {**ENTRY, "conversation": [{**ENTRY["conversation"][0], **change}]}})
    with pytest.raises(DataError, match=r"mmad\.json.*broken_large"):
        index_mmad(tmp_path)


def test_a_missing_or_empty_file_and_missing_data_are_said(tmp_path):
    with pytest.raises(DataError, match=r"mmad\.json.*cannot be read"):
        index_mmad(tmp_path)
    (tmp_path / "mmad.json").write_text("{}")
    with pytest.raises(DataError, match="question file"):
        index_mmad(tmp_path)
    (tmp_path / "mmad.json").write_text(json.dumps({NAME: ENTRY}))
    with pytest.raises(DataError, match="DS-MVTec"):
        index_mmad(tmp_path)
