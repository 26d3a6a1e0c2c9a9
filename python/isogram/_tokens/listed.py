"""Lists of pairs, tile by tile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._tokens.job import Listed, Pairs
from isogram._walk.tiles import Tile


class ListedTiles:
    """The tiles that have pairs of a list, for a walk."""

    def __init__(self, tiles: tuple[Tile, ...], pairs: Pairs, listed: Listed) -> None:
        """Find the pairs of each tile; in an RSM of one set (j, i) is (i, j)."""
        if pairs.is_symmetric:
            listed = Listed(*(order(*listed) for order in (np.minimum, np.maximum)))
        self._listed = listed
        places = {tile: _places(tile, listed) for tile in tiles}
        self._places = {tile: of_tile for tile, of_tile in places.items() if len(of_tile)}

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """Those of the tiles that have pairs."""
        return tuple(self._places)

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs a tile has."""
        return len(self._places[tile])

    def within(self, tile: Tile) -> Listed:
        """Return the pairs of a tile, counted from its first row and column."""
        places, (row, col) = self._places[tile], tile.place
        return Listed(self._listed.rows[places] - row, self._listed.cols[places] - col)

    def sink(self, vectors: Mapping[str, Any]) -> ListedSink:
        """Return the sink that puts parts where the list has their pairs."""
        return ListedSink(vectors, self._places)


def _places(tile: Tile, listed: Listed) -> NDArray[np.intp]:
    top, bottom, left, right = tile.bounds
    in_rows = (listed.rows >= top) & (listed.rows < bottom)
    return np.flatnonzero(in_rows & (listed.cols >= left) & (listed.cols < right))


class ListedSink:
    """Vectors by name, whose entries are those of a list of pairs."""

    def __init__(self, vectors: Mapping[str, Any], places: Mapping[Tile, NDArray[np.intp]]) -> None:
        """Take the vectors, and the places in them of each tile's pairs."""
        self._vectors, self._places = vectors, places

    def has(self, tile: Tile) -> bool:
        """Return False: nothing is there from before."""
        return False

    def put(self, tile: Tile, part: Mapping[str, Any]) -> None:
        """Store the entries of a tile."""
        for name, vector in self._vectors.items():
            vector[self._places[tile]] = part[name]

    def result(self) -> Mapping[str, Any]:
        """Return the vectors."""
        return self._vectors
