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
    distances = _core.distances(x, name=name, pairs=pairs, num_threads=num_threads)
    if rule == "mean":
        root = _root_mean_square(distances)
    else:
        root = _core.root_median_square(distances, num_threads=num_threads)
    if math.isnan(root):
        raise changed_input(name)
    return scaled_bandwidth(root, 0) if root > 0 else 0.0


def _is_constant(name: str, x: NDArray[Any], num_threads: int) -> bool:
    """Whether all rows are equal, as a single row is."""
    pairs = np.zeros((len(x) - 1, 2), np.int64)
    pairs[:, 1] = np.arange(1, len(x))
    return not _core.distances(x, name=name, pairs=pairs, num_threads=num_threads).any()


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
