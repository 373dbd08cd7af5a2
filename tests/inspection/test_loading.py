import pytest

import anomalygpt
from anomalygpt.checkpoint.store import CheckpointError


def test_a_folder_is_loaded(tiny_checkpoint, make_photo):
    inspector = anomalygpt.load(str(tiny_checkpoint), device="cpu")
    session = inspector.new_session()
    session.set_image(make_photo(1))
    assert inspector.name == "tiny" and isinstance("".join(session.ask("Where?", max_new_tokens=4)), str)


def test_an_unknown_checkpoint_says_what_there_is(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        anomalygpt.load(str(tmp_path / "nowhere"))
    with pytest.raises(CheckpointError, match="published files"):
        anomalygpt.load("vicuna-7b")


def test_a_device_that_is_not_there_is_refused(tiny_checkpoint):
    with pytest.raises(CheckpointError, match="--device"):
        anomalygpt.load(str(tiny_checkpoint), device="cuda:99")
    with pytest.raises(CheckpointError, match="--device"):
        anomalygpt.load(str(tiny_checkpoint), device="toaster")
