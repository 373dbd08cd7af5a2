"""The question reader, trained from the phrases and joined to a checkpoint."""

import pytest

from anomalygpt.checkpoint.store import load_checkpoint, save_checkpoint
from anomalygpt.config.training import TrainingConfig
from anomalygpt.dialogue import PromptFormat
from anomalygpt.dialogue.kinds import KINDS
from anomalygpt.inspection.inspector import Inspector
from anomalygpt.model.build import build_model
from anomalygpt.model.question_reader import QuestionReader
from anomalygpt.model.tokenizer import train_tokenizer
from anomalygpt.simulation.scene import make_sample
from anomalygpt.training.reader import ReaderData, true_facts
from anomalygpt.training.stages import train


@pytest.fixture
def checkpoint(small_config, tmp_path):
    tokenizer = train_tokenizer(["a few words"], 400, list(PromptFormat(small_config.prompt_format).plans))
    save_checkpoint(build_model(small_config, tokenizer), tmp_path / "model")
    return tmp_path / "model"


def recipe(checkpoint, **changes):
    common = {"batch": 32, "steps": 120, "warmup": 2, "learning_rate": 0.2, "workers": 0, "average": 0}
    reader = {"photos": 3, "buckets": 16384}
    return TrainingConfig(stage="reader", model=str(checkpoint), reader=reader, **common | changes)


def test_facts_of_a_sample_follow_from_its_mask():
    samples = [make_sample((seed,), 96) for seed in range(8)]
    for sample in samples:
        facts = true_facts(sample)
        assert facts.evidence.anomalous == bool(facts.evidence.regions) == sample.anomalous
        assert len(facts.defects) == len(facts.evidence.regions) and facts.product == sample.product
        assert set(facts.defects) <= {defect.kind for defect in sample.defects}


def test_a_checkpoint_gets_a_reader_that_plans_with_it_and_keeps_all_else(checkpoint, tmp_path):
    before = load_checkpoint(checkpoint)
    assert Inspector(before).plan_odds("Where is it?") == ()
    after = load_checkpoint(train(recipe(checkpoint), tmp_path / "run", "cpu"))
    assert after.config.question_reader.kinds == tuple(KINDS)
    for name, value in before.state_dict().items():
        assert value.equal(after.state_dict()[name]), name
    inspector = Inspector(after)
    kinds = list(inspector.plans.values())
    for question, kind in (("Where is it?", "where"), ("Goodbye", "bye"), ("在哪里？", "where")):
        odds = inspector.plan_odds(question)
        assert odds[kinds.index(kind)] >= sorted(odds)[-5], "among the first of fifty after a few steps"


def test_a_question_is_determined_by_seed_and_number(checkpoint):
    reader = QuestionReader(load_checkpoint(train_free(checkpoint)).config.question_reader)
    config = recipe(checkpoint)
    first, second = ReaderData(config, reader), ReaderData(config, reader)
    assert [first[index] for index in range(20)] == [second[index] for index in range(20)]
    assert len({kind for _, kind in (first[index] for index in range(200))}) > 40


def train_free(checkpoint):
    """A checkpoint with an untrained reader."""
    model = load_checkpoint(checkpoint)
    reader = {"kinds": tuple(KINDS), "buckets": 64}
    model.config = type(model.config).model_validate(model.config.model_dump() | {"question_reader": reader})
    model.question_reader = QuestionReader(model.config.question_reader)
    save_checkpoint(model, checkpoint)
    return checkpoint
