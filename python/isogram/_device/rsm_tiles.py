"""Tiles of RSMs of layers on a GPU."""

from __future__ import annotations

from typing import Any

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


class DeviceRsmTiles:
    """See `RsmTiles`."""

    def __init__(
        self,
        device: Device,
        layers: list[DeviceArray],
        kernel: Kernel,
        bandwidths: list[Any],
    ) -> None:
        """Prepare the rows of all layers."""
        self._device, self._layers, self._name = device, layers, kernel.name
        self.edge = min(len(layers[0]), device.tile_edge(len(layers), _DOUBLES))
        self._exponents: list[DeviceArray] = []
        self._grams: list[GramFacts] = []
        for x, bandwidth in zip(layers, bandwidths, strict=True):
            if kernel.name == "precomputed":
                continue
            if kernel.name == "distance":
                self._exponents.append(scaling_exponent(device, x))
                continue
            if kernel.name == "linear":
                x = prepared(device, x, _DOUBLES, "shifted", None, scaling_exponent(device, x)).data
            self._grams.append(survey_gram(device, x, None, kernel, _DOUBLES, bandwidth=bandwidth))

    def compute(self, tile: Tile, out: DeviceArray | None = None) -> DeviceArray:
        """See `RsmTiles`."""
        shape = (len(self._layers), *tile.shape)
        blocks = self._device.empty(shape) if out is None else out
        if self._name == "precomputed":
            for x, block in zip(self._layers, blocks, strict=True):
                block[...] = doubles(self._device, tile.of(x))
        for gram, block in zip(self._grams, blocks, strict=False):
            compute_gram(self._device, gram, tile, block)
        if self._exponents:
            self._write_distances(tile, blocks)
        return blocks

    def products(self, x: DeviceArray, y: DeviceArray) -> DeviceArray:
        """Return the products of the tiles of two sets of layers, summed over entries."""
        device = self._device
        products = device.zeros((len(x), len(y)))
        needed = device.kernels.product_scratch(x_layers=len(x), y_layers=len(y))
        device.kernels.add_products(
            device.stream, x, y, weight=1.0, table=products, scratch=device.empty((needed,))
        )
        return products

    def _write_distances(self, tile: Tile, blocks: DeviceArray) -> None:
        device, xp = self._device, self._device.xp
        rows = xp.arange(tile.rows.start, tile.rows.stop, dtype=np.int64)[:, None]
        cols = xp.arange(tile.cols.start, tile.cols.stop, dtype=np.int64)
        pairs = xp.stack(xp.broadcast_arrays(rows, cols), axis=-1).reshape(-1, 2)
        for x, exponent, block in zip(self._layers, self._exponents, blocks, strict=True):
            device.kernels.distances(device.stream, x, pairs, block.reshape(-1))
            block[...] = xp.ldexp(block, -exponent)


def rsm_tiles(
    device: Device, layers: Layers, kernel: Kernel, bandwidths: list[Any], num_threads: int
) -> DeviceRsmTiles:
    """See `Place`."""
    return DeviceRsmTiles(device, layers.arrays, kernel, bandwidths)
