import numpy as np
import pytest
from PIL import Image


def write_photo(path, seed=0, size=(24, 20), mode="RGB"):
    """A photo with noise of its own in a file of that mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def write_mask(path, size=(24, 20), box=(2, 3, 8, 9), value=255):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((size[1], size[0]), np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = value
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def files():
    """The two writers."""
    return write_photo, write_mask


@pytest.fixture
def mvtec(tmp_path):
    """Two products in MVTec-AD's layout."""
    for product in ("bottle", "cable"):
        root = tmp_path / "mvtec" / product
        for index in range(4):
            write_photo(root / "train" / "good" / f"{index:03d}.png", index)
        for index in range(2):
            write_photo(root / "test" / "good" / f"{index:03d}.png", 10 + index)
            write_photo(root / "test" / "broken" / f"{index:03d}.png", 20 + index)
            write_mask(root / "ground_truth" / "broken" / f"{index:03d}_mask.png")
    return tmp_path / "mvtec"
