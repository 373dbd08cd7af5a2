"""What random objects are made of: colour, grain, relief and gloss of a surface."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import FloatImage, fractal_noise, grid_xy, random_color, smooth_noise
from anomalygpt.simulation.texture_fields import white_noise

# Name: saturation, value, fine grain, coarse mottling, bump, gloss, metal, sharpness of the highlight.
_KINDS: dict[str, tuple[tuple[float, float], tuple[float, float], float, float, float, float, float, int]] = {
    "plastic": ((0.0, 0.9), (0.1, 0.95), 0.012, 0.01, 0.0, 0.3, 0.0, 5),
    "painted": ((0.0, 0.95), (0.1, 0.95), 0.015, 0.015, 0.0006, 0.25, 0.0, 5),
    "metal": ((0.0, 0.08), (0.4, 0.8), 0.03, 0.03, 0.0003, 0.35, 0.4, 4),
    "brass": ((0.3, 0.55), (0.5, 0.8), 0.03, 0.03, 0.0003, 0.4, 0.4, 4),
    "chrome": ((0.0, 0.05), (0.55, 0.8), 0.01, 0.01, 0.0, 0.6, 0.8, 6),
    "cast": ((0.0, 0.1), (0.2, 0.6), 0.05, 0.08, 0.0022, 0.1, 0.1, 3),
    "rubber": ((0.0, 0.4), (0.04, 0.25), 0.02, 0.03, 0.0006, 0.06, 0.0, 3),
    "wood": ((0.3, 0.7), (0.3, 0.8), 0.03, 0.05, 0.0004, 0.08, 0.0, 3),
    "baked": ((0.35, 0.75), (0.35, 0.85), 0.05, 0.12, 0.004, 0.05, 0.0, 2),
    "stone": ((0.0, 0.25), (0.3, 0.8), 0.1, 0.12, 0.0012, 0.05, 0.0, 3),
    "wax": ((0.05, 0.6), (0.6, 0.97), 0.008, 0.03, 0.0004, 0.12, 0.0, 3),
    "glass": ((0.0, 0.5), (0.35, 0.9), 0.006, 0.03, 0.0, 0.55, 0.25, 6),
    "ceramic": ((0.0, 0.5), (0.5, 0.97), 0.008, 0.01, 0.0, 0.45, 0.05, 6),
    "cardboard": ((0.2, 0.5), (0.4, 0.85), 0.03, 0.03, 0.0004, 0.02, 0.0, 2),
    "foam": ((0.0, 0.6), (0.3, 0.95), 0.06, 0.03, 0.002, 0.01, 0.0, 2),
    "candy": ((0.4, 0.95), (0.5, 0.95), 0.01, 0.05, 0.0006, 0.4, 0.0, 5),
    "leathery": ((0.3, 0.7), (0.15, 0.6), 0.03, 0.06, 0.003, 0.12, 0.0, 3),
}  # fmt: skip
NAMES = tuple(_KINDS)
PATTERNS = ("fade", "fade", "stripes", "checks", "dots", "mesh", "waves")


@dataclass(frozen=True)
class Material:
    """One material of fixed colour.

    Attributes:
        name: one of `NAMES`.
        color: RGB in [0, 1].
        second: RGB of the mottling, the grain lines or the browned edge.
        grain: deviation of brightness from pixel to pixel.
        mottle: weight of `second` in soft patches.
        cells: how many of those lie across the canvas.
        stretch: how much longer they are along y.
        bump: deviation of the height, canvas units.
        gloss: strength of the highlight.
        metal: how much it mirrors its surroundings.
        sharpness: of the highlight, see `Relief.shade`.
        rim: darkening (negative: brightening) towards the outline.
        specks: share of the surface covered with specks of `second`.
        opacity: below 1 what lies behind shows through.
        pattern: "none", or a regular one in `second`: "fade", "stripes", "checks", "dots", "mesh", "waves".
        pitch: of the pattern in the canvas frame.
        tilt: of the pattern in radians.
        depth: of the pattern, as a share of `second` and as height for the raised ones.
    """

    name: str
    color: FloatImage
    second: FloatImage
    grain: float
    mottle: float
    cells: float
    stretch: float
    bump: float
    gloss: float
    metal: float
    sharpness: int
    rim: float
    specks: float
    opacity: float = 1.0
    pattern: str = "none"
    pitch: float = 0.2
    tilt: float = 0.0
    depth: float = 0.5

    def _pattern(self, size: int) -> FloatImage:
        """The pattern, S×S in [0, 1]."""
        x, y = grid_xy(size)
        u = x * np.float32(np.cos(self.tilt)) + y * np.float32(np.sin(self.tilt))
        if self.pattern == "fade":
            return np.clip(u * np.float32(0.6 / self.pitch) * np.float32(0.3) + np.float32(0.5), 0, 1)
        v = y * np.float32(np.cos(self.tilt)) - x * np.float32(np.sin(self.tilt))
        turns = np.float32(2 * np.pi / self.pitch)
        a, b = np.cos(u * turns), np.cos(v * turns)
        sharp = np.float32(self.pitch * size / 8)
        if self.pattern == "stripes":
            return np.clip(a * sharp + 0.5, 0, 1)
        if self.pattern == "checks":
            return np.clip(a * b * sharp + 0.5, 0, 1)
        if self.pattern == "dots":
            return np.clip((a + b - 1) * sharp + 0.5, 0, 1)
        if self.pattern == "mesh":
            return np.clip((np.maximum(a, b) - 0.8) * sharp * 1.5 + 0.5, 0, 1)
        return np.float32(0.5) + np.float32(0.5) * np.cos(u * turns + 2 * b)

    def paint(self, size: int, rng: Generator) -> tuple[FloatImage, FloatImage]:
        """Colour 3×S×S and height S×S of a fresh piece of it."""
        coarse = fractal_noise(rng, size, self.cells, 3, 0.6, self.stretch)
        fine = white_noise(rng, size) if self.stretch == 1 else smooth_noise(rng, size, size, self.stretch / 2)
        weight = np.clip(np.float32(self.mottle) * (coarse + np.float32(0.6)), 0, 1)
        if self.name == "wood":
            weight = np.float32(0.5 * min(1, self.mottle * 8)) * (0.5 + 0.5 * np.sin(coarse * 6))
        color = self.color[:, None, None] + weight * (self.second - self.color)[:, None, None]
        if self.specks:
            dots = smooth_noise(rng, size, size / 3.2)
            edge = np.float32(2.6 - 9 * self.specks)
            color += np.clip((dots - edge) * 2.5, 0, 1) * (self.second[:, None, None] - color)
        height = np.float32(self.bump) * (coarse + 0.25 * fine)
        if self.pattern != "none":
            weight = np.float32(self.depth) * self._pattern(size)
            color += weight * (self.second[:, None, None] - color)
            if self.pattern != "fade" and self.bump:
                height += np.float32(0.06 * self.pitch) * weight
        color *= 1 + np.float32(self.grain) * fine
        return color, height


def metal_tone(rng: Generator) -> FloatImage:
    """Steel, zinc, aluminium, brass, copper or blackened metal."""
    tones = (
        (0.52, 0.53, 0.55),
        (0.62, 0.62, 0.6),
        (0.7, 0.71, 0.73),
        (0.66, 0.55, 0.32),
        (0.62, 0.42, 0.3),
        (0.22, 0.22, 0.23),
    )
    tone = np.array(tones[rng.choice(6, p=(0.36, 0.2, 0.16, 0.12, 0.06, 0.1))], np.float32)
    return np.clip(tone * rng.uniform(0.8, 1.15) + rng.normal(0, 0.012, 3), 0.05, 0.9).astype(np.float32)


def product_color(
    rng: Generator, saturation: tuple[float, float] = (0.0, 0.95), value: tuple[float, float] = (0.05, 0.97)
) -> FloatImage:
    """A colour as things have it: often grey, black or white, seldom vivid."""
    low, high = saturation
    return random_color(
        rng, (low, low + (high - low) * float(rng.choice([0.08, 0.5, 1.0], p=(0.4, 0.35, 0.25)))), value
    )


def draw_material(rng: Generator, name: str | None = None, gray: bool = False) -> Material:
    """A random material, of the given name if there is one; `gray` takes its hue away."""
    chosen = str(rng.choice(NAMES)) if name is None else name
    saturation, value, grain, mottle, bump, gloss, metal, sharpness = _KINDS[chosen]
    color = product_color(rng, saturation, value)
    if chosen in ("wood", "baked", "cardboard", "leathery", "brass"):
        hsv = np.array([[[rng.uniform(16, 48), rng.uniform(*saturation), rng.uniform(*value)]]], np.float32)
        color = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    second = (
        color * np.float32(rng.uniform(0.4, 0.8))
        if rng.random() < 0.6
        else np.clip(color * np.float32(1.4) + 0.05, 0, 1)
    )
    if rng.random() < 0.15:
        second = product_color(rng)
    if gray:
        color, second = np.full(3, color.mean(), np.float32), np.full(3, second.mean(), np.float32)
    specks = (
        float(rng.uniform(0.01, 0.12))
        if rng.random() < (0.5 if chosen in ("stone", "baked", "candy", "foam") else 0.08)
        else 0.0
    )
    return Material(
        name=chosen,
        color=np.asarray(color, np.float32),
        second=np.asarray(second, np.float32),
        grain=grain * float(rng.uniform(0.4, 1.6)),
        mottle=mottle * float(rng.uniform(0.3, 2.5)),
        cells=float(np.exp(rng.uniform(np.log(3), np.log(24)))),
        stretch=float(rng.choice([1.0, 1.0, rng.uniform(3, 10)])) if chosen != "wood" else float(rng.uniform(5, 14)),
        bump=bump * float(rng.uniform(0.4, 1.4)),
        gloss=gloss * float(rng.uniform(0.3, 1.5)),
        metal=metal * float(rng.uniform(0.4, 1.3)),
        sharpness=sharpness,
        rim=float(
            {"baked": rng.uniform(0.1, 0.5), "wax": rng.uniform(-0.15, 0.1), "glass": rng.uniform(-0.5, 0.6)}.get(
                chosen, 0.0
            )
        ),
        specks=specks,
        opacity=float(rng.uniform(0.45, 0.95)) if chosen == "glass" else 1.0,
        pattern=str(rng.choice(PATTERNS)) if rng.random() < 0.22 else "none",
        pitch=float(np.exp(rng.uniform(np.log(0.05), np.log(0.35)))),
        tilt=float(rng.choice([0.0, np.pi / 2, np.pi / 4, rng.uniform(0, np.pi)])),
        depth=float(rng.uniform(0.2, 1.0)),
    )
