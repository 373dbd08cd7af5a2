"""How large the simulated photos are that a finished eye looks at."""

from __future__ import annotations

SMALLEST = 224
"""Side in pixels of every second photo."""


def photo_side(index: int, image_size: int) -> int:
    """Side of photo number `index`: by turns the eye's own, which loses nothing, and a smaller one that is enlarged.

    Users' photos come in any resolution, and what is enlarged is softer.
    """
    return max(SMALLEST, image_size) if index % 2 else SMALLEST
