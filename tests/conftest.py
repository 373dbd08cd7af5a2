"""The whole system at its smallest, with random weights, for tests that need a model."""

import numpy as np
import pytest
from PIL import Image

CONFIG = {
    "name": "tiny",
    "encoder": {
        "architecture": {
            "embed_dim": 16,
            "vision_cfg": {"image_size": 32, "patch_size": 8, "layers": 2, "width": 32, "head_width": 16},
            "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 1, "layers": 1},
        },
        "image_size": 32,
        "layers": [0, 1],
        "widths": [32, 32],
        "grids": [4, 4],
    },
    "prompt_learner": {"map_size": 32, "channels": [4, 8, 16], "kernel": 3, "base_vectors": 2},
    "language": {
        "architecture": {
            "vocab_size": 300,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "max_position_embeddings": 1024,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        }
    },
    "generation": {"max_new_tokens": 40},
}


@pytest.fixture(scope="session")
def tiny_inspector():
    import torch

    from anomalygpt.config import AnomalyGPTConfig
    from anomalygpt.inspection.inspector import Inspector
    from anomalygpt.model.build import build_model
    from anomalygpt.model.tokenizer import train_tokenizer

    torch.manual_seed(0)
    tokenizer = train_tokenizer(["Is there any anomaly in the image? Yes, there is a scratch."] * 5, 300)
    return Inspector(build_model(AnomalyGPTConfig.model_validate(CONFIG), tokenizer))


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_inspector, tmp_path_factory):
    from anomalygpt.checkpoint.store import save_checkpoint

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    save_checkpoint(tiny_inspector.model, folder)
    return folder


@pytest.fixture
def make_photo(tmp_path):
    """Makes photo files that differ by seed."""

    def make(seed: int, name: str | None = None, size: tuple[int, int] = (120, 90)) -> str:
        pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        path = tmp_path / (name or f"photo-{seed}.png")
        Image.fromarray(pixels).save(path)
        return str(path)

    return make


@pytest.fixture(scope="session")
def good_folder(tmp_path_factory):
    """Six photos of good parts of one product, 80×64 pixels, as a plain folder `good`."""
    from anomalygpt.simulation.scene import make_sample

    root = tmp_path_factory.mktemp("mine")
    (root / "good").mkdir()
    photos = [photo for part in (0, 1) for photo in make_sample((part,), 80, 3, "hazelnut", False).references]
    for number, photo in enumerate(photos):
        Image.fromarray(photo[8:72]).save(root / "good" / f"{number}.png")
    return root
