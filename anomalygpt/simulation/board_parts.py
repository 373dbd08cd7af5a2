"""The components of a populated circuit board as stacks of flat pieces, painted all at once through a palette."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from anomalygpt.simulation.forms import Outline, lettering, polar, rectangle, superellipse
from anomalygpt.simulation.shading import random_text

Style = tuple[tuple[float, float, float], float, float, float]
"""Colour, height in the canvas frame, gloss, metal."""

SILVER: Style = ((0.7, 0.71, 0.72), 0.02, 0.35, 0.3)
GOLD: Style = ((0.74, 0.6, 0.3), 0.09, 0.35, 0.3)


@dataclass
class Component:
    """One component in its own frame.

    Attributes:
        kind: "chip", "header", ...
        half: half width and half height of its body and pins.
        pieces: outlines from the lowest to the highest, each with its style; a path of a line where `line` says so.
        tall: whether it casts a shadow.
        pads: outlines of the solder lands under it.
        loose: indices of the pieces that stick out and can be bent (pins).
        framed: whether the board has its outline printed around it.
    """

    kind: str
    half: tuple[float, float]
    pieces: list[tuple[Outline, Style, bool]] = field(default_factory=list)
    tall: bool = True
    pads: list[Outline] = field(default_factory=list)
    loose: list[int] = field(default_factory=list)
    framed: bool = False

    def add(self, outline: Outline, style: Style, x: float = 0.0, y: float = 0.0) -> None:
        """Puts a piece on top."""
        self.pieces.append((outline + np.array([x, y], np.float32), style, False))

    def write(self, text: str, height: float, style: Style, y: float = 0.0) -> None:
        """Prints a line on top."""
        shift = np.array([0, y], np.float32)
        self.pieces += [(path + shift, style, True) for path in lettering(text, height)]


def _round(radius: float) -> Outline:
    return polar(np.full(26, radius))


def _black(rng: Generator, height: float) -> Style:
    tone = float(rng.uniform(0.05, 0.14))
    return ((tone, tone, tone * float(rng.uniform(0.95, 1.15))), height, 0.12, 0.0)


def _ink(rng: Generator, height: float) -> Style:
    tone = float(rng.uniform(0.55, 0.9))
    return ((tone, tone, tone), height, 0.02, 0.0)


def _chip(rng: Generator) -> Component:
    """A resistor, ceramic capacitor, diode or light-emitting diode with two ends."""
    long = float(rng.choice([0.026, 0.034, 0.045]))
    half = (long, long * float(rng.uniform(0.45, 0.65)))
    part = Component("chip", half, tall=False)
    land = rectangle(long * 0.42, half[1] * 1.1)
    part.pads = [land + np.array([sign * long * 0.75, 0], np.float32) for sign in (-1, 1)]
    part.add(rectangle(*half), SILVER)
    colors = (
        (0.08, 0.08, 0.09),
        (0.55, 0.42, 0.28),
        (0.42, 0.3, 0.2),
        (0.7, 0.6, 0.45),
        (0.1, 0.1, 0.1),
        (0.85, 0.85, 0.75),
    )
    color = colors[rng.integers(6)]
    part.add(rectangle(long * 0.62, half[1]), (color, 0.028, 0.15, 0.0))
    if color[0] < 0.2 and long > 0.03:
        part.write(str(rng.integers(100, 999)), half[1] * 0.9, ((0.85, 0.85, 0.85), 0.028, 0.0, 0.0))
    elif color[0] > 0.8:
        part.add(superellipse(half[1] * 0.6, half[1] * 0.6), ((0.85, 0.75, 0.2), 0.03, 0.5, 0.0))
    return part


def _small_pack(rng: Generator) -> Component:
    """A three- or five-legged small transistor package."""
    part = Component("transistor", (0.05, 0.045))
    for x, sign in ((-0.03, 1), (0.03, 1), (0.0, -1)):
        part.pads.append(rectangle(0.012, 0.014) + np.array([x, sign * 0.038], np.float32))
        part.add(rectangle(0.01, 0.018), SILVER, x, sign * 0.03)
    part.add(superellipse(0.048, 0.026, 8), _black(rng, 0.045))
    part.write(random_text(rng, 2, 3), 0.02, _ink(rng, 0.045))
    return part


def _circuit(rng: Generator) -> Component:
    """An integrated circuit with pins on two or four sides."""
    pins, pitch = int(rng.integers(4, 11)), float(rng.uniform(0.032, 0.05))
    long = pins * pitch / 2 + 0.012
    quad = bool(rng.random() < 0.35)
    short = long if quad else float(rng.uniform(0.06, 0.11))
    reach = float(rng.uniform(0.022, 0.035))
    part = Component("circuit", (long + (reach if quad else 0), short + reach))
    for k in range(pins):
        at = (k - (pins - 1) / 2) * pitch
        for sign in (-1, 1):
            spots = [(at, sign * (short + reach * 0.4), False)] + (
                [(sign * (long + reach * 0.4), at, True)] if quad else []
            )
            for x, y, lying in spots:
                w, h = (reach * 0.75, pitch * 0.26) if lying else (pitch * 0.26, reach * 0.75)
                part.pads.append(rectangle(w * 1.2, h * 1.2) + np.array([x, y], np.float32))
                part.add(rectangle(w, h), SILVER, x, y)
    body = _black(rng, 0.06)
    part.add(rectangle(long, short), body)
    part.add(_round(0.011), ((0.2, 0.2, 0.2), 0.055, 0.0, 0.0), -long + 0.03, short - 0.03)
    ink = _ink(rng, 0.06)
    for row in range(int(rng.integers(1, 4 if short > 0.08 else 2))):
        part.write(random_text(rng, 4, 7), min(0.032, short * 0.4), ink, (row - 0.5) * 0.048)
    return part


def _can(rng: Generator) -> Component:
    """An electrolytic capacitor from above, on a plastic foot or standing free."""
    radius = float(rng.uniform(0.06, 0.12))
    part = Component("can", (radius * 1.06, radius * 1.06))
    if rng.random() < 0.6:
        part.add(superellipse(radius * 1.05, radius * 1.05, 12), _black(rng, 0.03))
    part.add(_round(radius), ((0.75, 0.75, 0.76), 0.11, 0.35, 0.4))
    part.add(_round(radius * 0.86), ((0.8, 0.8, 0.8), 0.118, 0.3, 0.2))
    if rng.random() < 0.6:
        turn = np.linspace(-0.9, 0.9, 14)
        part.add(
            (np.stack([np.cos(turn), np.sin(turn)], 1) * radius * 0.86).astype(np.float32),
            ((0.1, 0.1, 0.12), 0.118, 0.1, 0.0),
        )
        part.write(str(rng.integers(10, 990)), radius * 0.4, ((0.12, 0.12, 0.12), 0.118, 0.0, 0.0))
    else:
        cross = rectangle(radius * 0.6, 0.006)
        for bar in (cross, cross[:, ::-1].copy()):
            part.add(bar, ((0.55, 0.55, 0.55), 0.112, 0.1, 0.0))
    return part


def _transducer(rng: Generator) -> Component:
    """A round metal capsule with a mesh: sounder, microphone or sensor."""
    radius = float(rng.uniform(0.18, 0.34))
    part = Component("transducer", (radius, radius))
    part.add(_round(radius), ((0.72, 0.72, 0.73), 0.12, 0.4, 0.45))
    part.add(_round(radius * 0.88), ((0.5, 0.5, 0.5), 0.15, 0.3, 0.3))
    part.add(_round(radius * 0.8), ((0.82, 0.82, 0.82), 0.15, 0.4, 0.3))
    part.add(_round(radius * 0.7), ((0.25, 0.25, 0.26), 0.09, 0.05, 0.0))
    step = radius * 0.15
    for i in np.arange(-4, 5):
        for j in np.arange(-4, 5):
            if np.hypot(i, j) * step < radius * 0.62:
                part.add(rectangle(step * 0.3, step * 0.3), ((0.6, 0.6, 0.6), 0.1, 0.2, 0.0), i * step, j * step)
    return part


def _crystal(rng: Generator) -> Component:
    """A crystal or shielded module in a metal can."""
    long, short = float(rng.uniform(0.07, 0.15)), float(rng.uniform(0.035, 0.09))
    part = Component("crystal", (long, short))
    power = float(rng.choice([3.0, 20.0]))
    part.add(superellipse(long, short, power), ((0.6, 0.6, 0.6), 0.03, 0.3, 0.3))
    part.add(superellipse(long * 0.88, short * 0.82, power), ((0.74, 0.74, 0.75), 0.06, 0.4, 0.35))
    part.write(random_text(rng, 3, 6), short * 0.5, ((0.35, 0.35, 0.36), 0.06, 0.1, 0.1))
    return part


def _header(rng: Generator) -> Component:
    """A row of pins; they may reach far out of the board."""
    pins, pitch = int(rng.integers(3, 9)), float(rng.uniform(0.06, 0.1))
    part = Component("header", (pins * pitch / 2, pitch * 0.5))
    part.add(rectangle(pins * pitch / 2, pitch * 0.45), _black(rng, 0.07))
    metal = GOLD if rng.random() < 0.5 else (SILVER[0], 0.09, 0.35, 0.3)
    reach = float(rng.uniform(0.18, 0.34)) if rng.random() < 0.6 else 0.0
    for k in range(pins):
        at = (k - (pins - 1) / 2) * pitch
        if reach:
            part.loose.append(len(part.pieces))
            part.add(rectangle(pitch * 0.14, reach / 2), metal, at, reach / 2)
        else:
            part.add(rectangle(pitch * 0.16, pitch * 0.16), (metal[0], 0.14, 0.4, 0.2), at, 0.0)
    return part


def _plug(rng: Generator) -> Component:
    """A plastic socket with contacts, or a screw terminal."""
    pins, pitch = int(rng.integers(2, 6)), float(rng.uniform(0.08, 0.14))
    long, short = pins * pitch / 2 + 0.03, float(rng.uniform(0.09, 0.16))
    colors = ((0.85, 0.84, 0.78), (0.1, 0.1, 0.1), (0.12, 0.45, 0.2), (0.1, 0.25, 0.6), (0.75, 0.72, 0.62))
    color = colors[rng.integers(5)]
    part = Component("plug", (long, short))
    part.add(rectangle(long, short), (color, 0.12, 0.15, 0.0))
    screws = bool(rng.random() < 0.5)
    dark = (color[0] * 0.55, color[1] * 0.55, color[2] * 0.55)
    if not screws:
        part.add(rectangle(long - 0.025, short - 0.03), (dark, 0.04, 0.05, 0.0))
    for k in range(pins):
        at = (k - (pins - 1) / 2) * pitch
        if screws:
            part.add(_round(pitch * 0.36), (dark, 0.09, 0.1, 0.0), at)
            part.add(_round(pitch * 0.3), ((0.66, 0.66, 0.66), 0.1, 0.4, 0.3), at)
            part.add(rectangle(pitch * 0.26, pitch * 0.05), ((0.2, 0.2, 0.2), 0.09, 0.0, 0.0), at)
        else:
            part.add(rectangle(pitch * 0.13, pitch * 0.13), GOLD, at)
    return part


def _knob(rng: Generator) -> Component:
    """A push button, trimmer or coil."""
    half = float(rng.uniform(0.06, 0.11))
    part = Component("knob", (half, half))
    kind = rng.integers(3)
    if kind == 0:
        part.add(superellipse(half, half, 12), ((0.7, 0.7, 0.7), 0.06, 0.3, 0.3))
        part.add(_round(half * 0.55), _black(rng, 0.11))
    elif kind == 1:
        part.add(rectangle(half, half), ((0.1, 0.3, 0.62), 0.08, 0.15, 0.0))
        part.add(_round(half * 0.62), ((0.85, 0.83, 0.75), 0.095, 0.2, 0.0))
        part.add(rectangle(half * 0.5, half * 0.11), ((0.3, 0.28, 0.22), 0.085, 0.0, 0.0))
    else:
        part.add(superellipse(half, half, 6), _black(rng, 0.07))
        part.add(_round(half * 0.72), ((0.22, 0.2, 0.2), 0.075, 0.1, 0.0))
        part.write(str(rng.integers(100, 999)), half * 0.5, _ink(rng, 0.075))
    return part


_LARGE: tuple[Callable[[Generator], Component], ...] = (
    _circuit,
    _circuit,
    _transducer,
    _can,
    _plug,
    _header,
    _header,
    _knob,
)
_SMALL: tuple[Callable[[Generator], Component], ...] = (
    _chip,
    _chip,
    _chip,
    _chip,
    _chip,
    _small_pack,
    _crystal,
    _can,
    _knob,
)


def draw_component(rng: Generator, large: bool) -> Component:
    """A random component of a large or a small kind."""
    kinds = _LARGE if large else _SMALL
    return kinds[rng.integers(len(kinds))](rng)
