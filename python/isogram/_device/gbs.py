"""Similarity of cosine graphs on a GPU."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from isogram._device.device import Device, DeviceArray
from isogram._device.graph import COSINE, SparseRows, queued_graph
from isogram._device.results import all_done, fetched, first_not_finite
from isogram._device.tiles import GramTiles
from isogram._entries import result_dtype
from isogram._types import GbsTable, Layers, Report
from isogram._walk.tiles import Tile, row_of_tiles, spans, upper_tiles

# The table, and the nodes of each graph without edges: arrays of the GPU.
_Queued: TypeAlias = tuple[DeviceArray, DeviceArray, DeviceArray]


def gbs_table(
    device: Device,
    x: Layers,
    y: Layers | None,
    k: int,
    center: bool,
    precision: str,
    num_threads: int,
    progress: Report,
    wait: bool,
) -> GbsTable:
    """See `Place`."""
    of_x, of_y = x.arrays, None if y is None else y.arrays
    if k:
        queued = _gbs_of_nearest(device, of_x, of_y, k, center, precision)
    else:
        queued = _gbs_of_full(device, of_x, of_y, center, precision)
    isolated: list[Any] = [[], []]
    if wait:
        isolated = fetched(device, x.named | (y.named if y else {}), *queued[1:])
    all_done(progress, queued[0].size)
    return GbsTable(queued[0], *isolated)


def _gbs_of_full(
    device: Device,
    x: Sequence[DeviceArray],
    y: Sequence[DeviceArray] | None,
    center: bool,
    precision: str,
) -> _Queued:
    graphs = _FullGraphs(device, x, y, center, precision)
    table = graphs.sums_of_cosines() / len(x[0])
    if y is None:  # only the pairs on and above the diagonal were summed
        table = device.xp.triu(table) + device.xp.triu(table, 1).T
    return (table, *graphs.isolated)


class _FullGraphs:
    """The full graphs of all layers, tile by tile; those of `x` come first, then those of `y`."""

    def __init__(
        self,
        device: Device,
        x: Sequence[DeviceArray],
        y: Sequence[DeviceArray] | None,
        center: bool,
        precision: str,
    ) -> None:
        layers = [*x, *(y or [])]
        dtype = result_dtype(*layers)
        self._device = device
        self._n, self._count = len(x[0]), len(layers)
        self._x = slice(0, len(x))
        self._y = slice(0 if y is None else len(x), len(layers))
        self._is_one_set = y is None
        self._cosines = [
            GramTiles(device, a, None, COSINE, dtype, centered=center, precision=precision)
            for a in layers
        ]
        self._edge = min(self._n, device.tile_edge(self._count, dtype))
        self._scratch = device.empty((self._count, self._edge, self._edge), dtype)
        self._table = (len(x), self._y.stop - self._y.start)
        self._isolated = device.xp.zeros(self._count, np.int64)

    @property
    def isolated(self) -> tuple[DeviceArray, DeviceArray]:
        """Nodes without edges of each of `x` and of `y`, once all cosines are summed."""
        return self._isolated[self._x], self._isolated[self._y]

    def sums_of_cosines(self) -> DeviceArray:
        """Sum the cosines of the graphs' rows, for all pairs of layers.

        One triangle stands for both where all rows' products fit in memory together. Where they do
        not, strips of rows come one after another, each with all of its tiles.
        """
        n, edge = self._n, self._edge
        if 8 * math.prod(self._table) * n <= self._device.scratch:
            return self._sums_over(slice(0, n), upper_tiles(n, edge), is_triangle=True)
        table = self._device.zeros(self._table)
        for strip in spans(n, edge):
            table += self._sums_over(strip, row_of_tiles(strip, n, edge), is_triangle=False)
        return table

    def _sums_over(
        self, strip: slice, strip_tiles: Iterable[Tile], *, is_triangle: bool
    ) -> DeviceArray:
        device, length = self._device, strip.stop - strip.start
        products = device.zeros((*self._table, length))
        # Of one set, the products have those of layers with themselves.
        squares = None if self._is_one_set else device.zeros((self._count, length))
        for tile in strip_tiles:
            tiles = self._compute(tile)
            where = (
                (tile.rows.start - strip.start, tile.cols.start),
                is_triangle and tile.is_mirrored,
            )
            if squares is not None:
                device.kernels.add_row_sums(device.stream, tiles, *where, None, squares)
            device.kernels.add_row_products(
                device.stream, tiles[self._x], tiles[self._y], *where, products
            )
        if squares is None:
            squares = device.xp.diagonal(products).T
        self._isolated += (squares == 0).sum(axis=1)
        rows = zip(products, squares[self._x], strict=True)
        return device.xp.stack(
            [_sum_of_cosines(device, ab, aa, squares[self._y]) for ab, aa in rows]
        )

    def _compute(self, tile: Tile) -> DeviceArray:
        tiles = self._scratch[:, : tile.shape[0], : tile.shape[1]]
        for cosines, out in zip(self._cosines, tiles, strict=True):
            cosines.compute(tile, out)
        if tile.rows == tile.cols:
            self._device.kernels.clear_diagonal(self._device.stream, tiles, tile.place)
        return tiles


def _gbs_of_nearest(
    device: Device,
    x: Sequence[DeviceArray],
    y: Sequence[DeviceArray] | None,
    k: int,
    center: bool,
    precision: str,
) -> _Queued:
    xp, n, dtype = device.xp, len(x[0]), result_dtype(*x, *(y or []))

    def dots(a: SparseRows, b: SparseRows) -> DeviceArray:
        products = device.empty((n,))
        device.kernels.nearest_products(device.stream, *a, *b, products)
        return products

    def graphs_of(side: Sequence[DeviceArray]) -> list[SparseRows]:
        return [queued_graph(device, a, k, center, True, precision, dtype) for a in side]

    def validity(side: Sequence[DeviceArray]) -> DeviceArray:
        # What is not finite has no edges, of which 0 would come: NaN instead.
        firsts = xp.concatenate([first_not_finite(device, a) for a in side])
        return xp.where(firsts < 0, 1.0, np.nan)

    of_x = graphs_of(x)
    of_y = of_x if y is None else graphs_of(y)
    squares_x = xp.stack([dots(a, a) for a in of_x])
    squares_y = squares_x if y is None else xp.stack([dots(b, b) for b in of_y])
    table = xp.stack(
        [
            _sum_of_cosines(device, xp.stack([dots(a, b) for b in of_y]), aa, squares_y)
            for a, aa in zip(of_x, squares_x, strict=True)
        ]
    )
    if y is None:  # products of two graphs are summed in an order that is one of them's
        table = xp.triu(table) + xp.triu(table, 1).T
    valid_x = validity(x)
    valid_y = valid_x if y is None else validity(y)
    return (
        table / n * valid_x[:, None] * valid_y,
        (squares_x == 0).sum(axis=1),
        (squares_y == 0).sum(axis=1),
    )


def _sum_of_cosines(
    device: Device, products: DeviceArray, of_one: DeviceArray, of_others: DeviceArray
) -> DeviceArray:
    """Sum over rows of graphs of their cosines, where a zero row counts 0."""
    xp, squares = device.xp, of_one * of_others
    cosines = products / xp.sqrt(xp.where(squares == 0, 1.0, squares))
    return xp.clip(cosines, -1, 1).sum(axis=-1)
