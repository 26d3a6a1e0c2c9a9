"""Matchings of one set of tokens to another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Array = NDArray[Any]


def exact(costs: Array) -> Array:
    """Return the column of each row in the cheapest matching of each problem of a batch."""
    return np.stack([linear_sum_assignment(problem)[1] for problem in costs])


def greedy(similarity: Array) -> float:
    """Return the sum of the largest entry, the largest in the other rows and columns, and so on."""
    left = similarity.astype(np.float64)
    total = 0.0
    for _ in range(min(left.shape)):
        row, column = np.unravel_index(np.argmax(left), left.shape)
        total += left[row, column]
        left[row, :] = -np.inf
        left[:, column] = -np.inf
    return total


def totals(matrices: Array, columns: Array) -> Array:
    """Return the float64 sums of the matched entries of a batch."""
    matched = np.take_along_axis(matrices, np.asarray(columns, np.int64)[..., None], axis=-1)
    return matched.sum(axis=(-2, -1), dtype=np.float64)
