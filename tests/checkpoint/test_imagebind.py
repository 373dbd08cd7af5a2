"""ImageBind's towers, written out from its shapes and names, against our encoder with its weights mapped."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from anomalygpt.checkpoint.official import encoder_table
from anomalygpt.checkpoint.origins import trace
from anomalygpt.checkpoint.published import Published
from anomalygpt.model.encoder import Encoder
from anomalygpt.model.state_prompts import state_embeddings, state_texts

HEADS = {"vision": 3, "text": 2}


@pytest.fixture(scope="module")
def theirs(_published):
    return {
        name: tensor.double() for name, tensor in torch.load(_published / "imagebind.pth", weights_only=True).items()
    }


@pytest.fixture(scope="module")
def encoder(_published, small_config):
    origins = trace(Published(_published / "imagebind.pth", "--imagebind"), encoder_table(small_config, "imagebind"))
    encoder = Encoder(small_config.encoder)
    weights = {name.removeprefix("eye.encoder."): origin.read() for name, origin in origins.items()}
    missing, unexpected = encoder.load_state_dict(weights, strict=False)
    assert missing == ["clip.logit_scale"] and not unexpected
    return encoder.eval().requires_grad_(False)


def norm(x, weights, name, eps=1e-6):
    x = x - x.mean(-1, keepdim=True)
    x = x / (x.square().mean(-1, keepdim=True) + eps).sqrt()
    return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def linear(x, weight, bias):
    return x @ weight.T + bias


def run_blocks(x, weights, tower, mask=None, eps=1e-6):
    """Pre-norm blocks over B×T×C; returns the output of every one."""
    outputs = []
    count = 1 + max(int(name.split(".")[3]) for name in weights if name.startswith(f"modality_trunks.{tower}.blocks."))
    for number in range(count):
        start = f"modality_trunks.{tower}.blocks.{number}"
        heads = HEADS[tower]
        normed = norm(x, weights, f"{start}.norm_1", eps)
        q, k, v = linear(normed, weights[f"{start}.attn.in_proj_weight"], weights[f"{start}.attn.in_proj_bias"]).chunk(
            3, -1
        )
        q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (q, k, v))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores + mask
        attended = (torch.softmax(scores, -1) @ v).transpose(1, 2).flatten(2)
        x = x + linear(attended, weights[f"{start}.attn.out_proj.weight"], weights[f"{start}.attn.out_proj.bias"])
        up = linear(
            norm(x, weights, f"{start}.norm_2", eps),
            weights[f"{start}.mlp.fc1.weight"],
            weights[f"{start}.mlp.fc1.bias"],
        )
        up = up * 0.5 * (1 + torch.erf(up / math.sqrt(2)))
        x = x + linear(up, weights[f"{start}.mlp.fc2.weight"], weights[f"{start}.mlp.fc2.bias"])
        outputs.append(x)
    return outputs


def see(pixels, weights, eps=1e-6):
    """Block outputs with the class token, and the normalised joint embedding."""
    frames = torch.stack([pixels, pixels], 2)  # a still image is repeated to two frames
    stem = weights["modality_preprocessors.vision.rgbt_stem.proj.1.weight"]
    patches = torch.nn.functional.conv3d(frames, stem, stride=stem.shape[2:]).flatten(2).transpose(1, 2)
    first = weights["modality_preprocessors.vision.cls_token"].expand(len(pixels), -1, -1)
    x = torch.cat([first, patches], 1) + weights["modality_preprocessors.vision.pos_embedding_helper.pos_embed"]
    x = norm(x, weights, "modality_trunks.vision.pre_transformer_layer.0", eps)
    outputs = run_blocks(x, weights, "vision", eps=eps)
    pooled = norm(outputs[-1][:, 0], weights, "modality_heads.vision.0", eps)
    embedding = pooled @ weights["modality_heads.vision.2.weight"].T
    return outputs, embedding / embedding.norm(dim=-1, keepdim=True)


def read_text(tokens, weights):
    x = weights["modality_preprocessors.text.token_embedding.weight"][tokens]
    x = x + weights["modality_preprocessors.text.pos_embed"]
    length = tokens.shape[1]
    mask = torch.full((length, length), float("-inf"), dtype=torch.float64).triu(1)
    x = run_blocks(x, weights, "text", mask)[-1]
    x = norm(x, weights, "modality_heads.text.proj.0")
    pooled = x[torch.arange(len(tokens)), tokens.argmax(-1)]  # the end of the text has the highest id
    embedding = pooled @ weights["modality_heads.text.proj.1.weight"].T
    return embedding / embedding.norm(dim=-1, keepdim=True)


@pytest.fixture(scope="module")
def pixels():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(5))


def test_patches_are_the_chosen_blocks_outputs_counted_from_0_without_the_class_token(encoder, theirs, pixels):
    features = encoder.encode_image(pixels)
    outputs, _ = see(pixels.double(), theirs)
    for found, index in zip(features.patches, (1, 3), strict=True):
        tokens = found.flatten(2).transpose(1, 2).double()
        assert torch.allclose(tokens, outputs[index][:, 1:], atol=1e-4, rtol=1e-4)
        others = [other for other in range(4) if other != index]
        assert not any(torch.allclose(tokens, outputs[other][:, 1:], atol=1e-2) for other in others)


def test_the_joint_embedding_is_theirs(encoder, theirs, pixels):
    assert torch.allclose(encoder.encode_image(pixels).embedding.double(), see(pixels.double(), theirs)[1], atol=1e-5)


def test_the_layer_norms_have_their_epsilon(encoder, theirs):
    norms = [module for module in encoder.modules() if isinstance(module, torch.nn.LayerNorm)]
    assert len(norms) == 2 * 4 + 2 + 2 * 2 + 1 and all(module.eps == 1e-6 for module in norms)
    faint = dict(theirs)  # where values vary little, epsilon is what counts
    for name in ("cls_token", "pos_embedding_helper.pos_embed", "rgbt_stem.proj.1.weight"):
        faint[f"modality_preprocessors.vision.{name}"] = 2e-3 * theirs[f"modality_preprocessors.vision.{name}"]
    small = Encoder(encoder.config)
    small.load_state_dict(encoder.state_dict())
    for parameter in (
        small.clip.visual.conv1.weight,
        small.clip.visual.class_embedding,
        small.clip.visual.positional_embedding,
    ):
        parameter.data *= 2e-3
    pixels = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(6)) * 0.1
    found = small.encode_image(pixels).patches[0].flatten(2).transpose(1, 2).double()
    assert torch.allclose(found, see(pixels.double(), faint)[0][1][:, 1:], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(found, see(pixels.double(), faint, eps=1e-5)[0][1][:, 1:], atol=1e-2, rtol=1e-2)


def test_texts_are_pooled_at_their_end_and_projected(encoder, theirs):
    texts = ["a photo of a nut.", "a close-up photo of the broken metal nut."]
    found = encoder.encode_text(texts).double()
    tokens = encoder._tokenizer(texts)
    assert torch.allclose(found, read_text(tokens, theirs), atol=1e-5)


def test_states_are_means_of_their_texts_in_float64(encoder, theirs):
    found = state_embeddings(encoder, ["nut"])[0].double()
    for texts, state in zip(state_texts("nut"), found, strict=True):
        mean = read_text(encoder._tokenizer(texts), theirs).mean(0)
        assert torch.allclose(state, mean / mean.norm(), atol=1e-5)


def test_a_photo_is_resized_bicubically_and_normalised_as_clip_does(encoder, small_config):
    from anomalygpt.imaging.geometry import Geometry

    photo = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    square = Geometry.fit(100, 100, 32).to_square(photo, small_config.encoder.resampling)
    small = np.asarray(Image.fromarray(photo).resize((32, 32), Image.Resampling.BICUBIC))
    assert np.array_equal(square, small)
    found = encoder.preprocess(torch.from_numpy(square).permute(2, 0, 1)[None])[0].permute(1, 2, 0).double()
    mean = np.array([0.48145466, 0.4578275, 0.40821073])
    std = np.array([0.26862954, 0.26130258, 0.27577711])
    assert np.allclose(found.numpy(), (small / 255 - mean) / std, atol=1e-5)
