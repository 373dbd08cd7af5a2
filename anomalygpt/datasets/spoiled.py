"""Folders of one's own good photos, and what the simulation makes of them for training."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

from anomalygpt.datasets.folder import index_folder, is_plain_folder
from anomalygpt.datasets.index import GOOD_NAMES, DataError, find_below, folders_in, photos_in, relative
from anomalygpt.datasets.visa import index_visa, is_visa
from anomalygpt.imaging.read import read_photo
from anomalygpt.simulation.photos import GoodPhoto, PhotoSample, spoil_photos

KEPT = 256
"""So many photos of each process stay decoded."""


def good_photos(source: str) -> dict[str, tuple[Path, ...]]:
    """The good photos of a folder, by product; no photo is opened.

    Three layouts are read: MVTec-AD's (`PRODUCT/train/good`, also without a `test`), VisA's, and plain folders (`good`,
    perhaps with others beside it, or the photos themselves). Of a plain folder with photos to check beside the good
    ones only every second good photo is taken: `evaluate` measures on the others.

    Args:
        source: a product, or a folder of products, at most two levels down.

    Raises:
        DataError: there is no such folder, or a product with fewer than two good photos, or no good photos at all.
    """
    root = Path(source)
    if not root.is_dir():
        raise DataError(f"{source}: there is no such folder. Give the folder with your good photos.")
    if is_visa(root):
        products = {category.name: category.normals for category in index_visa(root, partial_masks=True)}
    else:
        products = {relative(folder, root): _normals(folder) for folder in find_below(root, _has_good)}
        if not products and photos_in(root):
            products = {root.resolve().name: tuple(photos_in(root))}
    if not products:
        raise DataError(
            f"{root}: there are no good photos here. Put them into '{root / 'good'}', or give a folder in MVTec-AD's "
            "layout ('PRODUCT/train/good') or VisA's."
        )
    for name, photos in products.items():
        if len(photos) < 2:
            raise DataError(
                f"{photos[0].parent}: this is the only good photo of '{name}' to learn from, and two are needed, one "
                "as a reference and one to put defects on. Add more; 10 to 50 are a good number."
            )
    return products


def _has_good(folder: Path) -> bool:
    return _good_place(folder) is not None


def _good_place(folder: Path) -> Path | None:
    """Where a folder's good photos for training are: `train/good`, or `good`."""
    for place in (folder / "train", folder):
        for entry in folders_in(place):
            if entry.name.lower() in GOOD_NAMES and photos_in(entry):
                return entry
    return None


def _normals(folder: Path) -> tuple[Path, ...]:
    place = _good_place(folder)
    assert place is not None
    if place.parent == folder and is_plain_folder(folder) and len(photos_in(place)) > 1:
        return index_folder(folder, partial_masks=True)[0].normals
    return tuple(photos_in(place))


class SpoiledPhotos:
    """Episodes of real good photos with simulated defects, each made from its seed alone.

    Args:
        products: files of good photos by product, as `good_photos` gives them.
        size: side of the square photos in pixels.
    """

    def __init__(self, products: Mapping[str, Sequence[Path]], size: int) -> None:
        self.products = {name: list(paths) for name, paths in products.items()}
        self.size = size
        self._kept: OrderedDict[Path, GoodPhoto] = OrderedDict()

    @property
    def names(self) -> list[str]:
        """Names of the products, in order."""
        return list(self.products)

    def check(self) -> None:
        """Reads every photo once, so that one that cannot be read is known before the work begins.

        Raises:
            PhotoError: a photo cannot be read; the message names it.
        """
        for paths in self.products.values():
            for path in paths:
                read_photo(path)

    def episode(
        self, name: str, seed: Sequence[int], shots: int, queries: int, size: int | None = None
    ) -> list[PhotoSample]:
        """Samples of one product with the same references, spoiled and untouched in turn; see `spoil_photos`.

        Args:
            name: of the product.
            seed: non-negative numbers.
            shots: how many references.
            queries: how many samples.
            size: side in pixels, `self.size` if left out.

        Raises:
            PhotoError: a photo cannot be read; the message names it.
        """
        return spoil_photos(_Opened(self, self.products[name], size or self.size), seed, shots, queries)

    def read(self, path: Path, size: int) -> GoodPhoto:
        """A photo on its square; the ones used last stay decoded."""
        photo = self._kept.pop(path, None)
        if photo is None or len(photo.square) != size:
            photo = GoodPhoto.of(read_photo(path), size)
        self._kept[path] = photo
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return photo


class _Opened(Sequence[GoodPhoto]):
    """The photos of a product, read when looked at."""

    def __init__(self, source: SpoiledPhotos, paths: Sequence[Path], size: int) -> None:
        self.source, self.paths, self.size = source, paths, size

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> GoodPhoto:  # type: ignore[override]
        return self.source.read(self.paths[index], self.size)
