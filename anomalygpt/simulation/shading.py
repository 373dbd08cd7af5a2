"""Shared helpers with which objects are painted: shapes, pseudo-3D shading and print.

Coordinates are those of `base.grid_xy`: -1 to 1 across the canvas, y down. A "depth" is a signed distance to an outline
in these units, positive inside. Every helper is pure but those that say "in place"; randomness comes in as a generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from anomalygpt.simulation.base import FloatImage, grid_xy

RING_STEPS = 720
CAP = 40
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
)
LETTERS = "ABCDEFGHKLMNPRSTUVXYZ"
DIGITS = "0123456789"


@dataclass(frozen=True)
class Light:
    """A distant light.

    Attributes:
        x: its direction's share to the right.
        y: its direction's share downwards.
        z: its direction's share towards the camera. (x, y, z) has unit length.
    """

    x: float
    y: float
    z: float


def draw_light(rng: Generator, tilt: tuple[float, float] = (0.2, 0.9)) -> Light:
    """A light from any side; `tilt` is the range of its angle from the viewing axis in radians."""
    angle, lean = rng.uniform(0, 2 * np.pi), rng.uniform(*tilt)
    return Light(float(np.cos(angle) * np.sin(lean)), float(np.sin(angle) * np.sin(lean)), float(np.cos(lean)))


# --- shapes -----------------------------------------------------------------------------------------------------------


def coverage(depth: FloatImage, softness: float = 1.0) -> FloatImage:
    """An anti-aliased mask in [0, 1] from a depth: the edge is `softness` pixels wide."""
    scale = depth.shape[1] / (2.0 * softness)
    return np.clip(depth * np.float32(scale) + np.float32(0.5), 0, 1)


def rotated(
    x: FloatImage, y: FloatImage, degrees: float, cx: float = 0.0, cy: float = 0.0
) -> tuple[FloatImage, FloatImage]:
    """Coordinates in a frame with its origin at (cx, cy) that is turned clockwise by `degrees`."""
    cos, sin = np.float32(np.cos(np.deg2rad(degrees))), np.float32(np.sin(np.deg2rad(degrees)))
    dx, dy = x - np.float32(cx), y - np.float32(cy)
    return dx * cos + dy * sin, dy * cos - dx * sin


def polar(x: FloatImage, y: FloatImage) -> tuple[FloatImage, FloatImage]:
    """Radius and angle (radians in [0, 2π)) of each pixel."""
    radius, angle = cv2.cartToPolar(x, y)
    return np.asarray(radius, np.float32), np.asarray(angle, np.float32)


def circle_depth(x: FloatImage, y: FloatImage, cx: float, cy: float, radius: float) -> FloatImage:
    """Depth of a circle."""
    return np.float32(radius) - cv2.magnitude(x - np.float32(cx), y - np.float32(cy))


def ellipse_depth(x: FloatImage, y: FloatImage, cx: float, cy: float, rx: float, ry: float) -> FloatImage:
    """Depth of an ellipse, exact on the outline and close to it near by."""
    u, v = (x - np.float32(cx)) / np.float32(rx), (y - np.float32(cy)) / np.float32(ry)
    k = cv2.magnitude(u, v)
    slope = cv2.magnitude(u / np.float32(rx), v / np.float32(ry)) + np.float32(1e-4)
    return np.minimum(k * (1 - k) / slope + np.float32(1e-6), np.float32(min(rx, ry)))


def box_depth(
    x: FloatImage, y: FloatImage, cx: float, cy: float, hx: float, hy: float, radius: float = 0.0
) -> FloatImage:
    """Depth of an upright box of half sides hx, hy with corners rounded by `radius`."""
    qx = np.abs(x - np.float32(cx)) - np.float32(hx - radius)
    qy = np.abs(y - np.float32(cy)) - np.float32(hy - radius)
    outside = cv2.magnitude(np.maximum(qx, 0), np.maximum(qy, 0))
    return np.float32(radius) - outside - np.minimum(np.maximum(qx, qy), 0)


def segment_depth(
    x: FloatImage, y: FloatImage, x0: float, y0: float, x1: float, y1: float, radius: float
) -> FloatImage:
    """Depth of a thick round-ended stroke from (x0, y0) to (x1, y1)."""
    dx, dy = x1 - x0, y1 - y0
    length = max(dx * dx + dy * dy, 1e-9)
    along = np.clip(
        ((x - np.float32(x0)) * np.float32(dx) + (y - np.float32(y0)) * np.float32(dy)) / np.float32(length), 0, 1
    )
    return np.float32(radius) - cv2.magnitude(
        x - np.float32(x0) - along * np.float32(dx), y - np.float32(y0) - along * np.float32(dy)
    )


def polygon_mask(size: int, points: ArrayLike) -> FloatImage:
    """An anti-aliased mask of a polygon, points N×2 in canvas units."""
    pixels = (np.asarray(points, np.float32) + 1.0) * (size / 2.0) - 0.5
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(pixels * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return mask.astype(np.float32) / np.float32(255)


def mask_depth(mask: FloatImage) -> FloatImage:
    """Depth inside a mask by distance transform, 0 outside."""
    inside = (mask > 0.5).astype(np.uint8)
    return cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5) * np.float32(2.0 / mask.shape[1])


@lru_cache(maxsize=64)
def _harmonics(lowest: int, highest: int) -> NDArray[np.float32]:
    """Cosines, then sines, of the orders `lowest` to `highest` over a full turn; kept, not to be written to."""
    angles = np.arange(lowest, highest + 1)[:, None] * np.linspace(0, 2 * np.pi, RING_STEPS, endpoint=False)
    return np.concatenate([np.cos(angles), np.sin(angles)]).astype(np.float32)


def ring_noise(rng: Generator, lowest: int = 1, highest: int = 8, decay: float = 1.0) -> NDArray[np.float32]:
    """A closed random curve over the angle, `RING_STEPS` values of zero mean and about unit deviation.

    Harmonic k of `lowest` to `highest` has a weight of k to the power of -decay. Read it with `around`.
    """
    weights = np.arange(lowest, highest + 1, dtype=np.float64) ** -decay
    phases = rng.uniform(0, 2 * np.pi, weights.size)
    sizes = weights * rng.uniform(0.4, 1.4, weights.size) / np.sqrt(0.5 * (weights**2).sum())
    shares = np.concatenate([sizes * np.cos(phases), sizes * np.sin(phases)]).astype(np.float32)
    return shares @ _harmonics(lowest, highest)


def around(curve: NDArray[np.float32], angle: FloatImage) -> FloatImage:
    """The values of a `ring_noise` curve at each pixel's angle in radians, in [0, 2π]."""
    steps = (angle * np.float32(RING_STEPS / (2 * np.pi))).astype(np.intp)
    return curve.take(steps, mode="clip")


def nearest(size: int, points: NDArray[np.floating]) -> tuple[NDArray[np.intp], FloatImage, FloatImage]:
    """Which of N points (N×2, canvas units) is nearest to each pixel, and the offset from it.

    Returns:
        index S×S of the point, and the pixel's offset (x, y) from it, each S×S in canvas units.
    """
    pixels = np.clip(((points + 1.0) * (size / 2.0)).astype(np.int32), 0, size - 1)
    seeds = np.ones((size, size), np.uint8)
    seeds[pixels[:, 1], pixels[:, 0]] = 0
    _, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    order = np.zeros(len(points) + 1, np.intp)
    order[labels[pixels[:, 1], pixels[:, 0]]] = np.arange(len(points))
    index = order[labels]
    x, y = grid_xy(size)
    exact = points.astype(np.float32)
    return index, x - exact[:, 0][index], y - exact[:, 1][index]


def broken_depth(x: FloatImage, y: FloatImage, rng: Generator, cx: float, cy: float, radius: float) -> FloatImage:
    """Depth of a jagged blob around (cx, cy): what breaks off an edge, or a hole's ragged outline."""
    distance, angle = polar(x - np.float32(cx), y - np.float32(cy))
    # Straight facets between a few corners, as brittle things break, roughened a little.
    corners = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 12))))
    turn = np.linspace(0, 2 * np.pi, RING_STEPS, endpoint=False)
    outline = np.interp(turn, corners, rng.uniform(0.65, 1.25, corners.size), period=2 * np.pi)
    outline = outline + 0.025 * ring_noise(rng, 6, 40, 0.6)
    return np.float32(radius) * around(outline.astype(np.float32), angle) - distance


# --- shading ----------------------------------------------------------------------------------------------------------


def dome(depth: FloatImage, reach: float) -> FloatImage:
    """Height in [0, 1] of a round shoulder: 0 on the outline, 1 from `reach` inwards."""
    t = np.clip(depth * np.float32(1.0 / reach), 0, 1)
    return np.sqrt(t * (2 - t))


def lit(
    height: FloatImage, light: Light, relief: float = 1.0, shininess: float = 30.0
) -> tuple[FloatImage, FloatImage]:
    """How a height map takes the light.

    Args:
        height: S×S; in canvas units when `relief` is 1 (a half sphere of radius 0.5 rises 0.5).
        light: where it comes from.
        relief: factor on the height.
        shininess: exponent of the highlight; higher is smaller.

    Returns:
        diffuse, S×S, 1 on a flat surface, 0 in its own shadow; and the highlight, S×S in [0, 1].
    """
    scale = relief * height.shape[1] / 16.0
    gx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=scale, borderType=cv2.BORDER_REPLICATE)
    gy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=scale, borderType=cv2.BORDER_REPLICATE)
    nz = 1.0 / np.sqrt(1 + gx * gx + gy * gy)
    facing = (np.float32(light.z) - gx * np.float32(light.x) - gy * np.float32(light.y)) * nz
    diffuse = np.maximum(facing, 0) * np.float32(1.0 / light.z)
    half = np.array([light.x, light.y, light.z + 1.0])
    half /= np.linalg.norm(half)
    glint = np.maximum((np.float32(half[2]) - gx * np.float32(half[0]) - gy * np.float32(half[1])) * nz, 0)
    return diffuse, np.asarray(cv2.pow(glint, shininess), np.float32)


def shade(color: FloatImage, diffuse: FloatImage, strength: float = 0.7, ambient: float = 0.0) -> FloatImage:
    """A colour image under a diffuse map of `lit`; `strength` 0 leaves it as it is."""
    factor = np.maximum(1 + np.float32(strength) * (diffuse - 1), np.float32(ambient))
    return color * cv2.merge((factor, factor, factor))


def flat(size: int, color: ArrayLike) -> FloatImage:
    """A size×size×3 image of one colour."""
    return np.tile(np.asarray(color, np.float32), size * size).reshape(size, size, 3)


# NumPy is slow where the last axis has only three entries, so the helpers below see an image as rows of 3S numbers.


def _rows(image: FloatImage) -> FloatImage:
    """S×S×3 as S×3S without copying, or S×S as S×3S with each entry three times."""
    if image.ndim == 2:
        image = np.asarray(cv2.merge((image, image, image)), np.float32)
    return image.reshape(image.shape[0], -1, copy=False)


def blend(image: FloatImage, color: ArrayLike, weight: FloatImage) -> None:
    """Lays a colour (3, or S×S×3) over `image` in place, `weight` S×S in [0, 1]."""
    paint = np.asarray(color, np.float32)
    rows = _rows(image)
    change = (np.tile(paint, image.shape[1]) if paint.ndim == 1 else _rows(np.ascontiguousarray(paint))) - rows
    change *= _rows(np.asarray(weight, np.float32))
    rows += change


def tinted(color: ArrayLike, factor: FloatImage) -> FloatImage:
    """A colour (3, or S×S×3) times `factor`, S×S, as a new S×S×3 image."""
    paint = np.asarray(color, np.float32)
    wide = np.tile(paint, factor.shape[1]) if paint.ndim == 1 else _rows(np.ascontiguousarray(paint))
    return (wide * _rows(np.asarray(factor, np.float32))).reshape(*factor.shape, 3)


def scale_color(image: FloatImage, factor: FloatImage) -> None:
    """Multiplies every channel of `image` in place by `factor`, S×S."""
    rows = _rows(image)
    rows *= _rows(np.asarray(factor, np.float32))


def add_gray(image: FloatImage, amount: FloatImage) -> None:
    """Adds `amount`, S×S, to every channel of `image` in place."""
    rows = _rows(image)
    rows += _rows(np.asarray(amount, np.float32))


def vary_color(rng: Generator, color: ArrayLike, amount: float) -> FloatImage:
    """The colour of another batch: a little lighter or darker and a little off in hue, clipped to [0, 1]."""
    base = np.asarray(color, np.float32)
    shifted = base * (1 + amount * rng.standard_normal() + 0.3 * amount * rng.standard_normal(3))
    return np.clip(shifted, 0, 1).astype(np.float32)


# --- print ------------------------------------------------------------------------------------------------------------


def random_text(rng: Generator, least: int = 2, most: int = 5) -> str:
    """Letters and digits as stand on pills, capsules and components."""
    length = int(rng.integers(least, most + 1))
    split = int(rng.integers(0, length + 1))
    kinds = [LETTERS if place < split else DIGITS for place in range(length)]
    return "".join(kind[rng.integers(len(kind))] for kind in kinds)


def spoiled_print(rng: Generator, text: str) -> tuple[str, float, float]:
    """What goes wrong with a print: (the text then printed, its strength, its turn in degrees)."""
    kind = rng.random()
    if kind < 0.25:
        return "", 1.0, 0.0
    if kind < 0.45 and len(text) > 1:
        keep = int(rng.integers(1, len(text)))
        return (
            (text[:keep] + " " * (len(text) - keep))
            if rng.random() < 0.5
            else (" " * (len(text) - keep) + text[keep:]),
            1.0,
            0.0,
        )
    if kind < 0.65:
        return random_text(rng, len(text), len(text)), 1.0, 0.0
    if kind < 0.8:
        return text, rng.uniform(0.15, 0.4), 0.0
    return text, 1.0, float(rng.choice([180.0, rng.uniform(20, 60), rng.uniform(-60, -20)]))


@lru_cache(maxsize=64)
def _glyphs(text: str, font: int, stroke: int) -> NDArray[np.uint8]:
    """A line of text with capitals `CAP` pixels high, not to be written to; kept, for a product prints it each time."""
    margin = 12
    scale = cv2.getFontScaleFromHeight(font, CAP, 1)
    (width, tall), _ = cv2.getTextSize(text, font, scale, stroke)
    glyphs = np.zeros((tall + 2 * margin, width + 2 * margin), np.uint8)
    cv2.putText(glyphs, text, (margin, margin + tall), font, scale, 255, stroke, cv2.LINE_AA)
    return glyphs


def text_mask(
    size: int,
    text: str,
    cx: float = 0.0,
    cy: float = 0.0,
    height: float = 0.2,
    degrees: float = 0.0,
    font: int = cv2.FONT_HERSHEY_DUPLEX,
    weight: float = 0.12,
) -> FloatImage:
    """An anti-aliased print of a line of text.

    Args:
        size: side of the canvas in pixels.
        text: the line.
        cx: its centre.
        cy: its centre.
        height: of a capital letter in canvas units.
        degrees: clockwise turn.
        font: one of `FONTS`.
        weight: width of a stroke as a share of the letter's height.

    Returns:
        float32 size×size in [0, 1].
    """
    glyphs = _glyphs(text, font, max(1, round(CAP * weight)))
    zoom = height * size / 2.0 / CAP
    if zoom < 0.5:
        # Averaged down before the turn, or thin strokes would break up.
        small = cv2.resize(glyphs, None, fx=zoom * 1.5, fy=zoom * 1.5, interpolation=cv2.INTER_AREA)
        shrunk = np.asarray(small, np.uint8)
        zoom *= glyphs.shape[1] / shrunk.shape[1]
        glyphs = shrunk
    matrix = cv2.getRotationMatrix2D((glyphs.shape[1] / 2.0, glyphs.shape[0] / 2.0), -degrees, zoom)
    matrix[0, 2] += (cx + 1) * size / 2.0 - glyphs.shape[1] / 2.0
    matrix[1, 2] += (cy + 1) * size / 2.0 - glyphs.shape[0] / 2.0
    return cv2.warpAffine(glyphs, matrix, (size, size), flags=cv2.INTER_LINEAR).astype(np.float32) / np.float32(255)
