"""What the eye would choose if it had to."""

import numpy as np

from anomalygpt.config.schema import KindReaderConfig
from anomalygpt.imaging.regions import find_regions
from anomalygpt.inspection.leaning import leanings_of
from anomalygpt.model.kind_reader import KindReader
from anomalygpt.records import ANOMALOUS, Evidence, Inspection

PHOTO = np.zeros((60, 60, 3), np.uint8)


def seen(anomaly_map, product=""):
    score = float(anomaly_map.max())
    regions = find_regions(anomaly_map, PHOTO) if score >= ANOMALOUS else ()
    return Inspection(PHOTO, anomaly_map, Evidence(score, regions, 60, 60, 0, product))


def test_it_leans_to_where_the_map_is_highest_even_if_nothing_is_anomalous():
    faint = np.full((60, 60), 0.02, np.float32)
    faint[45:50, 3:18] = 0.3
    faint[2:6, 50:55] = 0.1
    found = leanings_of(seen(faint, "pill"), ("screw", "pill"), None)
    assert found.products == ("pill", "screw") and found.kinds == ()
    assert found.places[:2] == ("bottom left", "top right") and found.count == 0
    assert [(region.place, region.elongation > 2.5) for region in found.regions] == [("bottom left", True)]


def test_it_leans_to_the_regions_that_it_measured():
    strong = np.zeros((60, 60), np.float32)
    strong[45:50, 3:18], strong[2:6, 50:55] = 0.7, 0.9
    inspection = seen(strong)
    found = leanings_of(inspection, (), KindReader(KindReaderConfig(kinds=("dent", "crack"), width=4)).eval())
    assert found.regions == inspection.regions and found.places[:2] == ("top right", "bottom left")
    assert len(found.places) == 9 and found.count == 2 and set(found.kinds) == {"dent", "crack"}


def test_a_map_without_any_response_is_no_fault():
    found = leanings_of(seen(np.zeros((60, 60), np.float32)), (), KindReader(KindReaderConfig(kinds=("dent",))).eval())
    assert found.regions == () == found.kinds and found.count == 0
