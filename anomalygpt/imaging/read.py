"""Reads any upload to RGB, safely: a photo that cannot be used is refused with the reason and the remedy."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

RGBImage = NDArray[np.uint8]

MAX_PIXELS = 65_000_000
"""Largest photo that is decoded. Phones write up to about 50 megapixels, large-format scanners more."""

LONG_SIDE = 2048
"""Photos with a longer side are reduced to it; the encoder sees far less."""

MIN_SIDE = 8
"""A shorter side than this, also after reducing to `LONG_SIDE`, shows nothing of a part."""

# Only formats that hold photos and are decoded by a library; Pillow would also start other programs (EPS).
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "AVIF", "JPEG2000", "PPM")
REMEDY = "Use a JPEG, PNG, WebP, BMP, GIF or TIFF file."
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")

NUMERIC_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


class PhotoError(ValueError):
    """A photo that cannot be used; the message names it and the remedy, and may be shown to a user."""


def read_photo(
    source: str | os.PathLike[str] | Image.Image | NDArray[Any], *, max_pixels: int = MAX_PIXELS
) -> RGBImage:
    """Reads a photo of any usual kind to RGB.

    The EXIF orientation is applied; transparency is composited on white; grey, palette, CMYK, YCbCr and Lab become
    RGB (through the embedded colour profile where there is one); of an animation the first frame is taken. Numbers
    wider than 8 bits are scaled by their full range, see `to_uint8`. The size is judged before anything is decoded.

    Args:
        source: a file, a PIL image, or an array H×W, H×W×1 (grey), H×W×3 (RGB) or H×W×4 (RGBA).
        max_pixels: photos of more pixels are refused.

    Returns:
        RGB uint8 H×W×3 in memory of its own, long side at most `LONG_SIDE`, short side at least `MIN_SIDE`.

    Raises:
        PhotoError: the source is missing, empty, damaged, no image, too large, too small or too narrow.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Image.Image):
        name = Path(str(getattr(source, "filename", ""))).name or "the image"
        return _from_image(source, name, max_pixels)
    if isinstance(source, str | os.PathLike):
        return _from_file(Path(source), max_pixels)
    raise PhotoError(f"{type(source).__name__} is not a photo. Give a file, a PIL image or an RGB array.")


def to_uint8(values: NDArray[Any], name: str = "the array") -> NDArray[np.uint8]:
    """Scales numbers of any usual type to 0…255, keeping the shape.

    - bool: False is 0, True is 255. uint8: unchanged. uint16: full range, 65535 becomes 255.
    - Other integers: the narrowest of 8, 16, 31 and 32 bits that holds them is taken as their full range.
    - Floats: the narrowest of [0, 1], [0, 255] and [0, 65535] that holds them is taken as their full range, where
      an overshoot of 5% (as resampling leaves it) is cut off.
    - Other negative and larger numbers have no natural range and are stretched from their least to their largest.

    Raises:
        PhotoError: values that are not real numbers, or not finite.
    """
    kind = values.dtype.kind
    if values.dtype == np.uint8:
        return values
    if kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if kind not in "uif":
        raise PhotoError(f"{name} holds {values.dtype} values. Give integers, floats or bools.")
    if kind == "u" and values.dtype.itemsize == 2:
        narrowed: NDArray[Any] = cv2.convertScaleAbs(values.astype("=u2"), alpha=255 / 65535)
        return narrowed.reshape(values.shape)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(low + high):
        raise PhotoError(f"{name} holds values that are not finite (NaN or infinity). Replace them first.")
    ranges, slack = ((1.0, 255.0, 65535.0), 0.05) if kind == "f" else ((255.0, 65535.0, 2.0**31 - 1, 2.0**32 - 1), 0.0)
    full = next((top for top in ranges if high <= top * (1 + slack) and low >= -high * slack), None)
    start, width = (0.0, full) if full is not None else (low, max(high - low, 1e-30))
    scaled = (values.astype(np.result_type(values, np.float32)) - start) * (255.0 / width)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def _from_file(path: Path, max_pixels: int) -> NDArray[Any]:
    """Reads a file."""
    name = path.name or str(path)
    try:
        if path.is_dir():
            raise PhotoError(f"{name} is a folder, not a photo. Give one image file.")
        if not path.is_file():  # also a pipe or a device, which might never end
            raise PhotoError(f"{name}: there is no such file. Check the path, or upload the photo again.")
        with path.open("rb") as file:
            start = file.read(16)
            if not start:
                raise PhotoError(f"{name} is empty (0 bytes). Save or upload it again.")
            if start[4:8] == b"ftyp" and start[8:12] in HEIC_BRANDS:
                raise PhotoError(f"{name} is a HEIC photo, which cannot be read here. Save it as JPEG first.")
            with _opened(file, name, max_pixels) as image:
                _check_size(image.size, name, max_pixels)
                # A JPEG can be decoded straight at a half, a quarter or an eighth of its size; others ignore this.
                image.draft(None, _reduced_size(*image.size))
                return _from_image(image, name, max_pixels)
    except OSError as error:
        raise PhotoError(f"{name} cannot be opened: {error.strerror or error}. Check the file.") from error


def _opened(file: io.BufferedReader, name: str, max_pixels: int) -> Image.Image:
    """Opens an image up to its header."""
    Image.init()
    try:
        return Image.open(file, formats=[kind for kind in FORMATS if kind in Image.OPEN])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, "its size", max_pixels) from error
    except UnidentifiedImageError as error:
        raise PhotoError(f"{name} is not an image that can be read, or its beginning is damaged. {REMEDY}") from error
    except Exception as error:  # a damaged header makes the format plugins raise almost anything
        raise _damaged(name) from error


def _from_image(image: Image.Image, name: str, max_pixels: int) -> NDArray[Any]:
    """Converts an opened image; decodes it only after its size has passed."""
    _check_size(image.size, name, max_pixels)
    try:
        image.load()
    except Exception as error:  # damaged data makes the decoders raise almost anything
        raise _damaged(name) from error
    if image.mode in NUMERIC_MODES:
        rgb: NDArray[Any] = cv2.cvtColor(_reduced(to_uint8(np.asarray(image), name)), cv2.COLOR_GRAY2RGB)
    else:
        try:
            rgb = _reduced(np.asarray(_to_rgb(image)))
        except ValueError as error:
            raise PhotoError(f"{name} has colours of kind {image.mode}, which cannot be read. {REMEDY}") from error
    return _oriented(rgb, _orientation(image))


def _to_rgb(image: Image.Image) -> Image.Image:
    """Converts an 8-bit image of any mode to RGB, roughly reduced where that saves memory."""
    profile = image.info.get("icc_profile")
    # Reduced by a whole factor first: everything after works on at most twice the final side.
    factor = max(1, max(image.size) // LONG_SIDE)
    if image.has_transparency_data:
        clear = (image.convert("LA") if image.mode == "La" else image).convert("RGBA").reduce(factor)
        image = Image.new("RGBA", clear.size, "white")
        image.alpha_composite(clear)
        image = image.convert("RGB")
    elif image.mode in ("L", "RGB", "CMYK"):
        image = image.reduce(factor)
    elif image.mode != "LAB":
        image = image.convert("RGB").reduce(factor)
    return _to_srgb(image, profile)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Converts L, RGB, CMYK or LAB to sRGB through the embedded profile, or plainly where that is missing or broken."""
    try:
        if profile and image.mode != "LAB":
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = source.profile.xcolor_space.strip()
            fits = space == {"L": "GRAY"}.get(image.mode, image.mode)
            if fits and "sRGB" not in (source.profile.profile_description or ""):
                return _transformed(image, source)
        elif image.mode == "LAB":
            return _transformed(image, ImageCms.createProfile("LAB"))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        pass  # a broken profile says nothing against the pixels
    return image.convert("RGB") if image.mode != "LAB" else image.getchannel("L").convert("RGB")


def _transformed(image: Image.Image, source: Any) -> Image.Image:
    """Converts from a colour profile to sRGB."""
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if converted is None:
        raise ValueError("the transform gave no image")
    return converted


def _orientation(image: Image.Image) -> int:
    """EXIF orientation of a decoded image, 1 to 8; 1 where there is none or its EXIF is broken."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF makes the parser raise almost anything, and the pixels are good without it
        return 1


def _oriented(rgb: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turns and mirrors the stored pixels as their EXIF orientation asks."""
    if orientation in (5, 6, 7, 8):
        rgb = rgb.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        rgb = rgb[::-1]
    if orientation in (2, 3, 6, 7):
        rgb = rgb[:, ::-1]
    return np.array(rgb, order="C")


def _from_array(array: NDArray[Any], max_pixels: int) -> NDArray[Any]:
    """Converts an array."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise PhotoError(f"the array has shape {array.shape}. Give H×W, H×W×1, H×W×3 (RGB) or H×W×4 (RGBA).")
    height, width = array.shape[:2]
    _check_size((width, height), "the array", max_pixels)
    pixels: NDArray[Any] = np.ascontiguousarray(to_uint8(array))
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = np.asarray(_to_rgb(Image.fromarray(pixels)))
    pixels = _reduced(pixels)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    return pixels.copy()


def _check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    """Refuses what is too large to decode or too small or narrow to show anything."""
    width, height = size
    if width * height > max_pixels:
        raise _too_large(name, f"{width}×{height} pixels", max_pixels)
    if min(size) < MIN_SIDE:
        raise PhotoError(
            f"{name} is too small: {width}×{height} pixels. Use a photo of at least {MIN_SIDE} pixels a side."
        )
    if min(_reduced_size(width, height)) < MIN_SIDE:
        raise PhotoError(f"{name} is too narrow: {width}×{height} pixels. Crop it to the part.")


def _too_large(name: str, size: str, max_pixels: int) -> PhotoError:
    megapixels = f"{max_pixels / 1e6:.0f} megapixels" if max_pixels >= 1_000_000 else f"{max_pixels} pixels"
    return PhotoError(f"{name} is too large: {size} is over {megapixels}. Scale it down or crop it to the part.")


def _damaged(name: str) -> PhotoError:
    return PhotoError(f"{name} is damaged or incomplete. Save or upload it again.")


def _reduced_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) with the long side at most `LONG_SIDE`, the same aspect ratio."""
    scale = min(1.0, LONG_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _reduced(image: NDArray[Any]) -> NDArray[Any]:
    """Reduces an array so that its long side is at most `LONG_SIDE`."""
    height, width = image.shape[:2]
    size = _reduced_size(width, height)
    return image if size == (width, height) else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
