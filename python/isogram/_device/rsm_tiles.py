"""Tiles of RSMs of layers on a GPU."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isogram._device.device import Device, DeviceArray
from isogram._device.features import doubles
from isogram._device.tiles import (
    GramFacts,
    compute_gram,
    prepared,
    scaling_exponent,
    survey_gram,
)
from isogram._types import Kernel, Layers
from isogram._walk.tiles import Tile

_DOUBLES = np.dtype(np.float64)


class DeviceRsmTiles(NamedTuple):
    """See `RsmTiles`. What the survey found, from which any tile can be computed."""

    device: Device
    layers: list[DeviceArray]
    kernel: Kernel
    edge: int
    grams: list[GramFacts]  # of layers whose entries come of a kernel
    exponents: list[DeviceArray]

    def compute(self, tile: Tile, out: DeviceArray | None = None) -> DeviceArray:
        """See `RsmTiles`."""
        shape = (len(self.layers), *tile.shape)
        blocks = self.device.empty(shape) if out is None else out
        if self.kernel.name == "precomputed":
            for x, block in zip(self.layers, blocks, strict=True):
                block[...] = doubles(self.device, tile.of(x))
        for gram, block in zip(self.grams, blocks, strict=False):
            compute_gram(self.device, gram, tile, block)
        if self.kernel.name == "distance":
            self._write_distances(tile, blocks)
        return blocks

    def products(self, x: DeviceArray, y: DeviceArray) -> DeviceArray:
        """Return the products of the tiles of two sets of layers, summed over entries."""
        device = self.device
        products = device.zeros((len(x), len(y)))
        needed = device.kernels.product_scratch(x_layers=len(x), y_layers=len(y))
        device.kernels.add_products(
            device.stream, x, y, weight=1.0, table=products, scratch=device.empty((needed,))
        )
        return products

    def _write_distances(self, tile: Tile, blocks: DeviceArray) -> None:
        device, xp = self.device, self.device.xp
        rows = xp.arange(tile.rows.start, tile.rows.stop, dtype=np.int64)[:, None]
        cols = xp.arange(tile.cols.start, tile.cols.stop, dtype=np.int64)
        pairs = xp.stack(xp.broadcast_arrays(rows, cols), axis=-1).reshape(-1, 2)
        for x, exponent, block in zip(self.layers, self.exponents, blocks, strict=True):
            device.kernels.distances(device.stream, x, pairs, block.reshape(-1))
            block[...] = xp.ldexp(block, -exponent)


def rsm_tiles(
    device: Device, layers: Layers, kernel: Kernel, bandwidths: list[Any], num_threads: int
) -> DeviceRsmTiles:
    """See `Place`. Surveys all layers."""
    arrays = layers.arrays
    edge = min(len(arrays[0]), device.tile_edge(len(arrays), _DOUBLES))
    grams: list[GramFacts] = []
    if kernel.name in ("linear", "distance"):
        exponents = [scaling_exponent(device, x) for x in arrays]
    else:
        exponents = [device.zeros((1,), np.int32) for _ in arrays]
    if kernel.name not in ("distance", "precomputed"):
        grams = [
            _survey(device, x, kernel, bandwidth, exponent)
            for x, bandwidth, exponent in zip(arrays, bandwidths, exponents, strict=True)
        ]
    if kernel.name == "linear":  # products of two features
        exponents = [2 * exponent for exponent in exponents]
    return DeviceRsmTiles(device, arrays, kernel, edge, grams, exponents)


def _survey(
    device: Device, x: DeviceArray, kernel: Kernel, bandwidth: Any, exponent: DeviceArray
) -> GramFacts:
    if kernel.name == "linear":
        x = prepared(device, x, _DOUBLES, "shifted", None, exponent).data
    return survey_gram(device, x, None, kernel, _DOUBLES, bandwidth=bandwidth)
