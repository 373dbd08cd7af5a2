"""Building a model whose weights are about to be replaced, without the time it takes to draw random ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# What initialisation does to a parameter in place. Buffers are not touched: they hold what no checkpoint has.
_FILLS = frozenset(
    getattr(Tensor, name) for name in ("normal_", "uniform_", "erfinv_", "mul_", "add_", "clamp_", "fill_", "zero_")
)


class Unfilled(TorchFunctionMode):
    """Within it, new parameters keep whatever their memory holds, and buffers get their true values.

    Memory that is never written to is never taken either, so that a large model costs next to nothing until its
    weights are assigned. It holds for the thread that entered it alone.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        settings = kwargs or {}
        if func in _FILLS or getattr(func, "__module__", None) == "torch.nn.init":
            filled = args[0] if args else settings.get("tensor")
            if isinstance(filled, nn.Parameter):
                return filled
        return func(*args, **settings)
