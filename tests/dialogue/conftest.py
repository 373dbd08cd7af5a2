from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.random import Generator

from anomalygpt.dialogue import describe
from anomalygpt.dialogue.phrasebook import phrasebook
from anomalygpt.records import PLACES, Evidence, Facts, Region


def random_region(rng: Generator, index: int, width: int, height: int) -> Region:
    left, top = int(rng.integers(0, width - 20)), int(rng.integers(0, height - 20))
    right, bottom = int(rng.integers(left + 2, width + 1)), int(rng.integers(top + 2, height + 1))
    return Region(
        index=index,
        box=(left, top, right, bottom),
        centroid=((left + right) / 2, (top + bottom) / 2),
        area=(right - left) * (bottom - top),
        share=float(10 ** rng.uniform(-3.5, -0.2)),
        peak=float(rng.uniform(0.5, 1)),
        place=PLACES[int(rng.integers(9))],
        elongation=float(rng.uniform(1, 6)),
        angle=float(rng.uniform(0, 180)),
        color_difference=(float(rng.normal(0, 15)), float(rng.normal(0, 8)), float(rng.normal(0, 8))),
    )


def random_evidence(rng: Generator, anomalous: bool | None = None, count: int | None = None) -> Evidence:
    """Anomalous ones now and then have no region; good ones never have one."""
    if anomalous is None:
        anomalous = bool(rng.random() < 0.6)
    width, height = (int(side) for side in rng.integers(60, 2000, 2))
    if count is None:
        count = 0 if rng.random() < 0.05 else min(8, int(rng.geometric(0.5)))
    regions = tuple(random_region(rng, number + 1, width, height) for number in range(count if anomalous else 0))
    score = float(rng.uniform(0.5, 1) if anomalous else rng.uniform(0, 0.4999))
    return Evidence(score, regions, width, height, int(rng.integers(0, 4)))


def random_facts(rng: Generator, anomalous: bool | None = None, count: int | None = None) -> Facts:
    evidence = random_evidence(rng, anomalous, count)
    names = phrasebook("en").names
    products, kinds = list(names["products"]), [kind for kind in names["defects"] if kind != "unknown"]
    product = None if rng.random() < 0.25 else products[int(rng.integers(len(products)))]
    texture = bool(names["products"][product]["texture"]) if product else bool(rng.random() < 0.5)
    defects = tuple(None if rng.random() < 0.2 else kinds[int(rng.integers(len(kinds)))] for _ in evidence.regions)
    language = "en" if rng.random() < 0.5 else "zh"
    description = describe(product, texture, language, rng) if rng.random() < 0.4 else ""
    return Facts(evidence, product, texture, defects, description)


@pytest.fixture
def make_evidence() -> Callable[..., Evidence]:
    return random_evidence


@pytest.fixture
def make_facts() -> Callable[..., Facts]:
    return random_facts


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(7)
