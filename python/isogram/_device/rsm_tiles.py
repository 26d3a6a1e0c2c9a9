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
    exponents: list[DeviceArray]  # of the units of distances

    def compute(self, tile: Tile, out: DeviceArray | None = None) -> DeviceArray:
        """See `RsmTiles`."""
        shape = (len(self.layers), *tile.shape)
        blocks = self.device.empty(shape) if out is None else out
        if self.kernel.name == "precomputed":
            for x, block in zip(self.layers, blocks, strict=True):
                block[...] = doubles(self.device, tile.of(x))
        for gram, block in zip(self.grams, blocks, strict=False):
            compute_gram(self.device, gram, tile, block)
        if self.exponents:
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
    exponents: list[DeviceArray] = []
    if kernel.name == "distance":
        exponents = [scaling_exponent(device, x) for x in arrays]
    elif kernel.name != "precomputed":
        grams = [
            _survey(device, x, kernel, bandwidth)
            for x, bandwidth in zip(arrays, bandwidths, strict=True)
        ]
    return DeviceRsmTiles(device, arrays, kernel, edge, grams, exponents)


def _survey(device: Device, x: DeviceArray, kernel: Kernel, bandwidth: Any) -> GramFacts:
    if kernel.name == "linear":
        x = prepared(device, x, _DOUBLES, "shifted", None, scaling_exponent(device, x)).data
    return survey_gram(device, x, None, kernel, _DOUBLES, bandwidth=bandwidth)
