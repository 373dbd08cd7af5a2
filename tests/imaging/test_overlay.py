import cv2
import numpy as np
import pytest

from anomalygpt.imaging.overlay import (
    FADE,
    FRAME,
    before_after,
    color_scale,
    colorize,
    draw_contours,
    draw_regions,
    highlight,
    legend,
    overlay,
)
from anomalygpt.records import Region


def lab(rgb):
    return cv2.cvtColor(np.asarray(rgb, np.float32).reshape(1, -1, 3) / 255, cv2.COLOR_RGB2LAB)[0]


def region(index, box):
    left, top, right, bottom = box
    return Region(
        index, box, ((left + right) / 2, (top + bottom) / 2), 1, 0.1, 0.9, "center", 1.0, 0.0, (0.0, 0.0, 0.0)
    )


def noise_photo(height=120, width=160, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def step_map(height=120, width=160):
    """0 in the left half, 1 in the right half."""
    anomaly_map = np.zeros((height, width), np.float32)
    anomaly_map[:, width // 2 :] = 1.0
    return anomaly_map


def test_scale_rises_in_lightness_by_equal_steps_of_colour():
    colors = lab(color_scale())
    assert (np.diff(colors[::8, 0]) > 0).all()
    assert colors[-1, 0] - colors[0, 0] > 60
    steps = np.linalg.norm(np.diff(colors[::16], axis=0), axis=1)
    assert steps.max() / steps.min() < 1.25


def test_scale_tells_values_apart_without_hue():
    """Lightness alone, as in a grey print, orders tenths of the scale."""
    assert np.diff(lab(color_scale(11))[:, 0]).min() > 3


def test_colour_means_the_value_and_nothing_else():
    quiet = np.array([[0.0, 0.2, 0.3]], np.float32)
    loud = np.array([[1.0, 0.2, 0.9]], np.float32)
    assert np.array_equal(colorize(quiet)[0, 1], colorize(loud)[0, 1])
    assert not np.array_equal(colorize(quiet)[0, 0], colorize(loud)[0, 0])


def test_colorize_ends_and_beyond():
    colors = colorize(np.array([[-0.5, 0.0, 0.5, 1.0, 1.5]]))
    assert colors.shape == (1, 5, 3)
    assert colors.dtype == np.uint8
    assert np.array_equal(colors[0, 0], colors[0, 1])
    assert np.array_equal(colors[0, 3], colors[0, 4])
    assert np.array_equal(colors[0, 1], color_scale()[0])
    assert np.array_equal(colors[0, 3], color_scale()[-1])


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_colorize_takes_any_float(kind):
    ramp = np.linspace(0, 1, 256, dtype=kind)[np.newaxis]
    assert np.abs(colorize(ramp)[0].astype(int) - color_scale()).max() <= 8


def test_photo_is_untouched_where_there_is_no_evidence():
    photo = noise_photo()
    laid = overlay(photo, step_map(), opacity=0.8, contours=False)
    assert laid.shape == photo.shape
    assert laid.dtype == np.uint8
    assert np.array_equal(laid[:, :80], photo[:, :80])
    assert np.abs(laid[:, 80:].astype(int) - photo[:, 80:]).mean() > 30


@pytest.mark.parametrize("opacity", [0.0, 0.25, 0.5, 1.0])
def test_strong_evidence_is_as_opaque_as_asked(opacity):
    photo = noise_photo()
    laid = overlay(photo, np.ones((120, 160), np.float32), opacity, contours=False)
    expected = (1 - opacity) * photo + opacity * color_scale()[-1].astype(float)
    assert np.abs(laid - expected).max() <= 1


def test_opacity_rises_with_evidence():
    values = np.repeat(np.linspace(0, 1, 101, dtype=np.float32)[None], 9, 0)
    black = np.zeros((9, 101, 3), np.uint8)
    strength = (overlay(black, values, 1.0, contours=False)[4] / np.maximum(colorize(values)[4], 1)).max(axis=1)
    assert (np.diff(strength) > -0.03).all()
    assert strength[: int(100 * FADE[0])].max() < 0.05
    assert strength[50] > 0.75
    assert strength[int(100 * FADE[1]) + 1 :].min() > 0.97


def test_contour_lies_where_the_map_crosses_the_limit():
    photo = np.full((120, 160, 3), 128, np.uint8)
    anomaly_map = np.repeat(np.linspace(0, 1, 160, dtype=np.float32)[None], 120, 0)
    with_line = overlay(photo, anomaly_map, 0.5, contours=True).astype(int)
    without = overlay(photo, anomaly_map, 0.5, contours=False).astype(int)
    changed = np.flatnonzero(np.abs(with_line - without)[40:80].max(axis=(0, 2)) > 20)
    crossing = np.flatnonzero(anomaly_map[0] >= 0.5)[0]
    inner = changed[changed < 150]
    assert inner.size
    assert np.abs(inner - crossing).max() <= 2


def test_contour_of_a_ring_has_two_lines():
    anomaly_map = np.zeros((200, 200), np.float32)
    cv2.circle(anomaly_map, (100, 100), 60, 0.9, 20)
    black = np.zeros((200, 200, 3), np.uint8)
    row = draw_contours(black, anomaly_map)[100].max(axis=1) > 128
    assert np.count_nonzero(np.diff(row.astype(int)) == 1) == 4


def test_contours_of_a_quiet_map_draw_nothing():
    photo = noise_photo()
    assert np.array_equal(draw_contours(photo, np.zeros((120, 160), np.float32)), photo)


def test_contours_are_seen_on_black_and_on_white():
    anomaly_map = np.zeros((200, 200), np.float32)
    cv2.circle(anomaly_map, (100, 100), 50, 0.9, -1)
    for value in (0, 255):
        photo = np.full((200, 200, 3), value, np.uint8)
        assert np.abs(draw_contours(photo, anomaly_map).astype(int) - value).max() > 180


@pytest.mark.parametrize("shape", [(8, 8), (9, 300), (64, 64), (700, 1100)])
def test_pictures_of_any_size(shape):
    photo = noise_photo(*shape)
    anomaly_map = np.random.default_rng(1).random(shape, dtype=np.float32)
    height, width = shape
    regions = [region(1, (0, 0, width, height)), region(2, (width - 1, height - 1, width, height))]
    for picture in (
        overlay(photo, anomaly_map),
        draw_regions(photo, regions, selected=1),
        highlight(photo, regions[1]),
        before_after(photo, colorize(anomaly_map)),
    ):
        assert picture.shape == photo.shape
        assert picture.dtype == np.uint8


def is_frame(picture):
    return np.abs(picture.astype(int) - FRAME).max(axis=2) < 40


def test_frame_encloses_the_region_and_leaves_it_free():
    photo = np.zeros((300, 300, 3), np.uint8)
    picture = draw_regions(photo, [region(1, (100, 120, 180, 200))])
    frame = is_frame(picture)
    assert frame[119:201, 99].all()
    assert frame[119:201, 180].all()
    assert frame[119, 99:181].all()
    assert frame[200, 99:181].all()
    assert not picture[122:198, 102:178].any()


def test_selected_frame_is_thicker():
    photo = np.zeros((300, 300, 3), np.uint8)
    regions = [region(1, (100, 120, 180, 200))]
    plain, selected = (is_frame(draw_regions(photo, regions, selected=pick)).sum() for pick in (None, 1))
    assert selected > 1.5 * plain


def test_numbers_differ_and_do_not_cover_each_other():
    photo = np.zeros((300, 300, 3), np.uint8)
    one = draw_regions(photo, [region(1, (100, 120, 180, 200))])
    two = draw_regions(photo, [region(2, (100, 120, 180, 200))])
    assert not np.array_equal(one, two)
    same_place = [region(index, (100, 120, 180, 200)) for index in range(1, 5)]
    tag = is_frame(one).sum() - is_frame(draw_regions(photo, same_place[:0])).sum()
    lone_frame = is_frame(highlight(photo, same_place[0], dimming=0.0)).sum()
    assert tag > 50
    assert lone_frame > 0
    assert is_frame(draw_regions(photo, same_place)).sum() > is_frame(one).sum() + 2 * 50


def test_number_of_a_region_in_the_corner_is_inside_the_photo():
    photo = np.zeros((200, 200, 3), np.uint8)
    for box in [(0, 0, 10, 10), (190, 0, 200, 10), (0, 190, 10, 200), (190, 190, 200, 200), (0, 0, 200, 200)]:
        picture = draw_regions(photo, [region(3, box)])
        tags = cv2.morphologyEx(is_frame(picture).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        assert cv2.countNonZero(tags) > 30


def test_no_regions_no_change():
    photo = noise_photo()
    assert np.array_equal(draw_regions(photo, []), photo)


def test_highlight_dims_all_but_the_region():
    photo = np.full((300, 400, 3), 200, np.uint8)
    picture = highlight(photo, region(1, (100, 120, 180, 200)), dimming=0.6)
    assert (picture[130:190, 110:170] == 200).all()
    assert np.abs(picture[:80].astype(int) - 80).max() <= 1
    assert is_frame(picture).any()


def test_inputs_are_left_as_they_were():
    photo = noise_photo()
    kept = photo.copy()
    anomaly_map = step_map()
    for picture in (
        overlay(photo, anomaly_map),
        overlay(photo, anomaly_map, 0.0, contours=False),
        draw_contours(photo, anomaly_map),
        draw_regions(photo, [region(1, (20, 20, 60, 60))]),
        highlight(photo, region(1, (20, 20, 60, 60))),
        before_after(photo, photo, 1.0),
    ):
        picture[:] = 0
        assert np.array_equal(photo, kept)
    assert np.array_equal(anomaly_map, step_map())


def test_legend_shows_the_scale_from_left_to_right():
    image = legend(400, 60)
    assert image.shape == (60, 400, 3)
    row = image[10]
    bar = np.flatnonzero((row != 255).any(axis=1))
    ends = lab(row[[bar[0], bar[-1]]])
    assert np.linalg.norm(ends - lab(color_scale()[[0, -1]]), axis=1).max() < 3
    marked = bar[0] + round(0.5 * (bar[-1] - bar[0]))
    assert (row[marked - 1 : marked + 2] == 255).all(axis=1).any()


def test_legend_has_three_numbers():
    image = legend(400, 60)
    letters = (image[-18:] < 128).all(axis=2).any(axis=0)
    starts = np.flatnonzero(
        np.diff(np.concatenate([[0], cv2.dilate(letters[None].astype(np.uint8), np.ones((1, 15)))[0]])) == 1
    )
    assert len(starts) == 3


def test_legend_takes_the_colours_of_the_page():
    image = legend(200, 40, background=(10, 12, 14), ink=(240, 240, 240))
    assert tuple(image[0, 0]) == (10, 12, 14)
    assert (image[-12:] > 200).any()


def test_before_after_joins_at_the_line():
    before, after = np.zeros((50, 100, 3), np.uint8), np.full((50, 100, 3), 90, np.uint8)
    joined = before_after(before, after, 0.3)
    assert (joined[:, :27] == 0).all()
    assert (joined[:, 34:] == 90).all()
    assert (joined[:, 30] == 255).all()
    assert np.array_equal(before_after(before, after, 0.0), after)
    assert np.array_equal(before_after(before, after, 1.0), before)


def test_refusals():
    photo = noise_photo()
    with pytest.raises(ValueError, match="not of one size"):
        overlay(photo, np.zeros((120, 161), np.float32))
    with pytest.raises(ValueError, match="opacity"):
        overlay(photo, step_map(), opacity=1.5)
    with pytest.raises(ValueError, match="cannot be compared"):
        before_after(photo, photo[:50])
    with pytest.raises(ValueError, match="position"):
        before_after(photo, photo, -0.1)
    with pytest.raises(ValueError, match="too small"):
        legend(40, 20)
