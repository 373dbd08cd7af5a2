"""The kind reader ranks kinds by the figures of regions."""

import numpy as np
import torch

from anomalygpt.config.schema import KindReaderConfig
from anomalygpt.imaging.region_look import FIGURES
from anomalygpt.model.kind_reader import KindReader

KINDS = ("scratch", "hole", "stain")


def reader():
    torch.manual_seed(0)
    model = KindReader(KindReaderConfig(kinds=KINDS, width=8)).eval()
    for layer in model.layers:
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight)  # so that its opinions differ
    return model


def test_regions_of_a_photo_are_judged_together():
    model = reader()
    figures = np.random.default_rng(0).normal(0, 2, (40, FIGURES)).astype(np.float32)
    alone = {model.ranked(row[None])[0] for row in figures}
    assert len(alone) > 1
    chances = model(torch.from_numpy(figures)).softmax(1).mean(0)
    assert model.ranked(figures)[0] == KINDS[int(chances.argmax())] and set(model.ranked(figures)) == set(KINDS)
    assert model.ranked(figures[:0]) == ()


def test_figures_are_taken_by_their_own_spread_and_none_carries_away():
    model = reader()
    model.mean.fill_(5.0)
    model.deviation.fill_(2.0)
    far = np.full((1, FIGURES), 1e6, np.float32)
    limit = np.full((1, FIGURES), 5.0 + 2.0 * 3.0, np.float32)
    torch.testing.assert_close(model(torch.from_numpy(far)), model(torch.from_numpy(limit)))
