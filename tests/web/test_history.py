import numpy as np
import pytest

from anomalygpt.records import Evidence, Inspection, Turn
from anomalygpt.web.history import History

YES = Turn("Is it good?", "No, there is a scratch.", True)


def note(history, path, references=(), turns=(), score=0.7):
    inspection = Inspection(
        np.zeros((30, 40, 3), np.uint8), np.zeros((30, 40), np.float32), Evidence(score, (), 40, 30, 0)
    )
    kept = [history.keep(file) for file in (path, *references)]
    history.note(
        inspection,
        photo=kept[0],
        references=tuple(kept[1:]),
        description="",
        rule="paper",
        rotations=False,
        turns=turns,
    )
    return inspection


def test_files_are_kept_under_their_names_and_once(make_photo, tmp_path):
    history = History()
    first, again = history.keep(make_photo(1, "a.png")), history.keep(make_photo(1, "a.png"))
    assert first == again and first.name == "a.png" and first.parent.parent == history.folder
    (tmp_path / "a.png").unlink()
    assert first.is_file()
    history.clear()
    assert not first.exists()
    with pytest.raises(OSError):
        history.keep(str(tmp_path / "missing.png"))


def test_the_open_inspection_is_noted_in_its_place(make_photo):
    history = History()
    inspection = note(history, make_photo(1))
    case = history[1]
    assert case.verdict is None and case.thumbnail.startswith("data:image/jpeg;base64,")
    history.note(
        inspection, photo=case.photo, references=(), description="", rule="paper", rotations=False, turns=[YES]
    )
    assert history[1].verdict is True and len(history.cases) == 1
    note(history, make_photo(2), score=0.2)
    assert len(history.cases) == 1 and history[1].score == 0.2 and history[1].turns == ()


def test_the_oldest_inspection_goes_first_with_its_files(make_photo):
    history, good = History(most=2), make_photo(9, "good.png")
    for number in (1, 2, 3):
        history.current = None
        note(history, make_photo(number), [good])
        if number == 1:
            first = history[1].photo
    assert [case.number for case in history.cases] == [2, 3] and history.current == 3
    assert not first.exists() and all(
        path.is_file() for case in history.cases for path in (case.photo, *case.references)
    )
    with pytest.raises(KeyError):
        history[1]
