"""Features on the host, in float64, and their products."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isogram._entries import converted, widened
from isogram._host.gram import inner_products
from isogram._types import Array


def doubles(x: Array) -> NDArray[np.float64]:
    """See `Place`."""
    return converted(widened(x), np.float64, "C")


def cross_products(x: Array, y: Array, num_threads: int) -> NDArray[np.float64]:
    """See `Place`."""
    products = np.empty((x.shape[1], y.shape[1]))
    inner_products(x.T, None if y is x else y.T, products, num_threads)
    return products
