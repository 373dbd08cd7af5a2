import time

import cv2
import numpy as np
import pytest

from anomalygpt.imaging.part import part_mask


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def ground(height, width, color, rng, noise=3.0, shade=0.0):
    """A background of one colour, darker to the right by `shade`, with grain."""
    light = 1 - shade * np.linspace(0, 1, width)[None, :, None]
    return np.array(color, float) * light + rng.normal(0, noise, (height, width, 1))


def photo_of(shape_mask, color, background, rng):
    painted = np.where(shape_mask[..., None], np.array(color) + rng.normal(0, 12, background.shape), background)
    return np.clip(painted, 0, 255).astype(np.uint8)


def disc(height, width, x=0.5, y=0.5, radius=0.3):
    rows, columns = np.mgrid[:height, :width]
    return (columns - x * width) ** 2 + (rows - y * height) ** 2 <= (radius * min(height, width)) ** 2


@pytest.mark.parametrize(("height", "width"), [(224, 224), (300, 500), (512, 384)])
@pytest.mark.parametrize(("part", "background"), [((160, 90, 40), (30, 30, 32)), ((60, 60, 65), (235, 235, 235))])
def test_part_on_a_plain_background(height, width, part, background):
    rng = np.random.default_rng(0)
    truth = disc(height, width)
    photo = photo_of(truth, part, ground(height, width, background, rng), rng)
    found = part_mask(photo)
    assert found.shape == (height, width)
    assert found.dtype == np.bool_
    assert overlap(found, truth) > 0.93


def test_part_on_a_shaded_background():
    rng = np.random.default_rng(1)
    truth = disc(224, 224, 0.45, 0.55, 0.35)
    photo = photo_of(truth, (200, 60, 50), ground(224, 224, (220, 220, 210), rng, shade=0.5), rng)
    assert overlap(part_mask(photo), truth) > 0.9


def test_holes_belong_to_the_part():
    rng = np.random.default_rng(2)
    truth = disc(224, 224, radius=0.4)
    ring = truth & ~disc(224, 224, radius=0.15)
    photo = photo_of(ring, (150, 150, 155), ground(224, 224, (20, 20, 20), rng), rng)
    assert overlap(part_mask(photo), truth) > 0.93


def test_part_may_leave_the_photo_on_two_sides():
    rng = np.random.default_rng(3)
    truth = np.zeros((224, 224), np.bool_)
    truth[70:150] = True
    photo = photo_of(truth, (40, 70, 160), ground(224, 224, (230, 230, 230), rng), rng)
    assert overlap(part_mask(photo), truth) > 0.93


def test_several_pieces():
    rng = np.random.default_rng(4)
    truth = np.zeros((224, 224), np.bool_)
    for x in (0.28, 0.72):
        for y in (0.28, 0.72):
            truth |= disc(224, 224, x, y, 0.15)
    photo = photo_of(truth, (240, 180, 120), ground(224, 224, (20, 70, 40), rng), rng)
    assert overlap(part_mask(photo), truth) > 0.9


def test_crumbs_are_no_part():
    rng = np.random.default_rng(5)
    truth = disc(224, 224)
    photo = photo_of(truth | disc(224, 224, 0.05, 0.05, 0.02), (160, 90, 40), ground(224, 224, (30, 30, 32), rng), rng)
    assert not part_mask(photo)[:20, :20].any()


@pytest.mark.parametrize("noise", [2, 10, 30, 60])
def test_a_grainy_surface_is_all_part(noise):
    rng = np.random.default_rng(6)
    photo = np.clip(ground(224, 224, (130, 120, 110), rng, noise), 0, 255).astype(np.uint8)
    assert part_mask(photo).all()


def test_a_plain_surface_is_all_part():
    assert part_mask(np.full((100, 150, 3), 128, np.uint8)).all()
    assert part_mask(np.zeros((100, 150, 3), np.uint8)).all()


def test_a_patterned_surface_is_all_part():
    rows, columns = np.mgrid[:224, :224]
    stripes = ((columns // 16) % 2 * 200).astype(np.uint8)
    squares = ((rows // 40 + columns // 40) % 2 * 200).astype(np.uint8)
    for pattern in (stripes, squares):
        assert part_mask(np.repeat(pattern[..., None], 3, 2)).all()


@pytest.mark.parametrize("place", [(0.5, 0.5, 0.1), (0.15, 0.8, 0.12), (0.9, 0.5, 0.25)])
def test_a_stain_on_a_surface_is_no_part(place):
    rng = np.random.default_rng(7)
    photo = photo_of(disc(224, 224, *place), (90, 20, 20), ground(224, 224, (180, 170, 150), rng), rng)
    assert part_mask(photo).all()


def test_a_crack_across_a_surface_is_no_part():
    rng = np.random.default_rng(8)
    photo = np.clip(ground(224, 224, (150, 150, 148), rng), 0, 255).astype(np.uint8)
    cv2.polylines(photo, [np.array([[10, 30], [90, 100], [130, 90], [210, 200]], np.int32)], False, (30, 30, 30), 3)
    assert part_mask(photo).all()


def test_light_on_a_surface_is_no_part():
    rng = np.random.default_rng(9)
    rows, columns = np.mgrid[:224, :224]
    spot = 45 * np.exp(-((columns - 120) ** 2 + (rows - 110) ** 2) / (2 * 40**2))
    photo = np.clip(ground(224, 224, (120, 120, 120), rng) + spot[..., None], 0, 255).astype(np.uint8)
    assert part_mask(photo).all()


@pytest.mark.parametrize("shape", [(8, 8), (8, 900), (900, 9), (3, 3), (1, 1)])
def test_tiny_and_narrow_photos(shape):
    photo = np.random.default_rng(10).integers(0, 255, (*shape, 3), np.uint8)
    assert part_mask(photo).shape == shape


def test_same_photo_larger_gives_the_same_part():
    rng = np.random.default_rng(11)
    truth = disc(300, 400)
    photo = photo_of(truth, (160, 90, 40), ground(300, 400, (30, 30, 32), rng), rng)
    large = part_mask(np.repeat(np.repeat(photo, 4, 0), 4, 1))
    assert overlap(large[::4, ::4], part_mask(photo)) > 0.97


def test_fast():
    rng = np.random.default_rng(12)
    photo = photo_of(disc(512, 512), (160, 90, 40), ground(512, 512, (30, 30, 32), rng), rng)
    times = []
    for _ in range(5):
        start = time.process_time()
        part_mask(photo)
        times.append(time.process_time() - start)
    assert min(times) < 0.1  # about 5 ms; generous for a loaded machine
