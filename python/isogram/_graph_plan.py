"""The plan of a graph: what computes it tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import flag, integer, neighbours_or_all, threads
from isogram._arrays import as_matrix
from isogram._errors import errors_of
from isogram._plan_arguments import bounds, require_on_host, rows_of, tiles_of
from isogram._progress import Progress, reporting
from isogram._types import Array
from isogram._walk.plan import InputSpec, Plan
from isogram._walk.sinks import ArraySink
from isogram._walk.tiles import Tile
from isogram.graph import Csr


@dataclass(frozen=True, eq=False)
class GraphPlan(Plan):
    """How a graph is computed tile by tile.

    A part is a dict: of a dense graph the tile's entries, as `graph`; of a k-NN graph the
    neighbours of the tile's rows among its columns, and of its columns among its rows.

    Attributes
    ----------
    facts : dict
        What the core has to know of all samples.
    symmetrize : bool
        As for `graph`.
    """

    facts: Mapping[str, Any]
    symmetrize: bool

    def compute(
        self,
        tile: Tile,
        *inputs: Any,
        num_threads: int | None = None,
        progress: Progress = False,
    ) -> dict[str, Any]:
        """Return the part of one tile, of which only the tile's samples are read."""
        self.check_tile(tile)
        self.check_count(len(inputs))
        x = _on_host(self.operation, *inputs)
        self.check(InputSpec.of("x", x))
        named = {"x": x}
        workers, pairs = threads(self.operation, num_threads), self.pairs(tile)
        with errors_of(self.operation), reporting(self.operation, progress) as report:
            rows, cols = rows_of(named, tile.rows), None
            if tile.is_mirrored:
                cols = rows_of(named, tile.cols)
            if self.facts["k"]:
                found = _core.gbs_of_tile(
                    dict(self.facts),
                    bounds(tile),
                    rows,
                    cols,
                    names=["x"],
                    num_threads=workers,
                    progress=report,
                    pairs=pairs,
                )
                return self.part(tile, found)
            block = np.empty(tile.shape, self._dtype)
            _core.gram_tile(
                rows[0],
                None if cols is None else cols[0],
                facts=self.facts["layers"][0],
                out=block,
                num_threads=workers,
                progress=report,
                pairs=pairs,
            )
        if cols is None:
            np.fill_diagonal(block, 0)
        return self.part(tile, {"graph": block})

    def reduce(self, parts: Mapping[Tile, Mapping[str, Any]]) -> NDArray[Any] | Csr:
        """Return the graph, as NumPy arrays."""
        in_order = self.in_order(parts)
        n = self.facts["samples"]
        if not self.facts["k"]:
            matrix = np.empty((n, n), self._dtype)
            sink = ArraySink({"graph": matrix}, is_symmetric=True)
            for tile, values in zip(self.tiles, in_order, strict=True):
                sink.put(tile, values)
            return matrix
        with errors_of(self.operation):
            graph = _core.knn_graph_of_parts(dict(self.facts), in_order, symmetrize=self.symmetrize)
        return Csr(*graph, (n, n))

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of samples a tile compares."""
        n, m = tile.shape
        return n * m if tile.is_mirrored else n * (n - 1) // 2

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's entries, or of its neighbours."""
        k: int = self.facts["k"]
        if not k:
            return tile.shape[0] * tile.shape[1] * np.dtype(self._dtype).itemsize
        return (sum(tile.shape) if tile.is_mirrored else tile.shape[0]) * k * (4 + 8 + 8)

    @property
    def _dtype(self) -> str:
        return "float64" if self.facts["is_float64"] else "float32"


def plan_graph(
    x: Array,
    *,
    k: int | None = None,
    center: bool = False,
    symmetrize: bool = True,
    tile: int | None = None,
    num_threads: int | None = None,
) -> GraphPlan:
    """Return the plan of `graph`."""
    flag("graph", "center", center)
    flag("graph", "symmetrize", symmetrize)
    edge = 0 if tile is None else integer("graph", "tile", tile, 1)
    workers = threads("graph", num_threads)
    rows = _on_host("graph", x)
    with errors_of("graph"):
        facts, tiles = _core.plan_gbs(
            [rows],
            None,
            names_x=["x"],
            names_y=[],
            k=neighbours_or_all("graph", "x", k, len(rows)),
            center=center,
            edge=min(edge, len(rows)),
            num_threads=workers,
        )
    return GraphPlan("graph", tiles_of(tiles), (InputSpec.of("x", rows),), facts, symmetrize)


def _on_host(function: str, x: Array) -> NDArray[Any]:
    """Return checked samples."""
    matrix = as_matrix(function, "x", x)
    require_on_host(function, {"x": matrix})
    return matrix
