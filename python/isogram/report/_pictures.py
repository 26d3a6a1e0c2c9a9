"""Pictures, as pages hold them."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._pictures import picture_of
from isogram.report._colours import palette

try:
    from PIL import Image, ImageOps
except ImportError as error:
    raise ImportError(
        "isogram.report needs Pillow: pip install 'isogram[report]'", name="PIL"
    ) from error


def png_of(shades: NDArray[np.uint8]) -> str:
    """Return the address of a picture of shades, a pixel for each."""
    height, width = shades.shape
    image = Image.frombytes("P", (width, height), shades.tobytes())
    image.putpalette(bytes.fromhex("".join(colour[1:] for colour in palette())))
    return _address(image, "png", optimize=True)


class Pictures:
    """Pictures of samples, made small when they are asked for."""

    def __init__(self, pictures: Sequence[Any] | NDArray[Any]) -> None:
        """Take a picture for each sample: arrays, pictures of Pillow, or paths."""
        self._pictures = pictures
        self._made: dict[tuple[int, int], str] = {}

    def small(self, sample: int, size: int) -> str:
        """Return the address of a sample's picture within size × size pixels."""
        if (sample, size) not in self._made:
            image = _image(sample, self._pictures[sample])
            image.thumbnail((size, size))
            self._made[sample, size] = _address(image, "jpeg", quality=82)
        return self._made[sample, size]


def _image(sample: int, picture: Any) -> Image.Image:
    if isinstance(picture, str | os.PathLike):
        with Image.open(picture) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    if isinstance(picture, Image.Image):
        return picture.convert("RGB")
    pixels = picture_of("compare", f"pictures[{sample}]", picture)
    if pixels.dtype != np.uint8:
        pixels = np.rint(pixels * 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")


def _address(image: Image.Image, kind: str, **options: Any) -> str:
    stream = BytesIO()
    save: Callable[..., None] = image.save
    save(stream, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
