"""Gram matrices on a GPU."""

from __future__ import annotations

from isogram._device.device import Device, DeviceArray
from isogram._device.tiles import GramTiles, mirror
from isogram._types import Kernel
from isogram._walk.tiles import full_tiles, upper_tiles


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
    grams = GramTiles(device, x, y, kernel, out.dtype, bandwidth=bandwidth, precision=precision)
    edge = device.tile_edge(1, out.dtype)
    for tile in upper_tiles(len(x), edge) if y is None else full_tiles(len(x), len(y), edge):
        grams.compute(tile, tile.of(out))
        if y is None:
            mirror(device, tile, out)
    return True
