"""Arithmetic of NumPy that does not depend on the settings of other libraries."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from isogram import _core
from isogram._types import Array

# A remainder counts as 0 up to this number of roundings of the numbers that it was computed from.
ROUNDINGS = 64
ROUNDING = ROUNDINGS * float(np.finfo(np.float64).eps)  # of a number of 1, in float64

_RANGE = 1000  # of exponents whose powers of two float64 holds


@contextmanager
def usual_arithmetic() -> Iterator[None]:
    """Keep numbers below the smallest normal one, and raise nothing for what leaves the range.

    Other libraries have the processor read such numbers as 0, or NumPy raise; the core takes care
    of itself.
    """
    with np.errstate(all="ignore"), _core.UsualArithmetic():
        yield


def times_power(xp: Any, values: Array, exponent: int | Array) -> Array:
    """Return float64 values times 2^exponent, in their memory or in new memory."""
    if not isinstance(exponent, int) or abs(exponent) > _RANGE:
        return xp.ldexp(values, exponent)
    values *= math.ldexp(1, exponent)  # takes a tenth of the time
    return values
