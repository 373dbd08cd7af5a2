"""What a user would do otherwise: comparisons in the same run, on the same photos, masks and references."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from anomalygpt.datasets.simulated import SimulatedSamples
from anomalygpt.imaging.geometry import Geometry
from anomalygpt.inspection.inspector import Inspector
from anomalygpt.inspection.session import Session
from anomalygpt.model.anomalygpt import AnomalyGPT
from anomalygpt.model.build import build_eye
from anomalygpt.model.filter_bank import FilterBank

BLUR = 2.0
"""Standard deviation, in pixels of the square, of the blur before and after a plain difference."""

SSIM_SIGMA = 1.5
"""Standard deviation of the window in which SSIM compares, as published for it."""


class PlainComparison:
    """Compares a photo with the first reference, pixel by pixel, on the geometry that the model uses.

    Args:
        measure: "absolute-difference" or "ssim".
        size: side of the square.
    """

    def __init__(self, measure: str, size: int) -> None:
        self._compare = _difference if measure == "absolute-difference" else _dissimilarity
        self._size = size
        self._reference: NDArray[np.float32] | None = None

    def set_references(self, photos: Sequence[NDArray[np.uint8]]) -> None:
        """Takes the first of them, which there must be."""
        self._reference = self._square(photos[0])[0]

    def anomaly_map(self, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How much each pixel differs, float32 H×W in [0, 1]."""
        assert self._reference is not None, "set_references comes first"
        square, geometry = self._square(photo)
        return geometry.to_photo(self._compare(square, self._reference)).clip(0, 1)

    def _square(self, photo: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Geometry]:
        geometry = Geometry.fit(photo.shape[0], photo.shape[1], self._size)
        return geometry.to_square(photo).astype(np.float32) / np.float32(255), geometry


def _difference(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    difference = np.abs(_blurred(first, BLUR) - _blurred(second, BLUR)).mean(2)
    return _blurred(difference, BLUR).astype(np.float32)


def _dissimilarity(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1 - SSIM) / 2 of the grey values, with the usual constants for a range of 1."""
    a, b = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second))
    mean_a, mean_b = _blurred(a, SSIM_SIGMA), _blurred(b, SSIM_SIGMA)
    variance_a = _blurred(a * a, SSIM_SIGMA) - mean_a**2
    variance_b = _blurred(b * b, SSIM_SIGMA) - mean_b**2
    covariance = _blurred(a * b, SSIM_SIGMA) - mean_a * mean_b
    luminance, contrast = 0.01**2, 0.03**2
    numerator = (2 * mean_a * mean_b + luminance) * (2 * covariance + contrast)
    denominator = (mean_a**2 + mean_b**2 + luminance) * (variance_a + variance_b + contrast)
    return ((1 - numerator / denominator) / 2).astype(np.float32)


def _blurred(image: NDArray[Any], sigma: float) -> NDArray[Any]:
    return cv2.GaussianBlur(image, (0, 0), sigma)


CELL = 8
"""Pixels of the square between neighbouring patches of hand-made features."""

STANDARD_PHOTOS = 60
"""Simulated photos from which the usual mean and deviation of each hand-made feature are taken."""


class HandMadeFeatures:
    """Matches patches by filters that nobody trained: colour, its spread, gradients, Gabor energies.

    The features are the embedded eye's own `FilterBank`, at stride 8, each brought to zero mean and unit variance over
    fixed simulated photos. A patch is as anomalous as its cosine distance to the nearest patch of any reference.

    Args:
        size: side of the square, a multiple of 16.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._references: Tensor | None = None

    def set_references(self, photos: Sequence[NDArray[np.uint8]]) -> None:
        """Takes all of them; there must be one."""
        self._references = torch.cat([self._patches(photo)[0] for photo in photos])

    def anomaly_map(self, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Half the cosine distance, float32 H×W in [0, 1]."""
        assert self._references is not None, "set_references comes first"
        patches, geometry = self._patches(photo)
        distance = (1 - (patches @ self._references.T).amax(1)) / 2
        grid = distance.unflatten(0, (self._size // CELL, -1)).numpy()
        square = cv2.resize(grid, (self._size, self._size), interpolation=cv2.INTER_LINEAR)
        return geometry.to_photo(square).clip(0, 1)

    def _patches(self, photo: NDArray[np.uint8]) -> tuple[Tensor, Geometry]:
        """N×C, L2-normalised, N = (size / 8)²."""
        geometry = Geometry.fit(photo.shape[0], photo.shape[1], self._size)
        mean, deviation = _usual(self._size)
        return F.normalize((_filtered(geometry.to_square(photo)) - mean) / deviation, dim=1), geometry


@lru_cache(maxsize=4)
def _usual(size: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, C each, of the features over simulated photos of that size."""
    features = torch.cat([_filtered(sample.query) for sample in SimulatedSamples(STANDARD_PHOTOS, 5, size)])
    return features.mean(0), features.std(0).clamp(min=1e-4)


def _filtered(square: NDArray[np.uint8]) -> Tensor:
    """The features of the patches of a square photo, N×C."""
    pixels = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
    fine, coarse = FilterBank()((pixels - 0.5) / 0.25)
    return torch.cat([F.avg_pool2d(fine, 2), coarse], 1)[0].flatten(1).T


def random_twin(inspector: Inspector, seed: int) -> Inspector:
    """The same system with an eye of random weights, for the paper's rule; words and sizes stay.

    The global random state is left as it was.
    """
    model = inspector.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        eye = build_eye(model.config).to(model.device)
    return Inspector(AnomalyGPT(model.config, eye, model.prompt_learner, model.image_projection, model.language))


class SeenMap:
    """The map of a session under one rule, without words.

    Args:
        inspector: to look with.
        rule: "paper" or "fused".
    """

    def __init__(self, inspector: Inspector, rule: str, description: str = "") -> None:
        self._session = Session(inspector, description, rule)

    def set_references(self, photos: Sequence[NDArray[np.uint8]]) -> None:
        """As `Session.set_references`."""
        self._session.set_references(photos)

    def anomaly_map(self, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The map in the photo's pixels, float32 H×W in [0, 1]."""
        return self._session.set_image(photo).anomaly_map


def fitted_threshold(inspector: Inspector, photos: Sequence[NDArray[np.uint8]], description: str = "") -> float:
    """The highest score that a good photo has: what a user would set as the threshold of the map.

    Each reference is compared with the others; one alone with its mirror image and with copies that are a little
    brighter and darker. There must be one.
    """
    session = inspector.new_session(description)
    scores = []
    if len(photos) == 1:
        session.set_references(photos)
        photo = photos[0]
        changed = [photo[:, ::-1], cv2.convertScaleAbs(photo, alpha=1.08), cv2.convertScaleAbs(photo, alpha=0.92)]
        scores = [session.set_image(np.ascontiguousarray(copy)).score for copy in changed]
    else:
        for index, photo in enumerate(photos):
            session.set_references([other for at, other in enumerate(photos) if at != index])
            scores.append(session.set_image(photo).score)
    return max(scores)
