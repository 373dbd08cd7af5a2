import numpy as np
import pytest
from PIL import Image

from anomalygpt.datasets.index import DataError, FileCase, find_below, photos_in, read_mask
from anomalygpt.imaging.read import PhotoError

BOX = (slice(3, 9), slice(2, 8))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_masks_of_any_mode_are_read(mode, files, tmp_path):
    photo = files[0](tmp_path / "photo.png")
    truth = np.zeros((20, 24), bool)
    truth[BOX] = True
    if mode == "I;16":
        image = Image.fromarray(truth.astype(np.uint16))
    elif mode == "1":
        image = Image.fromarray(truth)
    else:
        image = Image.fromarray(truth.astype(np.uint8) * 255).convert(mode)
    image.save(tmp_path / "mask.png")
    assert (read_mask(tmp_path / "mask.png", photo, (20, 24)) == truth).all()


def test_a_palette_of_classes_is_all_anomalous(files, tmp_path):
    photo = files[0](tmp_path / "photo.png")
    classes = np.zeros((20, 24), np.uint8)
    classes[2:4] = 1
    classes[8:9] = 3
    Image.fromarray(classes).save(tmp_path / "mask.png")
    assert (read_mask(tmp_path / "mask.png", photo, (20, 24)) == (classes > 0)).all()


def test_the_noise_of_a_jpeg_mask_is_no_anomaly(files, tmp_path):
    photo = files[0](tmp_path / "photo.png")
    truth = np.zeros((20, 24), np.uint8)
    truth[8:16, 8:16] = 255
    Image.fromarray(truth).save(tmp_path / "mask.jpg", quality=40)
    found = read_mask(tmp_path / "mask.jpg", photo, (20, 24))
    assert found[9:15, 9:15].all() and not found[:6].any() and found.mean() < 0.2


def test_a_mask_of_another_size_is_refused_by_name(files, tmp_path):
    photo, mask = files[0](tmp_path / "photo.png"), files[1](tmp_path / "mask.png", (10, 10), (1, 1, 2, 2))
    with pytest.raises(DataError, match=r"mask\.png.*10×10.*photo\.png.*24×20"):
        read_mask(mask, photo, (20, 24))


def test_a_file_that_is_no_mask_is_refused_by_name(files, tmp_path):
    photo = files[0](tmp_path / "photo.png")
    (tmp_path / "mask.png").write_text("no image")
    with pytest.raises(DataError, match=r"mask\.png.*Restore"):
        read_mask(tmp_path / "mask.png", photo, (20, 24))


def test_a_mask_follows_a_photo_that_was_reduced(files, tmp_path):
    photo = files[0](tmp_path / "photo.png", size=(2500, 100))
    mask = files[1](tmp_path / "mask.png", (2500, 100), (0, 0, 1250, 100))
    loaded = FileCase("a", photo, "bad", mask).load()
    assert loaded.mask.shape == loaded.photo.shape[:2] == (82, 2048)
    assert loaded.mask[:, :1000].all() and not loaded.mask[:, 1030:].any()


def test_a_mirrored_case_mirrors_photo_and_mask(files, tmp_path):
    photo, mask = files[0](tmp_path / "photo.png"), files[1](tmp_path / "mask.png")
    plain = FileCase("a", photo, "bad", mask).load()
    mirrored = FileCase("a", photo, "bad", mask, mirrored=True).load()
    assert (mirrored.photo == plain.photo[:, ::-1]).all() and (mirrored.mask == plain.mask[:, ::-1]).all()


def test_what_a_case_knows(files, tmp_path):
    photo, reference = files[0](tmp_path / "photo.png"), files[0](tmp_path / "reference.png", 1)
    good = FileCase("a", photo, "good", reference=reference).load()
    assert not good.mask.any() and len(good.references) == 1
    unknown = FileCase("a", photo, "bad").load()
    assert unknown.mask is None and unknown.references is None
    (tmp_path / "broken.png").write_text("no image")
    with pytest.raises(PhotoError, match="broken"):
        FileCase("a", tmp_path / "broken.png", "good").load()


def test_only_photos_are_found_in_the_order_of_their_names(files, tmp_path):
    for name in ("b.PNG", "a.jpg", "c.bmp"):
        files[0](tmp_path / name)
    (tmp_path / "Thumbs.db").write_text("x")
    (tmp_path / ".hidden.png").write_text("x")
    assert [path.name for path in photos_in(tmp_path)] == ["a.jpg", "b.PNG", "c.bmp"]
    assert photos_in(tmp_path / "nowhere") == []


def test_folders_are_searched_two_levels_deep(tmp_path):
    for name in ("a/here", "b", "c/d/here"):
        (tmp_path / name).mkdir(parents=True)
    found = find_below(tmp_path, lambda folder: (folder / "here").exists())
    assert found == [tmp_path / "a", tmp_path / "c" / "d"]
