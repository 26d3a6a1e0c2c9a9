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
    is_proven: DeviceArray  # uint8: whether the gap is as small as on the host


def match(device: Device, problems: DeviceArray, maximize: bool) -> Matchings:
    """Match the rows and columns of every problem; none is waited for, and some are not proven."""
    problems = widened(problems)
    count, rows, cols = problems.shape
    if problems.size == 0:
        xp = device.xp
        nothing = xp.zeros((count,))
        return Matchings(
            xp.full((count, rows), -1, np.int32), nothing, nothing, xp.ones((count,), np.uint8)
        )
    found = Matchings(
        device.empty((count, rows), np.int32),
        device.empty((count,)),
        device.empty((count,)),
        device.empty((count,), np.uint8),
    )
    scratch = device.empty((device.kernels.match_scratch(count, rows, cols),), np.uint8)
    not_finite = unset_index(device)  # what is not finite is not proven, and so is looked at again
    device.kernels.match(
        device.stream, problems, maximize, *found[:3], not_finite, scratch, found.is_proven
    )
    return found
