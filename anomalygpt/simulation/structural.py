"""Faults of form that any part can have: a piece broken off, broken and displaced, or bent out of shape.

They change a placed layer, colour and outline alike, each `(layer, rng) -> Layer`. Products paint their own, truer
faults where they know their parts.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.base import FloatImage, Layer
from anomalygpt.simulation.station import unstacked
from anomalygpt.simulation.strokes import blend, blob, extent, log_uniform, pick_point, polygon, soften, wander


def _edge_point(alpha: FloatImage, rng: Generator) -> tuple[float, float]:
    """A random point (x, y) on the outline of the part."""
    part = (alpha > 0.5).astype(np.uint8)
    rim = cv2.morphologyEx(part, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(bool)
    return pick_point(rim if rim.any() else part.astype(bool), rng)


def _piece(alpha: FloatImage, point: tuple[float, float]) -> FloatImage:
    """The alpha of the one part at a point (x, y), where several lie in the photo."""
    _, labels = cv2.connectedComponents((alpha > 0.3).astype(np.uint8))
    label = labels[int(point[1]), int(point[0])]
    if label == 0:
        return alpha
    return alpha * cv2.dilate((labels == label).astype(np.uint8), np.ones((3, 3), np.uint8))


def broken_off(layer: Layer, rng: Generator) -> Layer:
    """A piece is missing at the edge; the broken face may show, lighter or darker than the surface."""
    size = layer.alpha.shape[0]
    center = _edge_point(layer.alpha, rng)
    side = extent(_piece(layer.alpha, center) > 0.5)
    radius = max(side * float(np.sqrt(log_uniform(rng, 0.003, 0.15) / np.pi)) * 1.2, 2.5)
    gone = blob(size, center, radius, rng, rough=rng.uniform(0.2, 0.9), stretch=log_uniform(rng, 1.0, 2.5))
    gone = soften(gone, 0.6)
    color = layer.color
    if rng.random() < 0.6:
        wider = cv2.dilate(gone, np.ones((3, 3), np.uint8), iterations=int(np.clip(radius * 0.12, 1, 6)))
        face = soften(np.asarray(wider, np.float32), 0.7)
        tone = color[layer.alpha > 0.5].mean(axis=0) * np.float32(rng.uniform(0.4, 1.5))
        color = blend(color, np.clip(tone, 0, 1), np.clip(face - gone, 0, 1) * np.float32(rng.uniform(0.4, 0.95)))
    return Layer(color, layer.alpha * (1 - gone))


def broken_apart(layer: Layer, rng: Generator) -> Layer:
    """The part is broken along a jagged line and the smaller side has moved; unchanged where none is smaller."""
    size = layer.alpha.shape[0]
    piece = _piece(layer.alpha, pick_point(layer.alpha > 0.5, rng))
    whole = float(piece.sum())
    for _ in range(6):
        middle, angle = pick_point(piece > 0.5, rng), rng.uniform(0, 2 * np.pi)
        halves = [wander(middle, angle + turn, 2.5 * size, 60, 0.35, 0.02, rng) for turn in (0.0, np.pi)]
        line = np.vstack([halves[1][::-1], halves[0][1:]])
        normal = np.array([-np.sin(angle), np.cos(angle)])
        moved_side = polygon(size, np.vstack([line, line[-1] + 4 * size * normal, line[0] + 4 * size * normal]))
        if 0.02 * whole < float((moved_side * piece).sum()) < 0.35 * whole:
            break
    else:
        return layer
    gap = extent(piece > 0.5) * log_uniform(rng, 0.015, 0.12)
    turn = np.deg2rad(rng.normal(0, 5.0))
    cos, sin = np.cos(turn), np.sin(turn)
    shift = normal * gap + np.array([np.cos(angle), np.sin(angle)]) * gap * rng.normal(0, 0.5)
    x, y = middle
    move = np.array([[cos, -sin, x - cos * x + sin * y + shift[0]], [sin, cos, y - sin * x - cos * y + shift[1]]])
    stacked = np.dstack([layer.color, piece * moved_side])
    away = np.asarray(cv2.warpAffine(stacked, move, (size, size), borderMode=cv2.BORDER_CONSTANT), np.float32)
    stay = layer.alpha - piece * moved_side
    over = away[..., 3]
    alpha = np.asarray(over + stay * (1 - over), np.float32)
    weight = np.asarray(over / np.maximum(alpha, 1e-4), np.float32)
    return Layer(blend(layer.color, away[..., :3], weight), alpha)


def bent(layer: Layer, rng: Generator) -> Layer:
    """A region is pushed sideways, and everything near it is drawn along."""
    size = layer.alpha.shape[0]
    at_edge = rng.random() < 0.6 and float(layer.alpha.min()) < 0.5
    center = _edge_point(layer.alpha, rng) if at_edge else pick_point(layer.alpha > 0.5, rng)
    reach = extent(_piece(layer.alpha, center) > 0.5) * rng.uniform(0.08, 0.3)
    line = np.arange(size, dtype=np.float32)
    dx, dy = line[None, :] - np.float32(center[0]), line[:, None] - np.float32(center[1])
    bump = np.exp(-(dx * dx + dy * dy) / np.float32(2 * (0.5 * reach) ** 2))
    angle, push = rng.uniform(0, 2 * np.pi), reach * rng.uniform(0.35, 0.8)
    from_x = line[None, :] + np.float32(push * np.cos(angle)) * bump
    from_y = line[:, None] + np.float32(push * np.sin(angle)) * bump
    stacked = np.dstack([layer.color, layer.alpha])
    moved = cv2.remap(stacked, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return unstacked(moved)
