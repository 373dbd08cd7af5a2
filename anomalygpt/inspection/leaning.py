"""What the eye would choose if it had to, for questions that offer options."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomalygpt.imaging.region_look import region_looks
from anomalygpt.imaging.regions import find_regions
from anomalygpt.model.kind_reader import KindReader
from anomalygpt.records import ANOMALOUS, PLACES, Inspection, Leanings

FAINT = 0.6
"""Share of the map's highest value down to which a response belongs to it, where none reaches `ANOMALOUS`."""


def leanings_of(inspection: Inspection, likely: Sequence[str], reader: KindReader | None) -> Leanings:
    """What is likeliest of a photo, whether or not it was measured surely.

    Args:
        inspection: of the photo.
        likely: what it may show, keys of products, the likeliest first.
        reader: of kinds of defect; None: no kind is likelier than another.
    """
    evidence, anomaly_map = inspection.evidence, inspection.anomaly_map
    products = dict.fromkeys((evidence.product, *likely) if evidence.product else likely)
    threshold = ANOMALOUS if evidence.regions else max(FAINT * evidence.score, 1e-6)
    regions = evidence.regions or find_regions(anomaly_map, inspection.photo, threshold)
    cells = [cell.max(initial=0) for rows in np.array_split(anomaly_map, 3) for cell in np.array_split(rows, 3, 1)]
    by_peak = [PLACES[index] for index in np.argsort(-np.array(cells), kind="stable")]
    places = dict.fromkeys((*(region.place for region in regions), *by_peak))
    kinds = () if reader is None else reader.ranked(region_looks(inspection.photo, anomaly_map, regions, threshold))
    return Leanings(tuple(products), tuple(places), regions, len(evidence.regions), kinds)
