import numpy as np
import pytest

from anomalygpt.simulation.defect_cracks import fracture
from anomalygpt.simulation.defects import DRAWN, KINDS, apply_defect, difference_mask


def board(size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """A grey plate with a little grain on the left two thirds of the photo."""
    rng = np.random.default_rng(5)
    image = (0.5 + 0.01 * rng.standard_normal((size, size, 3))).astype(np.float32)
    part = np.zeros((size, size), bool)
    part[8:-8, 8 : 2 * size // 3] = True
    return image, part


@pytest.mark.parametrize("kind", DRAWN)
def test_a_drawn_defect_changes_the_part_only_and_its_mask_says_where(kind: str) -> None:
    image, part = board()
    before = image.copy()
    shown = 0
    for seed in range(8):
        changed, mask = apply_defect(kind, image, part, np.random.default_rng(seed))
        assert changed.dtype == np.float32
        assert changed.min() >= 0.0 and changed.max() <= 1.0
        assert np.array_equal(changed[~part], image[~part])
        gap = np.abs(changed - image).max(axis=2)
        if mask.any():
            shown += 1
            assert gap[mask].mean() > 3 * gap[~mask].mean()
            assert gap[mask].sum() > 0.7 * gap[gap > 0.035].sum()
    assert shown >= 5
    assert np.array_equal(image, before)


def test_the_same_chance_draws_the_same_defect() -> None:
    image, part = board()
    first, _ = apply_defect("crack", image, part, np.random.default_rng(3))
    again, _ = apply_defect("crack", image, part, np.random.default_rng(3))
    other, _ = apply_defect("crack", image, part, np.random.default_rng(4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_sizes_run_from_tiny_to_large() -> None:
    image, part = board(96)
    shares = []
    for seed in range(30):
        _, mask = apply_defect("stain", image, part, np.random.default_rng(seed))
        shares.append(mask.sum() / part.sum())
    assert min(share for share in shares if share) < 0.01
    assert max(shares) > 0.08


def test_a_kind_that_cannot_be_drawn_is_refused() -> None:
    image, part = board()
    with pytest.raises(ValueError, match="print fault"):
        apply_defect("print fault", image, part, np.random.default_rng(0))
    assert set(DRAWN) < set(KINDS)


def test_difference_mask_drops_specks_and_closes_pinholes() -> None:
    before = np.full((112, 112, 3), 100, np.uint8)
    after = before.copy()
    after[30:60, 30:60] = 150
    after[44, 44] = 100
    after[90, 90] = 250
    mask = difference_mask(before, after)
    assert mask[44, 44] and not mask[90, 90]
    assert mask.sum() == 900


def test_difference_mask_leaves_out_a_halo_far_fainter_than_the_defect() -> None:
    before = np.full((112, 112, 3), 0.5, np.float32)
    after = before.copy()
    after[20:80, 20:80] += 0.04
    after[40:60, 40:60] = 1.0
    assert difference_mask(before, after).sum() == 400


def test_difference_mask_of_equal_pictures_is_empty() -> None:
    before = np.full((64, 64, 3), 0.5, np.float32)
    assert not difference_mask(before, before).any()


def test_a_changed_form_is_filled_where_its_inside_looks_the_same() -> None:
    before = np.full((224, 224, 3), 100, np.uint8)
    after = before.copy()
    after[100:120, 100:120] = 200
    after[105:115, 105:115] = 100
    assert difference_mask(before, after)[110, 110]
    wide = before.copy()
    wide[80:120, 80:120] = 200
    wide[90:110, 90:110] = 100
    assert not difference_mask(before, wide)[100, 100]
    assert difference_mask(before, wide, solid=True)[100, 100]


def test_cracks_run_from_side_to_side_as_well_as_end_within_the_part() -> None:
    image = np.full((160, 160, 3), 0.6, np.float32)
    everywhere = np.ones((160, 160), bool)
    across, within, faint = 0, 0, 0
    for seed in range(60):
        changed, mask = apply_defect("crack", image, everywhere, np.random.default_rng(seed))
        if not mask.any():
            continue
        rows, columns = np.nonzero(mask)
        spans = max(np.ptp(rows), np.ptp(columns)) > 150
        across += spans
        within += not spans
        faint += np.abs(changed - image)[mask].mean() < 0.12
    assert across >= 6 and within >= 20 and faint >= 6


def test_a_break_through_grains_wanders_at_every_scale() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        path = fracture((10.0, 20.0), 0.3, 200.0, 2.0, rng)
        assert path[0] == pytest.approx((10.0, 20.0), abs=1e-9)
        assert np.linalg.norm(path[-1] - path[0]) == pytest.approx(200, rel=0.25)
        for scale in (1, 4, 16):
            steps = np.diff(path[::scale], axis=0)
            turns = np.diff(np.unwrap(np.arctan2(steps[:, 1], steps[:, 0])))
            assert np.abs(turns).mean() > 0.02
