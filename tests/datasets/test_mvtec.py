import shutil

import pytest

from anomalygpt.datasets.index import DataError
from anomalygpt.datasets.mvtec import index_mvtec


def test_products_photos_and_masks_are_paired(mvtec):
    bottle, cable = index_mvtec(mvtec)
    assert (bottle.name, cable.name) == ("bottle", "cable")
    assert [path.name for path in bottle.normals] == ["000.png", "001.png", "002.png", "003.png"]
    assert [(case.name, case.kind, case.anomalous) for case in bottle.cases] == [
        ("broken/000.png", "broken", True),
        ("broken/001.png", "broken", True),
        ("good/000.png", "good", False),
        ("good/001.png", "good", False),
    ]
    loaded = bottle.cases[0].load()
    assert loaded.photo.shape == (20, 24, 3) and loaded.mask.sum() == 36 and loaded.references is None
    assert not bottle.cases[2].load().mask.any()


def test_one_product_alone_and_families_of_products(mvtec):
    assert [category.name for category in index_mvtec(mvtec / "bottle")] == ["bottle"]
    assert [category.name for category in index_mvtec(mvtec.parent)] == ["mvtec/bottle", "mvtec/cable"]


def test_a_missing_mask_is_named_and_may_be_allowed(mvtec):
    (mvtec / "bottle" / "ground_truth" / "broken" / "001_mask.png").unlink()
    with pytest.raises(DataError, match=r"bottle.ground_truth.broken.001_mask\.png.*--partial-masks"):
        index_mvtec(mvtec)
    masks = [case.mask for case in index_mvtec(mvtec, partial_masks=True)[0].cases]
    assert masks[0] is not None and masks[1] is None


def test_a_kind_without_masks_among_others_is_named(mvtec, files):
    files[0](mvtec / "bottle" / "test" / "bent" / "003.png")
    with pytest.raises(DataError, match=r"bottle.ground_truth.bent.003_mask\.png.*--partial-masks"):
        index_mvtec(mvtec)
    assert index_mvtec(mvtec, partial_masks=True)[0].cases[0].mask is None


def test_a_product_without_any_mask_has_none(mvtec):
    shutil.rmtree(mvtec / "bottle" / "ground_truth")
    assert all(case.mask is None for case in index_mvtec(mvtec)[0].cases)


def test_the_layout_of_btad_with_bmp_masks(files, tmp_path):
    root = tmp_path / "01"
    files[0](root / "train" / "ok" / "0000.bmp")
    files[0](root / "test" / "ok" / "0000.bmp", 1)
    files[0](root / "test" / "ko" / "0001.bmp", 2)
    files[1](root / "ground_truth" / "ko" / "0001.bmp")
    (category,) = index_mvtec(tmp_path)
    assert [(case.kind, case.anomalous) for case in category.cases] == [("ko", True), ("good", False)]
    assert category.cases[0].load().mask.sum() == 36


@pytest.mark.parametrize(
    ("gone", "words"),
    [("train/good", r"train.good.*no photos"), ("test", r"no folder"), ("test/*", r"test.*no photos")],
)
def test_what_is_missing_is_named(mvtec, gone, words):
    shutil.rmtree(mvtec / "cable")
    for folder in (mvtec / "bottle").glob(gone):
        shutil.rmtree(folder)
    with pytest.raises(DataError, match=words):
        index_mvtec(mvtec)


def test_pairs_and_pooled_products(files, tmp_path):
    board = tmp_path / "deep" / "pcb"
    files[0](board / "train" / "good" / "z.jpg")
    for name in ("test/good/a.jpg", "test/mixed/b.jpg", "reference/a.jpg", "reference/b.jpg"):
        files[0](board / name)
    for product in ("nut", "pill"):
        files[0](tmp_path / "low" / product / "train" / "good" / "n.jpg", 3)
        files[0](tmp_path / "low" / product / "test" / "crack" / "c.jpg", 4)
    paired, pooled = index_mvtec(tmp_path, paired=True)
    assert paired.name == "deep/pcb" and paired.own_references
    assert [case.reference.name for case in paired.cases] == ["a.jpg", "b.jpg"]
    assert pooled.name == "low" and pooled.own_references and pooled.normals == ()
    assert [(case.name, case.anomalous, case.mirrored) for case in pooled.cases] == [
        ("nut/crack/c.jpg", True, False),
        ("nut/n.jpg mirrored", False, True),
        ("pill/crack/c.jpg", True, False),
        ("pill/n.jpg mirrored", False, True),
    ]
    assert pooled.cases[3].load().references[0].shape == (20, 24, 3)
    assert [category.own_references for category in index_mvtec(tmp_path)] == [False] * 3


def test_a_missing_partner_is_named(files, tmp_path):
    for name in ("train/good/z.jpg", "test/good/a.jpg", "reference/b.jpg"):
        files[0](tmp_path / "pcb" / name)
    with pytest.raises(DataError, match=r"reference.a\.jpg.*missing"):
        index_mvtec(tmp_path, paired=True)
