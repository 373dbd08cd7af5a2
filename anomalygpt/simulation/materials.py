"""What random objects are made of: colour, grain, relief and gloss of a surface."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import FloatImage, fractal_noise, random_color, smooth_noise
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
        color *= 1 + np.float32(self.grain) * fine
        return color, np.float32(self.bump) * (coarse + 0.25 * fine)


def draw_material(rng: Generator, name: str | None = None, gray: bool = False) -> Material:
    """A random material, of the given name if there is one; `gray` takes its hue away."""
    chosen = str(rng.choice(NAMES)) if name is None else name
    saturation, value, grain, mottle, bump, gloss, metal, sharpness = _KINDS[chosen]
    color = random_color(rng, saturation, value)
    if chosen in ("wood", "baked", "cardboard", "leathery", "brass"):
        hsv = np.array([[[rng.uniform(16, 48), rng.uniform(*saturation), rng.uniform(*value)]]], np.float32)
        color = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    second = color * np.float32(rng.uniform(0.4, 0.8)) if rng.random() < 0.6 else np.clip(color * np.float32(1.4) + 0.05, 0, 1)
    if rng.random() < 0.15:
        second = random_color(rng)
    if gray:
        color, second = np.full(3, color.mean(), np.float32), np.full(3, second.mean(), np.float32)
    specks = float(rng.uniform(0.01, 0.12)) if rng.random() < (0.5 if chosen in ("stone", "baked", "candy", "foam") else 0.08) else 0.0
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
        rim=float({"baked": rng.uniform(0.1, 0.5), "wax": rng.uniform(-0.15, 0.1), "glass": rng.uniform(-0.5, 0.6)}.get(chosen, 0.0)),
        specks=specks,
    )
