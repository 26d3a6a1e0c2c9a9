"""Photographs that packages carry, and views of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
