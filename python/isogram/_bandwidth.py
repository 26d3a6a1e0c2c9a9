"""Bandwidths that are taken from the data, for all functions with kernels."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arithmetic import usual_arithmetic
from isogram._entries import parts_of
from isogram._errors import errors_of
from isogram._memory import FEWER_SAMPLES, check_memory
from isogram._types import Kernel, Layers

if TYPE_CHECKING:
    from isogram._protocols import Place

MAX_PAIRS = 524_288

# Where 1 / bandwidth is finite and not 0.
_NORMAL = (sys.float_info.min, sys.float_info.max)


def resolved_bandwidth(
    place: Place,
    function: str,
    name: str,
    x: NDArray[Any],
    kernel: Kernel,
    num_threads: int,
    *,
    allow_constant: bool = False,
) -> Any:
    """Return the bandwidth that a kernel asks for; a median of 0 is an error.

    With `allow_constant`, constant rows get 1. On a GPU a median comes as an array, and is NaN
    where it would be an error.
    """
    fraction, of_median = kernel.bandwidth
    if not (of_median and kernel.needs_median):
        return fraction
    pairs = pairs_of(function, name, x)
    with errors_of(function):
        median = place.median_bandwidth(name, x, pairs, allow_constant, num_threads)
    if isinstance(median, float) and math.isnan(median):
        raise zero_median(function, f"pairs of rows of `{name}`")
    if fraction == 1:
        return median
    with place.entered():
        return place.xp.clip(median * fraction, *_NORMAL)


def bandwidths(
    place: Place, function: str, x: Layers, y: Layers | None, kernel: Kernel, num_threads: int
) -> tuple[list[Any], list[Any]]:
    """Return the bandwidth of each layer of `x`, and of each of `y`."""
    if kernel.needs_median:
        of_x = _resolved_bandwidths(place, function, x, kernel, num_threads)
        of_y = _resolved_bandwidths(place, function, y, kernel.of_y, num_threads) if y else []
        return of_x, of_y
    layers_of_y = len(y.names) if y else 0
    return (
        [kernel.bandwidth.number] * len(x.names),
        [kernel.of_y.bandwidth.number] * layers_of_y,
    )


def _resolved_bandwidths(
    place: Place, function: str, layers: Layers, kernel: Kernel, num_threads: int
) -> list[Any]:
    return [
        resolved_bandwidth(place, function, name, x, kernel, num_threads, allow_constant=True)
        for name, x in layers.named.items()
    ]


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
    numbers = 2 if x.dtype == np.float64 else 1  # for each pair
    check_memory(function, (min(count, max_pairs), numbers), np.dtype(np.float64), advice)
    return _drawn_pairs(n, max_pairs, seed) if count > max_pairs else None


def _drawn_pairs(n: int, count: int, seed: int) -> NDArray[np.int64]:
    """Return uniform pairs of different rows, in either order: of NumPy's `default_rng(seed)`."""
    bits = range(0, max(seed.bit_length(), 1), 32)
    draws = _core.Pcg64([seed >> bit & 0xFFFFFFFF for bit in bits])
    pairs = np.empty((count, 2), np.int64)
    for column, end in enumerate((n, n - 1)):
        for part in parts_of((count,)):
            drawn = pairs[part][:, column]
            draws.fill(end, drawn)
    for part in parts_of((count,)):
        first, second = pairs[part].T
        second += second >= first
    return pairs


@usual_arithmetic()
def scaled_bandwidth(bandwidth: float, exponent: int) -> float:
    """Return bandwidth · 2^exponent within the normal floats, so that 1 / bandwidth is finite."""
    scaled = float(np.ldexp(bandwidth, exponent))
    least, most = _NORMAL
    return min(max(scaled, least), most)
