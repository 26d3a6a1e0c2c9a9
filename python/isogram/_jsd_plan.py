"""The plan of divergences: what computes them tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import integer, threads
from isogram._entries import result_dtype
from isogram._errors import errors_of
from isogram._host import jsd as on_host
from isogram._jsd_arguments import distributions_of
from isogram._plan_arguments import require_on_host, rows_of
from isogram._progress import Progress, reporting
from isogram._types import Array
from isogram._walk.plan import InputSpec, Plan
from isogram._walk.sinks import ArraySink
from isogram._walk.tiles import Tile, cut

# Rows and columns of a tile: as of `gram`.
_TILE = 6144


@dataclass(frozen=True, eq=False)
class JsdPlan(Plan):
    """How divergences are computed tile by tile; a part is the tile's entries, as `jsd`.

    No fact of all rows decides a bit; that all are distributions was found when the plan was made.
    """

    dtype: str

    def compute(
        self,
        tile: Tile,
        *inputs: Any,
        num_threads: int | None = None,
        progress: Progress = False,
    ) -> dict[str, Any]:
        """Return the entries of one tile, of which only the tile's rows are read."""
        self.check_tile(tile)
        self.check_count(len(inputs))
        arrays = _on_host(self.operation, *inputs)
        self.check(*(InputSpec.of(name, array) for name, array in arrays.items()))
        first, *_, last = *arrays, *arrays
        block = np.empty(tile.shape, self.dtype)
        workers = threads(self.operation, num_threads)
        with errors_of(self.operation), reporting(self.operation, progress) as report:
            (rows,), cols = rows_of({first: arrays[first]}, tile.rows), None
            if not self._is_diagonal(tile):
                (cols,) = rows_of({last: arrays[last]}, tile.cols)
            on_host.jsd(rows, cols, block, workers, report)
        return self.part(tile, {"jsd": block})

    def reduce(self, parts: Mapping[Tile, Mapping[str, NDArray[Any]]]) -> NDArray[Any]:
        """Return the divergences, as a NumPy array."""
        in_order = self.in_order(parts)
        matrix = np.empty((self.inputs[0].shape[0], self.inputs[-1].shape[0]), self.dtype)
        sink = ArraySink({"jsd": matrix}, is_symmetric=len(self.inputs) == 1)
        for tile, values in zip(self.tiles, in_order, strict=True):
            sink.put(tile, values)
        return matrix

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of rows a tile compares."""
        n, m = tile.shape
        return n * (n - 1) // 2 if self._is_diagonal(tile) else n * m

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's entries."""
        return tile.shape[0] * tile.shape[1] * np.dtype(self.dtype).itemsize

    def _is_diagonal(self, tile: Tile) -> bool:
        return len(self.inputs) == 1 and not tile.is_mirrored


def plan_jsd(
    probabilities: Array,
    other: Array | None = None,
    *,
    tile: int = _TILE,
    num_threads: int | None = None,
) -> JsdPlan:
    """Return the plan of `jsd`."""
    edge, workers = integer("jsd", "tile", tile, 1), threads("jsd", num_threads)
    arrays = _on_host("jsd", probabilities, *(() if other is None else (other,)))
    with errors_of("jsd"):
        for name, array in arrays.items():
            on_host.require_distributions(array, name, workers)
    rows, *cols = arrays.values()
    return JsdPlan(
        "jsd",
        tuple(cut((len(rows), len((cols or [rows])[0])), (edge, edge), is_upper=not cols)),
        tuple(InputSpec.of(name, array) for name, array in arrays.items()),
        result_dtype(*arrays.values()).name,
    )


def _on_host(function: str, *inputs: Array) -> dict[str, NDArray[Any]]:
    """Return checked inputs by name."""
    arrays = distributions_of(function, *inputs)
    require_on_host(function, arrays)
    return arrays
