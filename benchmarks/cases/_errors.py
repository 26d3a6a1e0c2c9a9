"""Relative errors against float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

SAMPLED_ROWS = 32


def of_scalar(truth: float) -> Callable[[Any], float]:
    """Return a function that gives |value - truth| / |truth|."""
    return lambda value: abs(float(value) - truth) / abs(truth)


def of_array(truth: Any) -> Callable[[Any], float]:
    """Return a function that gives the largest |entry - truth| over the largest |truth|."""
    scale = float(np.abs(truth).max())
    return lambda value: float(np.abs(np.asarray(value, dtype=np.float64) - truth).max() / scale)


def of_rows(truth: Any) -> Callable[[Any], float]:
    """Return the same for results of which only the first rows are known."""
    check = of_array(truth)
    return lambda value: check(value[: len(truth)])


def of_corner(truth: Any) -> Callable[[Any], float]:
    """Return the same for square results of which only the first rows and columns are known."""
    check = of_array(truth)
    return lambda value: check(value[: len(truth), : len(truth)])
