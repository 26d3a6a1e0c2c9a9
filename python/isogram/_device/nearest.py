"""Nearest neighbours on a GPU, and unit rows, whose products are their cosines."""

from __future__ import annotations

import numpy as np

from isogram._device.device import Device, DeviceArray
from isogram._device.graph import queued_graph
from isogram._device.results import all_done
from isogram._device.tiles import column_means, prepared
from isogram._entries import result_dtype
from isogram._types import Report


def nearest(
    device: Device, x: DeviceArray, k: int, center: bool, num_threads: int, progress: Report
) -> tuple[DeviceArray, DeviceArray]:
    """See `Place`."""
    _, indices, weights = queued_graph(
        device, x, k, "cosine", center, False, "float32", result_dtype(x)
    )
    all_done(progress, 1)
    return indices.reshape(len(x), k), weights.reshape(len(x), k)


def unit_rows(device: Device, x: DeviceArray, center: bool) -> DeviceArray:
    """See `Place`."""
    origin, rest = column_means(device, x) if center else (None, None)
    return prepared(device, x, np.dtype(np.float64), "unit", origin, rest=rest).data
