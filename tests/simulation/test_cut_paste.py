import cv2
import numpy as np
import pytest

from anomalygpt.simulation import cut_paste
from anomalygpt.simulation.cut_paste import cut_and_paste, reblend

SIZE = 96


@pytest.fixture
def plate() -> np.ndarray:
    x = np.linspace(0.3, 0.6, SIZE, dtype=np.float32)
    return np.repeat(np.tile(x, (SIZE, 1))[..., None], 3, axis=2)


@pytest.fixture
def checks() -> np.ndarray:
    board = np.indices((SIZE, SIZE)).sum(axis=0) // 4 % 2
    return np.repeat(board[..., None], 3, axis=2).astype(np.float32)


def test_patches_change_the_part_and_nothing_else(plate: np.ndarray, checks: np.ndarray) -> None:
    part = np.zeros((SIZE, SIZE), bool)
    part[20:70, 20:70] = True
    changed = 0
    for seed in range(12):
        after = cut_and_paste(plate, part, checks, np.random.default_rng(seed))
        assert after.dtype == np.float32 and after.shape == plate.shape
        assert np.array_equal(after[~part], plate[~part])
        changed += np.abs(after - plate).max() > 0.1
    assert changed >= 10


def test_two_patches_make_two_separate_changes(plate: np.ndarray, checks: np.ndarray) -> None:
    part = np.ones((SIZE, SIZE), bool)
    areas = []
    for seed in range(30):
        after = cut_and_paste(plate, part, checks, np.random.default_rng(seed), patches=2)
        gap = (np.abs(after - plate).max(axis=2) > 0.05).astype(np.uint8)
        closed = cv2.morphologyEx(gap, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
        areas.append(cv2.connectedComponents(closed)[0] - 1)
    assert areas.count(2) >= 10


def test_sides_follow_a_skewed_distribution_within_bounds() -> None:
    rng = np.random.default_rng(0)
    sides = np.array([cut_paste._sides(224, rng) for _ in range(500)]) / 224
    assert sides.min() >= 0.03 and sides.max() <= 0.4
    assert sides.mean() > np.median(sides)


@pytest.mark.parametrize("hole", [(0, 0), (6, 0), (0, 8), (6, 8)])
def test_a_patch_lies_where_it_was_put_though_part_of_its_mask_is_cut_off(hole: tuple[int, int]) -> None:
    image = np.full((SIZE, SIZE, 3), 128, np.uint8)
    patch = np.full((24, 30, 3), 128, np.uint8)
    patch[12, 15] = 255
    shape = np.full((24, 30), 255, np.uint8)
    shape[: hole[0]] = 0
    shape[:, : hole[1]] = 0
    after = cut_paste._blend(image, patch, shape, 40, 30, cv2.NORMAL_CLONE)
    assert np.unravel_index(after[..., 0].argmax(), (SIZE, SIZE)) == (42, 55)


def test_reblending_leaves_nothing_to_see(checks: np.ndarray) -> None:
    image = cv2.GaussianBlur(checks, (0, 0), 2.0)
    part = np.ones((SIZE, SIZE), bool)
    for seed in range(8):
        after = reblend(image, part, np.random.default_rng(seed))
        assert np.abs(after - image).max() < 0.03


def test_a_part_too_small_for_any_patch_stays_as_it_is(plate: np.ndarray, checks: np.ndarray) -> None:
    part = np.zeros((SIZE, SIZE), bool)
    part[50, 50] = True
    after = cut_and_paste(plate, part, checks, np.random.default_rng(0))
    assert np.array_equal(after, plate)
