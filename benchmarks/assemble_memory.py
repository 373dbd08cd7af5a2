"""Measures the peak memory of `assemble` on a made-up set of published files, and whether it goes on after a kill.

`python benchmarks/assemble_memory.py --out benchmarks/assemble_memory.json` makes 2 GB of random weights in the real
formats, assembles them in a process of its own, kills a second run half way and starts it again. It ends with 1 if the
peak is over the largest file plus 1 GB, or where the hashes differ.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from anomalygpt.checkpoint.official import anomalygpt_table, encoder_table, llama_table, pandagpt_table
from anomalygpt.checkpoint.store import eye_weights
from anomalygpt.config import AnomalyGPTConfig, load_preset
from anomalygpt.model.build import build_model
from anomalygpt.model.tokenizer import train_tokenizer

HIDDEN, BLOCKS, WIDTH = 2048, 6, 640
GIGABYTE = 10**9


def smaller() -> AnomalyGPTConfig:
    """The preset vicuna-7b with fewer and narrower blocks, 2 GB of published files."""
    config: dict[str, Any] = load_preset("vicuna-7b").model_dump()
    config["language"]["architecture"] |= {
        "hidden_size": HIDDEN,
        "intermediate_size": 5504,
        "num_hidden_layers": BLOCKS,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
    }
    encoder = config["encoder"]
    encoder["architecture"]["vision_cfg"] |= {"layers": 8, "width": WIDTH}
    encoder["architecture"]["text_cfg"] |= {"layers": 4, "width": 512, "heads": 8}
    encoder |= {"layers": (1, 3, 5, 7), "widths": (WIDTH,) * 4}
    config["prompt_learner"]["channels"] = (4, 16, 64, 128, 256)
    return AnomalyGPTConfig.model_validate(config)


def write_set(config: AnomalyGPTConfig, folder: Path) -> list[str]:
    """Writes the published files of a config, random; returns the options that name them."""
    tokenizer = train_tokenizer(["Is there any anomaly in the image? Yes."] * 5, 300)
    with torch.device("meta"):
        model = build_model(config, tokenizer)
    from peft import get_peft_model_state_dict

    language = {name.replace(".base_layer.", "."): tensor for name, tensor in model.language.base.named_parameters()}
    adapters: Any = get_peft_model_state_dict(model.language.model)  # type: ignore[arg-type]
    shapes = {name: tensor.shape for name, tensor in (eye_weights(model) | language | adapters).items()}

    def drawn(names: dict[str, str], std: float, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        made = {name: (std * torch.randn(shapes[ours])).to(dtype) for name, ours in names.items()}
        return {
            name: tensor + (std > 0.01) if name.endswith("norm.weight") else tensor for name, tensor in made.items()
        }

    def names(table: Any) -> dict[str, str]:
        own = {name: target.name for name, target in table.targets.items() if target.name not in table.optional}
        return {name: ours for name, ours in own.items() if ".default." not in name}

    words = names(llama_table(config))
    for part, std in (("llama", 0.02), ("delta", 0.005)):
        (folder / part).mkdir()
        places, order = {}, sorted(words)
        for number, chosen in enumerate((order[::2], order[1::2]), 1):
            kind = "model-{:05d}-of-00002.safetensors" if part == "llama" else "pytorch_model-{:05d}-of-00002.bin"
            file = kind.format(number)
            tensors = drawn({name: words[name] for name in chosen}, std, torch.float16)
            if part == "llama":
                save_file(tensors, folder / part / file)
            else:
                torch.save(tensors, folder / part / file)
            places |= dict.fromkeys(chosen, file)
        index = "model.safetensors.index.json" if part == "llama" else "pytorch_model.bin.index.json"
        (folder / part / index).write_text(json.dumps({"weight_map": places}))
    model.language.base.config.save_pretrained(folder / "llama")
    tokenizer.save_pretrained(folder / "llama")
    torch.save(drawn(names(encoder_table(config, "openclip")), 0.02, torch.float32), folder / "openclip.bin")
    torch.save(drawn(names(pandagpt_table(config)), 0.02, torch.float32), folder / "pandagpt.pt")
    torch.save(drawn(names(anomalygpt_table(config)), 0.02, torch.float32), folder / "anomalygpt.pt")
    (folder / "preset.json").write_text(config.model_dump_json())
    files = {"preset": "preset.json", "openclip": "openclip.bin", "llama": "llama", "vicuna-delta": "delta"}
    files |= {"pandagpt": "pandagpt.pt", "anomalygpt": "anomalygpt.pt"}
    options = [part for option, name in files.items() for part in (f"--{option}", str(folder / name))]
    return ["--encoder", "openclip", *options]


def start(options: list[str], out: Path) -> subprocess.Popen[bytes]:
    """Starts assembling in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "anomalygpt", "assemble", *options, "--out", str(out)])


def hashes(folder: Path) -> dict[str, Any]:
    """The files of a checkpoint with sizes and hashes."""
    return json.loads((folder / "manifest.json").read_text())["files"]


def main() -> None:
    """Makes the set, measures, and prints or writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assemble-") as place:
        folder = Path(place)
        # In a process of its own: a process counts the peak of the one that starts it as its own.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            options = pool.submit(write_set, smaller(), folder).result()
        sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]

        began = time.monotonic()
        process = start(options, folder / "whole")
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        assert status == 0, "assemble failed"
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)

        killed = start(options, folder / "again")
        while len(list((folder / "again").rglob("*.safetensors"))) < 3:
            assert killed.poll() is None, "it was done before it could be killed"
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        kept = len(list((folder / "again" / ".saving").rglob("*.safetensors")))
        assert start(options, folder / "again").wait() == 0
        same = hashes(folder / "again") == hashes(folder / "whole")

    figures = {
        "published_gb": round(sum(sizes) / GIGABYTE, 2),
        "largest_file_gb": round(max(sizes) / GIGABYTE, 3),
        "peak_resident_gb": round(peak / GIGABYTE, 3),
        "limit_gb": round(max(sizes) / GIGABYTE + 1, 3),
        "seconds": round(seconds, 1),
        "files_kept_after_kill": kept,
        "same_hashes_after_kill": same,
        "torch": torch.__version__,
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")
    raise SystemExit(0 if same and peak <= max(sizes) + GIGABYTE else 1)


if __name__ == "__main__":
    main()
