"""Where figures come from: program, weights, machine, and the command that gives them again."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import anomalygpt
from anomalygpt.evaluation.protocol import RunSettings

_LIBRARIES = ("torch", "transformers", "open_clip_torch", "numpy", "opencv-python-headless", "scikit-learn")


def weights_hash(folder: Path, adapter: str | None = None) -> str:
    """A hash of a checkpoint's manifest and config, and of its adapter's; manifests vouch for all other files."""
    digest = hashlib.sha256()
    paths = [folder / "manifest.json", folder / "config.json"]
    paths += [] if adapter is None else [Path(adapter) / "manifest.json"]
    for path in paths:
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def command(settings: RunSettings) -> str:
    """The settings as a command that gives the same figures; defaults are left out."""
    usual = RunSettings(settings.data)
    parts = ["python -m anomalygpt evaluate", f"--data {settings.data}"]
    for flag, name in (
        ("--layout", "layout"),
        ("--checkpoint", "checkpoint"),
        ("--adapter", "adapter"),
        ("--shots", "shots"),
        ("--rounds", "rounds"),
        ("--seed", "seed"),
        ("--baseline", "baselines"),
        ("--map-size", "map_size"),
    ):
        value = getattr(settings, name)
        if value != getattr(usual, name):
            parts.append(f"{flag} " + (",".join(map(str, value)) if isinstance(value, tuple) else str(value)))
    parts += {"first": ["--first-reference"], "paper": ["--paper-references"]}.get(settings.references, [])
    parts += [] if settings.words else ["--no-words"]
    parts += ["--partial-masks"] if settings.partial_masks else []
    parts += ["--describe"] if settings.describe else []
    parts += ["--dialogue"] if settings.dialogue else []
    parts += [f"--category {name}" for name in settings.categories]
    return " ".join(parts)


def versions() -> dict[str, str]:
    """Of the program, Python and the libraries that figures depend on."""
    found = {"anomalygpt": anomalygpt.__version__, "commit": _commit(), "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def machine(device: torch.device) -> dict[str, Any]:
    """System, device and processor."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {"system": platform.platform(), "device": str(device), "processor": name, "cores": os.cpu_count()}


def peak_memory(device: torch.device) -> dict[str, float]:
    """Largest memory in use so far, in megabytes: of this process, and on the GPU where the model is on one."""
    try:
        import resource
    except ImportError:  # Windows does not have it
        return {}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {"process": round(peak / (2**20 if platform.system() == "Darwin" else 2**10), 1)}
    if device.type == "cuda":
        found["gpu"] = round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    return found


def _commit() -> str:
    """The commit of the program's repository, marked where its files differ from it."""
    root = Path(__file__).resolve().parents[2]
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
