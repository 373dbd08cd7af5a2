import json
import shutil

import pytest
import torch
from typer.testing import CliRunner

import anomalygpt
from anomalygpt.checkpoint.adapter import save_adapter
from anomalygpt.checkpoint.store import CheckpointError, load_checkpoint, save_checkpoint
from anomalygpt.cli import make_app


@pytest.fixture(scope="module")
def saved(tiny_checkpoint, tmp_path_factory):
    model = load_checkpoint(tiny_checkpoint)
    weights = {name: value + 1 for name, value in model.named_parameters() if ".decoder." in name}
    folder = tmp_path_factory.mktemp("adapters") / "adapter"
    save_adapter(weights, folder, model, tiny_checkpoint, "paper", ["nut"])
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "adapter")


def test_an_adapter_changes_what_it_holds_and_nothing_else(tiny_checkpoint, folder):
    plain, adapted = (anomalygpt.load(str(tiny_checkpoint), "cpu", adapter=path) for path in (None, str(folder)))
    for name, value in plain.model.state_dict().items():
        expected = value + 1 if ".decoder." in name else value
        assert torch.equal(adapted.model.state_dict()[name], expected), name


def test_the_commands_take_an_adapter(tiny_checkpoint, folder, make_photo, tmp_path):
    common = ["inspect", make_photo(1), "--checkpoint", str(tiny_checkpoint), "--json", "--out", str(tmp_path / "out")]
    scores = [
        json.loads(CliRunner().invoke(make_app(), [*common, *more]).stdout) for more in ([], ["--adapter", str(folder)])
    ]
    assert scores[0] != scores[1]
    result = CliRunner().invoke(make_app(), [*common, "--adapter", str(tmp_path)])
    assert result.exit_code == 2 and "no adapter in it" in result.output


def test_what_does_not_fit_is_refused_with_its_reason(tiny_checkpoint, folder, tmp_path):
    def refused(match, adapter=folder, checkpoint=tiny_checkpoint):
        with pytest.raises(CheckpointError, match=match):
            anomalygpt.load(str(checkpoint), "cpu", adapter=str(adapter))

    refused("no adapter in it", adapter=tmp_path)
    other = load_checkpoint(tiny_checkpoint)
    with torch.no_grad():
        other.image_projection.bias.add_(1)
    save_checkpoint(other, tmp_path / "other")
    refused(r"trained from 'tiny' .* is another checkpoint", checkpoint=tmp_path / "other")
    weights = folder / "adapter.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused("not the one that was saved")
    weights.write_bytes(whole[:-10])
    refused("truncated")
    (folder / "adapter.json").write_text("{}")
    refused("no config of an adapter")
    (folder / "adapter.json").write_text('{"format": 99}')
    refused("newer program")


def test_a_model_of_other_sizes_is_refused(tiny_checkpoint, folder, tmp_path):
    base = shutil.copytree(tiny_checkpoint, tmp_path / "base")
    content = json.loads((folder / "adapter.json").read_text())
    content["shapes"]["eye.decoder.fc.0.weight"] = [3, 3]
    (folder / "adapter.json").write_text(json.dumps(content))
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["adapter.json"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match=r"does not fit.*fc\.0\.weight"):
        anomalygpt.load(str(base), "cpu", adapter=str(folder))
