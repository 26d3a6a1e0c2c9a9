"""Tiles of RSMs of layers in host memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arithmetic import times_power, usual_arithmetic
from isogram._entries import extremes, widened
from isogram._host.features import doubles
from isogram._host.gram import gram, inner_products
from isogram._rows import blocks
from isogram._statistics.tables import table
from isogram._types import Array, Kernel, Layers
from isogram._walk.tiles import Tile, spans

# Small enough for the tiles of many layers, large enough that packing their rows costs little.
_EDGE = 256
_PART = 1 << 14  # entries that become distances at a time, in the nearest caches

# Below this fraction of ‖a‖² + ‖b‖² a squared distance by expansion has lost 5 bits.
_CANCELLATION = 1 / 32
# Squares below this have lost digits themselves, beside rows that are far larger.
_LEAST_SQUARE = 1e-290


class HostRsmTiles(NamedTuple):
    """See `RsmTiles`. What the survey found, from which any tile can be computed."""

    layers: Layers
    kernel: Kernel
    bandwidths: Sequence[float]
    num_threads: int
    row_exponents: list[int]  # rows are over 2^exponent
    means: list[NDArray[np.float64]]  # of those rows, for distances
    edge: int = _EDGE

    @property
    def exponents(self) -> list[int]:
        """See `RsmTiles`."""
        factors = 2 if self.kernel.name == "linear" else 1
        return [factors * exponent for exponent in self.row_exponents]

    def compute(self, tile: Tile, out: Array | None = None) -> NDArray[np.float64]:
        """See `RsmTiles`."""
        blocks = np.empty((len(self.layers.names), *tile.shape)) if out is None else out
        others = {"distance": self._write_distances, "precomputed": self._write_given}
        write = others.get(self.kernel.name, self._write_gram)
        for layer, block in enumerate(blocks):
            write(layer, tile, block)
        return blocks

    def products(self, x: Array, y: Array) -> Array:
        """Return the products of the tiles of two sets of layers, summed over entries."""
        # By no library whose bits depend on its threads.
        return table(np, x, y, lambda a, b: np.einsum("k,k->", a.ravel(), b.ravel()))

    def _write_gram(self, layer: int, tile: Tile, block: NDArray[np.float64]) -> None:
        rows = self._rows(layer, tile.rows)
        cols = self._rows(layer, tile.cols) if tile.is_mirrored else None
        bandwidth = self.bandwidths[layer]
        gram(rows, cols, self.kernel, bandwidth, block, "float32", self.num_threads)

    def _write_given(self, layer: int, tile: Tile, block: NDArray[np.float64]) -> None:
        block[...] = widened(tile.of(self.layers.arrays[layer]))

    def _rows(self, layer: int, rows: slice) -> NDArray[Any]:
        return _rows(self.layers.arrays[layer], rows, self.row_exponents[layer])

    def _centred(self, layer: int, rows: slice) -> NDArray[np.float64]:
        entries = self._rows(layer, rows)
        entries -= self.means[layer]
        return entries

    def _write_distances(self, layer: int, tile: Tile, block: NDArray[np.float64]) -> None:
        """By ‖a‖² + ‖b‖² - 2⟨a, b⟩ of rows less the mean, by differences where that cancels."""
        rows = self._centred(layer, tile.rows)
        cols = self._centred(layer, tile.cols) if tile.is_mirrored else None
        inner_products(rows, cols, block, self.num_threads)
        of_rows = _squares(rows)
        of_cols = of_rows if cols is None else _squares(cols)
        cancels = np.empty(block.shape, bool)
        for some in spans(len(block), max(1, _PART // block.shape[1])):
            cancels[some] = _expand(block[some], of_rows[some], of_cols)
        if not tile.is_mirrored:
            np.fill_diagonal(cancels, False)
            np.fill_diagonal(block, 0)
        if cancels.any():
            places = np.argwhere(cancels)
            name, x = self.layers.names[layer], self.layers.arrays[layer]
            distances = _core.distances(
                x, name=name, pairs=places + tile.place, num_threads=self.num_threads
            )
            block[cancels] = np.ldexp(distances, -self.row_exponents[layer])


def _squares(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", rows, rows)
    return squares


def _expand(
    products: NDArray[np.float64], of_rows: NDArray[np.float64], of_cols: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Make distances of products, in place, and return which of them cancelled."""
    both = np.add.outer(of_rows, of_cols)
    products *= -2
    products += both
    both *= _CANCELLATION
    cancels: NDArray[np.bool_] = products <= both
    cancels |= both < _CANCELLATION * _LEAST_SQUARE
    np.sqrt(np.maximum(products, 0, out=products), out=products)
    return cancels


@usual_arithmetic()
def _largest_exponent(x: NDArray[Any]) -> int:
    """Return the e of 2^e > |entry| >= 2^(e-1) for the largest entry; 0 if that is 0."""
    limits = (extremes(widened(block)) for _, block in blocks(x))
    return math.frexp(max(max(most, -least) for least, most in limits))[1]


def rsm_tiles(
    layers: Layers, kernel: Kernel, bandwidths: list[Any], num_threads: int
) -> HostRsmTiles:
    """See `Place`. Surveys all layers, whose entries are all finite."""
    arrays = layers.arrays
    is_scaled = kernel.name in ("linear", "distance")
    exponents = [_largest_exponent(x) if is_scaled else 0 for x in arrays]
    are_shifted = kernel.name == "distance"
    means = [_mean(x, e) for x, e in zip(arrays, exponents, strict=True)] if are_shifted else []
    return HostRsmTiles(layers, kernel, bandwidths, num_threads, exponents, means)


def _mean(x: NDArray[Any], exponent: int) -> NDArray[np.float64]:
    total = np.zeros(x.shape[1])
    for some in spans(len(x), _EDGE):
        total += _rows(x, some, exponent).sum(axis=0)
    mean: NDArray[np.float64] = total / len(x)
    return mean


def _rows(x: NDArray[Any], rows: slice, exponent: int) -> NDArray[np.float64]:
    """Return some rows over 2^exponent."""
    scaled: NDArray[np.float64] = times_power(np, doubles(x[rows]), -exponent)
    return scaled
