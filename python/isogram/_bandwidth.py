"""Bandwidths by the data: what functions with a kernel that has one share."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

# Not when first asked for: NumPy would import it then, which a signal handler that calls isogram
# may interrupt half way.
from numpy.random import default_rng
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import Kernel
from isogram._arithmetic import usual_arithmetic
from isogram._arrays import extremes, parts_of
from isogram._backend import device_of
from isogram._device import bandwidth as on_gpu
from isogram._errors import input_changed
from isogram._memory import FEWER_SAMPLES, check_memory

MAX_PAIRS = 524_288


def resolved_bandwidth(
    function: str,
    name: str,
    x: NDArray[Any],
    kernel: Kernel,
    workers: int,
    *,
    allow_constant: bool = False,
) -> Any:
    """Return the bandwidth that a kernel asks for; a median of 0 is an error.

    With `allow_constant`, constant rows get 1: their Gram is constant with any bandwidth. On a GPU
    a median comes as an array, and is NaN where it would be an error.
    """
    if not kernel.needs_median:
        return 1.0 if kernel.bandwidth is None else kernel.bandwidth
    pairs = pairs_of(function, name, x)
    if device := device_of(function, {name: x}):
        with device.entered():
            return on_gpu.median_bandwidth(device, x, pairs, allow_constant=allow_constant)
    median = bandwidth_of(function, name, x, pairs, workers)
    if median > 0:
        return median
    if allow_constant and _is_constant(function, name, x, workers):
        return 1.0
    raise zero_median(function, f"pairs of rows of `{name}`")


def zero_median(function: str, pairs: str) -> ValueError:
    """Return the error for a median bandwidth of 0."""
    return ValueError(
        f"{function}: `bandwidth` must be a positive number here, got 'median', which is 0: at "
        f"least half of the {pairs} are equal"
    )


def pairs_of(
    function: str,
    name: str,
    x: NDArray[Any],
    rule: str = "median",
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
) -> NDArray[np.int64] | None:
    """Return the pairs of rows that a bandwidth is taken of, or None for all."""
    n = len(x)
    if n < 2:
        raise ValueError(
            f"{function}: `{name}` must have at least 2 rows for a bandwidth by the {rule}, got {n}"
        )
    count = n * (n - 1) // 2
    advice = f"ask for fewer `max_pairs`, or {FEWER_SAMPLES}"
    check_memory(function, (min(count, max_pairs), 1), np.dtype(np.float64), advice)
    return _drawn_pairs(n, max_pairs, seed) if count > max_pairs else None


@usual_arithmetic()
def bandwidth_of(
    function: str,
    name: str,
    x: NDArray[Any],
    pairs: NDArray[np.int64] | None,
    workers: int,
    rule: str = "median",
) -> float:
    """Return the root of the median or mean squared distance of rows in host memory."""
    distances = _core.distances(function, name, x, pairs, workers)
    if rule == "mean":
        root = root_mean_square(distances)
    else:
        root = _core.root_median_square(function, distances, workers)
    if math.isnan(root):
        raise input_changed(function, name)
    return scaled_bandwidth(root, 0) if root > 0 else 0.0


def _drawn_pairs(n: int, count: int, seed: int) -> NDArray[np.int64]:
    """Return uniform pairs of different rows, in either order."""
    rng = default_rng(seed)
    pairs = np.empty((count, 2), np.int64)
    for column, end in enumerate((n, n - 1)):
        for part in parts_of((count,)):
            drawn = pairs[part][:, column]
            drawn[...] = rng.integers(end, size=len(drawn))
    for part in parts_of((count,)):
        first, second = pairs[part].T
        second += second >= first
    return pairs


def _is_constant(function: str, name: str, x: NDArray[Any], workers: int) -> bool:
    """Whether all rows are equal (a single one is)."""
    pairs = np.zeros((len(x) - 1, 2), np.int64)
    pairs[:, 1] = np.arange(1, len(x))
    return not _core.distances(function, name, x, pairs, workers).any()


@usual_arithmetic()
def root_mean_square(values: NDArray[Any]) -> float:
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


@usual_arithmetic()
def scaled_bandwidth(bandwidth: float, exponent: int) -> float:
    """Return bandwidth · 2^exponent, within the positive floats."""
    scaled = float(np.ldexp(bandwidth, exponent))
    return min(max(scaled, sys.float_info.min), sys.float_info.max)
