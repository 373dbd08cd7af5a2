"""The inspection station: background, light, camera, zoom; fixed for a product. And how one photo is set up in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.backgrounds import paint_background
from anomalygpt.simulation.base import FloatImage, Layer, Pose, grid_xy, smooth_noise
from anomalygpt.simulation.camera import Camera, adjusted, develop, draw_camera, draw_exposure


@dataclass(frozen=True)
class Station:
    """Everything about the photos of one product that does not change from photo to photo.

    Attributes:
        size: side of the photos in pixels.
        fills: whether the part leaves no background to see.
        background: float32 S×S×3 in [0, 1].
        restless: how far the background moves between photos, as a share of the side.
        camera: the camera.
        zoom: size of the painted canvas in the photo.
        tilt: strength of the perspective.
        turn: angle in degrees at which all parts lie, before their own pose.
        light: unit vector (x, y) towards the light, y down.
        color: RGB of the light, about 1.
        slope: how much brighter the side towards the light is.
        uneven: deviation of the slow unevenness of the light.
        drift: how much the light differs from photo to photo, about 0 to 1.
        shade: how dark the shadow is that the part casts, 0 to 1.
        reach: (offset, softness) of that shadow as shares of the side.
        moving_shadow: chance that a shadow falls into a photo.
        exposure: gain that makes the product neither too dark nor too bright.
        gloss: strength of the highlight that moves over the part, 0 for none.
    """

    size: int
    fills: bool
    background: FloatImage
    restless: float
    camera: Camera
    zoom: float
    tilt: float
    turn: float
    light: tuple[float, float]
    color: tuple[float, float, float]
    slope: float
    uneven: float
    drift: float
    shade: float
    reach: tuple[float, float]
    moving_shadow: float
    exposure: float
    gloss: float


def draw_station(size: int, painted: Layer, rng: Generator) -> Station:
    """Draws a station for a product and sets it up, as a fitter would.

    Args:
        size: side of the photos in pixels.
        painted: a good instance, to choose a background on which it can be seen, and an exposure.
        rng: the chance.
    """
    alpha = painted.alpha
    fills = bool(np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]]).mean() > 0.9)
    shown = painted.color[::2, ::2][alpha[::2, ::2] > 0.5]
    if not shown.size:
        shown = np.full((1, 3), 0.5, np.float32)
    part_color = shown.mean(axis=0)
    angle = rng.uniform(0, 2 * np.pi)
    warmth = rng.normal(0.0, 0.05)
    slope = float(rng.uniform(0.0, 0.1) if rng.random() < 0.7 else rng.uniform(0.1, 0.3))
    station = Station(
        size=size,
        fills=fills,
        background=np.zeros((1, 1, 3), np.float32) if fills else paint_background(size, part_color, rng),
        restless=0.0 if fills else float(rng.choice([0.0, 0.01, 0.2], p=[0.4, 0.3, 0.3])),
        camera=draw_camera(rng),
        zoom=float(
            rng.uniform(1.08, 1.3)
            if fills
            else rng.choice([rng.uniform(0.9, 1.12), rng.uniform(0.62, 0.9)], p=[0.7, 0.3])
        ),
        tilt=float(rng.uniform(0.005, 0.05) if rng.random() < 0.4 else 0.0),
        turn=float(rng.uniform(-180, 180)) if rng.random() < 0.12 and not fills else 0.0,
        light=(float(np.cos(angle)), float(np.sin(angle))),
        color=(1.0 + float(warmth), 1.0 + float(rng.normal(0, 0.015)), 1.0 - float(warmth)),
        slope=slope,
        uneven=float(rng.uniform(0.0, 0.06)),
        drift=float(rng.choice([0.15, 0.5, 1.0], p=[0.4, 0.35, 0.25])),
        shade=float(rng.uniform(0.1, 0.65) if rng.random() < 0.6 and not fills else 0.0),
        reach=(float(rng.uniform(0.005, 0.05)), float(rng.uniform(0.006, 0.04))),
        moving_shadow=float(rng.uniform(0.1, 0.5) if rng.random() < 0.2 else 0.0),
        exposure=_exposure(shown, slope, rng),
        gloss=float(rng.uniform(0.04, 0.25) if rng.random() < 0.15 else 0.0),
    )
    if station.camera.threshold is None:
        return station
    grey = replace(station, camera=replace(station.camera, threshold=None), gloss=0.0)
    exposure = draw_exposure(grey.camera, *draw_light(grey, alpha, rng), rng)
    photo = develop(compose(painted, station.background, grey), grey.camera, exposure)
    return replace(grey, camera=adjusted(station.camera, photo))


def _exposure(shown: FloatImage, slope: float, rng: Generator) -> float:
    """The gain at which a part of these colours (N×3) is neither too dark nor too bright."""
    bright = max(float(np.percentile(shown.mean(axis=1), 96)), 0.05)
    target = rng.uniform(0.4, 0.85)
    most = 1.0 / ((1.0 + 0.5 * slope) * bright)
    return min((target / bright) ** 0.85, 4.0) if bright < target else min(most, 1.0)


def draw_placement(station: Station, pose: Pose, rng: Generator) -> NDArray[np.float64]:
    """The 3×3 homography from the painted canvas to the photo, in pixels, for one photo."""
    size = station.size
    angle = np.deg2rad(station.turn + rng.uniform(-pose.rotation, pose.rotation))
    zoom = station.zoom * float(np.exp(rng.uniform(-pose.scale, pose.scale)))
    shift = rng.uniform(-pose.shift, pose.shift, 2) * size
    mirror = -1.0 if pose.flip and rng.random() < 0.5 else 1.0
    keystone = rng.normal(0.0, 0.5, 2) * station.tilt / size
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    half = (size - 1) / 2
    to_center = np.array([[1, 0, -half], [0, 1, -half], [0, 0, 1.0]])
    turn = np.array([[mirror * cos, -sin, 0], [mirror * sin, cos, 0], [0, 0, 1.0]])
    tilt = np.array([[1, 0, 0], [0, 1, 0], [keystone[0], keystone[1], 1.0]])
    back = np.array([[1, 0, half + shift[0]], [0, 1, half + shift[1]], [0, 0, 1.0]])
    return back @ tilt @ turn @ to_center


def place(layer: Layer, placement: NDArray[np.float64]) -> Layer:
    """The painted canvas moved into the photo; a part cut off by the canvas's edge is continued as its mirror image."""
    size = layer.alpha.shape[0]
    edge = max(layer.alpha[0].max(), layer.alpha[-1].max(), layer.alpha[:, 0].max(), layer.alpha[:, -1].max())
    border = cv2.BORDER_REFLECT_101 if edge > 0.3 else cv2.BORDER_CONSTANT
    stacked = np.dstack([layer.color, layer.alpha]).astype(np.float32, copy=False)
    return unstacked(cv2.warpPerspective(stacked, placement, (size, size), flags=cv2.INTER_LINEAR, borderMode=border))


def unstacked(moved: NDArray[Any]) -> Layer:
    """The layer whose colour and alpha are the four channels of an image."""
    return Layer(np.asarray(moved[..., :3], np.float32), np.ascontiguousarray(moved[..., 3], np.float32))


def draw_ground(station: Station, rng: Generator) -> FloatImage:
    """The background of one photo, float32 S×S×3: the same table, looked at from a slightly different place."""
    if not station.restless:
        return station.background
    dx, dy = rng.uniform(-station.restless, station.restless, 2) * station.size
    move = np.array([[1, 0, dx], [0, 1, dy]])
    moved = cv2.warpAffine(station.background, move, (station.size, station.size), borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.float32)


def compose(layer: Layer, ground: FloatImage, station: Station) -> FloatImage:
    """The part on its background, with the shadow that it casts, float32 S×S×3 in [0, 1]."""
    if station.shade:
        offset = station.reach[0] * station.size
        move = np.array([[1, 0, -station.light[0] * offset], [0, 1, -station.light[1] * offset]])
        small = max(station.size // 2, 1)
        cast = cv2.warpAffine(layer.alpha, move, layer.alpha.shape[::-1])
        cast = cv2.resize(cast, (small, small), interpolation=cv2.INTER_AREA)
        cast = cv2.GaussianBlur(cast, (0, 0), station.reach[1] * small)
        cast = cv2.resize(cast, layer.alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
        ground = ground * (1.0 - np.float32(station.shade) * cast)[..., None]
    return ground + (layer.color - ground) * layer.alpha[..., None]


def draw_light(station: Station, alpha: FloatImage, rng: Generator) -> tuple[FloatImage, FloatImage | None]:
    """The light of one photo: (gain float32 S×S×3, glare float32 S×S or None).

    Args:
        station: where it is taken.
        alpha: float32 S×S, where the part is, for its gloss is seen there most.
        rng: the moment.
    """
    size = station.size
    x, y = grid_xy(size)
    angle = np.arctan2(station.light[1], station.light[0]) + rng.normal(0.0, 0.5 * station.drift)
    slope = station.slope * float(np.exp(rng.normal(0.0, 0.4 * station.drift)))
    field = 1.0 + np.float32(slope) * (np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y)
    field += np.float32(station.uneven * station.drift) * smooth_noise(rng, size, 3)
    if rng.random() < station.moving_shadow:
        across = rng.uniform(0, 2 * np.pi)
        distance = np.float32(np.cos(across)) * x + np.float32(np.sin(across)) * y - np.float32(rng.uniform(-0.7, 0.7))
        soft = np.clip(distance / np.float32(rng.uniform(0.1, 0.8)) + 0.5, 0.0, 1.0)
        field *= 1.0 - np.float32(rng.uniform(0.1, 0.4)) * soft
    gain = field[..., None] * np.array(station.color, np.float32) * np.float32(station.exposure)
    if not station.gloss:
        return gain, None
    across = angle + rng.normal(0.0, 0.3)
    center = 0.4 * np.array([np.cos(across), np.sin(across)]) + rng.normal(0.0, 0.25, 2)
    u = np.float32(np.cos(across)) * (x - center[0]) + np.float32(np.sin(across)) * (y - center[1])
    v = -np.float32(np.sin(across)) * (x - center[0]) + np.float32(np.cos(across)) * (y - center[1])
    near, wide = rng.uniform(0.1, 0.35), rng.uniform(0.2, 0.9)
    glare = np.exp(-((u / np.float32(near)) ** 2) - (v / np.float32(wide)) ** 2)
    glare *= np.float32(station.gloss * rng.uniform(0.4, 1.0)) * (0.2 + 0.8 * alpha)
    return gain, glare
