import pytest
import torch
from torch.nn.functional import interpolate, normalize

from anomalygpt.config import MemoryConfig
from anomalygpt.model.encoder import Features
from anomalygpt.model.reference_memory import match, reference_map, remember


def features(*layers: torch.Tensor) -> Features:
    return Features(list(layers), torch.zeros(len(layers[0]), 4))


def distances(query: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """One minus the highest cosine similarity, patch by patch, in float64 and in plain loops."""
    bank = [patch / patch.norm() for image in references.double() for patch in image.flatten(1).T]
    result = torch.zeros(len(query), *query.shape[2:], dtype=torch.float64)
    for index, image in enumerate(query.double()):
        for row in range(query.shape[2]):
            for column in range(query.shape[3]):
                patch = image[:, row, column] / image[:, row, column].norm()
                result[index, row, column] = 1 - max(float(patch @ other) for other in bank)
    return result


def test_the_map_is_the_papers_distance_averaged_over_the_layers():
    torch.manual_seed(0)
    references = features(torch.randn(2, 6, 4, 4), torch.randn(2, 8, 2, 2))
    query = features(torch.randn(3, 6, 4, 4), torch.randn(3, 8, 2, 2))
    found = reference_map(match(query, remember(references), MemoryConfig()), 16)
    expected = torch.stack(
        [
            interpolate(distances(q, r)[:, None], (16, 16), mode="bilinear", align_corners=True)[:, 0]
            for q, r in zip(query.patches, references.patches, strict=True)
        ]
    ).mean(0)
    assert torch.allclose(found.double(), expected.clamp(0, 1), atol=1e-5)


def test_a_photo_compared_with_itself_has_no_distance_and_more_references_never_raise_it():
    torch.manual_seed(1)
    own, other = torch.randn(1, 6, 5, 5), torch.randn(1, 6, 5, 5)
    alone = match(features(own), remember(features(other)), MemoryConfig())[0]
    both = match(features(own), remember(features(torch.cat([other, own]))), MemoryConfig())[0]
    assert float(alone.distance.min()) > 0.01
    assert float(both.distance.max()) < 1e-5


def test_the_window_finds_only_what_lies_near():
    torch.manual_seed(2)
    reference = torch.randn(1, 16, 8, 8)
    shifted = reference.roll((0, 4), (2, 3))
    found = match(features(shifted), remember(features(reference)), MemoryConfig(window=0.13))[0]
    assert float(found.distance.max()) < 1e-5
    assert float(found.windowed.min()) > 0.05
    aligned = match(features(reference), remember(features(reference)), MemoryConfig(window=0.13))[0]
    assert float(aligned.windowed.max()) < 1e-5 and float(aligned.reverse.max()) < 1e-5


def test_what_the_reference_shows_and_the_query_lacks_is_in_the_reverse_distance():
    base = torch.zeros(1, 3, 8, 8)
    base[:, 0] = 1
    reference = base.clone()
    reference[:, :, 2, 5] = torch.tensor([0.0, 1.0, 0.0])
    found = match(features(base), remember(features(reference)), MemoryConfig(window=0.1))[0]
    assert float(found.distance.max()) < 1e-6
    assert found.reverse[0].argmax() == 2 * 8 + 5 and float(found.reverse.max()) > 0.9


def test_turned_copies_take_no_part_in_the_window():
    torch.manual_seed(3)
    query = torch.randn(1, 16, 6, 6)
    memory = remember(features(torch.cat([torch.randn(1, 16, 6, 6), query])), upright=1)
    found = match(features(query), memory, MemoryConfig(window=0.1))[0]
    assert float(found.distance.max()) < 1e-5 and float(found.windowed.min()) > 0.05


def test_typical_distance_is_small_where_a_texture_repeats():
    tile = torch.randn(1, 8, 4, 4)
    repeated = tile.repeat(1, 1, 2, 2)
    single = torch.randn(1, 8, 8, 8)
    assert float(remember(features(repeated))[0].typical.max()) < 1e-5
    assert float(remember(features(single))[0].typical.min()) > 0.01


def test_training_moves_both_the_query_and_the_reference():
    query, reference = (torch.randn(1, 6, 4, 4, requires_grad=True) for _ in range(2))
    match(features(query), remember(features(reference)), MemoryConfig(window=0.2))[0].distance.sum().backward()
    assert query.grad.abs().sum() > 0 and reference.grad.abs().sum() > 0


@pytest.mark.parametrize("count", [1, 2, 5])
def test_memory_holds_every_patch_once(count):
    layer = remember(features(torch.randn(count, 6, 4, 4)))[0]
    assert layer.patches.shape == (count, 16, 6)
    assert torch.allclose(layer.patches, normalize(layer.patches, dim=-1))


def test_a_turned_copy_of_a_patch_is_no_other_patch_like_it():
    torch.manual_seed(4)
    reference = torch.randn(1, 8, 6, 6)
    alone = remember(features(reference))[0]
    with_copy = remember(features(torch.cat([reference, reference.flip(3)])), upright=1)[0]
    assert torch.allclose(with_copy.typical[0], alone.typical[0])
    assert torch.allclose(with_copy.typical[1].unflatten(0, (6, 6)), alone.typical[0].unflatten(0, (6, 6)).flip(1))


def test_a_coarse_search_finds_what_is_as_near_but_for_rounding():
    torch.manual_seed(6)
    query, reference = torch.randn(2, 32, 6, 6), torch.randn(3, 32, 6, 6)
    exact, coarse = (
        match(features(query), remember(features(reference)), MemoryConfig(window=0.2, coarse_search=search))[0]
        for search in (False, True)
    )
    assert bool((coarse.distance >= exact.distance - 1e-6).all())
    assert torch.allclose(coarse.distance, exact.distance, atol=0.01)
    assert torch.allclose(coarse.reverse, exact.reverse, atol=0.01)
    own = match(features(reference), remember(features(reference)), MemoryConfig(coarse_search=True))[0]
    assert float(own.distance.max()) < 1e-5
