"""An endless family of unnamed surfaces: one to three drawn layers of pattern and grain over a random palette."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import FloatImage, Layer, Pose, Product, fractal_noise, smooth_noise
from anomalygpt.simulation.texture_fields import (
    batch,
    blurred,
    finished,
    gray,
    log_uniform,
    mixed,
    muted_color,
    relief,
    soft_step,
    surface,
    toned,
    white_noise,
)
from anomalygpt.simulation.texture_patterns import (
    Pattern,
    blobs,
    brushed,
    clouds,
    cobbles,
    dots,
    draw_motif,
    patches,
    pits,
    printed,
    speckle,
    stripes,
    tiles,
    turned,
    veins,
    weave,
)

_GROUNDS = (clouds, blobs, veins, brushed, turned, speckle, pits, cobbles, patches, weave, stripes)
_FIGURES = (blobs, veins, speckle, cobbles, patches, stripes, dots, weave, tiles, printed, pits)


class RandomTexture(Product):
    """A surface without a name."""

    texture = True
    pose = Pose(rotation=6.0, shift=0.05, scale=0.05)

    def __init__(self, rng: Generator) -> None:
        self.color = muted_color(rng, (0.08, 0.95))
        # Faint patterns are as frequent as strong ones; real defects hide in both.
        contrast = log_uniform(rng, 0.07, 1.2)
        count = int(rng.choice([1, 2, 3], p=[0.3, 0.45, 0.25]))
        self.patterns = [self._draw(rng, _GROUNDS if i == 0 else _FIGURES, contrast) for i in range(count)]
        if rng.random() < 0.5:
            self.patterns.reverse()
        self.finish = str(rng.choice(["matt", "glossy", "translucent", "xray"], p=[0.55, 0.2, 0.1, 0.15]))
        self.light = rng.uniform(0, 360)
        self.gloss = rng.uniform(0.1, 0.6)
        self.mottle = rng.uniform(0.0, 0.06)
        self.grain = log_uniform(rng, 0.003, 0.05)
        self.drift = rng.uniform(0.01, 0.05)

    def _draw(
        self, rng: Generator, fields: tuple[Callable[[int, Generator, Pattern], FloatImage], ...], contrast: float
    ) -> Pattern:
        """Draws one layer."""
        other = muted_color(rng, (0.05, 0.95))
        field = fields[int(rng.integers(0, len(fields)))]
        use = str(rng.choice(["ink", "tone", "relief"], p=[0.4, 0.3, 0.3]))
        # A bold blot that one photo has and the next has not would be a stain: disordered ink is fine and frequent.
        blots = use == "ink" and field in (clouds, veins, patches, speckle, blobs, turned)
        across = log_uniform(rng, 28 if blots else 7, 85)
        share = np.float32(np.clip(contrast * rng.uniform(0.6, 1.4), 0, 1))
        return Pattern(
            field=field,
            use=use,
            across=across,
            angle=float(rng.choice([0.0, 90.0, 45.0, rng.uniform(0, 180)], p=[0.35, 0.25, 0.1, 0.3])),
            stretch=log_uniform(rng, 0.6, 3.0),
            order=rng.uniform(0, 1),
            at=rng.uniform(-0.8, 1.0 if blots else 1.6),
            edge=log_uniform(rng, 0.15, 1.5),
            weight=contrast * rng.uniform(0.5, 1.3),
            color=np.asarray(self.color + share * (other - self.color), np.float32),
            shape=int(rng.integers(0, 24)),
            motif=draw_motif(rng),
        )

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints another piece of the same surface."""
        # One factor for all colours: a faint pattern must not drown in the difference between two pieces.
        hue = batch(rng, 0.02)
        color = self.color * hue
        light = np.zeros((size, size), np.float32)
        tone = fractal_noise(rng, size, 4, 4, 0.6) * np.float32(self.mottle)
        for pattern in self.patterns:
            field = pattern.field(size, rng, pattern)
            if pattern.use == "ink":
                color = mixed(color, pattern.color * hue, soft_step(field, pattern.at, pattern.edge))
            elif pattern.use == "tone":
                tone = tone + np.clip(field, -2, 2) * np.float32(0.2 * pattern.weight)
            else:
                slope = 2.5 * pattern.weight * 40 / (pattern.across + 15)
                light += np.clip(relief(np.clip(field, -2, 2), self.light + rng.normal(0, 3), 0.35 * slope), -0.6, 0.5)
        if self.finish == "glossy":
            sheen = np.maximum(light + np.float32(0.4) * smooth_noise(rng, size, 2), 0)
            color = toned(color, tone + light) + gray(sheen * sheen * np.float32(self.gloss * 0.5))
        elif self.finish == "translucent":
            deep = blurred(toned(color, tone), 0.01 * size)
            color = np.float32(0.6) * deep + np.float32(0.4) * toned(color, tone + light)
            color = color + gray(np.float32(0.05) * smooth_noise(rng, size, 2))
        elif self.finish == "xray":
            level = cv2.transform(toned(color, tone + light), np.full((1, 3), 1 / 3, np.float32))
            level = blurred(level + np.float32(0.04) * smooth_noise(rng, size, 2), 0.004 * size)
            level += white_noise(rng, size) * np.float32(0.015)
            color = gray(level)
        else:
            color = toned(color, tone + light)
        return surface(finished(color, rng, self.drift, self.grain))


PRODUCTS: tuple[type[Product], ...] = (RandomTexture,)
