"""Features on a GPU, in float64, and their products."""

from __future__ import annotations

import numpy as np

from isogram._device.device import Device, DeviceArray
from isogram._device.tiles import prepared


def above_diagonal(device: Device, square: DeviceArray) -> DeviceArray:
    """See `Place`."""
    return square[device.xp.triu_indices(len(square), 1)]


def doubles(device: Device, x: DeviceArray) -> DeviceArray:
    """See `Place`."""
    return prepared(device, x, np.dtype(np.float64), "shifted").data


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
