"""Results that become Python's numbers: one wait for the GPU, and the host's errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._device.device import Device, DeviceArray
from isogram._entries import widened
from isogram._errors import PlaceError, changed_input, not_finite_entry
from isogram._types import Layers, Report


def unset_index(device: Device) -> DeviceArray:
    """Return one uint64 for the first of some indices, larger than any and -1 as an int64."""
    return device.xp.full((1,), np.iinfo(np.uint64).max, np.uint64)


def first_not_finite(device: Device, x: DeviceArray, part: str = "all") -> DeviceArray:
    """Return the index in C order of the first NaN or infinity, or -1; one int64.

    `part` says which entries of a matrix count: all, off_diagonal or above_diagonal.
    """
    first = unset_index(device)
    device.kernels.find_not_finite(device.stream, x, first, part=part)
    return first.view(np.int64)


def fetched(
    device: Device,
    inputs: Mapping[str, DeviceArray],
    *values: DeviceArray,
    part: str = "all",
) -> list[NDArray[Any]]:
    """Wait for values; raise for an entry of `inputs` that is read and not finite."""
    firsts = {name: first_not_finite(device, x, part) for name, x in inputs.items()}
    host = [device.to_host(value) for value in values]
    for name, first in firsts.items():
        index = int(device.to_host(first)[0])
        if index >= 0:
            raise not_finite(device, name, inputs[name], index)
    return host


def require_finite(device: Device, layers: Layers) -> None:
    """See `Place`."""
    fetched(device, layers.named)


def not_finite(device: Device, name: str, x: DeviceArray, index: int) -> PlaceError:
    """Return the error for an entry of an array, by its index in C order."""
    where = tuple(map(int, np.unravel_index(index, x.shape)))
    bad = widened(device.to_host(x[tuple(slice(i, i + 1) for i in where)]))
    value = float(bad.item())
    if math.isfinite(value):
        return changed_input(name)
    return not_finite_entry(name, value, where)


def all_done(progress: Report, total: int) -> None:
    """Report queued work as done, since a GPU does not say how far it is."""
    if progress is not None:
        progress(total, total)
