"""What a careful inspector would see, and what nobody would."""

import numpy as np
import pytest

from anomalygpt.simulation.visibility import visible


@pytest.fixture
def surface():
    """A grainy surface, uint8 224×224×3."""
    rng = np.random.default_rng(2)
    grain = np.kron(rng.normal(0, 16, (56, 56)), np.ones((4, 4)))
    return np.clip(130 + grain, 0, 255).astype(np.uint8)[..., None].repeat(3, 2)


def darkened(photo, rows, columns, by):
    mask = np.zeros(photo.shape[:2], bool)
    mask[rows, columns] = True
    after = photo.copy()
    after[mask] -= np.uint8(by)
    return after, mask


def test_a_change_that_is_faint_or_tiny_does_not_count(surface):
    part = np.ones((224, 224), bool)
    for rows, columns, by in ((slice(50, 90), slice(50, 90), 8), (slice(50, 53), slice(50, 54), 90)):
        after, mask = darkened(surface, rows, columns, by)
        assert not visible(surface, after, mask, part, 0.01)
    after, mask = darkened(surface, slice(50, 90), slice(50, 90), 60)
    assert visible(surface, after, mask, part, 0.01)


def test_a_long_line_is_seen_where_a_short_one_drowns_in_the_grain(surface):
    part = np.ones((224, 224), bool)
    seen = []
    for length in (24, 220):
        after, mask = darkened(surface, slice(100, 103), slice(2, 2 + length), 31)
        seen.append(visible(surface, after, mask, part, 0.01, "drawn"))
    assert seen == [False, True]
