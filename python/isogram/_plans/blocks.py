"""Plans of matrices whose parts are blocks: Gram matrices, dense graphs, divergences, RSMs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._walk.plan import Plan, Reduced
from isogram._walk.sinks import ArraySink
from isogram._walk.sources import Source
from isogram._walk.tiles import Tile


@dataclass(frozen=True, eq=False)
class BlocksPlan(Plan):
    """How a matrix is computed block by block; a part is the tile's block, by the operation's name.

    Attributes
    ----------
    dtype : str
        The type of its entries.
    """

    dtype: str

    def _reduced(self, parts: Mapping[Tile, Mapping[str, Any]]) -> Reduced:
        """Return the matrix, as a NumPy array."""
        return self._matrices(parts)[self.operation], []

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's blocks."""
        n, m = tile.shape
        return n * m * np.dtype(self.dtype).itemsize * len(self._names)

    @property
    def _names(self) -> tuple[str, ...]:
        """The names of the matrices that a part has a block of."""
        return (self.operation,)

    def _matrices(self, parts: Mapping[Tile, Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
        """Return the matrices that all parts make, by name."""
        in_order = self._in_order(parts)
        shape = self.inputs[0].shape[0], self.inputs[-1].shape[0]
        matrices = {name: np.empty(shape, self.dtype) for name in self._names}
        sink = ArraySink(matrices, is_symmetric=self._is_symmetric)
        for tile, blocks in zip(self.tiles, in_order, strict=True):
            sink.put(tile, blocks)
        return matrices

    def _rows_and_cols(
        self, tile: Tile, sources: Sequence[Source]
    ) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Return a tile's rows, of the first input, and columns, of the last; None: the rows."""
        rows = sources[0].rows(tile.rows)
        return rows, None if self._is_diagonal(tile) else sources[-1].rows(tile.cols)
