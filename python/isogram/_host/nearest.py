"""Nearest neighbours on the host, and unit rows, whose products are their cosines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arithmetic import usual_arithmetic
from isogram._entries import parts_of, widened
from isogram._statistics.neighbours import MergedNeighbours, Neighbours
from isogram._types import Array, Layers, Report
from isogram._walk.run import HostWorker, run
from isogram._walk.tiles import Tile, spans, tiles_of

_PART = 1 << 21  # entries that NumPy is given at a time
_EDGE = 1 << 16  # rows and columns of the tiles of a larger graph, so that its progress is seen


def nearest(
    x: Array, k: int, center: bool, num_threads: int, progress: Report
) -> tuple[Array, Array]:
    """See `Place`."""
    if len(x) > _EDGE:
        tiles = _NeighbourTiles(x, k, center, num_threads)
        found = run(tiles, [HostWorker(tiles.compute)], MergedNeighbours(np), progress)
        return found.indices, found.weights
    graph = _core.knn_graph(
        x, k=k, kernel="cosine", center=center, symmetrize=False, num_threads=num_threads
    )
    if progress is not None:
        progress(1, 1)
    _, indices, weights = graph
    return indices.reshape(len(x), k), weights.reshape(len(x), k)


class _NeighbourTiles:
    """The neighbours in coarse tiles of a graph, which do not depend on the tiles."""

    def __init__(self, x: Array, k: int, center: bool, num_threads: int) -> None:
        """Survey the samples."""
        self._x, self._num_threads = x, num_threads
        self._facts, bounds = _core.plan_gbs(
            **Layers(["x"], [x]).for_core(None),
            k=k,
            kernel="cosine",
            center=center,
            edge=_EDGE,
            num_threads=num_threads,
        )
        self.tiles = tiles_of(bounds)

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of samples a tile compares."""
        return tile.pairs(is_symmetric=True)

    def compute(self, tile: Tile, progress: Report) -> tuple[Neighbours, ...]:
        """Return the neighbours of the tile's rows, and of its columns if it is mirrored."""
        found = _core.gbs_of_tile(
            self._facts,
            tile.bounds,
            [self._x[tile.rows]],
            [self._x[tile.cols]] if tile.is_mirrored else None,
            names=["x"],
            num_threads=self._num_threads,
            progress=progress,
            pairs=self.pairs(tile),
        )
        return tuple(_neighbours(*side) for side in (*found["of_rows"], *found["of_cols"]))


def _neighbours(indices: Array, cosines: Array, closeness: Array) -> Neighbours:
    return Neighbours(indices, cosines, np.where(indices < 0, np.nan, closeness))


@usual_arithmetic()
def unit_rows(x: Array, center: bool) -> NDArray[np.float64]:
    """See `Place`."""
    units = np.empty(x.shape)
    parts = list(parts_of(x.shape))
    for part in parts:
        units[part] = widened(x[part])
    if center:
        _take_means_off(units, parts)
    for some in spans(len(x), max(1, _PART // x.shape[1])):
        rows = units[some]
        _, exponents = np.frexp(np.abs(rows).max(axis=1, keepdims=True))
        np.ldexp(rows, -exponents, out=rows)
        norms = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
        rows /= np.where(norms == 0, 1.0, norms)
    return units


def _take_means_off(x: NDArray[np.float64], parts: list[tuple[Any, ...]]) -> None:
    """Subtract the columns' means, scaled so that no sum overflows: twice, for their rounding."""
    exponent = -max(np.frexp(np.abs(x[part]).max())[1] for part in parts)
    for part in parts:
        np.ldexp(x[part], exponent, out=x[part])
    for _ in range(2):
        means = np.zeros(x.shape[1])
        for part in parts:
            means[part[1:]] += x[part] if isinstance(part[0], int) else x[part].sum(axis=0)
        means /= len(x)
        for part in parts:
            x[part] -= means[part[1:]]
