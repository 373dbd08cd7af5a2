import numpy as np
import pytest
import torch

from anomalygpt.config.training import TrainingConfig
from anomalygpt.model.build import build_eye
from anomalygpt.simulation.scene import make_episode
from anomalygpt.training.eye import LATER, PRODUCTS, EyeData, EyeTask, exchanged, join


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


def test_turned_copies_lie_behind_the_references_and_queries_often_lie_as_they_do(recipe):
    always = EyeData(recipe.model_copy(update={"eye": recipe.eye.model_copy(update={"copies": 1.0, "oblong": 0.0})}))
    never = EyeData(recipe.model_copy(update={"eye": recipe.eye.model_copy(update={"copies": 0.0, "oblong": 0.0})}))
    turned_queries = 0
    for index in range(8):
        with_copies, without = always[index], never[index]
        shots = without.shots[0]
        assert with_copies.copies == [shots] and without.copies == [0]
        # What is told and how all is turned are drawn first, so the references are the same photos.
        assert torch.equal(with_copies.squares[:shots], without.squares[:shots])
        reference, copy = with_copies.squares[0], with_copies.squares[shots]
        turns = [torch.rot90(reference, turn, (1, 2)) for turn in (1, 2, 3)] + [reference.flip(2)]
        assert any(torch.equal(copy, turn) for turn in turns)
        turned_queries += not torch.equal(with_copies.squares[2 * shots :], without.squares[shots:])
    assert 0 < turned_queries < 8


def test_all_copies_of_a_reference_may_be_in_memory(recipe):
    eye = recipe.eye.model_copy(update={"copies": 0.0, "every_copy": 1.0, "oblong": 0.0})
    item = EyeData(recipe.model_copy(update={"eye": eye}))[0]
    assert item.copies == [4 * item.shots[0]]
    reference, copies = item.squares[0], item.squares[item.shots[0] :][:4]
    turns = [torch.rot90(reference, turn, (1, 2)) for turn in (1, 2, 3)] + [reference.flip(2)]
    assert all(torch.equal(copy, turn) for copy, turn in zip(copies, turns, strict=True))


def test_an_episode_comes_again_with_good_photos_dealt_out_anew(recipe):
    plain = {"copies": 0.0, "oblong": 0.0, "again": 0.5}
    data = EyeData(recipe.model_copy(update={"eye": recipe.eye.model_copy(update=plain), "batch": 2}))

    def photos(item):
        turned = [torch.rot90(item.squares, turn, (2, 3)) for turn in range(4)]
        return {photo.numpy().tobytes() for way in turned for photo in (*way, *way.flip(3))}

    for step in range(LATER, LATER + 3):
        first, again = data[2 * (step - LATER) + 1], data[2 * step]
        assert photos(first) == photos(again) and not torch.equal(first.squares, again.squares)
        assert first.masks.any() == again.masks.any()
        assert photos(data[2 * step + 1]).isdisjoint(photos(first))


def test_good_photos_are_exchanged_and_defects_stay():
    episode = make_episode(5, 32, shots=2, queries=4)
    dealt = next(
        dealt
        for dealt in (exchanged(episode, np.random.default_rng(seed)) for seed in range(20))
        if {id(photo) for photo in dealt[0].references} != {id(photo) for photo in episode[0].references}
    )
    assert [s.defects for s in dealt] == [s.defects for s in episode]
    assert all(a.query is b.query for a, b in zip(dealt, episode, strict=True) if a.anomalous)

    def good(samples):
        return {id(p) for p in (*samples[0].references, *(s.query for s in samples if not s.anomalous))}

    assert good(dealt) == good(episode)


def test_photos_that_are_not_square_are_padded_with_their_edges(recipe):
    data = EyeData(recipe.model_copy(update={"eye": recipe.eye.model_copy(update={"copies": 0.0, "oblong": 1.0})}))
    for index in range(6):
        photo = data[index].squares[0]
        rows = torch.equal(photo[:, 0], photo[:, 0, :1].expand_as(photo[:, 0])) or torch.equal(photo[:, 0], photo[:, 1])
        columns = torch.equal(photo[:, :, -1], photo[:, :, -2]) or torch.equal(photo[:, :, 0], photo[:, :, 1])
        assert rows or columns or torch.equal(photo[:, -1], photo[:, -2])


def test_a_batch_holds_references_first_and_a_mask_for_each_query(batch):
    assert len(batch.squares) == sum(batch.shots) + sum(batch.copies) + sum(batch.queries)
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
