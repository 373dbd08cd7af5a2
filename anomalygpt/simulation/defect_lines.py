"""Defects that are lines: scratch and cut, each `(image, part, rng) -> image`."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import FloatImage, random_color
from anomalygpt.simulation.strokes import (
    Mask,
    blend,
    extent,
    log_uniform,
    pick_point,
    polygon,
    scale_light,
    soften,
    stroke,
    taper,
    unit_of,
    wander,
)


def scratch(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    """One or several thin, nearly straight lines, bright or dark, often with a bright and a dark side; or a scuff."""
    size, unit = image.shape[0], unit_of(image)
    center = pick_point(part, rng)
    angle = rng.uniform(0, 2 * np.pi)
    scuff = rng.random() < 0.2
    count = int(rng.integers(6, 24)) if scuff else int(rng.choice([1, 1, 1, 2, 3, 4]))
    length = extent(part) * log_uniform(rng, 0.06, 0.3 if scuff else 0.9)
    apart = length * (0.25 if scuff else 0.08) + 2 * unit
    contrast = log_uniform(rng, 0.1, 0.7)
    line = np.zeros((size, size), np.float32)
    for _ in range(count):
        steps = 14
        each = length * rng.uniform(0.5, 1.0)
        turned = angle + rng.normal(0, 0.15 if scuff else 0.05)
        start = (
            center[0] + rng.normal(0, apart) - 0.5 * each * np.cos(turned),
            center[1] + rng.normal(0, apart) - 0.5 * each * np.sin(turned),
        )
        path = wander(start, turned, each, steps, 0.02, log_uniform(rng, 0.005, 0.08), rng)
        line = np.maximum(
            line, stroke(size, path, unit * log_uniform(rng, 0.5, 1.8), taper(steps, rng, rng.uniform(0, 0.8)))
        )
    line = soften(line, unit * rng.uniform(0.2, 0.6))
    look = rng.random()
    if look < 0.45:
        return image + (0.25 + 0.6 * image) * (np.float32(contrast) * line)[..., None]
    if look < 0.75:
        return scale_light(image, 1 - np.float32(contrast) * line)
    if look < 0.9:
        shifted = np.roll(line, (round(unit * np.cos(angle) + 0.01), -round(unit * np.sin(angle) + 0.01)), (0, 1))
        return image + (np.float32(0.6 * contrast) * (line - shifted))[..., None]
    return blend(image, random_color(rng, (0.0, 0.6), (0.2, 0.9)), line * np.float32(min(1.0, contrast * 1.4)))


def cut(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    """A gash that opens in the middle: dark inside, lips lighter or darker, sometimes frayed."""
    size, unit = image.shape[0], unit_of(image)
    length = extent(part) * log_uniform(rng, 0.08, 0.7)
    opening = max(length * log_uniform(rng, 0.03, 0.2), 1.3 * unit)
    center, angle = pick_point(part, rng), rng.uniform(0, 2 * np.pi)
    start = (center[0] - 0.5 * length * np.cos(angle), center[1] - 0.5 * length * np.sin(angle))
    steps = 16
    spine = wander(start, angle, length, steps, 0.03, rng.uniform(0.01, 0.08), rng)
    place = np.linspace(0, 1, steps + 1)
    belly = np.sin(np.pi * place) ** rng.uniform(0.5, 1.2) * opening / 2
    normal = np.array([-np.sin(angle), np.cos(angle)])
    ragged = rng.uniform(0.0, 0.35)
    upper = spine + normal * (belly * (1 + ragged * rng.standard_normal(steps + 1)))[:, None]
    lower = spine - normal * (belly * (1 + ragged * rng.standard_normal(steps + 1)))[:, None]
    inside = soften(polygon(size, np.vstack([upper, lower[::-1]])), 0.5 * unit)
    lips = np.clip(soften(inside, opening * 0.35 + 0.8 * unit) * 1.6 - inside, 0, 1)
    contrast = log_uniform(rng, 0.3, 1.0)
    lit = image * (1 + np.float32(rng.uniform(-0.3, 0.5) * contrast) * lips)[..., None]
    depth = rng.uniform(0.05, 0.5) * image[part].mean(axis=0) if part.any() else np.zeros(3)
    if rng.random() < 0.2:
        depth = random_color(rng, (0.0, 0.5), (0.3, 0.95))
    opened = blend(lit, depth, inside * np.float32(contrast))
    if rng.random() < 0.35:
        thread = np.zeros((size, size), np.float32)
        for _ in range(int(rng.integers(3, 12))):
            root = upper[rng.integers(steps)] if rng.random() < 0.5 else lower[rng.integers(steps)]
            heading = angle + rng.normal(np.pi / 2, 0.6)
            path = wander((float(root[0]), float(root[1])), heading, opening * rng.uniform(0.4, 1.3), 5, 0.1, 0.2, rng)
            thread = np.maximum(thread, stroke(size, path, unit * rng.uniform(0.6, 1.2)))
        opened = blend(
            opened, image.mean(axis=(0, 1)) * np.float32(rng.uniform(0.8, 1.4)), np.minimum(thread, np.float32(0.8))
        )
    return opened
