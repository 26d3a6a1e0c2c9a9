"""Labels of results: for frames of pandas, a frame with the labels of rows and columns."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from isogram._arrays import giver
from isogram._loading import if_imported
from isogram._types import Array, Layers


def of_samples(matrix: Array, x: Array, y: Array | None = None, out: Array | None = None) -> Array:
    """Return a matrix of the samples of `x`, and of `y` or again of `x`, as a frame if `x` is one.

    Its labels are the indices of both. The caller's own `out` stays what it is.
    """
    if not _is_frame(x) or matrix is out:
        return matrix
    cols = x if y is None else y
    return _frame(matrix, x.index, cols.index if _is_frame(cols) else None)


def of_matrix(matrix: Array, given: Array, out: Array | None) -> Array:
    """Return a matrix as a frame with the labels of `given` if that is one."""
    if not _is_frame(given) or matrix is out:
        return matrix
    return _frame(matrix, given.index, given.columns)


def giver_of_table(layers: Layers, other: Layers | None) -> Callable[[NDArray[Any]], Array]:
    """Return a function from a table of pairs of layers to an array of the first one's library.

    For a frame of pandas the table becomes a frame, labelled by the keys of the layers, or numbers.
    """
    (_, first), *_ = layers.given
    if not _is_frame(first):
        return giver(first)
    rows, cols = ([key for key, _ in side.given] for side in (layers, other or layers))
    return lambda table: _frame(table, rows, cols)


def labels_of(matrix: Array) -> tuple[Any, Any]:
    """Return the labels of a frame's rows and columns, or None of both."""
    return (matrix.index, matrix.columns) if _is_frame(matrix) else (None, None)


def _is_frame(value: Array) -> bool:
    return isinstance(value, if_imported("pandas", "DataFrame"))


def _frame(matrix: Any, index: Any, columns: Any) -> Any:
    return sys.modules["pandas"].DataFrame(matrix, index, columns)
