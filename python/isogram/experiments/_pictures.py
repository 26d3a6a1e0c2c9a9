"""Photographs that packages carry, and views of them."""

from __future__ import annotations

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

GREY = 127  # the mean that networks subtract
Pixels = NDArray[np.uint8]  # (views, side, side, 3)

# Functions of skimage.data whose files are in its wheel.
_SKIMAGE = (
    "astronaut",
    "brick",
    "camera",
    "cell",
    "chelsea",
    "clock",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "retina",
    "rocket",
    "text",
)
_SKLEARN = ("china.jpg", "flower.jpg")


class Views(NamedTuple):
    """Views of photographs.

    Attributes
    ----------
    pixels
        (views, side, side, 3), uint8.
    photographs
        The number of the photograph that each shows.
    """

    pixels: Pixels
    photographs: NDArray[np.intp]


def photographs() -> dict[str, Any]:
    """Return photographs by name, as pictures of PIL in RGB."""
    import skimage.data
    from PIL import Image
    from sklearn.datasets import load_sample_image

    arrays = {name: getattr(skimage.data, name)() for name in _SKIMAGE}
    arrays |= {name.removesuffix(".jpg"): load_sample_image(name) for name in _SKLEARN}
    return {
        name: Image.fromarray(np.asarray(array, np.uint8)).convert("RGB")
        for name, array in arrays.items()
    }


def overlapping_crops(side: int, tiles: int, rng: np.random.Generator) -> tuple[Views, Views]:
    """Return two crops of each of tiles × tiles disjoint parts of every photograph.

    A crop is 64 parts of 84 of its part wide and high, and at a random place in it.
    """
    from PIL import Image

    whole = round(side * 84 / 64)
    pictures = list(photographs().values())
    crops: tuple[list[Pixels], list[Pixels]] = ([], [])
    for picture in pictures:
        edge = min(picture.size) / tiles
        for x, y in np.ndindex(tiles, tiles):
            box = (x * edge, y * edge, (x + 1) * edge, (y + 1) * edge)
            part = np.asarray(picture.resize((whole, whole), Image.Resampling.BICUBIC, box=box))
            for crop in crops:
                left, top = rng.integers(0, whole - side, size=2, endpoint=True)
                crop.append(part[top : top + side, left : left + side])
    shown = np.repeat(np.arange(len(pictures)), tiles**2)
    return Views(np.stack(crops[0]), shown), Views(np.stack(crops[1]), shown)


def moved_views(side: int, views: int, rng: np.random.Generator) -> Views:
    """Return views of every photograph: a random crop of it at a random place of a grey frame."""
    pictures = list(photographs().values())
    inner = side // 2
    found = []
    for picture in pictures:
        for _ in range(views):
            x, y = rng.integers(0, side - inner, size=2, endpoint=True)
            frame = np.full((side, side, 3), GREY, np.uint8)
            frame[y : y + inner, x : x + inner] = _crop(picture, inner, rng)
            found.append(frame)
    return Views(np.stack(found), np.repeat(np.arange(len(pictures)), views))


def composites(
    side: int, sets: int, views: int, rng: np.random.Generator
) -> tuple[Pixels, NDArray[np.bool_]]:
    """Return views of sets of three photographs, and which photographs each view shows.

    The three are crops in three of the four quarters of a grey frame, in another order and another
    crop of each in every view; no two sets are the same. Shapes (sets · views, side, side, 3) and
    (sets · views, photographs); the views of a set stand next to each other.
    """
    pictures = list(photographs().values())
    triples = list(combinations(range(len(pictures)), 3))
    half = side // 2
    found, labels = [], []
    for chosen in rng.choice(triples, size=sets, replace=False):
        for _ in range(views):
            frame = np.full((side, side, 3), GREY, np.uint8)
            for quarter, picture in zip(rng.permutation(4), chosen, strict=False):
                y, x = half * (quarter // 2), half * (quarter % 2)
                frame[y : y + half, x : x + half] = _crop(pictures[picture], half, rng)
            found.append(frame)
            labels.append(np.isin(np.arange(len(pictures)), chosen))
    return np.stack(found), np.stack(labels)


def _crop(picture: Any, side: int, rng: np.random.Generator) -> Pixels:
    """Return a random square of 0.7 of a picture's shorter side, resized."""
    from PIL import Image

    edge = 0.7 * min(picture.size)
    left, top = rng.uniform(size=2) * (picture.width - edge, picture.height - edge)
    box = (left, top, left + edge, top + edge)
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC, box=box))
