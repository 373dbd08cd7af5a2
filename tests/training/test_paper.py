import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from anomalygpt.checkpoint.adapter import apply_adapter
from anomalygpt.checkpoint.store import load_checkpoint
from anomalygpt.config import AnomalyGPTConfig, ConfigError, load_preset
from anomalygpt.config.training import TrainingConfig, load_recipe
from anomalygpt.config.tuning import PaperData as Recipe
from anomalygpt.datasets.instructions import read_instructions
from anomalygpt.datasets.spoiled import SpoiledPhotos, good_photos
from anomalygpt.dialogue import PromptFormat, parse_verdict
from anomalygpt.inspection.inspector import Inspector
from anomalygpt.model.build import build_model
from anomalygpt.model.language import IGNORED
from anomalygpt.training.learned import learned_names
from anomalygpt.training.paper import PaperTask
from anomalygpt.training.paper_data import PaperData, collate
from anomalygpt.training.stages import train

LORA = {"rank": 2, "alpha": 4, "dropout": 0.0, "targets": ["q_proj", "v_proj"]}


def recipe(checkpoint, data, **changes):
    content = load_recipe("paper-vicuna-7b").model_dump() | {"model": str(checkpoint), "data": str(data)}
    small = {"batch": 4, "steps": 8, "warmup": 2, "workers": 0, "precision": "no"}
    return TrainingConfig.model_validate(content | small | changes)


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("talk")
    Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(folder / "grey.png")
    said = [{"from": "human", "value": "<image>\nWhat is this?"}, {"from": "gpt", "value": "A grey field."}]
    (folder / "talk.json").write_text(json.dumps([{"image": "grey.png", "conversations": said}]))
    return folder / "talk.json"


def make_data(inspector, config, folder, general=()):
    model = inspector.model
    photos = SpoiledPhotos(good_photos(str(folder)), 32)
    return PaperData(
        config, photos, general, model.language, inspector.prompt_format, model.config.prompt_learner.vectors
    )


def test_pairs_of_spoiled_and_untouched_with_the_papers_answers(tiny_inspector, good_folder):
    config = recipe("base", good_folder)
    data = make_data(tiny_inspector, config, good_folder)
    language = tiny_inspector.model.language
    for index in range(8):
        item = data[index]
        said = language.decode([token for token in item.wording.labels if token != IGNORED])
        verdict = parse_verdict(said)
        assert verdict is bool(item.mask.any()) and verdict is (index % 2 == 0)
        assert said.endswith(tiny_inspector.prompt_format.stop)
        assert item.name in ("", good_folder.name)
    few = [data[index].reference is not None for index in range(40)]
    assert 10 < sum(few) < 30


def test_batches_alternate_with_general_conversations(tiny_inspector, good_folder, talk):
    config = recipe("base", good_folder)
    data = make_data(tiny_inspector, config, good_folder, read_instructions(str(talk)))
    batches = [collate([data[index] for index in range(4 * step, 4 * step + 4)]) for step in range(4)]
    assert [batch.masks is None for batch in batches] == [False, True, False, True]
    read = tiny_inspector.model.language.decode(batches[1].words.ids[0][batches[1].words.prompt_at[0] + 6 :].tolist())
    assert "What is this?" in read and "A grey field." in read and "<image>" not in read
    alone = make_data(tiny_inspector, config, good_folder)
    assert np.array_equal(data[8].square, alone[4].square)  # the photos go on where they were


def test_losses_are_those_of_the_paper_and_only_the_right_parts_learn(tiny_checkpoint, good_folder):
    model = load_checkpoint(tiny_checkpoint)
    task = PaperTask(model, Recipe()).train()
    assert {name.split(".")[2 if ".eye." in name else 1] for name in learned_names(task)} == {
        "decoder",
        "prompt_learner",
    }
    assert not model.eye.training and model.language.training
    data = make_data(Inspector(load_checkpoint(tiny_checkpoint)), recipe("base", good_folder), good_folder)
    batch = collate([data[index] for index in range(6)])
    assert 0 < len(batch.rows) < 6
    named = task(batch)
    assert set(named) == {"focal", "dice", "words"}
    torch.stack(list(named.values())).sum().backward()
    for name, parameter in task.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_the_loss_of_a_batch_is_the_mean_of_its_parts(tiny_checkpoint, good_folder):
    task = PaperTask(load_checkpoint(tiny_checkpoint), Recipe()).train()
    data = make_data(Inspector(load_checkpoint(tiny_checkpoint)), recipe("base", good_folder), good_folder)
    whole = task(collate([data[index] for index in range(4)]))
    parts = [task(collate([data[index] for index in range(start, 4, 2)])) for start in (0, 1)]
    for name, value in whole.items():
        torch.testing.assert_close(value, (parts[0][name] + parts[1][name]) / 2, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lora", [None, LORA])
def test_a_run_gives_an_adapter_that_a_session_uses(tiny_checkpoint, good_folder, talk, tmp_path, make_photo, lora):
    paper = {"few_shot": 0.5, "general": str(talk), "lora": lora}
    config = recipe(tiny_checkpoint, good_folder, paper=paper, steps=24, learning_rate=3e-3)
    folder = train(config, tmp_path, "cpu")
    log = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert log["step"] == 20 and log["words"] > 0 and log["focal"] > 0
    model = load_checkpoint(tiny_checkpoint)
    untouched = {name: value.clone() for name, value in model.state_dict().items()}
    apply_adapter(model, tiny_checkpoint, folder)
    assert (model.language.config.lora is not None) == (lora is not None)
    changed = {
        name
        for name, value in model.state_dict().items()
        if name in untouched and not torch.equal(value, untouched[name])
    }
    assert {name.split(".")[0] for name in changed} == {"eye", "prompt_learner"}
    if lora:
        assert any(bool(p.any()) for name, p in model.named_parameters() if ".lora_B." in name)
    session = Inspector(model).new_session()
    session.set_image(make_photo(1))
    assert isinstance("".join(session.ask("Is there any anomaly in the image?", max_new_tokens=4)), str)


def test_losses_of_the_same_photos_fall(tiny_checkpoint, good_folder, tmp_path):
    config = recipe(tiny_checkpoint, good_folder, steps=80, learning_rate=1e-2, paper={})
    model = load_checkpoint(tiny_checkpoint)
    data = make_data(Inspector(model), config, good_folder)
    batch = collate([data[index] for index in range(16)])
    before = PaperTask(model, Recipe())(batch)
    apply_adapter(model, tiny_checkpoint, train(config, tmp_path, "cpu"))
    after = PaperTask(model, Recipe())(batch)
    for name in ("words", "dice"):
        assert after[name] < before[name], name


def test_models_of_another_form_are_refused(tiny_checkpoint, small_config):
    tokenizer = load_checkpoint(tiny_checkpoint).language.tokenizer
    with pytest.raises(ConfigError, match="paper's form"):
        PaperTask(build_model(small_config, tokenizer), Recipe())
    config = load_checkpoint(tiny_checkpoint).config.model_dump()
    config["language"]["lora"] = {**LORA, "rank": 4}
    with pytest.raises(ConfigError, match="Make them equal"):
        PaperTask(build_model(AnomalyGPTConfig.model_validate(config), tokenizer), Recipe(lora=LORA))


def test_at_full_size_the_adapter_has_the_published_parts_and_stays_small(tiny_inspector):
    config = load_preset("vicuna-7b")
    with torch.device("meta"):
        model = build_model(config, tiny_inspector.model.language.tokenizer)
    counts = []
    for lora in (None, config.language.lora):
        task = PaperTask(model, Recipe(lora=lora))
        parameters = dict(task.named_parameters())
        counts.append(sum(parameters[name].numel() for name in learned_names(task)))
    channels = [1, 4, 16, 64, 256, 1024]
    convolutions = sum(9 * a * b + b for a, b in pairwise(channels)) + 25 * 1024 * 4096 + 4096
    assert counts[0] == 4 * (1280 * 1024 + 1024) + convolutions + 9 * 4096
    assert counts[1] - counts[0] == 32 * 4 * 2 * 32 * 4096
    assert 4 * counts[1] < 600e6  # bytes, in float32


def test_the_prompt_is_the_one_of_the_session(tiny_inspector, good_folder):
    """What is learned from is read by the language model exactly as it is asked later."""
    data = make_data(tiny_inspector, recipe("base", good_folder), good_folder)
    item = data[0]
    before, between, after = PromptFormat(tiny_inspector.model.config.prompt_format).first_turn(
        "QUESTION", item.name, None
    )
    language = tiny_inspector.model.language
    read = language.decode(item.wording.ids[item.wording.prompt_at + data.vectors :])
    start, end = after.split("QUESTION")
    assert read.startswith(start) and end in read
    assert item.wording.ids[: item.wording.image_at] == language.token_ids(before, bos=True)[0].tolist()
    assert item.wording.prompt_at - item.wording.image_at == 1 + len(language.token_ids(between)[0])
