import json

import pytest
from typer.testing import CliRunner

from anomalygpt.cli import make_app
from anomalygpt.config.training import load_recipe


@pytest.fixture
def run(tmp_path, tiny_checkpoint):
    content = load_recipe("paper-vicuna-7b").model_dump(mode="json")
    content |= {"batch": 2, "steps": 2, "warmup": 1, "workers": 0, "precision": "no"}
    (tmp_path / "recipe.json").write_text(json.dumps(content))

    def run_train(*arguments, config=tmp_path / "recipe.json", model=tiny_checkpoint):
        common = ["train", "--config", str(config), "--model", str(model), "--device", "cpu"]
        return CliRunner().invoke(make_app(), [*common, "--out", str(tmp_path / "out"), *map(str, arguments)])

    return run_train


def test_one_command_from_photos_to_an_adapter(run, good_folder, tmp_path, make_photo):
    make_photo(1, "grey.png")
    said = [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "Noise."}]
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk/talk.json").write_text(json.dumps([{"image": "grey.png", "conversations": said}]))
    result = run("--data", good_folder, "--general", tmp_path / "talk/talk.json", "--images", tmp_path)
    assert result.exit_code == 0, result.output
    assert f"Written: {tmp_path / 'out' / 'adapter'}" in result.output
    assert json.loads((tmp_path / "out/adapter/adapter.json").read_text())["base"] == "tiny"
    held = json.loads((tmp_path / "out/recipe.json").read_text())
    assert held["data"] == str(good_folder) and held["paper"]["images"] == str(tmp_path)


def test_bad_input_ends_with_2_and_a_message_that_names_it(run, good_folder, tmp_path):
    (tmp_path / "broken" / "good").mkdir(parents=True)
    for name in ("a.png", "b.png"):
        (tmp_path / "broken/good" / name).write_bytes(b"no photo")
    for arguments, settings, said in (
        ((), {}, "--data"),
        (("--data", tmp_path / "nowhere"), {}, "no such folder"),
        (("--data", tmp_path / "broken"), {}, "a.png"),
        (("--data", good_folder, "--general", tmp_path / "none.json"), {}, "none.json"),
        (("--data", good_folder), {"model": "nonsense"}, "no checkpoint 'nonsense'"),
        (("--data", good_folder), {"config": "adapt-eye"}, "fusion network"),
        (("--data", good_folder), {"config": "embedded-eye"}, "leave out data"),
        ((), {"config": "nonsense"}, "neither a shipped recipe"),
    ):
        result = run(*arguments, "--out", tmp_path / f"run-{said[:4]}", **settings)
        assert result.exit_code == 2 and said in result.output, (said, result.output)
        assert "Traceback" not in result.output
