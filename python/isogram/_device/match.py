"""Exact assignment on a GPU."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isogram._arrays import widened
from isogram._device.device import Device, DeviceArray
from isogram._device.results import unset_index


class Matchings(NamedTuple):
    """What every problem of a batch came to."""

    columns: DeviceArray
    totals: DeviceArray
    gaps: DeviceArray
    first_not_finite: DeviceArray  # index in C order, or -1; one int64


def match(device: Device, problems: DeviceArray, maximize: bool) -> Matchings:
    """Match the rows and columns of every problem; none is waited for."""
    problems = widened(problems)
    count, rows, cols = problems.shape
    first = unset_index(device)
    found = Matchings(
        device.empty((count, rows), np.int32),
        device.empty((count,)),
        device.empty((count,)),
        first.view(np.int64),
    )
    scratch = device.empty((device.kernels.match_scratch(count, rows, cols),), np.uint8)
    device.kernels.match(device.stream, problems, maximize, *found[:3], first, scratch)
    return found
