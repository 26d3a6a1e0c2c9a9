"""Relative errors against float64.

Every function takes one that makes the truth, so that it is not made where nobody asks for errors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

SAMPLED_ROWS = 32

Check = Callable[[Any], float]


def of_scalar(make_truth: Callable[[], float]) -> Check:
    """Return a function that gives |value - truth| / |truth|."""
    truth = cache(make_truth)
    return lambda value: abs(float(value) - truth()) / abs(truth())


def of_corner(make_truth: Callable[[], Any]) -> Check:
    """Return a function that gives the largest |entry - truth| over the largest |truth|.

    The truth may be that of the first entries along each axis only.
    """
    truth = cache(make_truth)

    def error(value: Any) -> float:
        known = np.asarray(truth())
        corner = np.asarray(value)[tuple(slice(length) for length in known.shape)]
        return float(np.abs(corner.astype(np.float64) - known).max() / np.abs(known).max())

    return error
