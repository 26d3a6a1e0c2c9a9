"""Features on a GPU, in float64, and their products."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import ROUNDING
from isogram._device.device import Device, DeviceArray
from isogram._device.tiles import prepared


def above_diagonal(device: Device, square: DeviceArray) -> DeviceArray:
    """See `Place`."""
    return square[device.xp.triu_indices(len(square), 1)]


def doubles(device: Device, x: DeviceArray) -> DeviceArray:
    """See `Place`."""
    return prepared(device, x, np.dtype(np.float64), "shifted").data


def standardized_features(
    device: Device, x: DeviceArray, dtype: np.dtype[Any], num_threads: int = 0
) -> tuple[DeviceArray, NDArray[np.bool_]]:
    """See `Place`."""
    xp, rows = device.xp, doubles(device, x)
    largest = xp.abs(rows).max(axis=0)
    exponents = -xp.frexp(largest)[1]
    # 2^1074 leaves the range of float64, so two factors; squares of numbers of about 1 stay in it.
    rows *= xp.ldexp(xp.ones(len(largest)), exponents // 2)
    rows *= xp.ldexp(xp.ones(len(largest)), exponents - exponents // 2)
    bound = ROUNDING * xp.abs(rows).max(axis=0)
    for _ in range(2):  # the second mean is what the first lacks
        rows -= rows.mean(axis=0)
    are_constant = xp.abs(rows).max(axis=0) <= bound
    norms = xp.sqrt((rows * rows).sum(axis=0))
    rows *= ~are_constant / xp.where(are_constant, 1.0, norms)
    return xp.ascontiguousarray(rows.T.astype(dtype)), device.to_host(are_constant)


def cross_products(
    device: Device,
    x: DeviceArray,
    y: DeviceArray,
    num_threads: int = 0,
    out: DeviceArray | None = None,
) -> DeviceArray:
    """See `Place`."""
    products = device.empty((x.shape[1], y.shape[1]), x.dtype) if out is None else out
    device.matmul(x.T, y, products)
    return products
