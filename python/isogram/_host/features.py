"""Features on the host, in float64, and their products."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._entries import converted, widened
from isogram._host.gram import inner_products
from isogram._types import Array
from isogram._walk.tiles import spans

_ROWS_OF_MASK = 256  # whose entries above the diagonal are chosen at a time
_ROWS = 32  # that are transposed at a time: half of them would fill a line of the cache twice


def doubles(x: Array) -> NDArray[np.float64]:
    """See `Place`."""
    return converted(widened(x), np.float64, "C")


def cross_products(x: Array, y: Array, num_threads: int, out: Array | None = None) -> NDArray[Any]:
    """See `Place`."""
    shape = x.shape[1], y.shape[1]
    products: NDArray[Any] = np.empty(shape, x.dtype) if out is None else out
    inner_products(_transposed(x), None if y is x else _transposed(y), products, num_threads)
    return products


def standardized_features(
    x: Array, dtype: np.dtype[Any], num_threads: int
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """See `Place`."""
    rows = np.empty(x.shape[::-1], dtype)
    return rows, _core.standardized_features(x, out=rows, num_threads=num_threads)


def above_diagonal(square: Array) -> NDArray[Any]:
    """See `Place`. Without the index arrays of `numpy.triu_indices`."""
    n = len(square)
    values = np.empty(n * (n - 1) // 2, square.dtype)
    end = 0
    for rows in spans(n, _ROWS_OF_MASK):
        some = square[rows]
        above = some[~np.tri(len(some), n, rows.start, bool)]
        begin, end = end, end + len(above)
        values[begin:end] = above
    return values


def _transposed(x: NDArray[Any]) -> NDArray[Any]:
    """Return the transpose, row by row, which the core reads five times as fast."""
    if x.strides[0] == x.itemsize:
        return x.T
    result = np.empty(x.T.shape, x.dtype)
    for rows in spans(len(x), _ROWS):
        result[:, rows] = x[rows].T
    return result
