"""Means of squares, and powers of two, that keep extreme distances representable."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._arrays import extremes, parts_of, widened

# Distances of tokens of up to 2^limit are within the range of their type, with any number of terms
# that fits in memory.
_DISTANCE_LIMITS = {"float32": 100, "float64": 980}


def distance_exponent(largest: int, dtype: np.dtype[Any]) -> int:
    """Return e so that distances over 2^e are safe in a type, for tokens of up to 2^largest."""
    limit = _DISTANCE_LIMITS[dtype.name]
    return largest - min(max(largest, -limit), limit)


@usual_arithmetic()
def largest_exponent(samples: list[NDArray[Any]]) -> int:
    """Return the e of 2^e > |x| >= 2^(e-1) for the largest x; 0 for 0, NaN and infinity."""
    largest = max(_largest(sample) for sample in samples)
    return math.frexp(largest)[1] if math.isfinite(largest) else 0


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


def _largest(sample: NDArray[Any]) -> float:
    least, most = extremes(widened(sample))
    return max(float(most), -float(least))  # without a temporary for |sample|
