"""Powers of two that keep squares of extreme features representable; scaling by them is exact."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._arrays import result_dtype, widened

# Squared distances of features within 2^±limit neither overflow their type, with any number of
# terms that fits in memory, nor lose their digits below its smallest normal number.
_LIMITS = {"float32": 40, "float64": 400}


@usual_arithmetic()
def moderate(
    samples: list[NDArray[Any]], squares: np.dtype[Any] | None = None
) -> tuple[list[NDArray[Any]], int]:
    """Return the samples over 2^e, so that their squares are safe in a type, and e.

    The samples themselves and 0 come back where nothing needs to be done. NaN and infinity pass:
    the core names them.
    """
    limit = _LIMITS[(result_dtype(*samples) if squares is None else squares).name]
    largest = max(_largest(sample) for sample in samples)
    exponent = math.frexp(largest)[1] if math.isfinite(largest) and largest > 0 else 0
    if abs(exponent) <= limit:
        return samples, 0
    return [np.ldexp(widened(sample), -exponent) for sample in samples], exponent


@usual_arithmetic()
def scaled_bandwidth(bandwidth: float, exponent: int) -> float:
    """Return bandwidth · 2^exponent, within the positive floats."""
    scaled = float(np.ldexp(bandwidth, exponent))
    return min(max(scaled, sys.float_info.min), sys.float_info.max)


def _largest(sample: NDArray[Any]) -> float:
    sample = widened(sample)
    return max(float(sample.max()), -float(sample.min()))  # without a temporary for |sample|
