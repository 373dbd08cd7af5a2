"""Defects that are areas: hole, stain, dent, colour fault and contamination, each `(image, part, rng) -> image`."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import FloatImage, fractal_noise, random_color, smooth_noise
from anomalygpt.simulation.strokes import (
    Mask,
    blend,
    blob,
    extent,
    greyness,
    log_uniform,
    pick_point,
    relief,
    scale_light,
    soften,
    stroke,
    strongest,
    wander,
)


def _radius(part: Mask, rng: Generator, low: float, high: float) -> float:
    """Radius in pixels of a disc whose share of the part's area is drawn evenly in logarithm from `low` to `high`."""
    return max(extent(part) * float(np.sqrt(log_uniform(rng, low, high) / np.pi)), 1.6)


def hole(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    """One to a few pits: dark inside, a rim that catches the light on one side and shades the other."""
    size = image.shape[0]
    light = rng.uniform(0, 2 * np.pi)
    radius = _radius(part, rng, 0.0008, 0.04)
    center = pick_point(part, rng)
    for _ in range(int(rng.choice([1, 1, 1, 2, 4]))):
        pit = blob(size, center, radius, rng, rough=rng.uniform(0.0, 0.6), stretch=log_uniform(rng, 1.0, 2.0))
        pit = soften(pit, max(0.12 * radius, 0.4))
        local = image[min(int(center[1]), size - 1), min(int(center[0]), size - 1)] if size else image[0, 0]
        inside = local * np.float32(rng.uniform(0.02, 0.5))
        if rng.random() < 0.15:
            inside = random_color(rng, (0.0, 0.5), (0.3, 0.95))
        wall = relief(soften(pit, max(0.15 * radius, 0.6)), light)
        image = image * (1 + np.float32(rng.uniform(0.1, 0.6)) * wall)[..., None]
        floor = 1 - 0.4 * np.clip(wall, -1, 1)
        image = blend(image, inside * floor[..., None], pit * np.float32(log_uniform(rng, 0.4, 1.0)))
        center = (
            float(np.clip(center[0] + rng.normal(0, 4 * radius), 0, size - 1)),
            float(np.clip(center[1] + rng.normal(0, 4 * radius), 0, size - 1)),
        )
        radius *= rng.uniform(0.4, 1.0)
    return image


def stain(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    """A soft spot: darker, paler or coloured, with a dry rim, a grainy body or its texture washed out."""
    size = image.shape[0]
    radius = _radius(part, rng, 0.002, 0.15)
    center = pick_point(part, rng)
    body = blob(size, center, radius, rng, rough=rng.uniform(0.1, 0.8), stretch=log_uniform(rng, 1.0, 3.0))
    edge = max(radius * rng.uniform(0.04, 0.5), 0.5)
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 6))):
            apart = rng.normal(0, 1.6 * radius, 2)
            small = radius * rng.uniform(0.1, 0.5)
            drop = blob(size, (center[0] + apart[0], center[1] + apart[1]), small, rng, rough=0.3, stretch=1.2)
            body = np.maximum(body, drop)
    body = soften(body, edge)
    if rng.random() < 0.3:
        rim = np.clip(body * (1 - body) * 4, 0, 1) ** 2
        body = np.clip(np.float32(rng.uniform(0.1, 0.6)) * body + rim, 0, 1)
    if rng.random() < 0.4:
        body = body * np.clip(0.75 + 0.35 * fractal_noise(rng, size, rng.uniform(8, 60), 3), 0, 1.2)
    strength = np.float32(log_uniform(rng, 0.12, 0.85))
    look = rng.random()
    if look < 0.4:
        return scale_light(image, 1 - strength * body)
    if look < 0.55:
        return image + (strength * 0.6 * body)[..., None] * (1 - image)
    if look < 0.7:
        washed = cv2.GaussianBlur(image, (0, 0), max(radius * 0.25, 2.0)) * np.float32(rng.uniform(0.75, 1.15))
        return blend(image, washed, np.clip(body * (0.4 + strength), 0, 1))
    tint = random_color(rng, (0.2, 0.9), (0.15, 0.9))
    if rng.random() < 0.5:
        return image * (1 - (strength * body)[..., None] * (1 - tint))
    return blend(image, tint, strength * body)


def dent(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    """A hollow or bump: one side shaded, the other bright, the surface within slightly displaced."""
    size = image.shape[0]
    radius = _radius(part, rng, 0.003, 0.12)
    center = pick_point(part, rng)
    shape = blob(size, center, radius, rng, rough=rng.uniform(0.0, 0.5), stretch=log_uniform(rng, 1.0, 4.0))
    height = soften(shape, max(radius * rng.uniform(0.2, 0.5), 0.8))
    shade = relief(height, rng.uniform(0, 2 * np.pi)) * np.float32(log_uniform(rng, 0.18, 0.7))
    if rng.random() < 0.6:
        strength = np.float32(rng.uniform(0.1, 0.35) * radius)
        peak = np.float32(max(float(height.max()), 1e-3))
        line = np.arange(size, dtype=np.float32)
        pull_x = (line[None, :] - np.float32(center[0])) / np.float32(radius)
        pull_y = (line[:, None] - np.float32(center[1])) / np.float32(radius)
        amount = strength * height / peak
        pulled = cv2.remap(
            image,
            line[None, :] + amount * pull_x,
            line[:, None] + amount * pull_y,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        image = np.asarray(pulled, np.float32)
    bright = np.clip(shade, 0, None)
    return scale_light(image, 1 + shade - np.float32(0.5) * bright) + (0.08 * bright)[..., None]


def color_fault(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    """An area of the wrong hue, saturation or lightness: a spot, or everything of one colour within a larger spot."""
    size = image.shape[0]
    center = pick_point(part, rng)
    alike = rng.random() < 0.45
    radius = _radius(part, rng, 0.02, 0.3) if alike else _radius(part, rng, 0.002, 0.15)
    area = blob(size, center, radius, rng, rough=rng.uniform(0, 0.5), stretch=log_uniform(rng, 1.0, 3.0))
    if alike:
        smooth = cv2.GaussianBlur(image, (0, 0), 1.0)
        seed = smooth[int(center[1]), int(center[0])]
        near = np.asarray(
            np.clip(1.6 - strongest(np.abs(smooth - seed)) / np.float32(rng.uniform(0.06, 0.15)), 0, 1), np.float32
        )
        area = area * near
    area = soften(area, rng.uniform(0.5, 1.5) if rng.random() < 0.6 else max(radius * 0.3, 0.5))
    strength = np.float32(log_uniform(rng, 0.15, 1.0))
    look = rng.random()
    if look < 0.4:
        grey = greyness(image)[..., None]
        tint = random_color(rng, (0.3, 1.0), (0.4, 1.0))
        changed = np.clip(grey * tint / max(float(tint.mean()), 0.1), 0, 1)
    elif look < 0.65:
        changed = np.clip(image * np.exp(rng.normal(0, 0.4, 3)).astype(np.float32), 0, 1)
    elif look < 0.8:
        grey = greyness(image)[..., None]
        changed = np.clip(grey + (image - grey) * np.float32(rng.choice([0.0, 2.0])), 0, 1) * np.float32(
            rng.uniform(0.6, 1.3)
        )
    else:
        changed = np.clip(image * np.float32(rng.choice([rng.uniform(0.3, 0.75), rng.uniform(1.3, 2.2)])), 0, 1)
    return blend(image, changed, area * strength)


def contamination(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    """Something that does not belong there: a hair, fibres, dust, a drop or a foreign piece."""
    what = (_hair, _fibres, _dust, _drop, _piece)[int(rng.choice(5, p=[0.2, 0.15, 0.2, 0.15, 0.3]))]
    return what(image, part, rng)


def _foreign_color(rng: Generator) -> FloatImage:
    """Dirt, metal and fluff are mostly dull, foreign pieces now and then loud."""
    return (
        random_color(rng, (0.0, 0.4), (0.05, 0.95))
        if rng.random() < 0.65
        else random_color(rng, (0.5, 1.0), (0.3, 0.95))
    )


def _hair(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    size, unit = image.shape[0], image.shape[0] / 224
    length = extent(part) * log_uniform(rng, 0.15, 0.9)
    path = wander(pick_point(part, rng), rng.uniform(0, 2 * np.pi), length, 28, 0.0, rng.uniform(0.05, 0.3), rng)
    line = soften(stroke(size, path, unit * log_uniform(rng, 0.6, 1.8)), 0.4 * unit)
    shadow = soften(np.roll(line, (2, 1), (0, 1)), unit)
    image = scale_light(image, 1 - np.float32(rng.uniform(0, 0.25)) * shadow)
    return blend(image, _foreign_color(rng), line * np.float32(log_uniform(rng, 0.35, 1.0)))


def _fibres(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    size, unit = image.shape[0], image.shape[0] / 224
    center, spread = pick_point(part, rng), extent(part) * log_uniform(rng, 0.02, 0.12)
    color, tangle = _foreign_color(rng), np.zeros((size, size), np.float32)
    for _ in range(int(rng.integers(3, 16))):
        start = (center[0] + rng.normal(0, spread / 2), center[1] + rng.normal(0, spread / 2))
        path = wander(start, rng.uniform(0, 2 * np.pi), spread * rng.uniform(0.8, 2.5), 14, 0.0, 0.4, rng)
        tangle = np.maximum(tangle, stroke(size, path, unit * rng.uniform(0.6, 1.3)))
    return blend(image, color, soften(tangle, 0.35 * unit) * np.float32(log_uniform(rng, 0.35, 1.0)))


def _dust(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    size, unit = image.shape[0], image.shape[0] / 224
    center, spread = pick_point(part, rng), extent(part) * log_uniform(rng, 0.03, 0.2)
    color, specks = _foreign_color(rng), np.zeros((size, size), np.float32)
    for _ in range(int(rng.integers(4, 30))):
        at = (center[0] + rng.normal(0, spread), center[1] + rng.normal(0, spread))
        speck = blob(size, at, unit * log_uniform(rng, 0.7, 3.0), rng, rough=0.4, stretch=log_uniform(rng, 1.0, 2.5))
        specks = np.maximum(specks, speck)
    return blend(image, color, soften(specks, 0.4 * unit) * np.float32(log_uniform(rng, 0.4, 1.0)))


def _drop(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    size = image.shape[0]
    radius, center = _radius(part, rng, 0.002, 0.05), pick_point(part, rng)
    light = rng.uniform(0, 2 * np.pi)
    body = soften(blob(size, center, radius, rng, rough=0.25, stretch=log_uniform(rng, 1.0, 1.8)), 0.6)
    dome = relief(soften(body, max(radius * 0.35, 0.7)), light)
    tint = random_color(rng, (0.0, 0.6), (0.3, 1.0)) if rng.random() < 0.6 else np.ones(3, np.float32)
    opacity = np.float32(rng.uniform(0.1, 0.9))
    wet = blend(image * np.float32(rng.uniform(0.7, 1.0)), tint, np.full((size, size), opacity * 0.6, np.float32))
    wet = scale_light(wet, 1 + np.float32(rng.uniform(0.15, 0.5)) * dome)
    spot = (center[0] + 0.35 * radius * np.cos(light), center[1] + 0.35 * radius * np.sin(light))
    shine = soften(blob(size, spot, max(radius * 0.2, 0.8), rng, rough=0.0, stretch=1.6), max(radius * 0.08, 0.4))
    return blend(blend(image, wet, body), np.ones(3), shine * np.float32(rng.uniform(0.2, 0.95)))


def _piece(image: FloatImage, part: Mask, rng: Generator) -> FloatImage:
    size = image.shape[0]
    radius, center = _radius(part, rng, 0.0012, 0.06), pick_point(part, rng)
    light = rng.uniform(0, 2 * np.pi)
    body = blob(size, center, radius, rng, rough=rng.uniform(0.2, 1.0), stretch=log_uniform(rng, 1.0, 4.0))
    shadow = soften(
        np.roll(body, (round(-2 * np.sin(light)), round(-2 * np.cos(light))), (0, 1)), max(0.2 * radius, 0.8)
    )
    image = scale_light(image, 1 - np.float32(rng.uniform(0.1, 0.5)) * shadow)
    grain = 1 + np.float32(rng.uniform(0.02, 0.25)) * smooth_noise(rng, size, rng.uniform(20, 120))
    bulge = 1 + np.float32(rng.uniform(0.0, 0.5)) * relief(soften(body, max(radius * 0.35, 0.7)), light)
    surface = np.clip(_foreign_color(rng) * (grain * bulge)[..., None], 0, 1)
    return blend(image, surface, soften(body, 0.5))
