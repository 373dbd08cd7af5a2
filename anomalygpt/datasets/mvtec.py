"""MVTec-AD's layout, also that of MPDD, BTAD and many others.

`PRODUCT/train/good`, `PRODUCT/test/good`, `PRODUCT/test/KIND`, `PRODUCT/ground_truth/KIND/STEM_mask.EXT` (or
`STEM.EXT`). Products may lie in families: `FAMILY/PRODUCT`.
"""

from __future__ import annotations

from pathlib import Path

from anomalygpt.datasets.index import (
    GOOD_NAMES,
    PHOTOS,
    Category,
    DataError,
    FileCase,
    find_below,
    find_mask,
    folders_in,
    photos_in,
    relative,
)


def is_mvtec_product(folder: Path) -> bool:
    """Whether a folder is one product in this layout."""
    return (folder / "train").is_dir() and (folder / "test").is_dir()


def index_mvtec(root: Path, *, partial_masks: bool = False, paired: bool = False) -> list[Category]:
    """Indexes all products at or below a folder; no photo is opened.

    Args:
        root: a product, a folder of products, or a folder of families of products.
        partial_masks: whether defective photos may lack masks. If not, only a product without any mask is taken to
            have none.
        paired: whether the photos of a folder `reference` are compared with those of the same name, and products with
            one good photo and none to check are pooled by family: each photo is compared with its product's good
            one, and the good one's mirror image is the good photo to check.

    Raises:
        DataError: there is no product, or a file is missing.
    """
    products = find_below(root, is_mvtec_product)
    if not products:
        raise DataError(f"{root}: no folder here has 'train' and 'test' in it. Give a folder in MVTec-AD's layout.")
    indexed = [(product, _product(product, root, partial_masks, paired)) for product in products]
    if not paired:
        return [category for _, category in indexed]
    kept: dict[str, Category] = {}
    for product, category in indexed:
        if len(category.normals) > 1 or any(not case.anomalous for case in category.cases):
            kept[category.name] = category
            continue
        family = relative(product.parent, root)
        single = category.normals[0]
        cases = [
            FileCase(f"{product.name}/{case.name}", case.photo, case.kind, case.mask, single)
            for case in category.cases
            if isinstance(case, FileCase)
        ]
        cases.append(FileCase(f"{product.name}/{single.name} mirrored", single, "good", None, single, mirrored=True))
        pooled = [*kept[family].cases, *cases] if family in kept else cases
        kept[family] = Category(family, (), tuple(pooled), own_references=True)
    return list(kept.values())


def _product(folder: Path, root: Path, partial_masks: bool, paired: bool) -> Category:
    normals = [photo for name in GOOD_NAMES for photo in photos_in(folder / "train" / name)]
    if not normals:
        raise DataError(f"{folder / 'train' / 'good'}: there are no photos here. Restore the good photos.")
    references = folder / "reference"
    has_pairs = paired and references.is_dir()
    has_masks = any(photos_in(kind) for kind in folders_in(folder / "ground_truth"))
    cases = []
    for kind in folders_in(folder / "test"):
        good = kind.name.lower() in GOOD_NAMES
        masks = folder / "ground_truth" / kind.name
        # A product without any mask has none; photos, or a kind, without masks among others are a fault.
        strict = has_masks and not partial_masks
        for photo in photos_in(kind):
            mask = None if good else find_mask(masks, photo, strict)
            reference = _pair(references, photo) if has_pairs else None
            name = f"{kind.name}/{photo.name}"
            cases.append(FileCase(name, photo, "good" if good else kind.name, mask, reference))
    if not cases:
        raise DataError(f"{folder / 'test'}: there are no photos to check here. Restore them.")
    return Category(relative(folder, root), tuple(normals), tuple(cases), own_references=has_pairs)


def _pair(folder: Path, photo: Path) -> Path:
    for candidate in (folder / photo.name, *(folder / f"{photo.stem}{ending}" for ending in PHOTOS)):
        if candidate.is_file():
            return candidate
    raise DataError(f"{folder / photo.name}: the reference of {photo} is missing. Restore it.")
