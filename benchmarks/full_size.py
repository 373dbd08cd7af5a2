"""Times a model of full size with random weights on a GPU: memory, first word, tokens a second.

`python benchmarks/full_size.py` builds the preset `vicuna-7b` in bf16 on the GPU and needs no checkpoint: speed and
memory depend on the sizes alone. Writing a token reads every weight of the language model once, and the keys and values
of what was read before; the share of the memory bandwidth that this comes to says how much faster it could be at best.
The bandwidth itself is measured by copying. Without a GPU the program says so and ends with 2; `--device cpu --config
FILE` tries it out at a small size.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import nn

from anomalygpt.config import AnomalyGPTConfig, load_config, load_preset
from anomalygpt.inspection.inspector import Inspector
from anomalygpt.inspection.session import Session
from anomalygpt.model.build import build_model
from anomalygpt.model.generation import KVSession
from anomalygpt.model.language import Language
from anomalygpt.model.tokenizer import train_tokenizer

QUESTION = "Is there any anomaly in the image?"
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def random_inspector(config: AnomalyGPTConfig, device: torch.device, dtype: torch.dtype) -> Inspector:
    """A model of that config, made on the device: nothing of it is ever in the CPU's memory."""
    tokenizer = train_tokenizer([QUESTION] * 5, 300)
    before = torch.get_default_dtype()
    with torch.device(device):
        try:
            torch.set_default_dtype(dtype)
            language = Language(config.language, tokenizer)
        finally:
            torch.set_default_dtype(before)
        return Inspector(build_model(config, tokenizer, language))


def waited(action: Callable[[], object], device: torch.device) -> float:
    """Seconds until an action is done, and the device with it."""
    began = time.perf_counter()
    action()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def median_of(rounds: int, action: Callable[[], object], device: torch.device) -> float:
    """Median seconds of an action; its first run, which is slower than all others, is left out."""
    return statistics.median([waited(action, device) for _ in range(rounds + 1)][1:])


def bandwidth(device: torch.device, size: int) -> float:
    """Bytes a second that a copy of that many bytes reads and writes."""
    source = torch.empty(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / median_of(5, lambda: target.copy_(source), device)


@torch.inference_mode()
def write(session: Session, count: int, device: torch.device) -> tuple[float, float, int]:
    """Asks a first question.

    Returns:
        Seconds to the first token; seconds of each token after it; positions read at the end.
    """
    language = session.inspector.model.language
    conversation = KVSession(language)
    chosen: list[int] = []

    def first() -> None:
        session.reset_dialogue()
        session._conversation = conversation
        chosen.append(int(conversation.append(session._prompt(QUESTION)).argmax()))

    def rest() -> None:
        for _ in range(count):
            chosen.append(int(conversation.append_ids(chosen[-1:]).argmax()))

    return waited(first, device), waited(rest, device) / count, conversation.length


def bytes_read(language: Language, positions: int) -> int:
    """Bytes that writing one token reads: all weights but the table of embeddings, and all keys and values."""
    table = language.base.get_input_embeddings()
    tied = language.base.get_output_embeddings().weight is table.weight
    weights = sum(parameter.nbytes for parameter in language.parameters() if tied or parameter is not table.weight)
    return weights + positions * kept_bytes(language)


def kept_bytes(language: Language) -> int:
    """Bytes of the keys and values of one position."""
    settings = language.base.config
    heads = getattr(settings, "num_key_value_heads", None) or settings.num_attention_heads
    width = getattr(settings, "head_dim", None) or settings.hidden_size // settings.num_attention_heads
    return int(2 * settings.num_hidden_layers * heads * width * language.dtype.itemsize)


def nbytes(part: nn.Module) -> int:
    """Bytes of a part's weights."""
    return sum(parameter.nbytes for parameter in part.parameters())


def measure(config: AnomalyGPTConfig, device: torch.device, dtype: torch.dtype, tokens: int, rounds: int) -> dict:
    """All figures by name."""
    inspector = random_inspector(config, device, dtype)
    model, session = inspector.model, inspector.new_session()
    photo = np.random.default_rng(0).integers(0, 255, (768, 1024, 3), dtype=np.uint8)
    looking = median_of(rounds, lambda: session.set_image(photo), device)
    remembering = median_of(rounds, lambda: session.set_references([photo]), device)
    write(session, 2, device)
    firsts, each, lengths = zip(*[write(session, tokens, device) for _ in range(rounds)], strict=True)
    rate = 1 / statistics.median(each)
    limit = bandwidth(device, 2**30 if device.type == "cuda" else 2**24)
    gpu = device.type == "cuda"
    peak = torch.cuda.max_memory_allocated(device) if gpu else psutil.Process().memory_info().rss
    return {
        "config": config.name,
        "device": torch.cuda.get_device_name(device) if gpu else device.type,
        "precision": str(dtype).removeprefix("torch."),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "language_gb": round(nbytes(model.language) / 1e9, 3),
        "other_gb": round((nbytes(model) - nbytes(model.language)) / 1e9, 3),
        "peak_gb": round(peak / 1e9, 3),
        "photo_ms": round(1000 * looking, 2),
        "reference_ms": round(1000 * remembering, 2),
        "first_word_ms": round(1000 * statistics.median(firsts), 2),
        "tokens_per_second": round(rate, 2),
        "bandwidth_gb_per_second": round(limit / 1e9, 1),
        "share_of_bandwidth": round(bytes_read(model.language, lengths[-1] - tokens // 2) * rate / limit, 3),
    }


def main() -> None:
    """Measures and prints; ends with 2 where there is no such device."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="JSON of another model; left out: the preset vicuna-7b")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", choices=DTYPES, default="bf16")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("There is no GPU here, and the full size needs one. --device cpu --config FILE tries a small size.")
        sys.exit(2)
    config = load_config(arguments.config) if arguments.config else load_preset("vicuna-7b")
    figures = measure(config, device, DTYPES[arguments.precision], arguments.tokens, arguments.rounds)
    text = json.dumps(figures, indent=2)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
