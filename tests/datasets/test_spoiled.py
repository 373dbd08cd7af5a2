import numpy as np
import pytest
from PIL import Image

from anomalygpt.datasets.index import DataError
from anomalygpt.datasets.opening import open_data
from anomalygpt.datasets.spoiled import SpoiledPhotos, good_photos


def fill(folder, count, start=0):
    folder.mkdir(parents=True)
    for number in range(start, start + count):
        Image.fromarray(np.full((20, 24, 3), 40 + number, np.uint8)).save(folder / f"{number:02d}.png")


def names(found):
    return {product: [path.name for path in paths] for product, paths in found.items()}


def test_mvtec_layout_gives_the_training_photos_alone(tmp_path):
    fill(tmp_path / "bottle/train/good", 3)
    fill(tmp_path / "bottle/test/good", 2)
    fill(tmp_path / "bottle/test/broken", 2)
    fill(tmp_path / "screw/train/good", 2)  # without a test
    found = good_photos(str(tmp_path))
    assert names(found) == {"bottle": ["00.png", "01.png", "02.png"], "screw": ["00.png", "01.png"]}
    assert list(good_photos(str(tmp_path / "screw"))) == ["screw"]


def test_a_plain_folder_keeps_back_what_is_measured(tmp_path):
    fill(tmp_path / "mine/good", 5)
    assert names(good_photos(str(tmp_path / "mine"))) == {"mine": [f"{n:02d}.png" for n in range(5)]}
    fill(tmp_path / "mine/bad", 2)
    kept = good_photos(str(tmp_path / "mine"))["mine"]
    (category,), _ = open_data(str(tmp_path / "mine"))
    measured = {case.photo for case in category.cases}
    assert len(kept) == 3 and not measured & set(kept)


def test_photos_lying_in_the_folder_itself_are_good_ones(tmp_path):
    fill(tmp_path / "parts", 4)
    assert names(good_photos(str(tmp_path / "parts"))) == {"parts": [f"{n:02d}.png" for n in range(4)]}


def test_defective_photos_are_never_taken_for_good_ones(tmp_path):
    fill(tmp_path / "mine/bad", 4)
    with pytest.raises(DataError, match="no good photos here"):
        good_photos(str(tmp_path))


def test_what_cannot_be_used_is_named(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        good_photos(str(tmp_path / "nowhere"))
    fill(tmp_path / "one/good", 1)
    with pytest.raises(DataError, match=r"one/good.*only good photo"):
        good_photos(str(tmp_path / "one"))
    (tmp_path / "one/good/01.png").write_bytes(b"no photo")
    with pytest.raises(ValueError, match=r"01\.png"):
        SpoiledPhotos(good_photos(str(tmp_path / "one")), 32).check()


def test_an_episode_depends_on_its_seed_alone(good_folder):
    products = good_photos(str(good_folder))
    (name,) = products
    first, fresh = SpoiledPhotos(products, 48), SpoiledPhotos(products, 48)
    first.episode(name, (1,), 1, 2)
    one, two = (photos.episode(name, (7,), 2, 2) for photos in (first, fresh))
    assert one[0].query.shape == (48, 48, 3) and np.array_equal(one[0].query, two[0].query)
