import pytest
import torch

from anomalygpt.config.training import TrainingConfig
from anomalygpt.model.build import build_eye
from anomalygpt.training.eye import PRODUCTS, EyeData, EyeTask, join


@pytest.fixture(scope="module")
def recipe():
    return TrainingConfig(
        stage="eye",
        model="embedded",
        seed=3,
        eye={"size": 32, "shots": {1: 0.5, 2: 0.5}, "queries": 2},
        batch=3,
        steps=10,
        learning_rate=1e-3,
        warmup=2,
    )


@pytest.fixture(scope="module")
def batch(recipe):
    data = EyeData(recipe)
    return join([data[index] for index in range(4)])


def test_an_item_is_determined_by_the_recipe_and_its_number(recipe):
    first, again, other = EyeData(recipe)[5], EyeData(recipe)[5], EyeData(recipe)[6]
    assert torch.equal(first.squares, again.squares) and torch.equal(first.masks, again.masks)
    assert not torch.equal(first.squares[0], other.squares[0])


def test_a_batch_holds_references_first_and_a_mask_for_each_query(batch):
    assert len(batch.squares) == sum(batch.shots) + sum(batch.queries)
    assert batch.squares.dtype == torch.uint8 and batch.squares.shape[1:] == (3, 32, 32)
    assert len(batch.masks) == sum(batch.queries) == 8
    assert 0 < batch.masks.flatten(1).any(1).sum() < 8
    assert all(0 <= product < len(PRODUCTS) for product in batch.products)


def test_the_eye_learns_from_a_batch(small_config, batch):
    torch.manual_seed(0)
    task = EyeTask(build_eye(small_config))
    optimizer = torch.optim.AdamW(task.parameters(), lr=3e-3)
    history = []
    for _ in range(25):
        named = task(batch)
        total = torch.stack(list(named.values())).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append({name: value.item() for name, value in named.items()})
    assert {"text_focal", "text_dice", "distance", "focal", "dice", "score", "alone_score", "product", "name"} <= set(
        history[0]
    )
    for name in ("dice", "score", "product", "name"):
        assert history[-1][name] < history[0][name], name
    missing = [name for name, p in task.named_parameters() if p.grad is None and p.requires_grad]
    assert missing == []
