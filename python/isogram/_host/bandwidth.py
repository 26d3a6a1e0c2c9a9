"""Bandwidths on the host."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arithmetic import usual_arithmetic
from isogram._bandwidth import scaled_bandwidth
from isogram._entries import extremes, parts_of
from isogram._errors import changed_input
from isogram._host.finite import require_finite
from isogram._rows import Unread
from isogram._types import Layers
from isogram._walk.tiles import spans

# Bytes of rows that wait in memory while the others are read.
_HELD = 2**28


def median_bandwidth(
    name: str, x: NDArray[Any], pairs: NDArray[Any] | None, allow_constant: bool, num_threads: int
) -> float:
    """See `Place`."""
    median = bandwidth(name, x, pairs, "median", num_threads)
    if median > 0:
        return median
    return 1.0 if allow_constant and _is_constant(name, x, num_threads) else math.nan


@usual_arithmetic()
def bandwidth(
    name: str, x: NDArray[Any], pairs: NDArray[Any] | None, rule: str, num_threads: int
) -> float:
    """See `Place`."""
    if rule == "mean":
        root = _root_mean_square(_distances(name, x, pairs, num_threads))
    elif isinstance(x, Unread):
        distances = _distances(name, x, pairs, num_threads)
        root = _core.root_median_square(distances, num_threads=num_threads)
    else:
        root = _core.median_distance(x, name=name, pairs=pairs, num_threads=num_threads)
    if math.isnan(root):
        raise changed_input(name)
    return scaled_bandwidth(root, 0) if root > 0 else 0.0


def _is_constant(name: str, x: NDArray[Any], num_threads: int) -> bool:
    """Whether all rows are equal, as a single row is."""
    pairs = np.zeros((len(x) - 1, 2), np.int64)
    pairs[:, 1] = np.arange(1, len(x))
    return not _distances(name, x, pairs, num_threads).any()


def _distances(
    name: str, x: NDArray[Any], pairs: NDArray[Any] | None, num_threads: int
) -> NDArray[np.float64]:
    """Return the distances of pairs of rows; None: of all, which are few."""
    if not isinstance(x, Unread):
        return _core.distances(x, name=name, pairs=pairs, num_threads=num_threads)
    if pairs is None:
        return _core.distances(x[:], name=name, pairs=None, num_threads=num_threads)
    require_finite(Layers([name], [x]))
    distances = np.empty(len(pairs))
    for firsts in spans(len(x), max(x.rows_at_once, _HELD // (x.shape[1] * x.dtype.itemsize))):
        of_firsts = _between(pairs[:, 0], firsts, np.arange(len(pairs)))
        held = x[firsts]
        for seconds in spans(len(x), x.rows_at_once):
            which = _between(pairs[:, 1], seconds, of_firsts)
            if not which.size:
                continue
            (i, of_i), (j, of_j) = (
                np.unique(pairs[which, side], return_inverse=True) for side in (0, 1)
            )
            rows = np.concatenate([held[i - firsts.start], x[seconds][j - seconds.start]])
            local = np.column_stack([of_i, of_j + len(i)])
            distances[which] = _core.distances(
                rows, name=name, pairs=local, num_threads=num_threads
            )
    return distances


def _between(rows: NDArray[Any], span: slice, among: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return those of some pairs whose rows lie in a span."""
    some = rows[among]
    found: NDArray[np.intp] = among[(some >= span.start) & (some < span.stop)]
    return found


def _root_mean_square(values: NDArray[Any]) -> float:
    """Return the root of the mean square of values >= 0, which are scaled in place."""
    largest = float(extremes(values)[1])
    if largest == 0:
        return 0.0
    squares = 0.0
    for part in parts_of(values.shape):
        scaled = values[part]
        scaled /= largest
        squares += float(scaled @ scaled)
    return largest * math.sqrt(squares / len(values))
