import pytest

from anomalygpt.config import AnomalyGPTConfig, load_preset


@pytest.fixture(scope="session")
def small_config():
    """An embedded model with little in its language model, and a small fusion network."""
    config = load_preset("embedded").model_dump()
    config["language"]["architecture"] |= {
        "vocab_size": 400,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
    }
    config["encoder"]["architecture"] = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "patch_size": 8, "layers": 2, "width": 32, "head_width": 16},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 1, "layers": 1},
    }
    config["encoder"] |= {"image_size": 32, "layers": [0, 1], "widths": [32, 32], "grids": [4, 4]}
    config["fusion"] |= {"channels": 8, "residual": 4}
    return AnomalyGPTConfig.model_validate(config)
