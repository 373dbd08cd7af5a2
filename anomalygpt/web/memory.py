"""Memory that was freed, handed back to the system.

Photos and maps of many sizes, made in many threads, leave holes that the C library keeps for later. A page that stays
open for weeks would seem to grow with every visitor.
"""

from __future__ import annotations

import ctypes
import gc
import sys


def return_memory() -> None:
    """Collects what nothing refers to and has glibc give free pages back; elsewhere than on Linux only the former."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
