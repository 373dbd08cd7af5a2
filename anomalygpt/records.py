"""The plain records that rooms hand to each other: what was measured, said and simulated.

They hold numbers and text only, know no tensors, and import nothing of the package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PLACES: tuple[str, ...] = (
    "top left",
    "top",
    "top right",
    "left",
    "center",
    "right",
    "bottom left",
    "bottom",
    "bottom right",
)
"""The 3×3 grid of thirds of the photo, row-major (paper, section 3.3)."""

ANOMALOUS = 0.5
"""Where a map or a score turns from normal to anomalous. Fixed by training, never tuned on a test set."""


@dataclass(frozen=True)
class Region:
    """One connected anomalous area of a map, in the pixels of the photo itself.

    Attributes:
        index: 1 for the strongest region, 2 for the next, ...
        box: (left, top, right, bottom) in pixels, right and bottom exclusive.
        centroid: (x, y) in pixels, weighted by the map.
        area: pixels in the region.
        share: area divided by the area of the part, in (0, 1].
        peak: highest map value inside, in [0, 1].
        place: one of `PLACES`, of the centroid.
        elongation: long axis over short axis, 1 for a disc.
        angle: direction of the long axis, degrees anticlockwise from horizontal, in [0, 180).
        color_difference: mean (L, a, b) of the region less that of its surroundings, CIELAB units.
    """

    index: int
    box: tuple[int, int, int, int]
    centroid: tuple[float, float]
    area: int
    share: float
    peak: float
    place: str
    elongation: float
    angle: float
    color_difference: tuple[float, float, float]


@dataclass(frozen=True)
class Evidence:
    """What the eye measured of one photo: all the numbers that words may speak of.

    Attributes:
        score: image score in [0, 1]; `ANOMALOUS` and over is anomalous.
        regions: strongest first; empty where the score is below `ANOMALOUS`.
        width, height: of the photo, pixels.
        references: how many normal photos it was compared with.
        product: what the part is, a key of the product: as its user says, or as the encoder takes it; "" where neither
            can tell.
    """

    score: float
    regions: tuple[Region, ...]
    width: int
    height: int
    references: int
    product: str = ""

    @property
    def anomalous(self) -> bool:
        """Whether the score reaches `ANOMALOUS`."""
        return self.score >= ANOMALOUS


@dataclass(frozen=True)
class Leanings:
    """What the eye would choose if it had to, likeliest first: for questions that offer options, and for nothing else.

    Attributes:
        products: keys of products; empty where the model knows none.
        places: all of `PLACES`.
        regions: the measured ones; where there are none, those of the map's highest values.
        count: how many were measured; None where nothing was.
        kinds: of defects; empty where the model does not tell them apart.
    """

    products: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    count: int | None = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Inspection:
    """The eye's result for one photo.

    Attributes:
        photo: RGB uint8, H×W×3, as shown to the user.
        anomaly_map: float32, H×W of the photo itself, in [0, 1].
        evidence: the measured numbers.
    """

    photo: NDArray[np.uint8]
    anomaly_map: NDArray[np.float32]
    evidence: Evidence

    @property
    def score(self) -> float:
        """Image score in [0, 1]; `ANOMALOUS` and over is anomalous."""
        return self.evidence.score

    @property
    def regions(self) -> tuple[Region, ...]:
        """Anomalous regions, strongest first."""
        return self.evidence.regions


@dataclass(frozen=True)
class Turn:
    """One question and its answer.

    Attributes:
        verdict: what the answer says of the presence of an anomaly, None if it does not say.
        finished: False where the answer was stopped before its end.
        kind: of the question, one of `dialogue.kinds.KINDS`; "" where it is not known.
    """

    question: str
    answer: str
    verdict: bool | None = None
    finished: bool = True
    kind: str = ""


@dataclass(frozen=True)
class Facts:
    """What the voice may know of one photo when its dialogue is composed for training.

    Attributes:
        evidence: what the eye measured, the only source for presence, place, count, size and colour.
        product: key of the product ("hazelnut"), or None where its name is not to be known.
        texture: True for a surface, False for an object.
        defects: the kind of defect under each region ("scratch", ... or None where none is true),
            as many as `evidence.regions`.
        description: what the user said of the part, or "".
    """

    evidence: Evidence
    product: str | None
    texture: bool
    defects: tuple[str | None, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class Defect:
    """One simulated defect, as it truly lies in the photo.

    Attributes:
        kind: one of `simulation.defects.KINDS`.
        box: (left, top, right, bottom) in pixels.
        place: one of `PLACES`.
        share: of the part's area, in (0, 1].
    """

    kind: str
    box: tuple[int, int, int, int]
    place: str
    share: float


@dataclass(frozen=True, eq=False)
class Sample:
    """One simulated case: a query photo, its normal references, and the truth.

    Attributes:
        query: RGB uint8, S×S×3.
        references: one to four RGB uint8, S×S×3, of other instances of the same product.
        mask: bool S×S, True where the query is anomalous; all False for a normal one.
        product: key of the product, or None for an unnamed random one.
        texture: True for a surface, False for an object.
        defects: what was done to the query; empty for a normal one.
    """

    query: NDArray[np.uint8]
    references: tuple[NDArray[np.uint8], ...]
    mask: NDArray[np.bool_]
    product: str | None
    texture: bool
    defects: tuple[Defect, ...] = ()

    @property
    def anomalous(self) -> bool:
        """Whether anything was done to the query."""
        return bool(self.defects)
