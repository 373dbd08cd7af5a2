from pathlib import Path

import cv2
import numpy as np
import pytest

from anomalygpt.records import Defect, Sample
from anomalygpt.simulation.export import contact_sheet, product_name, write_sample, write_sheet


def sample(defective: bool, size: int = 32) -> Sample:
    rng = np.random.default_rng(int(defective))
    query, reference = (rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(2))
    mask = np.zeros((size, size), bool)
    defects: tuple[Defect, ...] = ()
    if defective:
        mask[4:10, 6:12] = True
        defects = (Defect("color fault", (6, 4, 12, 10), "top left", 0.04),)
    return Sample(query, (reference, reference), mask, "metal nut", False, defects)


def test_a_defective_sample_is_written_as_mvtec_does(tmp_path: Path) -> None:
    case = sample(True)
    query = write_sample(case, tmp_path, "metal nut", 7)
    assert query == tmp_path / "metal_nut" / "test" / "color_fault" / "00007.png"
    assert np.array_equal(cv2.imread(str(query))[..., ::-1], case.query)
    mask = cv2.imread(str(tmp_path / "metal_nut/ground_truth/color_fault/00007_mask.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(mask, case.mask * np.uint8(255))
    assert len(list((tmp_path / "metal_nut/train/good").iterdir())) == 2
    assert not list(tmp_path.rglob("*.part"))


def test_a_good_sample_has_no_mask(tmp_path: Path) -> None:
    query = write_sample(sample(False), tmp_path, "metal nut", 0)
    assert query.parent.name == "good"
    assert not (tmp_path / "metal_nut" / "ground_truth").exists()


def test_a_contact_sheet_shows_reference_query_and_outline(tmp_path: Path) -> None:
    cases = [sample(True), sample(False), sample(True)]
    sheet = contact_sheet(cases, columns=2, captions=False)
    height, width = 32 + 4, 3 * 32 + 6
    assert sheet.shape == (2 * height, 2 * width, 3)
    cell = sheet[2:34, 2 : 2 + 96]
    assert np.array_equal(cell[:, :32], cases[0].references[0])
    assert np.array_equal(cell[:, 32:64], cases[0].query)
    outlined = (cell[:, 64:] != cases[0].query).any(axis=2)
    assert outlined.any() and not outlined[6:8, 8:10].any() and not outlined[15:].any()
    path = tmp_path / "deep" / "sheet.png"
    write_sheet(sheet, path)
    assert np.array_equal(cv2.imread(str(path))[..., ::-1], sheet)


def test_an_empty_sheet_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])


def test_unnamed_products_get_a_category() -> None:
    case = sample(False)
    unnamed = Sample(case.query, case.references, case.mask, None, True)
    assert product_name(case) == "metal nut"
    assert product_name(unnamed) == "unnamed_surface"
