"""Cosine graphs and their similarity on a GPU."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import Kernel
from isogram._arrays import result_dtype
from isogram._device.device import Device, DeviceArray
from isogram._device.results import fetched, first_not_finite
from isogram._device.tiles import (
    GramTiles,
    Tile,
    column_means,
    mirror,
    prepared,
    row_of_tiles,
    spans,
    upper_tiles,
)

_COSINE = Kernel("cosine", None, 0.0, 1, 0.0)

# Neighbours that are kept beyond the k best: rounding may have put them there. More than on the
# host: nobody knows in which order products are summed up here, so that more may be in doubt.
_SPARE_NEIGHBOURS = 6


class SparseRows(NamedTuple):
    """A sparse square matrix in compressed rows; only the first indptr[-1] entries count."""

    indptr: DeviceArray
    indices: DeviceArray
    data: DeviceArray


def dense_graph(
    device: Device, x: DeviceArray, center: bool, out: DeviceArray, precision: str
) -> None:
    """Write the cosines of all pairs of rows, with a zero diagonal."""
    cosines = GramTiles(device, x, None, _COSINE, out.dtype, centered=center, precision=precision)
    for tile in upper_tiles(len(x), device.tile_edge(1, out.dtype)):
        cosines.compute(tile, tile.of(out))
        if not tile.is_mirrored:
            device.kernels.clear_diagonal(device.stream, tile.of(out)[None], tile.place)
        mirror(device, tile, out)


# k-NN graphs --------------------------------------------------------------------------------------


def knn_graph(
    device: Device,
    x: DeviceArray,
    k: int,
    center: bool,
    symmetrize: bool,
    precision: str,
    dtype: np.dtype[Any],
) -> SparseRows:
    """Return the graph of each row's `k` nearest; what is not finite has no edges."""
    weights, indices = _nearest(device, x, k, center, precision, dtype)
    if symmetrize:
        return _symmetrized(device, weights, indices)
    xp = device.xp
    order = xp.argsort(indices, axis=1)
    indptr = k * xp.arange(len(x) + 1, dtype=np.int64)
    return SparseRows(
        indptr,
        xp.take_along_axis(indices, order, axis=1).ravel(),
        xp.take_along_axis(weights, order, axis=1).ravel(),
    )


def fetched_graph(
    device: Device, function: str, inputs: Mapping[str, DeviceArray], graph: SparseRows
) -> SparseRows:
    """Wait for the number of edges, and cut the graph down to it."""
    [end] = fetched(device, function, inputs, graph.indptr[-1:])
    return SparseRows(graph.indptr, graph.indices[: int(end[0])], graph.data[: int(end[0])])


def _nearest(
    device: Device, x: DeviceArray, k: int, center: bool, precision: str, dtype: np.dtype[Any]
) -> tuple[DeviceArray, DeviceArray]:
    """Return the largest cosines of every row, falling, and their columns; both (n, k)."""
    n = len(x)
    # Of products that are rounded on request, the neighbours are as well.
    is_ranked = precision == "float32" or dtype == np.float64
    kept = min(k + _SPARE_NEIGHBOURS, n - 1) if is_ranked else k
    cosines = GramTiles(device, x, None, _COSINE, dtype, centered=center, precision=precision)
    edge = min(n, device.tile_edge(1, dtype))
    scratch = device.empty((edge, edge), dtype)
    weights = device.xp.full((n, kept), -np.inf, dtype)
    indices = device.xp.full((n, kept), -1, np.int32)
    for tile in upper_tiles(n, edge):
        out = scratch[: tile.shape[0], : tile.shape[1]]
        cosines.compute(tile, out)
        device.kernels.merge_nearest(device.stream, out, tile.place, weights, indices)
        if tile.is_mirrored:
            device.kernels.merge_nearest_columns(device.stream, out, tile.place, weights, indices)
    if kept > k:
        del cosines, scratch
        _rank(device, x, k, center, weights, indices)
    return weights[:, :k], indices[:, :k]


def _rank(
    device: Device, x: DeviceArray, k: int, center: bool, weights: DeviceArray, indices: DeviceArray
) -> None:
    """Rank again, in float64, what rounding could have brought among the k largest cosines."""
    origin, rest = column_means(device, x) if center else (None, None)
    units = prepared(device, x, np.dtype(np.float64), "unit", origin, rest=rest).data
    ranks = device.empty((len(x), k))
    ranked = device.empty((len(x), k), np.int32)
    tolerance = 2 * _cosine_rounding(x.shape[1], weights.dtype)
    device.kernels.rank_nearest(device.stream, units, tolerance, weights, indices, ranks, ranked)


def _cosine_rounding(depth: int, dtype: np.dtype[Any]) -> float:
    """Return how far a cosine can be from that of the rows, in whatever order its sum is taken."""
    unit = float(np.finfo(dtype).eps) / 2
    of_sum = (depth + 16) * unit
    of_norms = depth * float(np.finfo(np.float64).eps)
    return of_sum / max(0.5, 1 - of_sum) + of_norms


def _symmetrized(device: Device, weights: DeviceArray, indices: DeviceArray) -> SparseRows:
    """Return (W + Wᵀ)/2 by sorting: nobody waits to learn how many edges are mutual."""
    xp = device.xp
    n, k = indices.shape
    rows = xp.arange(n * k, dtype=np.int64) // k
    columns = indices.ravel().astype(np.int64)
    beyond = n * n  # sorts behind all edges
    edges = [rows * n + columns, columns * n + rows]
    keys = xp.concatenate([xp.where(columns < 0, beyond, edge) for edge in edges])
    halves = weights.ravel() / 2
    keys, data = _sorted(device, keys, xp.concatenate([halves, halves]))
    # The halves of a mutual edge are neighbours now: the first takes both, the second goes.
    is_second = xp.concatenate([xp.zeros(1, bool), keys[1:] == keys[:-1]])
    data[:-1] += xp.where(is_second[1:], data[1:], 0)
    keys, data = _sorted(device, xp.where(is_second, beyond, keys), data)
    indptr = xp.searchsorted(keys, n * xp.arange(n + 1, dtype=np.int64))
    return SparseRows(indptr.astype(np.int64), (keys % n).astype(np.int32), data)


def _sorted(
    device: Device, keys: DeviceArray, data: DeviceArray
) -> tuple[DeviceArray, DeviceArray]:
    order = device.xp.argsort(keys, kind="stable")
    return keys[order], data[order]


def modularity(device: Device, x: DeviceArray, classes: NDArray[np.int64], k: int) -> float:
    """Return Newman's Q of the k-NN graph, NaN where the edges weigh nothing in all."""
    graph = knn_graph(device, x, k, False, True, "float32", result_dtype(x))
    indptr, indices, data = fetched(device, "modularity", {"x": x}, *graph)
    edges = slice(indptr[-1])
    tails = classes[np.repeat(np.arange(len(x)), np.diff(indptr))]
    weights = data[edges].astype(np.float64)
    degrees = np.bincount(tails, weights)  # k_c
    inside = np.bincount(tails, weights * (tails == classes[indices[edges]]))  # 2 L_c
    total = degrees.sum()
    if total == 0:
        return float("nan")
    return float(np.sum(inside / total - (degrees / total) ** 2))


# Similarity of graphs -----------------------------------------------------------------------------


class GbsTable(NamedTuple):
    """Similarities of all pairs of graphs, and how many nodes of each have no edges."""

    gbs: DeviceArray
    isolated_x: DeviceArray
    isolated_y: DeviceArray


def gbs_table(
    device: Device,
    x: Sequence[DeviceArray],
    y: Sequence[DeviceArray] | None,
    k: int,
    center: bool,
    precision: str,
) -> GbsTable:
    """Return the mean cosine of the rows of all pairs of layers' graphs; k = 0: the full ones."""
    if k:
        return _gbs_of_nearest(device, x, y, k, center, precision)
    return _gbs_of_full(device, x, y, center, precision)


def _gbs_of_full(
    device: Device,
    x: Sequence[DeviceArray],
    y: Sequence[DeviceArray] | None,
    center: bool,
    precision: str,
) -> GbsTable:
    graphs = _FullGraphs(device, x, y, center, precision)
    table = graphs.sums_of_cosines() / len(x[0])
    if y is None:  # only the pairs on and above the diagonal were summed
        table = device.xp.triu(table) + device.xp.triu(table, 1).T
    return GbsTable(table, *graphs.isolated)


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
            GramTiles(device, a, None, _COSINE, dtype, centered=center, precision=precision)
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
) -> GbsTable:
    xp, n, dtype = device.xp, len(x[0]), result_dtype(*x, *(y or []))

    def dots(a: SparseRows, b: SparseRows) -> DeviceArray:
        products = device.empty((n,))
        device.kernels.nearest_products(device.stream, *a, *b, products)
        return products

    def graphs_of(side: Sequence[DeviceArray]) -> list[SparseRows]:
        return [knn_graph(device, a, k, center, True, precision, dtype) for a in side]

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
    valid_x = validity(x)
    valid_y = valid_x if y is None else validity(y)
    return GbsTable(
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
