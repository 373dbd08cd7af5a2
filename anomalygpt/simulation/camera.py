"""The camera: what lies between a scene and its photo.

A `Camera` is fixed for a station; an `Exposure` is the chance of one photo. The same exposure develops a good and a
defective scene into photos that differ only by the defect, so that truth masks show what is visible in the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.base import FloatImage, grid_xy

REFERENCE_SIZE = 224
"""Blur radii and noise are stated for photos of this side and scaled for others."""


@dataclass(frozen=True)
class Camera:
    """The fixed properties of one camera.

    Attributes:
        grey: whether it sees no colour.
        weights: how it mixes RGB to grey, sum 1.
        threshold: grey level at which a scanner turns its photos into black and white, None where it does not.
        blur: deviation of its point spread in pixels at `REFERENCE_SIZE`.
        focus_drift: relative deviation of the blur from photo to photo.
        noise: deviation of the sensor noise, in [0, 1] units.
        clump: deviation in pixels by which the noise is smeared (demosaicing), 0 for none.
        vignette: loss of light in the corners.
        sharpen: strength of the unsharp mask in the camera.
        contrast: slope of its tone curve around the middle.
        exposure_drift: relative deviation of the exposure from photo to photo.
        color_drift: relative deviation of each channel from photo to photo.
        quality: JPEG quality, or None where photos are stored without loss.
    """

    grey: bool
    weights: tuple[float, float, float]
    threshold: float | None
    blur: float
    focus_drift: float
    noise: float
    clump: float
    vignette: float
    sharpen: float
    contrast: float
    exposure_drift: float
    color_drift: float
    quality: int | None


@dataclass(frozen=True)
class Exposure:
    """The chance of one photo.

    Attributes:
        gain: light that reaches the sensor, float32 S×S×3 (S×S×1 for a grey camera).
        glare: light added before the gain, float32 S×S×1, or None.
        blur: deviation of the point spread in pixels of this photo.
        noise: float32 S×S×C in [0, 1] units.
        unit: pixels of this photo for one at `REFERENCE_SIZE`.
    """

    gain: FloatImage
    glare: FloatImage | None
    blur: float
    noise: FloatImage
    unit: float


def draw_camera(rng: Generator) -> Camera:
    """Draws a camera: about a quarter are grey, a few are black-and-white scanners."""
    grey = bool(rng.random() < 0.25)
    mix = np.array([0.3, 0.59, 0.11]) if rng.random() < 0.6 else rng.dirichlet((2.0, 3.0, 2.0))
    steady = bool(rng.random() < 0.55)
    return Camera(
        grey=grey,
        weights=(float(mix[0]), float(mix[1]), float(mix[2])),
        threshold=0.5 if grey and rng.random() < 0.15 else None,
        blur=float(
            rng.choice([rng.uniform(0.0, 0.5), rng.uniform(0.4, 0.9), rng.uniform(0.8, 1.5)], p=[0.5, 0.38, 0.12])
        ),
        focus_drift=float(rng.uniform(0.02, 0.15) if steady else rng.uniform(0.1, 0.4)),
        noise=float(np.exp(rng.uniform(np.log(0.002), np.log(0.025)))),
        clump=float(rng.uniform(0.35, 0.8) if rng.random() < 0.5 else 0.0),
        vignette=float(rng.uniform(0.05, 0.35) if rng.random() < 0.4 else 0.0),
        sharpen=float(rng.uniform(0.2, 0.9) if rng.random() < 0.35 else 0.0),
        contrast=float(rng.normal(1.0, 0.12)),
        exposure_drift=float(rng.uniform(0.0, 0.04) if steady else rng.uniform(0.03, 0.11)),
        color_drift=float(rng.uniform(0.0, 0.006) if steady else rng.uniform(0.004, 0.025)),
        quality=int(rng.integers(60, 96)) if rng.random() < 0.25 else None,
    )


def draw_exposure(camera: Camera, light: FloatImage, glare: FloatImage | None, rng: Generator) -> Exposure:
    """Draws the chance of one photo.

    Args:
        light: float32 S×S×3, how much light falls on each point, about 1.
        glare: float32 S×S, light mirrored by a glossy surface, or None.
    """
    size = light.shape[0]
    gain = light * np.float32(np.exp(rng.normal(0.0, camera.exposure_drift)))
    gain *= (1.0 + camera.color_drift * rng.standard_normal(3)).astype(np.float32)
    if camera.vignette:
        x, y = grid_xy(size)
        gain *= (1.0 - np.float32(0.5 * camera.vignette) * (x * x + y * y))[..., None]
    if camera.grey:
        gain = (gain @ np.array(camera.weights, np.float32))[..., None]
    field = rng.standard_normal((size, size), dtype=np.float32)
    if camera.clump:
        field = np.asarray(cv2.GaussianBlur(field, (0, 0), camera.clump), np.float32)
        field *= np.float32(1.0 + 2.2 * camera.clump)
    field *= np.float32(camera.noise)
    noise = field[..., None]
    if not camera.grey:
        # One field, shifted far, serves all channels: drawing three would take as long as painting some products.
        third = size // 3
        shifts = ((0, 0), (third, 2 * third), (2 * third, third))
        noise = np.dstack([np.roll(field, shift, (0, 1)) for shift in shifts])
    blur = camera.blur * size / REFERENCE_SIZE * float(np.exp(rng.normal(0.0, camera.focus_drift)))
    return Exposure(gain, None if glare is None else glare[..., None], blur, noise, size / REFERENCE_SIZE)


def develop(scene: FloatImage, camera: Camera, exposure: Exposure) -> NDArray[np.uint8]:
    """The photo of a scene, before storage.

    Args:
        scene: float32 S×S×3 in [0, 1].

    Returns:
        uint8 S×S×3.
    """
    image = scene
    if camera.grey:
        grey = cv2.transform(image, np.array([camera.weights], np.float32))
        image = np.asarray(grey, np.float32).reshape(*scene.shape[:2], 1)
    if exposure.glare is not None:
        image = image + exposure.glare
    image = image * exposure.gain
    if camera.contrast != 1.0:
        image = image * np.float32(camera.contrast) + np.float32(0.45 * (1.0 - camera.contrast))
    if exposure.blur > 0.25:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), exposure.blur), np.float32).reshape(image.shape)
    if camera.sharpen:
        soft = cv2.GaussianBlur(image, (0, 0), 1.2 * exposure.unit).reshape(image.shape)
        image = image + np.float32(camera.sharpen) * (image - soft)
    image = image + exposure.noise
    if camera.threshold is not None:
        image = np.clip((image - np.float32(camera.threshold)) * 12.0 + 0.5, 0.0, 1.0)
    photo = cv2.convertScaleAbs(np.maximum(image, 0.0), alpha=255.0)
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_GRAY2RGB) if camera.grey else photo, np.uint8)


def redevelop(
    photo: NDArray[np.uint8], scene: FloatImage, touched: NDArray[np.bool_], camera: Camera, exposure: Exposure
) -> NDArray[np.uint8]:
    """What `develop(scene, ...)` gives, where `photo` is of a scene that differs only where `touched`; faster."""
    left, top, width, height = cv2.boundingRect(touched.astype(np.uint8))
    if not width:
        return photo
    reach = int(4 * exposure.blur + 6 * exposure.unit) + 2
    rows, columns = (
        slice(max(at - 2 * reach, 0), at + side + 2 * reach) for at, side in ((top, height), (left, width))
    )
    glare = None if exposure.glare is None else exposure.glare[rows, columns]
    part = replace(exposure, gain=exposure.gain[rows, columns], glare=glare, noise=exposure.noise[rows, columns])
    developed = develop(scene[rows, columns], camera, part)
    after = photo.copy()
    inner = np.s_[max(top - reach, 0) : top + height + reach, max(left - reach, 0) : left + width + reach]
    shift = (max(top - reach, 0) - rows.start, max(left - reach, 0) - columns.start)
    target = after[inner]
    target[:] = developed[shift[0] : shift[0] + target.shape[0], shift[1] : shift[1] + target.shape[1]]
    return after


def store(photo: NDArray[np.uint8], camera: Camera) -> NDArray[np.uint8]:
    """The photo as it comes back from storage: with the artefacts of JPEG where the camera uses it."""
    if camera.quality is None:
        return photo
    _, data = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, camera.quality])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])


def adjusted(camera: Camera, photo: NDArray[np.uint8]) -> Camera:
    """The camera with its threshold, if it has one, put where it parts a photo of it (taken without) into two tones.

    A photo that has no two tones makes a scanner useless, so the camera keeps its greys then.
    """
    if camera.threshold is None:
        return camera
    grey = photo[..., 1]
    level, binary = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)
    share = float(np.mean(binary > 0))
    total = float(grey.var())
    if not 0.03 < share < 0.97 or total < 200:
        return replace(camera, threshold=None)
    between = share * (1 - share) * float(grey[binary > 0].mean() - grey[binary == 0].mean()) ** 2
    return replace(camera, threshold=float(level) / 255 if between > 0.8 * total else None)
