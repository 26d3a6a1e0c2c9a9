"""The nearest neighbours of samples as a value: those among parts of the samples merge.

The core has both too, and searches by them: see cpp/src/statistics/nearest.hpp.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from isogram._types import Array
from isogram._walk.tiles import Tile


class Neighbours(NamedTuple):
    """The nearest of some samples among some others, k of each, in no order.

    A place without a neighbour, where there are fewer others than k, has index -1.
    """

    indices: Array  # (samples, k)
    weights: Array  # cosines, or distances
    closeness: Array  # float64: grows as they near, also where weights are rounded; NaN if index -1

    def merge(self, xp: Any, other: Neighbours) -> Neighbours:
        """Return the k nearest of both; among equally close ones smaller indices come first."""
        k = self.indices.shape[1]
        both = [xp.concatenate(sides, axis=1) for sides in zip(self, other, strict=True)]
        order = xp.argsort(both[0], axis=1, kind="stable")
        closeness = xp.take_along_axis(both[2], order, axis=1)
        nearest = xp.argsort(-closeness, axis=1, kind="stable")[:, :k]
        order = xp.take_along_axis(order, nearest, axis=1)
        return Neighbours(*(xp.take_along_axis(values, order, axis=1) for values in both))


class MergedNeighbours:
    """Of a walk, where the neighbours in all tiles are merged: a sink, in any order of the tiles.

    The part of a tile is the neighbours of its rows among its columns; of one that stands for its
    mirror image too, those of its columns among its rows besides.
    """

    def __init__(self, xp: Any) -> None:
        """Begin without any."""
        self._xp = xp
        self._found: dict[int, Neighbours] = {}  # by the first of the samples
        self._tiles: set[Tile] = set()

    def has(self, tile: Tile) -> bool:
        """Whether the part of a tile is merged."""
        return tile in self._tiles

    def put(self, tile: Tile, part: tuple[Neighbours, ...]) -> None:
        """Merge a part."""
        for start, found in zip(tile.place, part, strict=False):
            known = self._found.get(start)
            self._found[start] = found if known is None else known.merge(self._xp, found)
        self._tiles.add(tile)

    def result(self) -> Neighbours:
        """Return the neighbours of all samples."""
        in_order = (self._found[start] for start in sorted(self._found))
        return Neighbours(*map(self._xp.concatenate, zip(*in_order, strict=True)))
