"""The paper's maps, prompt vectors and prompt, computed anew in float64 and compared with what a session does."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, interpolate, max_pool2d

from anomalygpt.checkpoint.assembling import Recipe, assemble
from anomalygpt.checkpoint.store import load_checkpoint
from anomalygpt.inspection.inspector import Inspector
from anomalygpt.model.state_prompts import state_embeddings

SIDE = 32


@pytest.fixture(scope="module")
def session(_published, small_config, tmp_path_factory):
    files = ("imagebind.pth", "pandagpt.pt", "anomalygpt.pt", "llama", "delta")
    out = tmp_path_factory.mktemp("assembled")
    assemble(small_config, Recipe("imagebind", *(_published / name for name in files)), out)
    return Inspector(load_checkpoint(out)).new_session("a nut")


def photo(seed):
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def enlarged(grid):
    return interpolate(grid, (SIDE, SIDE), mode="bilinear", align_corners=True)


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def features(session, image):
    encoder = session.inspector.model.eye.encoder
    seen = encoder.encode_image(encoder.preprocess(torch.from_numpy(image).permute(2, 0, 1)[None]))
    return [layer[0].flatten(1).T.double() for layer in seen.patches], seen.embedding.double()


def test_without_a_reference_the_map_is_the_text_map(session):
    session.set_references([])
    found = session.set_image(photo(1)).anomaly_map
    model = session.inspector.model
    states = state_embeddings(model.eye.encoder, ["a nut"])[0].double()
    maps = []
    for layer, adapter in zip(features(session, photo(1))[0], model.eye.decoder.fc, strict=True):
        patches = unit(layer @ adapter.weight.double().T + adapter.bias.double())
        logits = enlarged((100 * patches @ states.T).T.reshape(1, 2, 4, 4))
        maps.append(torch.softmax(logits, 1)[0, 1])
    expected = torch.stack(maps).mean(0).numpy()
    assert np.allclose(found, expected, atol=2e-3) and found.std() > 1e-3


def test_with_references_the_map_is_one_minus_the_nearest_cosine_of_the_raw_features(session):
    session.set_references([photo(2), photo(3)])
    found = session.set_image(photo(1)).anomaly_map
    maps = []
    for query, *references in zip(*(features(session, photo(seed))[0] for seed in (1, 2, 3)), strict=True):
        cosines = unit(query) @ unit(torch.cat(references)).T
        maps.append(enlarged((1 - cosines.max(1).values).reshape(1, 1, 4, 4))[0, 0])
    assert np.allclose(found, torch.stack(maps).mean(0).numpy(), atol=1e-5)
    session.set_references([])


def test_the_prompt_is_the_papers(session):
    session.set_references([photo(2)])
    anomaly_map = session.set_image(photo(1)).anomaly_map
    found = first_prompt(session)
    model = session.inspector.model
    weights = {name: tensor.double() for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    x = torch.from_numpy(anomaly_map)[None, None].double()
    for place in (0, 3):
        x = conv2d(
            x,
            weights[f"prompt_learner.meta_net.{place}.weight"],
            weights[f"prompt_learner.meta_net.{place}.bias"],
            padding=1,
        )
        x = max_pool2d(x.clamp(min=0), 2)
    x = conv2d(x, weights["prompt_learner.meta_net.6.weight"], weights["prompt_learner.meta_net.6.bias"])
    rows = [x[0, :, row, column] for row in range(3) for column in range(3)]  # read row by row
    embedding = features(session, photo(1))[1]
    image = embedding @ weights["image_projection.weight"].T + weights["image_projection.bias"]
    table = weights["language.model.model.embed_tokens.weight"]
    tokenizer = model.language.tokenizer

    def words(text):
        return table[tokenizer.encode(text, add_special_tokens=False)]

    expected = torch.cat(
        [
            table[[1]],
            words("### Human: <Img>"),
            image,
            words("</Img> "),
            weights["prompt_learner.base_prompts"],
            torch.stack(rows),
            words("a nut. Is there any anomaly in the image?\n### Assistant:"),
        ]
    )
    assert found.shape[1:] == expected.shape
    assert torch.allclose(found[0].double(), expected, atol=1e-4)


def first_prompt(session):
    """What a first question hands to the language model."""
    from anomalygpt.model.generation import KVSession

    session._conversation = KVSession(session.inspector.model.language)
    return session._prompt("Is there any anomaly in the image?")
