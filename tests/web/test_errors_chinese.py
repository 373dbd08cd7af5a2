import ast
import re
from pathlib import Path

import pytest
from PIL import Image

import anomalygpt
from anomalygpt.imaging.read import PhotoError, read_photo
from anomalygpt.inspection.errors import QuestionError
from anomalygpt.web.errors_chinese import _SAID, in_chinese
from anomalygpt.web.messages import user_message

ERRORS = {"PhotoError", "BatchError", "NoPhotoError", "QuestionError", "ReferenceError", "ContextFull"}


def messages():
    """Every message that one of these errors is made with, whatever it fills in as an x."""
    for path in Path(anomalygpt.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                (argument,) = node.args
                if isinstance(argument, ast.JoinedStr):
                    yield "".join(part.value if isinstance(part, ast.Constant) else "x" for part in argument.values)
                elif isinstance(argument, ast.Constant):
                    yield argument.value


@pytest.mark.parametrize("message", sorted(set(messages())))
def test_every_message_for_users_has_a_chinese_one(message):
    filled = message.replace("x is over x.", "3×4 pixels is over 50 megapixels.")
    assert re.search("[\u4e00-\u9fff]", in_chinese(filled)), message


def test_nothing_is_translated_that_nobody_says():
    assert len(_SAID) == len({in_chinese(said) for said in _SAID})


def test_names_and_numbers_are_taken_over(tmp_path):
    path = tmp_path / "nut.png"
    Image.new("RGB", (3, 4)).save(path)
    with pytest.raises(PhotoError) as refused:
        read_photo(path)
    assert user_message(refused.value, "zh") == "nut.png 太小：3×4 像素。请使用每边至少 8 像素的照片。"
    assert user_message(refused.value, "en") == str(refused.value)
    assert user_message(QuestionError("something new"), "zh") == "something new"
