"""Graphs of cosines and of correlations on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from isogram._device.device import Device, DeviceArray
from isogram._device.results import fetched
from isogram._device.tiles import (
    PREPARATIONS,
    GramFacts,
    column_means,
    compute_gram,
    mirror,
    plan_tiles,
    prepared,
    survey_gram,
)
from isogram._entries import result_dtype
from isogram._types import MEDIAN, Kernel
from isogram._walk.tiles import Tile

_KERNELS = {name: Kernel(name, MEDIAN, 0.0, 1, 0.0) for name in ("cosine", "correlation")}
COSINE = _KERNELS["cosine"]

# Neighbours that are kept beyond the k best: rounding may have put them there. The host keeps
# fewer: here products are summed in an unknown order, and more neighbours are in doubt.
_SPARE_NEIGHBOURS = 6


class SparseRows(NamedTuple):
    """A sparse square matrix in compressed rows; only the first indptr[-1] entries count."""

    indptr: DeviceArray
    indices: DeviceArray
    data: DeviceArray


def dense_graph(
    device: Device,
    x: DeviceArray,
    kernel: str,
    center: bool,
    out: DeviceArray,
    precision: str,
    num_threads: int,
) -> None:
    """See `Place`."""
    cosines = survey_gram(
        device, x, None, _KERNELS[kernel], out.dtype, centered=center, precision=precision
    )
    for tile in plan_tiles(device, len(x), None, out.dtype):
        compute_gram(device, cosines, tile, tile.of(out))
        if not tile.is_mirrored:
            device.kernels.clear_diagonal(device.stream, tile.of(out)[None], place=tile.place)
        mirror(device, tile, out)


# k-NN graphs --------------------------------------------------------------------------------------


def knn_graph(
    device: Device,
    x: DeviceArray,
    k: int,
    kernel: str,
    center: bool,
    symmetrize: bool,
    precision: str,
    num_threads: int,
) -> SparseRows:
    """See `Place`."""
    graph = queued_graph(device, x, k, kernel, center, symmetrize, precision, result_dtype(x))
    [end] = fetched(device, {"x": x}, graph.indptr[-1:])
    edges = slice(int(end[0]))
    return SparseRows(graph.indptr, graph.indices[edges], graph.data[edges])


def queued_graph(
    device: Device,
    x: DeviceArray,
    k: int,
    kernel: str,
    center: bool,
    symmetrize: bool,
    precision: str,
    dtype: np.dtype[Any],
) -> SparseRows:
    """Return the graph, with room for more edges; a row that is not finite has no edges."""
    weights, indices = _nearest(device, x, k, kernel, center, precision, dtype)
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


class _Neighbours(NamedTuple):
    """The largest cosines of every row in the tiles so far, falling, and their columns.

    Those of a tile are merged in place; the result does not depend on the order of the tiles.
    """

    weights: DeviceArray  # (n, kept)
    indices: DeviceArray

    def merge(self, device: Device, tile: Tile, cosines: DeviceArray) -> None:
        """Offer the cosines of a tile to its rows, and its mirror image to its columns."""
        kernels, stream = device.kernels, device.stream
        kernels.merge_nearest(stream, cosines, place=tile.place, **self._asdict())
        if tile.is_mirrored:
            kernels.merge_nearest_columns(stream, cosines, place=tile.place, **self._asdict())


def _nearest(
    device: Device,
    x: DeviceArray,
    k: int,
    kernel: str,
    center: bool,
    precision: str,
    dtype: np.dtype[Any],
) -> tuple[DeviceArray, DeviceArray]:
    """Return the largest cosines of every row, falling, and their columns; both (n, k)."""
    # With a lower precision the neighbours are those of the rounded products.
    is_ranked = precision == "float32" or dtype == np.float64
    kept = min(k + _SPARE_NEIGHBOURS, len(x) - 1) if is_ranked else k
    best = _best(
        device,
        survey_gram(device, x, None, _KERNELS[kernel], dtype, centered=center, precision=precision),
        plan_tiles(device, len(x), None, dtype),
        kept,
    )
    if kept > k:
        _rank(device, x, k, kernel, center, best)
    return best.weights[:, :k], best.indices[:, :k]


def _best(device: Device, cosines: GramFacts, tiles: Sequence[Tile], kept: int) -> _Neighbours:
    """Compute the tiles, one at a time, and merge their neighbours."""
    n, dtype = cosines.left.data.shape[0], cosines.left.data.dtype
    scratch = device.empty(tiles[0].shape, dtype)
    best = _Neighbours(
        device.xp.full((n, kept), -np.inf, dtype), device.xp.full((n, kept), -1, np.int32)
    )
    for tile in tiles:
        out = scratch[: tile.shape[0], : tile.shape[1]]
        compute_gram(device, cosines, tile, out)
        best.merge(device, tile, out)
    return best


def _rank(
    device: Device, x: DeviceArray, k: int, kernel: str, center: bool, best: _Neighbours
) -> None:
    """Rank again, in float64, the neighbours that rounding could have put among the k largest."""
    origin, rest = column_means(device, x) if center else (None, None)
    units = prepared(device, x, np.dtype(np.float64), PREPARATIONS[kernel], origin, rest=rest).data
    device.kernels.rank_nearest(
        device.stream,
        units,
        tolerance=2 * _cosine_rounding(x.shape[1], best.weights.dtype),
        weights=best.weights,
        indices=best.indices,
        ranks=device.empty((len(x), k)),
        ranked=device.empty((len(x), k), np.int32),
    )


def _cosine_rounding(depth: int, dtype: np.dtype[Any]) -> float:
    """Return how far rounding can move a cosine, in whatever order its terms are summed."""
    unit = float(np.finfo(dtype).eps) / 2
    of_sum = (depth + 16) * unit
    of_norms = depth * float(np.finfo(np.float64).eps)
    return of_sum / max(0.5, 1 - of_sum) + of_norms


def _symmetrized(device: Device, weights: DeviceArray, indices: DeviceArray) -> SparseRows:
    """Return (W + Wᵀ)/2 by sorting, without waiting for the number of mutual edges."""
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
