"""Pictures as arrays: photographs and whatever else a model was shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arrays import to_host


def is_picture(value: Any) -> bool:
    """Whether a value is an array with two axes or more, or a picture of Pillow."""
    return not isinstance(value, list | tuple | str) and np.ndim(to_host(value)) >= 2


def picture_of(function: str, argument: str, value: Any) -> NDArray[Any]:
    """Return a picture (h, w), (h, w, 3) or (h, w, 4) of uint8, or of float32 from 0 to 1."""
    picture = to_host(value)
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] not in (1, 3, 4)):
        advice = ""
        if picture.ndim == 3 and picture.shape[0] in (1, 3, 4):
            advice = ": move the channels to the end"
        raise ValueError(
            f"{function}: `{argument}` must be a picture of shape (h, w), (h, w, 3) or (h, w, 4), "
            f"got shape {picture.shape}{advice}"
        )
    if 0 in picture.shape:
        raise ValueError(f"{function}: `{argument}` must not be empty, got shape {picture.shape}")
    if picture.dtype == np.bool_:
        picture = picture.astype(np.float32)
    if picture.dtype != np.uint8:
        if picture.dtype.kind != "f":
            raise TypeError(
                f"{function}: `{argument}` must be uint8 or floating-point, got {picture.dtype}"
            )
        picture = picture.astype(np.float32)
        if not (picture.min() >= 0 and picture.max() <= 1):  # NaN too
            raise ValueError(
                f"{function}: `{argument}` must have values from 0 to 1, got "
                f"{picture.min():g} to {picture.max():g}: undo the model's normalisation"
            )
    return picture[:, :, 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture
