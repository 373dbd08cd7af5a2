import time

import cv2
import numpy as np
import pytest

from anomalygpt.imaging.regions import MAX_REGIONS, find_regions, place_of
from anomalygpt.records import PLACES


def empty(height=224, width=224):
    return np.zeros((height, width), np.float32)


def grey(height=224, width=224, value=128):
    return np.full((height, width, 3), value, np.uint8)


def everywhere(anomaly_map):
    return np.ones(anomaly_map.shape, np.bool_)


def regions_of(anomaly_map, photo=None, **options):
    photo = grey(*anomaly_map.shape) if photo is None else photo
    return find_regions(anomaly_map, photo, **options)


@pytest.mark.parametrize("index", range(9))
def test_place_of_the_thirds(index):
    row, column = divmod(index, 3)
    for u in (0.01, 0.5, 0.99):
        assert place_of((column + u) * 100, (row + u) * 70, 300, 210) == PLACES[index]


def test_place_of_borders_and_outside():
    assert place_of(0, 0, 9, 9) == "top left"
    assert place_of(9, 9, 9, 9) == "bottom right"
    assert place_of(-5, 4.5, 9, 9) == "left"
    assert place_of(4.5, 99, 9, 9) == "bottom"
    assert place_of(2.99, 4, 9, 9) == "left"
    assert place_of(3.0, 4, 9, 9) == "center"


def test_nothing_below_the_threshold():
    assert regions_of(empty() + np.float32(0.4999)) == ()


def test_one_region_is_measured_exactly():
    anomaly_map = empty()
    anomaly_map[20:40, 150:190] = 0.75
    (region,) = regions_of(anomaly_map)
    assert region.index == 1
    assert region.box == (150, 20, 190, 40)
    assert region.area == 800
    assert region.centroid == pytest.approx((170, 30))
    assert region.peak == 0.75
    assert region.place == "top right"
    assert region.share == pytest.approx(800 / 224**2)
    assert region.elongation == pytest.approx(2.0, rel=1e-3)
    assert region.angle == pytest.approx(0, abs=1e-3) or region.angle == pytest.approx(180, abs=1e-3)
    assert 0 <= region.angle < 180


def test_fields_are_plain_numbers():
    anomaly_map = empty()
    anomaly_map[20:40, 150:190] = 0.75
    (region,) = regions_of(anomaly_map)
    for value in (region.share, region.peak, region.elongation, region.angle, *region.centroid):
        assert type(value) is float
    for value in (*region.box, region.area, region.index):
        assert type(value) is int
    assert [type(value) for value in region.color_difference] == [float] * 3


def test_the_threshold_itself_is_anomalous():
    anomaly_map = empty()
    anomaly_map[100:120, 100:120] = 0.5
    assert len(regions_of(anomaly_map)) == 1
    assert regions_of(anomaly_map, threshold=0.51) == ()


def test_order_is_by_peak_then_by_area():
    anomaly_map = empty()
    anomaly_map[10:30, 10:30] = 0.6
    anomaly_map[100:150, 100:150] = 0.8
    anomaly_map[190:200, 190:200] = 0.9
    anomaly_map[10:20, 180:190] = 0.8
    regions = regions_of(anomaly_map)
    assert [region.index for region in regions] == [1, 2, 3, 4]
    assert [region.place for region in regions] == ["bottom right", "center", "top right", "top left"]


def test_centroid_is_weighted_by_the_map():
    anomaly_map = empty()
    anomaly_map[100:110, 50:150] = 0.5
    anomaly_map[100:110, 130:150] = 1.0
    (region,) = regions_of(anomaly_map)
    assert region.centroid[0] == pytest.approx((80 * 0.5 * 90 + 20 * 140) / 60)


def test_a_broken_line_is_one_region_and_distant_areas_are_two():
    anomaly_map = empty(500, 500)
    for x in range(100, 400, 20):
        anomaly_map[250:254, x : x + 14] = 0.9  # gaps of 6 pixels, 1.2% of the long side
    assert len(regions_of(anomaly_map)) == 1
    apart = empty(500, 500)
    apart[100:150, 100:150] = 0.9
    apart[100:150, 170:220] = 0.9  # 20 pixels, 4%
    assert len(regions_of(apart)) == 2


def test_joining_does_not_add_to_box_or_area():
    anomaly_map = empty(500, 500)
    anomaly_map[100:110, 100:110] = 0.9
    anomaly_map[100:110, 116:126] = 0.9
    (region,) = regions_of(anomaly_map)
    assert region.box == (100, 100, 126, 110)
    assert region.area == 200


def test_specks_are_dropped_unless_there_is_nothing_else():
    anomaly_map = empty()
    anomaly_map[100:120, 100:120] = 0.6
    anomaly_map[10:12, 10:12] = 0.99
    (region,) = regions_of(anomaly_map)
    assert region.place == "center"
    specks = empty()
    specks[10:12, 10:12] = 0.7
    specks[200, 200] = 0.8
    (region,) = regions_of(specks)
    assert region.box == (200, 200, 201, 201)
    assert region.area == 1
    assert region.peak == pytest.approx(0.8)
    assert region.place == "bottom right"
    assert region.elongation == pytest.approx(1)


@pytest.mark.parametrize("shape", [(224, 224), (1000, 700), (2048, 2048), (1333, 2000), (8, 2000), (8, 8)])
def test_a_single_pixel_is_found_at_its_place_on_any_size(shape):
    height, width = shape
    y, x = height // 3, width - 3
    anomaly_map = empty(*shape)
    anomaly_map[y, x] = 0.5
    (region,) = regions_of(anomaly_map)
    assert region.box == (x, y, x + 1, y + 1)
    assert region.area == 1
    reach = max(1, max(shape) / 512)
    assert region.centroid == pytest.approx((x + 0.5, y + 0.5), abs=reach)
    assert 0 < region.share <= 1


def test_many_regions_are_cut_to_the_strongest():
    anomaly_map = empty()
    for index in range(16):
        y, x = divmod(index, 4)
        anomaly_map[y * 56 + 10 : y * 56 + 26, x * 56 + 10 : x * 56 + 26] = 0.55 + 0.02 * index
    regions = regions_of(anomaly_map)
    assert len(regions) == MAX_REGIONS
    assert [region.peak for region in regions] == pytest.approx([0.55 + 0.02 * index for index in range(15, 7, -1)])


@pytest.mark.parametrize(("angle", "ratio"), [(0, 6), (30, 6), (90, 4), (135, 8), (170, 3)])
@pytest.mark.parametrize("size", [300, 1400])
def test_elongation_and_angle(angle, ratio, size):
    y, x = np.mgrid[:size, :size] - size / 2
    turn = np.deg2rad(angle)
    along = x * np.cos(turn) - y * np.sin(turn)  # y points down
    across = x * np.sin(turn) + y * np.cos(turn)
    short = size / 40
    anomaly_map = ((along / (short * ratio)) ** 2 + (across / short) ** 2 <= 1).astype(np.float32)
    (region,) = regions_of(anomaly_map)
    assert region.elongation == pytest.approx(ratio, rel=0.05)
    assert abs((region.angle - angle + 90) % 180 - 90) < 2


def test_colour_difference_in_lab():
    photo = grey(value=200)
    photo[80:140, 80:140] = (200, 60, 60)
    anomaly_map = empty()
    anomaly_map[80:140, 80:140] = 0.9
    (region,) = regions_of(anomaly_map, photo)
    lab = cv2.cvtColor(np.array([[[200, 60, 60], [200, 200, 200]]], np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    assert region.color_difference == pytest.approx(tuple(lab[0] - lab[1]), abs=0.05)
    assert region.color_difference[0] < -20
    assert region.color_difference[1] > 40


def test_colour_is_compared_with_the_part_and_not_with_the_background():
    photo = grey(value=255)
    photo[60:160, 60:160] = 90
    photo[60:80, 60:80] = 40
    part = np.zeros((224, 224), np.bool_)
    part[60:160, 60:160] = True
    anomaly_map = empty()
    anomaly_map[60:80, 60:80] = 0.9
    (region,) = regions_of(anomaly_map, photo, part=part)
    assert -30 < region.color_difference[0] < -15


def test_another_region_is_no_surroundings():
    photo = grey(value=120)
    photo[100:120, 100:120] = 200
    photo[100:120, 126:146] = 0
    anomaly_map = empty()
    anomaly_map[100:120, 100:120] = 0.9
    anomaly_map[100:120, 126:146] = 0.9
    first, second = regions_of(anomaly_map, photo)
    assert first.color_difference[0] == pytest.approx(30, abs=3)
    assert second.color_difference[0] == pytest.approx(-51, abs=3)


def test_a_region_that_fills_the_photo():
    (region,) = regions_of(empty() + np.float32(0.7))
    assert region.box == (0, 0, 224, 224)
    assert region.share == 1
    assert region.color_difference == (0.0, 0.0, 0.0)
    assert region.place == "center"


def test_share_is_of_the_part():
    part = np.zeros((224, 224), np.bool_)
    part[60:160, 60:160] = True
    anomaly_map = empty()
    anomaly_map[70:90, 70:120] = 0.9
    assert regions_of(anomaly_map, part=part)[0].share == pytest.approx(0.1)
    assert regions_of(anomaly_map, part=everywhere(anomaly_map))[0].share == pytest.approx(1000 / 224**2)


def test_share_of_what_has_broken_off_counts_the_missing_piece():
    part = np.zeros((224, 224), np.bool_)
    part[60:160, 60:160] = True
    anomaly_map = empty()
    anomaly_map[60:160, 160:200] = 0.9
    assert regions_of(anomaly_map, part=part)[0].share == pytest.approx(4000 / 14000)


def test_part_is_estimated_where_it_is_not_given():
    photo = grey(value=250)
    photo[50:170, 50:170] = (120, 60, 30)
    anomaly_map = empty()
    anomaly_map[70:100, 70:110] = 0.9
    assert regions_of(anomaly_map, photo)[0].share == pytest.approx(1200 / 120**2, rel=0.05)


def test_large_map_agrees_with_small_one():
    small = np.zeros((448, 448), np.float32)
    y, x = np.mgrid[:448, :448]
    for left, top, wide, high, peak in [(60, 80, 20, 9, 0.95), (300, 120, 15, 40, 0.8), (200, 350, 60, 25, 0.7)]:
        bump = peak * np.exp(-(((x - left) / wide) ** 2) - ((y - top) / high) ** 2)
        small = np.maximum(small, bump.astype(np.float32))
    large = cv2.resize(small, (1792, 1792), interpolation=cv2.INTER_LINEAR)
    photo = cv2.resize(np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8), (448, 448))
    of_small = regions_of(small, photo)
    of_large = regions_of(large, cv2.resize(photo, (1792, 1792)))
    assert len(of_small) == len(of_large) == 3
    for one, other in zip(of_small, of_large, strict=True):
        assert np.divide(other.box, 4) == pytest.approx(one.box, abs=2)
        assert np.divide(other.centroid, 4) == pytest.approx(one.centroid, abs=1)
        assert other.area / 16 == pytest.approx(one.area, rel=0.1)
        assert other.peak == pytest.approx(one.peak, abs=0.02)
        assert other.elongation == pytest.approx(one.elongation, rel=0.1)
        assert other.color_difference == pytest.approx(one.color_difference, abs=3)


def test_regions_cover_all_that_is_large_enough():
    rng = np.random.default_rng(1)
    for seed in range(5):
        coarse = np.random.default_rng(seed).random((9, 12), dtype=np.float32) * np.float32(0.65)
        anomaly_map = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_LINEAR)
        regions = regions_of(anomaly_map, rng.integers(0, 255, (480, 640, 3), np.uint8))
        boxed = np.zeros((480, 640), np.bool_)
        for region in regions:
            left, top, right, bottom = region.box
            boxed[top:bottom, left:right] = True
        missed = (anomaly_map >= 0.5) & ~boxed
        assert len(regions) == MAX_REGIONS or missed.sum() < 8 * 0.0003 * 480 * 640
        assert regions[0].peak == pytest.approx(float(anomaly_map.max()))


def test_map_is_left_as_it_was():
    anomaly_map = empty()
    anomaly_map[20:40, 150:190] = 0.75
    before, photo = anomaly_map.copy(), grey()
    regions_of(anomaly_map, photo)
    assert np.array_equal(anomaly_map, before)
    assert (photo == 128).all()


@pytest.mark.parametrize(
    ("photo", "part"), [(grey(100, 224), None), (grey(), np.ones((224, 100), np.bool_)), (grey()[..., 0], None)]
)
def test_different_sizes_are_refused(photo, part):
    with pytest.raises(ValueError, match="not of one size"):
        find_regions(empty(), photo, part=part)


def test_fast_at_full_resolution():
    coarse = np.random.default_rng(2).random((25, 25), dtype=np.float32) * np.float32(0.7)
    anomaly_map = cv2.resize(coarse, (2048, 2048), interpolation=cv2.INTER_CUBIC)
    photo = grey(2048, 2048)
    times = []
    for _ in range(4):
        start = time.process_time()
        regions_of(anomaly_map, photo)
        times.append(time.process_time() - start)
    assert min(times) < 0.4  # about 30 ms on an idle core; generous for a loaded machine
