import numpy as np
import pytest
from PIL import Image


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def products(tmp_path):
    """Two products with plain grey parts; the broken ones have a bright square, with its mask."""
    root = tmp_path / "data"
    for number, product in enumerate(("plate", "ring")):
        rng = np.random.default_rng(number)

        def part(rng=rng):
            return rng.integers(90, 110, (40, 48, 3), dtype=np.uint8)

        for index in range(3):
            write(root / product / "train" / "good" / f"{index}.png", part())
        for index in range(3):
            write(root / product / "test" / "good" / f"{index}.png", part())
            broken, mask = part(), np.zeros((40, 48), np.uint8)
            broken[4:12, 5:14], mask[4:12, 5:14] = 250, 255
            write(root / product / "test" / "broken" / f"{index}.png", broken)
            write(root / product / "ground_truth" / "broken" / f"{index}_mask.png", mask)
    return root
