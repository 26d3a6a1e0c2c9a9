"""Bandwidths on a GPU."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._device.device import Device, DeviceArray
from isogram._device.results import fetched


def bandwidth(
    device: Device,
    name: str,
    x: DeviceArray,
    pairs: NDArray[Any] | None,
    rule: str,
    num_threads: int,
) -> float:
    """See `Place`."""
    return float(fetched(device, {name: x}, _bandwidth(device, x, pairs, rule))[0][0])


def _bandwidth(
    device: Device, x: DeviceArray, pairs: NDArray[Any] | None, rule: str
) -> DeviceArray:
    """Return the root of the median or mean squared distance, as an array of one double.

    Of `pairs` of rows, or of all.
    """
    xp = device.xp
    distances = _distances(device, x, None if pairs is None else xp.asarray(pairs))
    if rule == "mean":
        largest = xp.max(distances, keepdims=True)
        ratios = distances / xp.where(largest == 0, 1.0, largest)
        root = largest * xp.sqrt(xp.mean(ratios * ratios, keepdims=True))
    else:
        root = root_median_square(device, distances)
    # 1 / bandwidth is finite and not 0.
    return xp.where(root == 0, 0.0, xp.clip(root, sys.float_info.min, sys.float_info.max))


def root_median_square(device: Device, values: DeviceArray) -> DeviceArray:
    """Return the root of the median square of doubles >= 0, as an array of one double."""
    ordered = device.xp.sort(values)
    m = len(ordered)
    low, high = (ordered[k : k + 1] for k in ((m - 1) // 2, m // 2))
    return device.xp.where(low == high, low, device.xp.hypot(low, high) / math.sqrt(2))


def median_bandwidth(
    device: Device,
    name: str,
    x: DeviceArray,
    pairs: NDArray[Any] | None,
    allow_constant: bool,
    num_threads: int,
) -> Any:
    """See `Place`."""
    xp = device.xp
    median = _bandwidth(device, x, pairs, "median")
    instead = xp.full((1,), np.nan)
    if allow_constant:
        others = xp.arange(1, len(x))
        from_first = _distances(device, x, xp.stack([xp.zeros_like(others), others], 1))
        instead = xp.where(xp.any(from_first != 0), instead, 1.0)
    return xp.where(median == 0, instead, median)


def _distances(device: Device, x: DeviceArray, pairs: DeviceArray | None) -> DeviceArray:
    count = len(x) * (len(x) - 1) // 2 if pairs is None else len(pairs)
    distances = device.empty((count,))
    device.kernels.distances(device.stream, x, pairs, distances)
    return distances
