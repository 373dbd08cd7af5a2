"""Where a model goes and in which number format: checked before anything is read, so that nothing fails half way."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch

from anomalygpt.checkpoint.files import CheckpointError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Precision = Literal["auto", "fp32", "bf16", "fp16", "int8", "int4"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_QUANTISED = ("int8", "int4")
_UNITS = {"MB": 10**6, "GB": 10**9, "MIB": 2**20, "GIB": 2**30}


@dataclass(frozen=True)
class Placement:
    """Device and number format of a model. The eye always has float32, as its maps need the precision.

    Attributes:
        device: of the eye and the prompt, and of the language model as far as it fits.
        precision: of the language model. "auto": float32 on the CPU, elsewhere the format it is stored in. "int8" and
            "int4" quantise its linear layers while they are read (LLM.int8(), and NF4 with doubly quantised scales).
        gpu_bytes: how much of each GPU the language model may take; what does not fit goes to the next GPU, and then to
            the CPU's memory, from where it is fetched layer by layer. None: all of it goes to `device`.

    Raises:
        CheckpointError: these settings contradict each other, or this machine cannot do it.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "auto"
    gpu_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            raise CheckpointError(
                f"There is no precision '{self.precision}'. Give one of: {', '.join(get_args(Precision))}."
            )
        if self.quantised and find_spec("bitsandbytes") is None:
            raise CheckpointError(
                f"Precision {self.precision} needs the package bitsandbytes, which is not installed. Install it with "
                "'pip install bitsandbytes', or take --precision bf16."
            )
        if self.quantised and self.device.type not in ("cpu", "cuda", "xpu"):
            raise CheckpointError(
                f"Precision {self.precision} does not run on device '{self.device}'. Take --precision fp16 there, or "
                "--device cpu."
            )
        dtype = _DTYPES.get(self.precision)
        if dtype in (torch.bfloat16, torch.float16) and not _runs(self.device, dtype):
            other = "bf16 or fp32" if dtype == torch.float16 else "fp16 or fp32"
            raise CheckpointError(
                f"Device '{self.device}' cannot compute in {self.precision}. Take --precision {other}."
            )
        if self.gpu_bytes is not None and self.device.type != "cuda":
            raise CheckpointError(
                "--max-memory divides a model among GPUs and the CPU's memory, and the device is "
                f"'{self.device}'. Leave it out, or take --device cuda."
            )
        if self.gpu_bytes is not None and self.precision == "auto":
            raise CheckpointError(
                "--max-memory divides a model by its size, which depends on --precision: give bf16 or fp16."
            )

    @property
    def quantised(self) -> bool:
        """Whether linear layers are kept in 8 or 4 bits."""
        return self.precision in _QUANTISED

    @property
    def dtype(self) -> torch.dtype | Literal["auto"]:
        """Number format of what is not quantised; "auto" is the one it is stored in."""
        if self.quantised:
            if self.device.type == "cpu":
                return torch.float32
            return torch.bfloat16 if _runs(self.device, torch.bfloat16) else torch.float16
        if self.precision == "auto":
            return torch.float32 if self.device.type == "cpu" else "auto"
        return _DTYPES[self.precision]

    def quantisation(self) -> Any:
        """Settings of the quantisation as transformers takes them, None without."""
        if not self.quantised:
            return None
        from transformers import BitsAndBytesConfig

        if self.precision == "int8":
            return BitsAndBytesConfig(load_in_8bit=True)
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=self.dtype,
        )

    def places(self, skeleton: PreTrainedModel) -> dict[str, Any] | None:
        """Where each part of the language model goes, so that it is read straight to there.

        Args:
            skeleton: the model on the meta device, in the number format that it is stored in.

        Raises:
            CheckpointError: it does not fit.
        """
        if self.gpu_bytes is not None:
            gpus = range(torch.cuda.device_count())
            first = self.device.index or 0
            order = [first, *(index for index in gpus if index != first)]
            return split(skeleton, dict.fromkeys(order, self.gpu_bytes), self)
        # Quantised layers are made where they stay, also on the CPU.
        return {"": self.device} if self.device.type != "cpu" or self.quantised else None


def split(skeleton: PreTrainedModel, gpu_bytes: dict[int, int], placement: Placement) -> dict[str, Any]:
    """Divides a language model among GPUs, in the order given, and then the CPU's memory.

    The embeddings, and so the prompt and the vision part, come first and always lie on the first GPU.

    Raises:
        CheckpointError: not even the embeddings fit there, or quantised layers would have to lie in the CPU's memory,
            or that is too small too.
    """
    from accelerate import infer_auto_device_map
    from accelerate.utils import CustomDtype, get_max_memory

    quantised: dict[str, Any] = {"int8": torch.int8, "int4": CustomDtype.INT4}
    ends = (skeleton.get_input_embeddings(), skeleton.get_output_embeddings())
    named = [name for name, module in skeleton.named_modules() if any(module is end for end in ends)]
    # accelerate takes GPUs by their numbers: here 0 is the first of the order given.
    memory: dict[Any, Any] = dict(enumerate(gpu_bytes.values()))
    memory["cpu"] = get_max_memory()["cpu"]
    places = infer_auto_device_map(
        skeleton,
        max_memory=memory,
        no_split_module_classes=list(skeleton._no_split_modules or ()),
        dtype=quantised.get(placement.precision, placement.dtype),
        special_dtypes={f"{name}.weight": placement.dtype for name in named},  # never quantised
    )
    where = next(place for name, place in places.items() if not name or f"{named[0]}.".startswith(f"{name}."))
    if where != 0:
        raise CheckpointError(
            "The embeddings of the language model, and one of its layers beside them, do not fit into --max-memory of "
            "the first GPU. Give it more, or take --device cpu."
        )
    used = set(places.values())
    if "disk" in used:
        raise CheckpointError(
            "The language model fits neither into the GPUs nor into the CPU's memory. Take a smaller --precision, or "
            "give more --max-memory."
        )
    if "cpu" in used and placement.quantised:
        raise CheckpointError(
            f"In {placement.precision} the language model does not fit into the GPUs, and quantised layers cannot lie "
            "in the CPU's memory. Give more --max-memory, or take --precision bf16."
        )
    order = list(gpu_bytes)
    return {name: order[place] if isinstance(place, int) else place for name, place in places.items()}


def read_size(text: str) -> int:
    """Bytes of a size such as "10GiB", "10GB" or "900MiB".

    Raises:
        CheckpointError: it is none.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([MG]i?B)\s*", text, re.IGNORECASE)
    if found is None or not float(found[1]):
        raise CheckpointError(f"--max-memory '{text}' is no size. Write it like 10GiB or 900MiB.")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def _runs(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a device multiplies matrices of that number format, and, on a GPU, does so without emulating it."""
    if device.type == "cuda" and dtype == torch.bfloat16:
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        one = torch.ones(2, 2, device=device, dtype=dtype)
        return bool((one @ one).isfinite().all())
    except (RuntimeError, NotImplementedError):
        return False
