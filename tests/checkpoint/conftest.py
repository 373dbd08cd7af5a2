"""The published system at its smallest: every file in its real format, with the names of the published ones."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

WIDTH, BLOCKS, HEADS, PATCH, SIZE = 48, 4, 3, 8, 32
TEXT_WIDTH, TEXT_BLOCKS, TEXT_HEADS, CONTEXT, TOKENS = 32, 2, 2, 24, 49408
JOINT, HIDDEN, RANK, VOCABULARY = 40, 64, 4, 300

CONFIG = {
    "name": "small-vicuna",
    "encoder": {
        "architecture": {
            "embed_dim": JOINT,
            "vision_cfg": {
                "image_size": SIZE,
                "layers": BLOCKS,
                "width": WIDTH,
                "head_width": WIDTH // HEADS,
                "patch_size": PATCH,
                "norm_kwargs": {"eps": 1e-6},
            },
            "text_cfg": {
                "context_length": CONTEXT,
                "vocab_size": TOKENS,
                "width": TEXT_WIDTH,
                "heads": TEXT_HEADS,
                "layers": TEXT_BLOCKS,
                "norm_kwargs": {"eps": 1e-6},
            },
        },
        "image_size": SIZE,
        "layers": [1, 3],
        "widths": [WIDTH, WIDTH],
        "grids": [SIZE // PATCH] * 2,
        "resampling": "bicubic",
    },
    "prompt_learner": {"map_size": 32, "channels": [4, 16], "kernel": 6, "base_vectors": 9},
    "language": {
        "architecture": {
            "vocab_size": VOCABULARY,
            "hidden_size": HIDDEN,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "max_position_embeddings": 512,
            "rms_norm_eps": 1e-6,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
        "lora": {"rank": RANK, "alpha": 8},
    },
    "generation": {"max_new_tokens": 20},
}


def block(start: str, width: int, names: dict[str, str]) -> dict[str, tuple[int, ...]]:
    """Shapes of one block of a CLIP tower."""
    return {
        f"{start}.{names['norm1']}.weight": (width,),
        f"{start}.{names['norm1']}.bias": (width,),
        f"{start}.attn.in_proj_weight": (3 * width, width),
        f"{start}.attn.in_proj_bias": (3 * width,),
        f"{start}.attn.out_proj.weight": (width, width),
        f"{start}.attn.out_proj.bias": (width,),
        f"{start}.{names['norm2']}.weight": (width,),
        f"{start}.{names['norm2']}.bias": (width,),
        f"{start}.mlp.{names['up']}.weight": (4 * width, width),
        f"{start}.mlp.{names['up']}.bias": (4 * width,),
        f"{start}.mlp.{names['down']}.weight": (width, 4 * width),
        f"{start}.mlp.{names['down']}.bias": (width,),
    }


IMAGEBIND_NAMES = {"norm1": "norm_1", "norm2": "norm_2", "up": "fc1", "down": "fc2"}
OPENCLIP_NAMES = {"norm1": "ln_1", "norm2": "ln_2", "up": "c_fc", "down": "c_proj"}


def imagebind_shapes() -> dict[str, tuple[int, ...]]:
    cells = (SIZE // PATCH) ** 2
    shapes: dict[str, tuple[int, ...]] = {
        "modality_preprocessors.vision.cls_token": (1, 1, WIDTH),
        "modality_preprocessors.vision.rgbt_stem.proj.1.weight": (WIDTH, 3, 2, PATCH, PATCH),
        "modality_preprocessors.vision.pos_embedding_helper.pos_embed": (1, cells + 1, WIDTH),
        "modality_preprocessors.text.pos_embed": (1, CONTEXT, TEXT_WIDTH),
        "modality_preprocessors.text.mask": (CONTEXT, CONTEXT),
        "modality_preprocessors.text.token_embedding.weight": (TOKENS, TEXT_WIDTH),
        "modality_preprocessors.audio.cls_token": (1, 1, 8),
        "modality_trunks.vision.pre_transformer_layer.0.weight": (WIDTH,),
        "modality_trunks.vision.pre_transformer_layer.0.bias": (WIDTH,),
        "modality_trunks.thermal.blocks.0.attn.in_proj_weight": (12, 4),
        "modality_heads.vision.0.weight": (WIDTH,),
        "modality_heads.vision.0.bias": (WIDTH,),
        "modality_heads.vision.2.weight": (JOINT, WIDTH),
        "modality_heads.text.proj.0.weight": (TEXT_WIDTH,),
        "modality_heads.text.proj.0.bias": (TEXT_WIDTH,),
        "modality_heads.text.proj.1.weight": (JOINT, TEXT_WIDTH),
        "modality_heads.imu.0.weight": (4,),
        "modality_postprocessors.text.1.log_logit_scale": (),
    }
    for number in range(BLOCKS):
        shapes |= block(f"modality_trunks.vision.blocks.{number}", WIDTH, IMAGEBIND_NAMES)
    for number in range(TEXT_BLOCKS):
        shapes |= block(f"modality_trunks.text.blocks.{number}", TEXT_WIDTH, IMAGEBIND_NAMES)
    return shapes


def openclip_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "positional_embedding": (CONTEXT, TEXT_WIDTH),
        "text_projection": (TEXT_WIDTH, JOINT),
        "logit_scale": (),
        "visual.class_embedding": (WIDTH,),
        "visual.positional_embedding": ((SIZE // PATCH) ** 2 + 1, WIDTH),
        "visual.proj": (WIDTH, JOINT),
        "visual.conv1.weight": (WIDTH, 3, PATCH, PATCH),
        "visual.ln_pre.weight": (WIDTH,),
        "visual.ln_pre.bias": (WIDTH,),
        "visual.ln_post.weight": (WIDTH,),
        "visual.ln_post.bias": (WIDTH,),
        "token_embedding.weight": (TOKENS, TEXT_WIDTH),
        "ln_final.weight": (TEXT_WIDTH,),
        "ln_final.bias": (TEXT_WIDTH,),
    }
    for number in range(BLOCKS):
        shapes |= block(f"visual.transformer.resblocks.{number}", WIDTH, OPENCLIP_NAMES)
    for number in range(TEXT_BLOCKS):
        shapes |= block(f"transformer.resblocks.{number}", TEXT_WIDTH, OPENCLIP_NAMES)
    return shapes


def pandagpt_shapes(default: str) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"llama_proj.weight": (HIDDEN, JOINT), "llama_proj.bias": (HIDDEN,)}
    for number in range(2):
        for side in "qkvo":
            start = f"llama_model.base_model.model.model.layers.{number}.self_attn.{side}_proj"
            shapes[f"{start}.lora_A{default}.weight"] = (RANK, HIDDEN)
            shapes[f"{start}.lora_B{default}.weight"] = (HIDDEN, RANK)
    return shapes


def anomalygpt_shapes() -> dict[str, tuple[int, ...]]:
    return {
        **{f"image_decoder.fc.{layer}.weight": (JOINT, WIDTH) for layer in range(2)},
        **{f"image_decoder.fc.{layer}.bias": (JOINT,) for layer in range(2)},
        "prompt_learner.meta_net.0.weight": (4, 1, 3, 3),
        "prompt_learner.meta_net.0.bias": (4,),
        "prompt_learner.meta_net.3.weight": (16, 4, 3, 3),
        "prompt_learner.meta_net.3.bias": (16,),
        "prompt_learner.meta_net.6.weight": (HIDDEN, 16, 6, 6),
        "prompt_learner.meta_net.6.bias": (HIDDEN,),
        "prompt_learner.base_prompts": (9, HIDDEN),
    }


def random(shapes: dict[str, tuple[int, ...]], seed: int, std: float = 0.2) -> dict[str, torch.Tensor]:
    """Weights of these shapes; those of layer norms around 1."""
    generator = torch.Generator().manual_seed(seed)
    made = {name: std * torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    for name, tensor in made.items():
        if name.endswith(("norm_1.weight", "norm_2.weight", "0.weight")) and tensor.ndim == 1:
            tensor += 1
    return made


@dataclass(frozen=True)
class PublishedSet:
    """Where the made-up published files lie, and the config that they are of."""

    folder: Path

    @property
    def options(self) -> list[str]:
        """Of the command line, without --out."""
        files = {"imagebind": "imagebind.pth", "pandagpt": "pandagpt.pt", "anomalygpt": "anomalygpt.pt"}
        folders = {"llama": "llama", "vicuna-delta": "delta"}
        named = {"preset": "preset.json", **files, **folders}
        return [part for option, name in named.items() for part in (f"--{option}", str(self.folder / name))]

    def change(self, file: str, change) -> None:
        """Loads a pickled file, lets `change` alter its dictionary and saves it again."""
        tensors = torch.load(self.folder / file, weights_only=True)
        torch.save(change(tensors) or tensors, self.folder / file)


@pytest.fixture(scope="session")
def small_config():
    from anomalygpt.config import AnomalyGPTConfig

    return AnomalyGPTConfig.model_validate(CONFIG)


@pytest.fixture(scope="session")
def _published(tmp_path_factory):
    from transformers import AutoConfig, AutoModelForCausalLM

    from anomalygpt.model.tokenizer import train_tokenizer

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("published")
    (folder / "preset.json").write_text(json.dumps(CONFIG))
    settings = CONFIG["language"]["architecture"]
    llama = AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **settings)).half()
    llama.save_pretrained(folder / "llama", max_shard_size="100KB")
    tokenizer = train_tokenizer(["Is there any anomaly in the image? Yes, there is a scratch."] * 5, VOCABULARY)
    tokenizer.save_pretrained(folder / "llama")

    delta = {}
    for name, tensor in llama.state_dict().items():
        rows = [1, *tensor.shape[1:]]  # Vicuna v0 has one token more than LLaMA
        part = (
            torch.cat([tensor, torch.zeros(rows)])
            if name in ("model.embed_tokens.weight", "lm_head.weight")
            else tensor
        )
        delta[name] = (0.008 * torch.randn(part.shape)).half()
    delta["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.rand(16)
    (folder / "delta").mkdir()
    shutil.copy(folder / "llama" / "config.json", folder / "delta")
    names = sorted(delta)
    places = {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file = f"pytorch_model-{number:05d}-of-00002.bin"
        torch.save({name: delta[name] for name in part}, folder / "delta" / file)
        places |= dict.fromkeys(part, file)
    (folder / "delta" / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))

    torch.save(random(imagebind_shapes(), 1), folder / "imagebind.pth")
    torch.save(random(openclip_shapes(), 2), folder / "openclip.bin")
    torch.save(random(pandagpt_shapes(".default"), 3), folder / "pandagpt.pt")
    torch.save(random(anomalygpt_shapes(), 4), folder / "anomalygpt.pt")
    return folder


@pytest.fixture
def published(_published, tmp_path) -> PublishedSet:
    """A copy of the published files that a test may damage."""
    return PublishedSet(Path(shutil.copytree(_published, tmp_path / "published")))
