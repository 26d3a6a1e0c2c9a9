"""Gram matrices and bandwidths on a GPU."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import Kernel
from isogram._device.device import Device, DeviceArray
from isogram._device.tiles import GramTiles, full_tiles, mirror, scaling_exponent, upper_tiles


def gram(
    device: Device,
    x: DeviceArray,
    y: DeviceArray | None,
    kernel: Kernel,
    bandwidth: DeviceArray | float,
    out: DeviceArray,
    precision: str,
) -> None:
    """Write the Gram matrix of the rows of `x`, or of those of `x` with those of `y`."""
    grams = GramTiles(device, x, y, kernel, out.dtype, bandwidth=bandwidth, precision=precision)
    edge = device.tile_edge(1, out.dtype)
    for tile in upper_tiles(len(x), edge) if y is None else full_tiles(len(x), len(y), edge):
        grams.compute(tile, tile.of(out))
        if y is None:
            mirror(device, tile, out)


def bandwidth(
    device: Device, x: DeviceArray, pairs: NDArray[np.int64] | None, rule: str
) -> DeviceArray:
    """Return the root of the median or mean squared distance of all pairs of rows, or of some.

    One double.
    """
    xp = device.xp
    exponent = None
    if x.dtype == np.float64:
        # Squares of float64 features can leave the range of float64; those of the others cannot.
        exponent = scaling_exponent(device, x)
        x = xp.ldexp(x, exponent)
    distances = _squared_distances(device, x, None if pairs is None else xp.asarray(pairs))
    if rule == "mean":
        square = xp.mean(distances, keepdims=True)
    else:
        ordered = xp.sort(distances)
        m = len(ordered)
        square = (ordered[(m - 1) // 2] + ordered[m // 2]).reshape(1) / 2
    root = xp.sqrt(square)
    if exponent is None:
        return root
    # A distance that is not 0 does not become 0, nor infinite.
    scaled = xp.clip(xp.ldexp(root, -exponent), sys.float_info.min, sys.float_info.max)
    return xp.where(root == 0, 0.0, scaled)


def median_bandwidth(
    device: Device, x: DeviceArray, pairs: NDArray[np.int64] | None, *, allow_constant: bool
) -> DeviceArray:
    """Return the median bandwidth, NaN where it is 0; with `allow_constant`, 1 for constant rows.

    One double.
    """
    xp = device.xp
    median = bandwidth(device, x, pairs, "median")
    instead = xp.full((1,), np.nan)
    if allow_constant:
        others = xp.arange(1, len(x))
        from_first = _squared_distances(device, x, xp.stack([xp.zeros_like(others), others], 1))
        instead = xp.where(xp.any(from_first != 0), instead, 1.0)
    return xp.where(median == 0, instead, median)


def _squared_distances(device: Device, x: DeviceArray, pairs: DeviceArray | None) -> DeviceArray:
    count = len(x) * (len(x) - 1) // 2 if pairs is None else len(pairs)
    distances = device.empty((count,))
    device.kernels.squared_distances(device.stream, x, pairs, distances)
    return distances
