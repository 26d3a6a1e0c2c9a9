"""Products of Gram matrices with permuted ones, on the host."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._types import Array, Report


def permuted_products(
    x: Array,
    y: Array,
    permutations: NDArray[np.int32],
    is_upper: bool,
    num_threads: int,
    progress: Report,
) -> Array:
    """See `Place`."""
    return _core.permuted_products(
        x, y, permutations, is_upper=is_upper, num_threads=num_threads, progress=progress
    )
