import numpy as np
import pytest

from anomalygpt.imaging.geometry import Geometry

SHAPES = [(300, 500), (500, 300), (224, 224), (120, 97), (960, 1280), (57, 1000), (833, 500), (9, 500)]


def blob(height, width, x, y, radius):
    """A bump of height 1 at (x, y) in pixel indices."""
    rows, columns = np.mgrid[:height, :width]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2)).astype(np.float32)


def center(image):
    """Centre of mass (x, y) in pixel indices."""
    rows, columns = np.indices(image.shape)
    return (columns * image).sum() / image.sum(), (rows * image).sum() / image.sum()


@pytest.mark.parametrize(("height", "width"), SHAPES)
@pytest.mark.parametrize("size", [224, 320])
def test_photo_is_centred_and_keeps_its_aspect_ratio(height, width, size):
    inside = Geometry.fit(height, width, size).inside
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert inside.shape == (size, size)
    assert inside.dtype == np.bool_
    assert max(len(rows), len(columns)) == size
    assert inside.sum() == len(rows) * len(columns)
    scale = size / max(height, width)
    assert abs(len(rows) - height * scale) <= 0.5
    assert abs(len(columns) - width * scale) <= 0.5
    for line in (rows, columns):
        assert abs(line[0] - (size - 1 - line[-1])) <= 1


@pytest.mark.parametrize(("height", "width"), SHAPES[:-1])
@pytest.mark.parametrize(("u", "v"), [(0.5, 0.5), (0.2, 0.3), (0.85, 0.75), (0.15, 0.8)])
def test_a_blob_comes_back_to_its_place(height, width, u, v):
    geometry = Geometry.fit(height, width, 224)
    radius = max(1.5, 0.02 * max(height, width))
    x, y = u * (width - 1), v * (height - 1)
    there = geometry.to_square(blob(height, width, x, y, radius))
    back = geometry.to_photo(there)
    assert there.shape == (224, 224)
    assert back.shape == (height, width)
    assert back.dtype == np.float32
    expected = center(blob(height, width, x, y, radius))
    assert np.abs(np.subtract(center(back.astype(np.float64)), expected)).max() < 1.0
    peak_y, peak_x = np.unravel_index(back.argmax(), back.shape)
    reach = max(1.0, max(height, width) / 224)
    assert abs(peak_x - x) <= reach
    assert abs(peak_y - y) <= reach


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_a_place_of_the_square_is_the_place_that_is_stated(height, width):
    geometry = Geometry.fit(height, width, 224)
    ramp = np.repeat((np.arange(width, dtype=np.float32) + 0.5)[None], height, 0)
    square = geometry.to_square(ramp)
    columns = np.flatnonzero(geometry.inside.any(axis=0))
    row = square[112]
    step = width / len(columns)
    expected = (np.arange(len(columns)) + 0.5) * step
    inner = slice(2, -2)
    assert np.abs(row[columns] - expected)[inner].max() < 0.51 * max(step, 1)


def test_padding_of_photos_repeats_the_edge():
    photo = np.random.default_rng(0).integers(0, 255, (100, 224, 3), np.uint8)
    square = Geometry.fit(100, 224, 224).to_square(photo)
    assert square.dtype == np.uint8
    assert np.array_equal(square[62:162], photo)
    assert (square[:62] == photo[0]).all()
    assert (square[162:] == photo[-1]).all()


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.bool_])
def test_padding_of_masks_is_zero(kind):
    geometry = Geometry.fit(100, 224, 224)
    square = geometry.to_square(np.ones((100, 224), kind))
    assert square.dtype == kind
    assert np.array_equal(square != 0, geometry.inside)


def test_photo_of_the_squares_size_is_unchanged_and_copied():
    photo = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    square = Geometry.fit(64, 64, 64).to_square(photo)
    assert np.array_equal(square, photo)
    square[:] = 0
    assert photo.any()


def test_photo_and_mask_lie_alike():
    photo = np.zeros((350, 600, 3), np.uint8)
    mask = np.zeros((350, 600), np.bool_)
    photo[100:180, 400:520] = 255
    mask[100:180, 400:520] = True
    geometry = Geometry.fit(350, 600, 224)
    seen = geometry.to_square(photo)[..., 0] > 127
    masked = geometry.to_square(mask)
    assert masked.dtype == np.bool_
    assert (seen & masked).sum() / (seen | masked).sum() > 0.93


@pytest.mark.parametrize("offset", range(8))
@pytest.mark.parametrize("thickness", [2, 3, 5])
def test_a_hairline_in_a_mask_is_not_lost(offset, thickness):
    mask = np.zeros((900, 896), np.bool_)
    mask[400 + offset : 400 + offset + thickness, 100:800] = True
    square = Geometry.fit(900, 896, 224).to_square(mask)
    columns = square.any(axis=0)
    assert columns[30:190].all()


def test_mask_comes_back():
    mask = np.zeros((300, 500), np.bool_)
    mask[100:200, 250:400] = True
    geometry = Geometry.fit(300, 500, 224)
    back = geometry.to_photo(geometry.to_square(mask))
    assert back.dtype == np.bool_
    assert (back & mask).sum() / (back | mask).sum() > 0.93


def test_map_stays_in_its_range():
    square = np.random.default_rng(0).random((56, 56), dtype=np.float32) ** 4
    square[20, 20] = 1.0
    back = Geometry.fit(700, 1000, 56).to_photo(square)
    assert back.min() >= square.min()
    assert back.max() <= 1.0


def test_padding_does_not_leak_into_the_map():
    geometry = Geometry.fit(100, 224, 224)
    square = np.where(geometry.inside, 0.25, 0.9).astype(np.float32)
    assert np.allclose(geometry.to_photo(square), 0.25)


def test_downscaling_does_not_alias():
    checker = np.indices((896, 896)).sum(axis=0) % 2
    photo = np.repeat((checker * 255).astype(np.uint8)[..., None], 3, 2)
    square = Geometry.fit(896, 896, 224).to_square(photo)
    assert np.abs(square.astype(int) - 127).max() <= 2


def test_extreme_aspect_ratio_keeps_a_row():
    geometry = Geometry.fit(8, 2040, 224)
    assert geometry.inside.sum() == 224
    assert geometry.to_photo(geometry.to_square(np.ones((8, 2040), np.float32))).min() == 1.0


def test_accepts_numpy_integers_and_is_a_value():
    assert Geometry.fit(np.int64(300), np.int32(500), 224) == Geometry(300, 500, 224)
    assert hash(Geometry(300, 500, 224)) == hash(Geometry(300, 500, 224))


def test_inside_is_read_only():
    with pytest.raises(ValueError, match="read-only"):
        Geometry.fit(30, 50, 20).inside[0] = True


@pytest.mark.parametrize("arguments", [(0, 5, 224), (5, 0, 224), (5, 5, 0)])
def test_empty_sizes_are_refused(arguments):
    with pytest.raises(ValueError, match="does not fit"):
        Geometry.fit(*arguments)


def test_wrong_sizes_are_refused():
    geometry = Geometry.fit(30, 50, 20)
    with pytest.raises(ValueError, match="30×50"):
        geometry.to_square(np.zeros((50, 30, 3), np.uint8))
    with pytest.raises(ValueError, match="20×20"):
        geometry.to_photo(np.zeros((30, 50), np.float32))
