"""Gram matrices on a GPU."""

from __future__ import annotations

from isogram._device.device import Device, DeviceArray
from isogram._device.tiles import compute_gram, mirror, plan_tiles, survey_gram
from isogram._types import Kernel


def gram(
    device: Device,
    x: DeviceArray,
    y: DeviceArray | None,
    kernel: Kernel,
    bandwidth: DeviceArray | float,
    out: DeviceArray,
    precision: str,
    num_threads: int,
) -> bool:
    """See `Place`."""
    facts = survey_gram(device, x, y, kernel, out.dtype, bandwidth=bandwidth, precision=precision)
    for tile in plan_tiles(device, len(x), None if y is None else len(y), out.dtype):
        compute_gram(device, facts, tile, tile.of(out))
        if y is None:
            mirror(device, tile, out)
    return True
