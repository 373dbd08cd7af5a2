import pytest
import torch
from torch.nn.functional import interpolate

from anomalygpt.config import DecoderConfig, EncoderConfig, FusionConfig, MemoryConfig
from anomalygpt.model.anomaly_decoder import AnomalyDecoder, text_map
from anomalygpt.model.encoder import Features
from anomalygpt.model.map_fusion import MapFusion, paper_map, upsample_logits
from anomalygpt.model.reference_memory import match, reference_map, remember

ENCODER = EncoderConfig(
    architecture={"embed_dim": 5, "vision_cfg": {}, "text_cfg": {}},
    image_size=32,
    layers=(0, 1),
    widths=(6, 8),
    grids=(4, 2),
)


@pytest.fixture
def query():
    torch.manual_seed(0)
    return Features([torch.randn(3, 6, 4, 4), torch.randn(3, 8, 2, 2)], torch.zeros(3, 5))


@pytest.fixture
def states():
    return torch.nn.functional.normalize(torch.randn(3, 2, 5), dim=-1)


def test_the_text_map_is_equation_1_in_float64(query, states):
    decoder = AnomalyDecoder(DecoderConfig(temperature=100.0), ENCODER)
    found = text_map(decoder(query.patches, states), 32)
    maps = []
    for layer, adapter in zip(query.patches, decoder.fc, strict=True):
        patches = layer.double().permute(0, 2, 3, 1) @ adapter.weight.double().T + adapter.bias.double()
        patches = patches / patches.norm(dim=-1, keepdim=True)
        logits = 100 * torch.einsum("bhwd,bsd->bshw", patches, states.double())
        up = interpolate(logits, (32, 32), mode="bilinear", align_corners=True)
        maps.append(torch.exp(up[:, 1]) / torch.exp(up).sum(1))
    assert torch.allclose(found.double(), torch.stack(maps).mean(0), atol=1e-4)


def test_the_papers_rule_replaces_the_text_map_where_there_is_a_reference(query, states):
    logits = AnomalyDecoder(DecoderConfig(), ENCODER)(query.patches, states)
    matches = match(query, remember(query.select(slice(0, 1))), MemoryConfig())
    assert torch.equal(paper_map(logits, None, 32), text_map(logits, 32))
    assert torch.equal(paper_map(logits, matches, 32), reference_map(matches, 32))


def test_the_fused_map_reads_text_and_references(query, states):
    fusion = MapFusion(FusionConfig(rule="fused", channels=8, residual=4), ENCODER)
    decoder = AnomalyDecoder(DecoderConfig(temperature=10.0), ENCODER)
    logits = decoder(query.patches, states)
    alone = fusion(query, logits, None)
    assert alone.shape == (3, 4, 4)
    first, second = (
        fusion(
            query,
            logits,
            match(
                query,
                remember(Features([torch.randn_like(p[:1]) for p in query.patches], query.embedding[:1])),
                MemoryConfig(),
            ),
        )
        for _ in range(2)
    )
    assert not torch.allclose(first, alone) and not torch.allclose(first, second)
    assert not torch.allclose(alone, fusion(query, [-layer for layer in logits], None))
    (first.sum() + alone.sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in fusion.parameters())
    assert all(p.grad is not None for p in decoder.parameters())


def test_enlarging_never_exceeds_the_highest_cell():
    logits = torch.randn(2, 7, 7)
    large = upsample_logits(logits, 56)
    assert large.shape == (2, 56, 56)
    assert bool((large.flatten(1).amax(1) <= logits.flatten(1).amax(1) + 1e-6).all())


def test_a_config_without_a_network_cannot_fuse():
    with pytest.raises(ValueError, match="no fusion network"):
        MapFusion(FusionConfig(), ENCODER)
