"""Whether entries in host memory are finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._entries import are_finite, widened
from isogram._errors import not_finite_entry
from isogram._types import Layers


def require_finite(layers: Layers) -> None:
    """See `Place`."""
    for name, x in layers.named.items():
        require_finite_rows(name, x, slice(0, len(x)))


def require_finite_rows(name: str, x: NDArray[Any], rows: slice) -> None:
    """Raise the error for the first NaN or infinity in some rows of a matrix."""
    values = widened(x[rows])
    if not are_finite(values):
        row, col = map(int, np.argwhere(~np.isfinite(values))[0])
        raise not_finite_entry(name, float(values[row, col]), (rows.start + row, col))
