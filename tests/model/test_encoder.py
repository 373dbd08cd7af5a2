import torch
from torch.nn.functional import normalize

from anomalygpt.config import AnomalyGPTConfig, load_preset
from anomalygpt.model.build import build_eye
from anomalygpt.model.encoder import Encoder
from anomalygpt.model.state_prompts import ABNORMAL, NORMAL, TEMPLATES, state_embeddings, state_texts


def test_patches_and_embedding_come_from_one_pass(tiny_inspector):
    encoder = tiny_inspector.model.eye.encoder
    pixels = encoder.preprocess(torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8))
    features = encoder.encode_image(pixels)
    assert [tuple(layer.shape) for layer in features.patches] == [(2, 32, 4, 4)] * 2
    assert torch.allclose(features.embedding.norm(dim=1), torch.ones(2), atol=1e-5)
    assert torch.allclose(features.embedding, normalize(encoder.clip.encode_image(pixels), dim=-1), atol=1e-5)


def test_patches_are_raw_block_outputs_without_the_class_token(tiny_inspector):
    encoder = tiny_inspector.model.eye.encoder
    seen = []
    block = encoder.clip.visual.transformer.resblocks[0]
    handle = block.register_forward_hook(lambda module, inputs, output: seen.append(output))
    features = encoder.encode_image(torch.randn(1, 3, 32, 32))
    handle.remove()
    tokens = seen[0] if seen[0].shape[0] == 1 else seen[0].transpose(0, 1)
    assert torch.allclose(features.patches[0].flatten(2).transpose(1, 2), tokens[:, 1:], atol=1e-5)


def test_preprocessing_is_clips():
    encoder = Encoder(AnomalyGPTConfig.model_validate(load_preset("embedded").model_dump()).encoder)
    white = encoder.preprocess(torch.full((1, 3, 4, 4), 255, dtype=torch.uint8))
    assert torch.allclose(white, torch.full_like(white, (1 - 0.5) / 0.25))


def test_full_size_towers_are_vit_h_14():
    with torch.device("meta"):
        eye = build_eye(load_preset("vicuna-7b"))
    visual = eye.encoder.clip.visual
    assert visual.conv1.weight.shape == (1280, 3, 14, 14) and len(visual.transformer.resblocks) == 32
    assert visual.positional_embedding.shape == (257, 1280)
    assert visual.transformer.resblocks[0].attn.num_heads == 16
    assert eye.encoder.clip.transformer.width == 1024 and len(eye.encoder.clip.transformer.resblocks) == 24
    assert [tuple(layer.weight.shape) for layer in eye.decoder.fc] == [(1024, 1280)] * 4
    assert sum(p.numel() for p in eye.decoder.parameters()) == 4 * (1280 * 1024 + 1024)
    assert eye.fusion is None


def test_state_texts_name_the_product():
    normal, abnormal = state_texts("metal nut")
    assert len(normal) == len(NORMAL) * len(TEMPLATES) == 14 and len(abnormal) == len(ABNORMAL) * len(TEMPLATES) == 10
    assert all("metal nut" in text for text in normal + abnormal) and not set(normal) & set(abnormal)


def test_state_embeddings_are_means_of_their_texts(tiny_inspector):
    encoder = tiny_inspector.model.eye.encoder
    states = state_embeddings(encoder, ["screw", ""])
    assert states.shape == (2, 2, 16)
    for product, pair in zip(("screw", "object"), states, strict=True):
        for texts, state in zip(state_texts(product), pair, strict=True):
            assert torch.allclose(normalize(encoder.encode_text(texts).mean(0), dim=0), state, atol=1e-5)


def test_bfloat16_gives_the_same_features_but_for_rounding_and_only_outside_training():
    torch.manual_seed(0)
    config = load_preset("embedded").encoder
    encoder, half = (Encoder(config.model_copy(update={"bfloat16": switch})).eval() for switch in (False, True))
    half.load_state_dict(encoder.state_dict())
    pixels = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        exact, rounded = encoder.encode_image(pixels), half.encode_image(pixels)
    for first, second in zip(exact.patches, rounded.patches, strict=True):
        assert second.dtype == torch.float32
        assert torch.allclose(first, second, atol=0.05 * float(first.abs().max()))
    assert float((exact.embedding * rounded.embedding).sum(1).min()) > 0.99
    learning = half.encode_image(pixels)
    assert all(torch.equal(a, b) for a, b in zip(encoder.encode_image(pixels).patches, learning.patches, strict=True))
