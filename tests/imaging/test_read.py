import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from anomalygpt.imaging.read import LONG_SIDE, PhotoError, read_photo, to_uint8

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quarters(width=40, height=24):
    """An RGB image with red, green, blue and white quarters."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = RED
    pixels[: height // 2, width // 2 :] = GREEN
    pixels[height // 2 :, : width // 2] = BLUE
    pixels[height // 2 :, width // 2 :] = WHITE
    return Image.fromarray(pixels)


def corner_colors(photo):
    """The colours near the four corners, rounded to pure ones: top left, top right, bottom left, bottom right."""
    height, width = photo.shape[:2]
    points = [(y, x) for y in (height // 8, -height // 8) for x in (width // 8, -width // 8)]
    return [tuple(int(value > 127) * 255 for value in photo[point]) for point in points]


def is_photo(photo, height, width):
    return photo.shape == (height, width, 3) and photo.dtype == np.uint8 and photo.flags["C_CONTIGUOUS"]


def png_header(width, height):
    """A PNG that claims a size and holds no pixels of it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "bmp", "dib", "tiff", "gif", "ppm", "avif", "jp2"])
def test_usual_formats(tmp_path, kind):
    path = tmp_path / f"part.{kind}"
    quarters().save(path)
    photo = read_photo(path)
    assert is_photo(photo, 24, 40)
    assert corner_colors(photo) == [RED, GREEN, BLUE, WHITE]
    assert np.array_equal(read_photo(str(path)), photo)


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, kind, orientation):
    upright = quarters(48, 32)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"part.{kind}"
    stored.save(path, exif=exif)
    for source in (path, Image.open(path)):
        photo = read_photo(source)
        assert is_photo(photo, 32, 48)
        assert corner_colors(photo) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.filterwarnings("ignore")
def test_broken_exif_is_ignored(tmp_path):
    path = tmp_path / "part.jpg"
    quarters().save(path, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\x12" * 40)
    assert corner_colors(read_photo(path)) == [RED, GREEN, BLUE, WHITE]


def half_clear(mode):
    """Left half opaque black, right half clear (where the hidden colour is black too)."""
    grey = Image.new("L", (20, 10), 0)
    alpha = Image.fromarray(np.repeat(np.array([[255] * 10 + [0] * 10], np.uint8), 10, 0))
    return Image.merge("LA", (grey, alpha)) if mode == "LA" else Image.merge("RGBA", (grey, grey, grey, alpha))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "La"])
def test_alpha_on_white(mode):
    image = half_clear("LA" if mode.startswith("L") else "RGBA").convert(mode)
    photo = read_photo(image)
    assert is_photo(photo, 10, 20)
    assert (photo[:, :10] == 0).all()
    assert (photo[:, 10:] == 255).all()


def test_partial_alpha_blends_with_white():
    assert abs(int(read_photo(Image.new("RGBA", (9, 9), (0, 0, 0, 128)))[4, 4, 0]) - 127) <= 1


@pytest.mark.parametrize("kind", ["png", "gif"])
def test_palette_with_transparency(tmp_path, kind):
    image = Image.new("P", (20, 10), 0)
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.paste(1, (10, 0, 20, 10))
    path = tmp_path / f"part.{kind}"
    image.save(path, transparency=1)
    photo = read_photo(path)
    assert (photo[:, :10] == (200, 0, 0)).all()
    assert (photo[:, 10:] == 255).all()


def test_palette_with_graded_transparency(tmp_path):
    image = Image.new("P", (20, 10), 0)
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.paste(1, (10, 0, 20, 10))
    image.save(tmp_path / "part.png", transparency=bytes([255, 0]))
    photo = read_photo(tmp_path / "part.png")
    assert (photo[:, :10] == (200, 0, 0)).all()
    assert (photo[:, 10:] == 255).all()


def test_grey_with_transparent_value(tmp_path):
    image = Image.new("L", (20, 10), 30)
    image.paste(90, (10, 0, 20, 10))
    image.save(tmp_path / "part.png", transparency=90)
    photo = read_photo(tmp_path / "part.png")
    assert (photo[:, :10] == 30).all()
    assert (photo[:, 10:] == 255).all()


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "YCbCr", "HSV", "RGBX"])
def test_colour_modes_keep_what_they_show(mode):
    image = quarters().convert(mode)
    expected = np.asarray(image.convert("RGB"))
    photo = read_photo(image)
    assert is_photo(photo, 24, 40)
    assert np.abs(photo.astype(int) - expected).max() <= 2


def test_lab_mode():
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(quarters(), srgb, lab, outputMode="LAB")
    assert corner_colors(read_photo(image)) == [RED, GREEN, BLUE, WHITE]


def test_cmyk_jpeg(tmp_path):
    quarters(64, 64).convert("CMYK").save(tmp_path / "part.jpg", quality=95)
    assert corner_colors(read_photo(tmp_path / "part.jpg")) == [RED, GREEN, BLUE, WHITE]


def test_embedded_profile_is_converted(tmp_path):
    """A grey of lightness 50 saved in a linear space is far from its bytes; without the profile it stays."""
    image = Image.new("RGB", (16, 16), (64, 64, 64))
    linear = linear_profile()
    image.save(tmp_path / "linear.png", icc_profile=linear)
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "broken.png", icc_profile=b"no profile at all")
    assert 130 <= read_photo(tmp_path / "linear.png")[8, 8, 1] <= 142  # 64 of 255 linear light is 137 in sRGB
    assert read_photo(tmp_path / "plain.png")[8, 8, 1] == 64
    assert read_photo(tmp_path / "broken.png")[8, 8, 1] == 64


def linear_profile():
    """sRGB's own profile with its tone curves replaced by straight lines."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for index in range(struct.unpack(">I", data[128:132])[0]):
        entry = 132 + 12 * index
        name, offset, _ = struct.unpack(">4sII", data[entry : entry + 12])
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset : offset + 12] = b"curv" + bytes(4) + struct.pack(">I", 0)
        if name == b"desc":
            text = "sRGB".encode("utf-16-be")
            data[offset:] = bytes(data[offset:]).replace(text, "Line".encode("utf-16-be"))
    return bytes(data)


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bit_grey_scales_by_full_range(tmp_path, order):
    ramp = np.linspace(0, 65535, 300).round().astype(order)
    image = Image.fromarray(np.repeat(ramp[None], 10, 0))
    assert image.mode.startswith("I;16")
    image.save(tmp_path / "part.tiff")
    for source in (image, tmp_path / "part.tiff"):
        photo = read_photo(source)
        assert np.abs(photo[5, :, 0] - ramp / 257).max() <= 0.51


def test_sixteen_bit_png(tmp_path):
    values = np.full((12, 12), 32896, np.uint16)
    Image.fromarray(values).save(tmp_path / "part.png")
    assert (read_photo(tmp_path / "part.png") == 128).all()


@pytest.mark.parametrize(("value", "seen"), [(200, 200), (32896, 128), (2**31 - 1, 255), (2**30, 128)])
def test_wide_integers_take_the_narrowest_range(value, seen):
    image = Image.fromarray(np.array([[value] * 10] * 9 + [[0] * 10], np.int32))
    assert image.mode == "I"
    assert read_photo(image)[0, 0, 0] == seen


@pytest.mark.parametrize(("top", "seen"), [(1.0, 128), (255.0, 128), (65535.0, 128), (1e7, 128)])
def test_float_images(tmp_path, top, seen):
    values = np.zeros((10, 10), np.float32)
    values[0], values[1] = top, top * 0.502
    Image.fromarray(values).save(tmp_path / "part.tiff")
    photo = read_photo(tmp_path / "part.tiff")
    assert photo[0, 0, 0] == 255
    assert photo[1, 0, 0] == seen
    assert photo[2, 0, 0] == 0


@pytest.mark.parametrize("kind", ["gif", "webp", "png", "tiff", "mpo"])
def test_first_frame_of_an_animation(tmp_path, kind):
    frames = [Image.new("RGB", (20, 20), color) for color in (RED, GREEN, BLUE)]
    path = tmp_path / f"part.{kind}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert set(corner_colors(read_photo(path))) == {RED}


def test_large_photo_is_reduced(tmp_path):
    quarters(5000, 3000).save(tmp_path / "part.jpg")
    quarters(5000, 3000).convert("RGBA").save(tmp_path / "part.png", compress_level=1)
    for name in ("part.jpg", "part.png"):
        photo = read_photo(tmp_path / name)
        assert is_photo(photo, round(3000 * LONG_SIDE / 5000), LONG_SIDE)
        assert corner_colors(photo) == [RED, GREEN, BLUE, WHITE]


def test_reducing_keeps_places():
    pixels = np.full((3001, 4999), 255, np.uint8)
    pixels[1200:1300, 2500:2700] = 0
    photo = read_photo(pixels)
    rows, columns = np.nonzero(photo[..., 0] < 128)
    scale = LONG_SIDE / 4999
    assert abs(rows.mean() + 0.5 - 1250 * scale) < 0.6
    assert abs(columns.mean() + 0.5 - 2600 * scale) < 0.6


def test_phone_camera_size_passes():
    assert read_photo(np.zeros((6144, 8192), np.bool_)).shape == (1536, 2048, 3)


BAD_FILES = {
    "text.jpg": b"this is a letter, no photo",
    "page.html": b"<html><body>no</body></html>",
    "half.png": png_header(50, 50)[:40],
    "nopixels.png": png_header(50, 50),
    "half.gif": b"GIF89a\x10\x00\x10\x00",
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_no_images_are_refused_with_name_and_remedy(tmp_path, name):
    (tmp_path / name).write_bytes(BAD_FILES[name])
    with pytest.raises(PhotoError, match=rf"^{name} .*(Use a JPEG|again)"):
        read_photo(tmp_path / name)


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "gif", "bmp", "tiff", "avif"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated_files_are_refused(tmp_path, kind, share):
    noise = np.random.default_rng(3).integers(0, 255, (90, 120, 3), np.uint8)
    whole = io.BytesIO()
    Image.fromarray(noise).save(whole, {"jpg": "jpeg"}.get(kind, kind))
    path = tmp_path / f"part.{kind}"
    path.write_bytes(whole.getvalue()[: int(share * len(whole.getvalue()))])
    with pytest.raises(PhotoError, match=rf"^part\.{kind} .*again|Use a JPEG"):
        read_photo(path)


@pytest.mark.filterwarnings("ignore")
def test_damaged_files_never_raise_anything_else(tmp_path):
    rng = np.random.default_rng(5)
    refused = 0
    for kind in ("jpeg", "png", "webp", "gif", "tiff", "bmp", "ppm", "avif"):
        whole = io.BytesIO()
        quarters(64, 48).save(whole, kind)
        for _ in range(30):
            data = bytearray(whole.getvalue())
            for place in rng.integers(0, min(len(data), 400), 6):
                data[place] = rng.integers(256)
            path = tmp_path / f"part.{kind}"
            path.write_bytes(data)
            try:
                assert read_photo(path).ndim == 3
            except PhotoError as error:
                refused += 1
                assert str(error).startswith("part.")
    assert refused > 20


def test_missing_folder_and_empty(tmp_path):
    with pytest.raises(PhotoError, match=r"gone\.jpg: there is no such file"):
        read_photo(tmp_path / "gone.jpg")
    with pytest.raises(PhotoError, match="is a folder"):
        read_photo(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(PhotoError, match=r"empty\.png is empty"):
        read_photo(tmp_path / "empty.png")
    with pytest.raises(PhotoError):
        read_photo("")
    with pytest.raises(PhotoError):
        read_photo("x" * 5000)
    with pytest.raises(PhotoError):
        read_photo("zero\0byte.png")


def test_a_device_is_not_read():
    with pytest.raises(PhotoError, match="no such file"):
        read_photo("/dev/zero")


def test_heic_names_its_remedy(tmp_path):
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    with pytest.raises(PhotoError, match=r"IMG_1\.HEIC is a HEIC photo.*JPEG"):
        read_photo(tmp_path / "IMG_1.HEIC")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("width", "height"), [(30000, 30000), (12000, 12000), (9000, 9000), (100000, 900)])
def test_huge_size_is_refused_from_the_header(tmp_path, width, height):
    (tmp_path / "big.png").write_bytes(png_header(width, height))
    start = time.process_time()
    with pytest.raises(PhotoError, match=r"^big\.png is too large.*(Scale it down)"):
        read_photo(tmp_path / "big.png")
    assert time.process_time() - start < 1.0


@pytest.mark.filterwarnings("error")
def test_huge_size_where_warnings_are_errors(tmp_path):
    (tmp_path / "big.png").write_bytes(png_header(10000, 10000))
    with pytest.raises(PhotoError, match=r"^big\.png is too large"):
        read_photo(tmp_path / "big.png")


def test_max_pixels_is_the_callers_choice():
    assert read_photo(np.zeros((20, 30), np.uint8), max_pixels=600).shape == (20, 30, 3)
    with pytest.raises(PhotoError, match="30×20 pixels is over 599 pixels"):
        read_photo(np.zeros((20, 30), np.uint8), max_pixels=599)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 100), (100, 7), (4096 * 8, 9)])
def test_small_and_narrow(tmp_path, width, height):
    Image.new("RGB", (width, height)).save(tmp_path / "part.png")
    with pytest.raises(PhotoError, match=rf"^part\.png is too (small|narrow): {width}×{height} pixels\. (Use|Crop)"):
        read_photo(tmp_path / "part.png")


def test_narrow_but_usable():
    assert read_photo(np.zeros((8, 2000), np.uint8)).shape == (8, 2000, 3)


@pytest.mark.parametrize("shape", [(12, 10), (12, 10, 1), (12, 10, 3), (12, 10, 4)])
@pytest.mark.parametrize(
    ("kind", "half"), [(np.uint8, 128), (np.uint16, 32896), (np.float32, 0.502), (np.float64, 0.502), (np.int64, 128)]
)
def test_arrays(shape, kind, half):
    array = np.full(shape, half, kind)
    array[:2] = 0
    if shape[-1] == 4:
        array[..., 3] = {np.uint8: 255, np.uint16: 65535, np.int64: 255}.get(kind, 1.0)
    before = array.copy()
    photo = read_photo(array)
    assert is_photo(photo, 12, 10)
    assert (photo[:2] == 0).all()
    assert (photo[2:] == 128).all()
    photo[:] = 7
    assert np.array_equal(array, before), "the photo shares memory with the array that was given"


def test_bool_array():
    array = np.zeros((10, 10), np.bool_)
    array[3] = True
    photo = read_photo(array)
    assert (photo[3] == 255).all()
    assert photo.sum() == 255 * 30


def test_array_alpha_on_white():
    array = np.zeros((10, 20, 4), np.uint8)
    array[:, :10, 3] = 255
    photo = read_photo(array)
    assert (photo[:, :10] == 0).all()
    assert (photo[:, 10:] == 255).all()


def test_views_of_arrays():
    base = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    assert np.array_equal(read_photo(base[::-1, ::2]), base[::-1, ::2])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((10, 10, 2), np.uint8),
        np.zeros((3, 10, 10), np.uint8),
        np.zeros(10, np.uint8),
        np.zeros((0, 10), np.uint8),
        np.zeros((0, 10), np.float32),
        np.full((10, 10), np.nan, np.float32),
        np.full((10, 10), np.inf),
        np.zeros((10, 10), np.complex64),
        np.full((10, 10), "x"),
    ],
)
def test_bad_arrays(array):
    with pytest.raises(PhotoError, match="the array"):
        read_photo(array)


@pytest.mark.parametrize("source", [None, 3, b"bytes", [1, 2]])
def test_other_sources_are_refused(source):
    with pytest.raises(PhotoError, match="is not a photo"):
        read_photo(source)


def test_callers_image_is_not_changed():
    image = half_clear("RGBA")
    before = np.asarray(image).copy()
    read_photo(image)
    assert image.mode == "RGBA"
    assert np.array_equal(np.asarray(image), before)


def test_callers_file_image_keeps_its_size(tmp_path):
    quarters(4200, 2800).save(tmp_path / "part.jpg")
    with Image.open(tmp_path / "part.jpg") as image:
        assert read_photo(image).shape == (1365, 2048, 3)
        assert image.size == (4200, 2800)


def test_to_uint8_cuts_a_small_overshoot_and_stretches_a_large_one():
    assert to_uint8(np.array([-0.02, 0.0, 1.0, 1.03])).tolist() == [0, 0, 255, 255]
    assert to_uint8(np.array([-1.0, 0.0, 1.0])).tolist() == [0, 128, 255]
    assert to_uint8(np.array([-5.0, -5.0])).tolist() == [0, 0]


def test_source_may_be_any_path_like(tmp_path):
    class Upload:
        def __fspath__(self):
            return str(tmp_path / "part.png")

    quarters().save(tmp_path / "part.png")
    assert read_photo(Upload()).shape == (24, 40, 3)
    assert read_photo(Path(tmp_path, "part.png")).shape == (24, 40, 3)
