"""The bodies of a random object, and the faults that change their drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.forms import Outline, bent
from anomalygpt.simulation.materials import Material
from anomalygpt.simulation.random_details import Detail


@dataclass
class Body:
    """One kind of part, and where its copies lie.

    Attributes:
        outline: its longer side from -1 to 1.
        places: K×4, x, y, angle and half the longer side of each copy on the canvas.
        profile: "slab", "pillow", "dome", "dish" or "step".
        edge: breadth of the rounded edge as a share of half the longer side.
        rise: height of the part as a share of half the longer side.
    """

    outline: Outline
    places: NDArray[np.float64]
    material: Material
    details: list[Detail]
    profile: str
    edge: float
    rise: float

    @property
    def slim(self) -> bool:
        """Whether it is long or has arms, so that it can be bent."""
        return bool(np.ptp(self.outline[:, 1]) < 0.9) or len(self.outline) > 150


@dataclass
class Change:
    """One fault, as it changes the drawing of an instance.

    Attributes:
        body, item: which copy of which body.
        detail, element: which element on it; -1 for the whole copy.
        gone: it is left out.
        offset: x, y and angle it is moved by, in the body's frame.
        pivot, bend: the body past x = pivot is turned by `bend` radians; 0 for not at all.
        keep: share of the strokes of a print that stay.
    """

    body: int
    item: int
    detail: int = -1
    element: int = -1
    gone: bool = False
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pivot: float = 0.0
    bend: float = 0.0
    keep: float = 1.0

    def hits(self, body: int, item: int, detail: int = -1, element: int = -1) -> bool:
        """Whether it changes this copy or element itself."""
        return (self.body, self.item, self.detail, self.element) == (body, item, detail, element)

    def shape(self, outline: Outline, body: int, item: int) -> Outline:
        """The outline in the body's frame, bent if this copy is."""
        return bent(outline, self.pivot, self.bend) if self.bend and (self.body, self.item) == (body, item) else outline


NO_CHANGE = Change(-1, -1)


def possible_faults(bodies: list[Body], fixed: bool) -> tuple[str, ...]:
    """The kinds of fault an object of these bodies can show; `fixed` where each copy has its own place."""
    details = [detail for body in bodies for detail in body.details]
    several = len(bodies) > 1 or fixed
    names = []
    if any(d.kind != "contour" for d in details) or several:
        names.append("missing part")
    if any(d.kind not in ("contour", "stripe") for d in details) or several:
        names.append("misplaced part")
    if any(body.slim for body in bodies):
        names.append("bent part")
    if any(d.kind in ("text", "print", "label") for d in details):
        names.append("print fault")
    return tuple(names)


def draw_change(bodies: list[Body], fixed: bool, fault: str, rng: Generator) -> Change:
    """Draws one fault, one of `possible_faults`."""
    elements = [
        (b, i, d, e, detail.kind)
        for b, body in enumerate(bodies)
        for d, detail in enumerate(body.details)
        for i in range(len(body.places))
        for e in range(len(detail.spots))
    ]
    copies = [(b, i) for b, body in enumerate(bodies) for i in range(len(body.places))]
    if fault == "bent part":
        slim = [(b, i) for b, i in copies if bodies[b].slim]
        b, i = slim[rng.integers(len(slim))]
        pivot = float(rng.uniform(0.1, 0.6) * np.ptp(bodies[b].outline[:, 0]) / 2)
        return Change(b, i, pivot=pivot, bend=float(rng.choice([-1, 1]) * rng.uniform(0.2, 0.8)))
    if fault == "print fault":
        prints = [e for e in elements if e[4] in ("text", "print", "label")]
        b, i, d, e, kind = prints[rng.integers(len(prints))]
        if kind == "text" and rng.random() < 0.5:
            return Change(b, i, d, e, keep=float(rng.uniform(0.2, 0.7)))
        if rng.random() < 0.4:
            return Change(b, i, d, e, gone=True)
        x, y = rng.normal(0, 0.1, 2)
        return Change(b, i, d, e, offset=(float(x), float(y), float(rng.choice([-1, 1]) * rng.uniform(0.2, 0.6))))
    missing = fault == "missing part"
    barred = ("contour",) if missing else ("contour", "stripe")
    elements = [e for e in elements if e[4] not in barred]
    whole = len(bodies) > 1 or fixed
    if whole and (not elements or rng.random() < 0.35):
        halves = [float(bodies[b].places[i, 3]) for b, i in copies]
        # What the others lie on does not vanish.
        least = max(halves) * 0.97 if max(halves) > 1.5 * min(halves) else 9.0
        extra = [copy for copy, half in zip(copies, halves, strict=True) if half < least]
        b, i = extra[rng.integers(len(extra))]
        d = e = -1
    else:
        b, i, d, e, _ = elements[rng.integers(len(elements))]
    if missing:
        return Change(b, i, d, e, gone=True)
    away, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.12, 0.35)
    turn = float(rng.choice([0.0, rng.uniform(0.3, np.pi)]))
    return Change(b, i, d, e, offset=(float(far * np.cos(away)), float(far * np.sin(away)), turn))
