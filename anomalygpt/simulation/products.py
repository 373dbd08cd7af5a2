"""All the products: the named ones by key, and the endless unnamed ones."""

from __future__ import annotations

from numpy.random import Generator

from anomalygpt.simulation import (
    objects_baked,
    objects_boards,
    objects_cable,
    objects_electronics,
    objects_food,
    objects_glass,
    objects_metal,
    objects_pharma,
    objects_screw,
    objects_soft,
    objects_tablet,
    random_products,
    textures,
    textures_cloth,
    textures_made,
    textures_natural,
)
from anomalygpt.simulation.base import Product

_ALL: tuple[type[Product], ...] = (
    *textures_natural.PRODUCTS,
    *textures_cloth.PRODUCTS,
    *textures_made.PRODUCTS,
    *textures.PRODUCTS,
    *objects_baked.PRODUCTS,
    *objects_boards.PRODUCTS,
    *objects_cable.PRODUCTS,
    *objects_electronics.PRODUCTS,
    *objects_food.PRODUCTS,
    *objects_glass.PRODUCTS,
    *objects_metal.PRODUCTS,
    *objects_screw.PRODUCTS,
    *objects_pharma.PRODUCTS,
    *objects_soft.PRODUCTS,
    *objects_tablet.PRODUCTS,
    *random_products.PRODUCTS,
)

NAMED: dict[str, type[Product]] = {product.key: product for product in _ALL if product.key is not None}
"""Every named product by its key."""

UNNAMED: tuple[type[Product], ...] = tuple(product for product in _ALL if product.key is None)
"""The products without a name: random surfaces and random objects."""


def make_product(rng: Generator, key: str | None = None) -> Product:
    """Draws the identity of a product.

    Args:
        key: one of `NAMED`, or None for a random one without a name.

    Raises:
        ValueError: there is no product of that name.
    """
    if key is None:
        return UNNAMED[int(rng.integers(len(UNNAMED)))](rng)  # type: ignore[call-arg]  # the base class states none
    if key not in NAMED:
        raise ValueError(f"no product is called '{key}'; choose one of {', '.join(sorted(NAMED))}")
    return NAMED[key](rng)  # type: ignore[call-arg]
