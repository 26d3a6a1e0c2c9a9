"""Similarity of cosine graphs on a GPU."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from isogram._device.device import Device, DeviceArray
from isogram._device.graph import COSINE, SparseRows, queued_graph
from isogram._device.results import all_done, fetched, first_not_finite
from isogram._device.tiles import GramFacts, compute_gram, survey_gram
from isogram._entries import result_dtype
from isogram._statistics.row_products import RowProducts, sum_of_cosines
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


# Full graphs: row products, strip after strip, tile by tile ---------------------------------------


class _Graphs(NamedTuple):
    """The full graphs of all layers; those of `x` come first, then those of `y`."""

    cosines: list[GramFacts]
    samples: int
    dtype: np.dtype[Any]
    x: slice
    y: slice  # equal to `x` for a single set

    @property
    def is_one_set(self) -> bool:
        """Whether all pairs are of the layers of `x`."""
        return bool(self.y.start == 0)

    @property
    def table(self) -> tuple[int, int]:
        """Layers of `x` and of `y`."""
        return self.x.stop, self.y.stop - self.y.start


class _Strip(NamedTuple):
    """Rows whose products fit in memory together, and the tiles that they are summed over."""

    rows: slice
    tiles: list[Tile]
    edge: int
    is_triangle: bool  # whether tiles count for their mirror images too


def _gbs_of_full(
    device: Device,
    x: Sequence[DeviceArray],
    y: Sequence[DeviceArray] | None,
    center: bool,
    precision: str,
) -> _Queued:
    graphs = _survey(device, x, y, center, precision)
    strips = _plan(device, graphs)
    return _reduce(device, graphs, (_compute(device, graphs, strip) for strip in strips))


def _survey(
    device: Device,
    x: Sequence[DeviceArray],
    y: Sequence[DeviceArray] | None,
    center: bool,
    precision: str,
) -> _Graphs:
    """Prepare the rows of all layers."""
    layers = [*x, *(y or [])]
    dtype = result_dtype(*layers)
    cosines = [
        survey_gram(device, a, None, COSINE, dtype, centered=center, precision=precision)
        for a in layers
    ]
    of_y = slice(0 if y is None else len(x), len(layers))
    return _Graphs(cosines, len(x[0]), dtype, slice(0, len(x)), of_y)


def _plan(device: Device, graphs: _Graphs) -> list[_Strip]:
    """Return one strip, of one triangle, where all rows' products fit in memory together.

    Where they do not, strips come one after another, each with all of its tiles.
    """
    n = graphs.samples
    edge = min(n, device.tile_edge(len(graphs.cosines), graphs.dtype))
    if 8 * math.prod(graphs.table) * n <= device.scratch:
        return [_Strip(slice(0, n), list(upper_tiles(n, edge)), edge, is_triangle=True)]
    return [
        _Strip(rows, list(row_of_tiles(rows, n, edge)), edge, is_triangle=False)
        for rows in spans(n, edge)
    ]


def _compute(device: Device, graphs: _Graphs, strip: _Strip) -> RowProducts:
    """Sum up the products of a strip's rows; of one set, of pairs on and above the diagonal."""
    count, length = len(graphs.cosines), strip.rows.stop - strip.rows.start
    scratch = device.empty((count, strip.edge, strip.edge), graphs.dtype)
    products = device.zeros((*graphs.table, length))
    # Of one set, the products have those of layers with themselves.
    squares = None if graphs.is_one_set else device.zeros((count, length))
    for tile in strip.tiles:
        tiles = _tile_of(device, graphs, tile, scratch)
        place = (tile.rows.start - strip.rows.start, tile.cols.start)
        mirrored = strip.is_triangle and tile.is_mirrored
        if squares is not None:
            device.kernels.add_row_sums(
                device.stream, tiles, place=place, mirrored=mirrored, sums=None, squares=squares
            )
        device.kernels.add_row_products(
            device.stream,
            tiles[graphs.x],
            tiles[graphs.y],
            place=place,
            mirrored=mirrored,
            table=products,
        )
    if squares is None:
        squares = device.xp.diagonal(products).T
    return RowProducts(products, squares[graphs.x], squares[graphs.y])


def _tile_of(device: Device, graphs: _Graphs, tile: Tile, scratch: DeviceArray) -> DeviceArray:
    """Write one tile of every graph."""
    tiles = scratch[:, : tile.shape[0], : tile.shape[1]]
    for cosines, out in zip(graphs.cosines, tiles, strict=True):
        compute_gram(device, cosines, tile, out)
    if not tile.is_mirrored:
        device.kernels.clear_diagonal(device.stream, tiles, place=tile.place)
    return tiles


def _reduce(device: Device, graphs: _Graphs, strips: Iterable[RowProducts]) -> _Queued:
    """Return the table, and the nodes of each graph without edges."""
    xp = device.xp
    table = device.zeros(graphs.table)
    isolated = [xp.zeros(count, np.int64) for count in graphs.table]
    for strip in strips:
        table += sum_of_cosines(xp, strip)
        for nodes, squares in zip(isolated, (strip.squares_x, strip.squares_y), strict=True):
            nodes += (squares == 0).sum(axis=1)
    table /= graphs.samples
    return (_mirrored(xp, table) if graphs.is_one_set else table, *isolated)


def _mirrored(xp: Any, table: DeviceArray) -> DeviceArray:
    """Return the table of one set whose pairs on and above the diagonal are in `table`."""
    return xp.triu(table) + xp.triu(table, 1).T


# k-NN graphs --------------------------------------------------------------------------------------


class _NearestGraphs(NamedTuple):
    """The k-NN graphs of some layers."""

    graphs: list[SparseRows]
    squares: DeviceArray  # Σ_j A_ij², (layers, n)
    valid: DeviceArray  # 1, or NaN for a layer that is not finite

    @property
    def isolated(self) -> DeviceArray:
        """Nodes without edges, of each graph."""
        return (self.squares == 0).sum(axis=1)


def _gbs_of_nearest(
    device: Device,
    x: Sequence[DeviceArray],
    y: Sequence[DeviceArray] | None,
    k: int,
    center: bool,
    precision: str,
) -> _Queued:
    dtype = result_dtype(*x, *(y or []))
    of_x = _survey_nearest(device, x, k, center, precision, dtype)
    of_y = of_x if y is None else _survey_nearest(device, y, k, center, precision, dtype)
    rows = [_compute_nearest(device, of_x, of_y, layer) for layer in range(len(x))]
    return _reduce_nearest(device, of_x, of_y, rows)


def _survey_nearest(
    device: Device,
    layers: Sequence[DeviceArray],
    k: int,
    center: bool,
    precision: str,
    dtype: np.dtype[Any],
) -> _NearestGraphs:
    """Find the neighbours in all layers."""
    xp = device.xp
    graphs = [queued_graph(device, a, k, "cosine", center, True, precision, dtype) for a in layers]
    squares = xp.stack([_row_products(device, a, a, len(layers[0])) for a in graphs])
    # A layer that is not finite has no edges, and its similarity would be 0: NaN instead.
    firsts = xp.concatenate([first_not_finite(device, a) for a in layers])
    return _NearestGraphs(graphs, squares, xp.where(firsts < 0, 1.0, np.nan))


def _compute_nearest(
    device: Device, of_x: _NearestGraphs, of_y: _NearestGraphs, layer: int
) -> DeviceArray:
    """Return one row of the table, of sums: a layer of `x` with all of `y`; (1, Ly)."""
    xp, n = device.xp, of_x.squares.shape[1]
    graph, squares = of_x.graphs[layer], of_x.squares[layer]
    products = xp.stack([_row_products(device, graph, other, n) for other in of_y.graphs])
    return sum_of_cosines(xp, RowProducts(products[None], squares[None], of_y.squares))


def _row_products(device: Device, a: SparseRows, b: SparseRows, n: int) -> DeviceArray:
    """Σ_j A_ij B_ij, of every row."""
    products = device.empty((n,))
    device.kernels.nearest_products(device.stream, *a, *b, products)
    return products


def _reduce_nearest(
    device: Device, of_x: _NearestGraphs, of_y: _NearestGraphs, rows: Sequence[DeviceArray]
) -> _Queued:
    """Return the table, and the nodes of each graph without edges."""
    table = device.xp.concatenate(rows)
    if of_y is of_x:  # products of two graphs are summed in an order that is one of them's
        table = _mirrored(device.xp, table)
    table = table / of_x.squares.shape[1] * of_x.valid[:, None] * of_y.valid
    return table, of_x.isolated, of_y.isolated
