"""The nearest neighbours of samples by Euclidean distance, and their graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogram._statistics.neighbours import Neighbours
from isogram._types import MEDIAN, Array, Kernel, Report
from isogram._walk.tiles import Tile, spans

if TYPE_CHECKING:
    from isogram._protocols import RsmTiles

EDGE = 2048  # rows and columns of a tile: its distances take 32 MiB
DISTANCE = Kernel("distance", MEDIAN, 0.0, 1, 0.0)
_PART = 1 << 20  # distances of which the smallest are chosen at a time


class DistantNeighbours(NamedTuple):
    """The neighbours in tiles of a matrix of distances, which do not depend on the tiles."""

    xp: Any
    distances: RsmTiles  # of one layer
    k: int
    tiles: tuple[Tile, ...]

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of samples a tile compares."""
        return tile.pairs(is_symmetric=True)

    def compute(self, tile: Tile, progress: Report) -> tuple[Neighbours, ...]:
        """Return the neighbours of the tile's rows, and of its columns if it is mirrored."""
        block = self.distances.compute(tile)[0]
        part = neighbours_in(self.xp, block, tile, self.k)
        if progress is not None:
            progress(self.pairs(tile), self.pairs(tile))
        return part


def neighbours_in(xp: Any, block: Array, tile: Tile, k: int) -> tuple[Neighbours, ...]:
    """Return what `DistantNeighbours.compute` does, of the distances of a tile."""
    if not tile.is_mirrored:
        xp.fill_diagonal(block, np.inf)  # no sample is its own neighbour
    rows, cols = tile
    of_rows = _nearest(xp, block, rows.stop - rows.start, k, cols.start)
    if not tile.is_mirrored:
        return (of_rows,)
    return of_rows, _nearest(xp, block.T, cols.stop - cols.start, k, rows.start)


def _nearest(xp: Any, block: Array, samples: int, k: int, first: int) -> Neighbours:
    """Return the k smallest distances of each row; of equal ones those of smaller columns."""
    indices = xp.full((samples, k), -1, np.int32)
    distances = xp.full((samples, k), np.inf)
    kept = min(k, block.shape[1])
    for rows in spans(samples, max(1, _PART // block.shape[1])):
        part = block[rows]
        farthest = xp.partition(part, kept - 1, axis=1)[:, kept - 1 : kept]
        near = part <= farthest
        if int(xp.count_nonzero(near)) > kept * len(part):  # several as far as the farthest
            nearer, as_far = part < farthest, part == farthest
            room = kept - nearer.sum(axis=1, keepdims=True)
            near = nearer | (as_far & (xp.cumsum(as_far, axis=1) <= room))
        chosen = xp.nonzero(near)[1]
        indices[rows, :kept] = (chosen := chosen.reshape(-1, kept)) + first
        distances[rows, :kept] = xp.take_along_axis(part, chosen, axis=1)
    is_none = xp.isinf(distances)
    indices[is_none] = -1
    return Neighbours(indices, distances, xp.where(is_none, np.nan, -distances))


def graph_of(
    xp: Any, indices: Array, distances: Array, symmetrize: bool
) -> tuple[Array, Array, Array]:
    """Return indptr, indices and data of the edges, or of them and those that lead back."""
    n, k = indices.shape
    starts, ends = xp.arange(n * k, dtype=np.int64) // k, indices.ravel().astype(np.int64)
    keys, data = starts * n + ends, distances.ravel()
    if symmetrize:
        keys, data = xp.concatenate([keys, ends * n + starts]), xp.concatenate([data, data])
    keys, places = xp.unique(keys, return_index=True)  # the two of a mutual edge are equal
    indptr = xp.searchsorted(keys, n * xp.arange(n + 1, dtype=np.int64))
    return indptr.astype(np.int64), (keys % n).astype(np.int32), data[places]
