"""Divergences of predictions on a GPU."""

from __future__ import annotations

from isogram._device.device import Device, DeviceArray
from isogram._device.results import all_done
from isogram._device.tiles import mirror
from isogram._types import Report
from isogram._walk.tiles import full_tiles, upper_tiles


def jsd(
    device: Device,
    p: DeviceArray,
    q: DeviceArray | None,
    out: DeviceArray,
    num_threads: int,
    progress: Report,
) -> None:
    """See `Place`."""
    rows = _distributions(device, p)
    cols = rows if q is None else _distributions(device, q)
    edge = device.tile_edge(1, out.dtype)
    for tile in upper_tiles(len(p), edge) if q is None else full_tiles(len(p), len(q), edge):
        device.kernels.jsd(device.stream, rows[tile.rows], cols[tile.cols], tile.of(out))
        if q is None and tile.is_mirrored:
            mirror(device, tile, out)
    all_done(progress, out.size)


def _distributions(device: Device, p: DeviceArray) -> DeviceArray:
    rows = device.empty(p.shape)
    device.kernels.normalise_rows(device.stream, p, rows)
    return rows
