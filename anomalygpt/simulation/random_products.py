"""Endless unnamed objects: any outline, any material, any details, alone or several in one photo."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from anomalygpt.simulation.base import FloatImage, Layer, Pose, Product
from anomalygpt.simulation.forms import (
    Outline,
    clear_border,
    fill,
    inside_distance,
    moved,
    rectangle,
    rounded,
    stroke,
)
from anomalygpt.simulation.materials import draw_material
from anomalygpt.simulation.random_details import Detail, draw_detail
from anomalygpt.simulation.random_faults import NO_CHANGE, Body, Change, draw_change, possible_faults
from anomalygpt.simulation.random_outlines import draw_body
from anomalygpt.simulation.random_places import draw_places
from anomalygpt.simulation.relief import Relief, aimed
from anomalygpt.simulation.shading import Light, dome


class RandomObject(Product):
    """An object that has no name."""

    pose = Pose(rotation=180, shift=0.04, scale=0.05)
    faults: tuple[str, ...] = ("missing part", "misplaced part", "bent part", "print fault")

    def __init__(self, rng: Generator) -> None:
        self.gray = bool(rng.random() < 0.12)
        places, self.arrangement = draw_places(rng)
        several = len(places) > 1
        loose = self.arrangement in ("scatter", "bulk")
        self.fixed = self.arrangement in ("grid", "ring", "kit")
        self.bodies = self._bodies(rng, places)
        self.tolerance = float(0.25 if loose else rng.uniform(0.0, 0.06)) if several else 0.0
        self.spin = float(np.pi if loose or (several and rng.random() < 0.2) else rng.uniform(0, 0.06) * several)
        organic = self.bodies[0].material.name in ("baked", "wax", "candy", "stone", "leathery", "wood", "foam")
        self.wobble = float(rng.uniform(0.01, 0.06) if organic else 0.0)
        self.tint = float(rng.uniform(0.01, 0.08) if organic else rng.uniform(0.0, 0.02))
        self.azimuth, self.ambient = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.35, 0.7))
        self.relief = float(rng.uniform(0.5, 1.0))
        free = rng.random() < (0.1 if several else 0.02 if self.arrangement == "close" else 0.45)
        turn, shift, scale = rng.uniform(0.5, 6), rng.uniform(0.005, 0.05), rng.uniform(0.0, 0.06)
        self.pose = Pose(180.0 if free else float(turn), float(shift), float(scale), bool(free and rng.random() < 0.15))
        self.faults = possible_faults(self.bodies, self.fixed)

    def _bodies(self, rng: Generator, places: NDArray[np.float64]) -> list[Body]:
        """The parts in the photo, from the lowest to the highest."""
        if self.arrangement == "kit":
            bodies = [self._body(rng, place[None]) for place in places]
            if rng.random() < 0.4:
                tray = self._body(
                    rng, np.array([[0.0, 0.0, 0.0, 0.98]]), rounded(rectangle(1, rng.uniform(0.9, 1)), 0.03), "dish"
                )
                bodies.insert(0, tray)
            return bodies
        if self.arrangement == "close":
            return [self._body(rng, places, rectangle(1.0, 1.0))]
        if self.arrangement == "single":
            bodies = [self._body(rng, places)]
            for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.35 else 0):
                bodies.insert(int(rng.integers(0, len(bodies) + 1)), self._attached(rng, places[0, 3]))
            return bodies
        other = rng.random(len(places)) < 0.5
        if len(places) > 3 and rng.random() < 0.2 and 0 < other.sum() < len(places):
            return [self._body(rng, places[other]), self._body(rng, places[~other])]
        return [self._body(rng, places)]

    def _body(
        self, rng: Generator, places: NDArray[np.float64], outline: Outline | None = None, profile: str | None = None
    ) -> Body:
        """A part with details at these places."""
        close = self.arrangement == "close"
        shape = draw_body(rng) if outline is None else outline
        material = draw_material(rng, None, self.gray)
        wanted = int(rng.integers(1, 8) if close else rng.integers(0, 6) if len(places) < 5 else rng.integers(0, 3))
        wanted = min(wanted, 2) if self.arrangement == "kit" else wanted
        details = [draw_detail(rng, shape, material.color, self.gray) for _ in range(wanted)]
        kept = [detail for detail in details if detail is not None and len(detail.spots) * len(places) <= 80]
        chosen = profile or str(rng.choice(["slab", "pillow", "dome", "dish", "step"], p=(0.35, 0.25, 0.2, 0.1, 0.1)))
        wide = {"slab": (0.03, 0.1), "pillow": (0.15, 0.4), "dome": (0.5, 1.0)}.get(chosen, (0.06, 0.16))
        edge = float(rng.uniform(*wide))
        # A close view shows no outline: the body goes on beyond the photo.
        return Body(
            shape * 1.6 if close else shape, places, material, kept, chosen, edge, float(rng.uniform(0.35, 0.8) * edge)
        )

    def _attached(self, rng: Generator, scale: float) -> Body:
        """A second body beside, under or on the first of half side `scale`: cap, handle, base, lid."""
        side = rng.uniform(0, 2 * np.pi) if rng.random() < 0.4 else rng.integers(4) * np.pi / 2
        far, size = rng.uniform(0, 0.8) * scale, rng.uniform(0.25, 0.65) * scale
        room = max(0.93 - size, 0.0)
        x, y = np.clip([far * np.cos(side), far * np.sin(side)], -room, room)
        return self._body(rng, np.array([[x, y, rng.integers(4) * np.pi / 2, size]]))

    def _height(self, body: Body, depth: FloatImage, scale: float) -> FloatImage:
        """The height of the bodies from the depth inside their outline."""
        edge, rise = body.edge * scale, body.rise * scale * self.relief
        height = np.float32(rise) * dome(depth, edge)
        if body.profile == "dish":
            height -= np.float32(rise * 0.9) * np.clip((depth - 1.6 * edge) / edge, 0, 1)
        elif body.profile == "step":
            height += np.float32(rise) * dome(np.maximum(depth - np.float32(0.28 * scale), 0), edge)
        # Distance fields have creases along the middle; a real pillow has none.
        reach = int(0.2 * edge * depth.shape[0]) | 1
        return np.asarray(cv2.blur(height, (reach, reach)), np.float32) if reach > 1 else height

    def paint(self, size: int, rng: Generator, fault: str | None = None, fault_rng: Generator | None = None) -> Layer:
        """Paints one instance."""
        light = aimed(rng, self.azimuth, 0.3 if self.pose.rotation < 90 else np.pi, 0.9)
        scene = rng.uniform(0, 6)
        jitter = [(rng.normal(0, 1, (len(b.places), 3)), rng.normal(1, self.tint, len(b.places))) for b in self.bodies]
        batch = rng.normal(1, 0.25 * self.tint + 0.004, 3) * rng.normal(1, self.tint + 0.015)
        change = (
            NO_CHANGE if fault is None or fault_rng is None else draw_change(self.bodies, self.fixed, fault, fault_rng)
        )

        part = Relief(size)
        alpha = np.zeros((size, size), np.float32)
        for number in range(len(self.bodies)):
            offsets, tints = jitter[number]
            mask, shown = self._paint_body(part, number, offsets, tints, change, rng, light)
            alpha = self._paint_details(part, number, offsets, change, rng, mask, np.maximum(alpha, shown))
        part.albedo *= batch.astype(np.float32)[:, None, None]
        if self.arrangement != "close":
            alpha = clear_border(alpha)
        sharpness = self.bodies[0].material.sharpness
        return Layer(part.shade(light, self.ambient, sharpness, scene), alpha)

    def _spot(self, place: NDArray[np.float64], offset: NDArray[np.float64]) -> tuple[float, float, float, float]:
        """Where a copy lies in this photo: x, y, angle, half its longer side."""
        x, y, turn, half = place
        slack = self.tolerance * half
        return x + slack * offset[0], y + slack * offset[1], turn + self.spin * offset[2], half

    def _paint_body(
        self,
        part: Relief,
        number: int,
        offsets: NDArray[np.float64],
        tints: NDArray[np.float64],
        change: Change,
        rng: Generator,
        light: Light,
    ) -> tuple[FloatImage, FloatImage]:
        """Lays all copies of one body; returns where they are and how opaque they are there."""
        body, size = self.bodies[number], part.size
        waves = rng.normal(0, 1, (len(body.places), 2, 4))
        color, bump = body.material.paint(size, rng)
        turn = np.arctan2(body.outline[:, 1], body.outline[:, 0])[:, None]
        outlines = []
        tint = np.ones((size, size), np.float32)
        for item, place in enumerate(body.places):
            if change.gone and change.hits(number, item):
                continue
            x, y, angle, half = self._spot(place, offsets[item])
            shape = body.outline
            if self.wobble:
                swell = (waves[item, 0] * np.cos(turn * np.arange(1, 5) + 3 * waves[item, 1])).sum(1, keepdims=True)
                shape = (shape * (1 + np.float32(self.wobble) * swell)).astype(np.float32)
            outline = moved(change.shape(shape, number, item), x, y, angle, half)
            if change.hits(number, item):
                outline = moved(
                    outline - np.array([x, y], np.float32),
                    x + change.offset[0] * half,
                    y + change.offset[1] * half,
                    change.offset[2],
                )
            outlines.append(outline)
            cv2.fillPoly(tint, [np.round((outline + 1) * (size / 2) - 0.5).astype(np.int32)], float(tints[item]))
        mask = fill(size, outlines)
        if not outlines:
            return mask, mask
        if number:
            part.shadow(mask, light, 0.05, 0.4)
        depth = inside_distance(mask)
        scale = float(body.places[0, 3])
        if body.material.rim:
            fade = np.float32(body.material.rim) * (1 - dome(depth, 0.3 * scale))
            color += np.maximum(fade, 0) * (body.material.second[:, None, None] - color)
            color += np.maximum(-fade, 0) * (np.float32(1) - color)
        color *= tint
        height = self._height(body, depth, scale) + bump * np.float32(min(1.0, 1.5 * scale)) + np.float32(0.06 * number)
        part.lay(mask, color, height, body.material.gloss, body.material.metal)
        clear = np.float32(1 - body.material.opacity)
        return mask, mask * (1 - clear * dome(depth, 0.15 * scale)) if clear else mask

    def _paint_details(
        self,
        part: Relief,
        number: int,
        offsets: NDArray[np.float64],
        change: Change,
        rng: Generator,
        mask: FloatImage,
        alpha: FloatImage,
    ) -> FloatImage:
        """Lays the details of all copies of one body; returns the coverage less the holes."""
        body = self.bodies[number]
        for index, detail in enumerate(body.details):
            turns = rng.uniform(0, np.pi, (len(body.places), len(detail.spots))) * detail.turning
            groups: list[list[Outline]] = [[], []]
            for item, place in enumerate(body.places):
                if change.gone and change.hits(number, item):
                    continue
                x, y, angle, half = self._spot(place, offsets[item])
                if change.hits(number, item):
                    x, y, angle = x + change.offset[0] * half, y + change.offset[1] * half, angle + change.offset[2]
                for element, (u, v, turn) in enumerate(detail.spots):
                    here = change.hits(number, item, index, element)
                    if here and change.gone:
                        continue
                    du, dv, dturn = change.offset if here else (0.0, 0.0, 0.0)
                    shapes = detail.shapes[element]
                    if here and change.keep < 1:
                        shapes = shapes[: max(1, int(change.keep * len(shapes)))]
                    spin = turn + dturn + turns[item, element]
                    for group, outlines in zip(groups, (shapes, detail.extra), strict=True):
                        for outline in outlines:
                            inner = change.shape(moved(outline, u + du, v + dv, spin), number, item)
                            group.append(moved(inner, x, y, angle, half))
            alpha = self._lay_detail(part, detail, groups, float(body.places[0, 3]), mask, alpha)
        return alpha

    def _lay_detail(
        self,
        part: Relief,
        detail: Detail,
        groups: list[list[Outline]],
        scale: float,
        mask: FloatImage,
        alpha: FloatImage,
    ) -> FloatImage:
        """Lays the elements of one detail; returns the coverage less the holes."""
        size, height, material = part.size, detail.height * scale, detail.material
        outlines, extra = groups
        if not outlines:
            return alpha
        cover = mask * (
            stroke(size, outlines, detail.line * scale, detail.kind == "contour")
            if detail.line
            else fill(size, outlines)
        )
        if detail.kind == "hole":
            behind = cv2.warpAffine(
                cover, np.array([[1, 0, 1.2], [0, 1, 1.6]], np.float32) * (1, 1, size / 224), (size, size)
            )
            part.lay(cover, detail.color, add=-0.03, gloss=0.02, metal=0.0)
            return alpha * (1 - cover * behind)
        if detail.kind in ("raised", "knob", "screw"):
            rise = np.float32(height) * dome(inside_distance(cover), max(0.3 * height, 0.02))
            keep = detail.kind == "raised"
            part.lay(
                cover,
                detail.color,
                add=rise,
                gloss=None if keep else material.gloss,
                metal=None if keep else material.metal,
            )
            if detail.kind == "screw":
                part.lay(fill(size, extra), detail.color * np.float32(0.25), add=-0.5 * height)
        elif detail.kind in ("well", "contour", "stripe") or detail.line:
            soft = cv2.GaussianBlur(cover, (0, 0), max(0.5, 0.004 * size))
            part.lay(cover, detail.color)
            part.height += soft * np.float32(-height if detail.kind == "well" else height)
        else:
            part.lay(cover, detail.color, gloss=material.gloss if detail.kind == "inlay" else None)
            part.lay(mask * stroke(size, extra, 0.02 * scale), np.full(3, 0.1))
        return alpha


PRODUCTS: tuple[type[Product], ...] = (RandomObject,)
