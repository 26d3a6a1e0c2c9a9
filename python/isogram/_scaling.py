"""Powers of two that keep extreme distances representable."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._entries import extremes, widened


@usual_arithmetic()
def largest_exponent(samples: list[NDArray[Any]]) -> int:
    """Return the e of 2^e > |x| >= 2^(e-1) for the largest x; 0 for 0, NaN and infinity."""
    largest = max(_largest(sample) for sample in samples)
    return math.frexp(largest)[1] if math.isfinite(largest) else 0


def _largest(sample: NDArray[Any]) -> float:
    least, most = extremes(widened(sample))
    return max(float(most), -float(least))  # without a temporary for |sample|
