"""Products of Gram matrices with permuted ones, on a GPU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isogram._device.device import Device, DeviceArray
from isogram._types import Report
from isogram._walk.tiles import spans

# Entries of all matrices of `x`, and of `y`, that are multiplied at once, as float64.
_ENTRIES = 1 << 24


def permuted_products(
    device: Device,
    x: DeviceArray,
    y: DeviceArray,
    permutations: NDArray[np.int32],
    is_upper: bool,
    num_threads: int,
    progress: Report,
) -> DeviceArray:
    """See `Place`."""
    xp, n = device.xp, x.shape[1]
    strips = spans(n, max(1, _ENTRIES // (n * max(len(x), len(y)))))
    products = xp.zeros((len(permutations), len(x), len(y)))
    for done, permutation in enumerate(xp.asarray(permutations), 1):
        for rows in strips:
            of_x = x[:, rows].reshape(len(x), -1).astype(np.float64)
            of_y = y[:, permutation[rows]][:, :, permutation]
            products[done - 1] += of_x @ of_y.reshape(len(y), -1).astype(np.float64).T
        if progress is not None:
            progress(done, len(permutations))
    return products
