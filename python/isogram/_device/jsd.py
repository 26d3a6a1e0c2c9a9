"""Divergences of predictions on a GPU."""

from __future__ import annotations

from isogram._device.device import Device, DeviceArray
from isogram._device.results import all_done
from isogram._device.tiles import mirror, plan_tiles
from isogram._types import Report


def jsd(
    device: Device,
    p: DeviceArray,
    q: DeviceArray | None,
    out: DeviceArray,
    num_threads: int,
    progress: Report,
) -> None:
    """See `Place`."""
    rows = _survey(device, p)
    cols = rows if q is None else _survey(device, q)
    for tile in plan_tiles(device, len(p), None if q is None else len(q), out.dtype):
        device.kernels.jsd(device.stream, rows[tile.rows], cols[tile.cols], tile.of(out))
        if q is None and tile.is_mirrored:
            mirror(device, tile, out)
    all_done(progress, out.size)


def _survey(device: Device, p: DeviceArray) -> DeviceArray:
    """Return the rows as distributions, of doubles."""
    rows = device.empty(p.shape)
    device.kernels.normalise_rows(device.stream, p, rows)
    return rows
