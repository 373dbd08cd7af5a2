"""Self-calibration of the paper's few-shot map: what distance is normal is read off the references themselves.

The paper compares distances between photos and needs no unit for them (section 3.2, equation 2): with an encoder that
was not trained for it, "0.2" may be a scratch or nothing at all. A normal photo is no copy of a reference: it lies a
little aside, nearer, turned, brighter or less sharp. So each reference is changed in just these ways and compared with
the references as a photo would be; with several references, each is compared with the others too. The highest distance
met there is the most that is known to be normal, and a map is set to 0.5 a little above it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from anomalygpt.model.encoder import Features
from anomalygpt.model.eye import Eye
from anomalygpt.model.looking import encode_photos
from anomalygpt.model.reference_memory import match, reference_map

MARGIN = 1.1
"""What is still normal above the highest distance met: a few changed copies are not all normal photos."""

LEAST = 0.02
"""Normal distance at least, where the references are so plain that their copies do not differ at all."""

# Turn in degrees, size, shift in shares of the photo, brightness, blur in shares of the photo.
_CHANGES = (
    (0.0, 1.0, 0.03, 1.1, 0.0),
    (0.0, 1.04, -0.02, 0.9, 0.0),
    (2.0, 1.0, 0.0, 1.0, 0.002),
    (-2.0, 0.97, 0.01, 1.0, 0.0),
)


def changed_copies(photo: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """A reference, RGB uint8 H×W×3, as it might have been photographed another time; always the same copies."""
    height, width = photo.shape[:2]
    copies = []
    for turn, size, shift, brightness, blur in _CHANGES:
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, size)
        matrix[:, 2] += (shift * width, shift * height)
        moved = cv2.warpAffine(photo, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        if blur:
            moved = cv2.GaussianBlur(moved, (0, 0), max(0.5, blur * max(height, width)))
        copies.append(np.clip(moved * np.float32(brightness), 0, 255).astype(np.uint8))
    return copies


@torch.inference_mode()
def normal_distance(eye: Eye, photos: Sequence[NDArray[np.uint8]], features: Features) -> float:
    """The highest distance on the paper's map that is known to be normal.

    Args:
        eye: that has encoded them.
        photos: K references, RGB uint8.
        features: of these photos.
    """
    config, size = eye.config.memory, eye.config.encoder.image_size
    memory = eye.remember(features)
    highest = []
    for photo in photos:
        copies = encode_photos(eye, changed_copies(photo))
        highest.append(reference_map(match(copies, memory, config), size).amax())
    for index in range(len(photos) if len(photos) > 1 else 0):
        others = torch.tensor([other for other in range(len(photos)) if other != index], device=eye.device)
        one = features.select(slice(index, index + 1))
        highest.append(reference_map(match(one, eye.remember(features.select(others)), config), size).amax())
    return max(LEAST, MARGIN * float(torch.stack(highest).amax()))
