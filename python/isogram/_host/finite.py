"""Whether entries in host memory are finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._entries import are_finite, widened
from isogram._errors import not_finite_entry
from isogram._rows import blocks
from isogram._types import Layers


def require_finite(layers: Layers) -> None:
    """See `Place`."""
    for name, x in layers.named.items():
        for first, block in blocks(x):
            require_finite_rows(name, block, first)


def require_finite_rows(name: str, x: NDArray[Any], first: int = 0) -> None:
    """Raise the error for the first NaN or infinity in some rows of a matrix, from `first` on."""
    values = widened(x)
    if not are_finite(values):
        row, col = map(int, np.argwhere(~np.isfinite(values))[0])
        raise not_finite_entry(name, float(values[row, col]), (first + row, col))
