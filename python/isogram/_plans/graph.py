"""The plan of a graph: tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogram import _core
from isogram._arguments import flag, neighbours_or_all, threads
from isogram._arrays import as_layer
from isogram._errors import errors_of
from isogram._operations.graph import Csr
from isogram._plans.arguments import Checked, edge_of, on_host
from isogram._plans.blocks import BlocksPlan
from isogram._plans.gbs import bytes_of_graphs, part_of_graphs
from isogram._plans.gram import gram_block
from isogram._types import Array, Layers, Report
from isogram._walk.plan import Plan, Reduced
from isogram._walk.sources import Source
from isogram._walk.tiles import Tile, tiles_of


@dataclass(frozen=True, eq=False, repr=False)
class DenseGraphPlan(BlocksPlan):
    """How a dense graph is computed tile by tile; a part is the tile's entries, as `graph`.

    Attributes
    ----------
    facts : dict
        Facts of all samples, which decide the bits of a tile.
    """

    facts: Mapping[str, Any]

    def _checked(self, *inputs: Any) -> Checked:
        return _on_host(self.operation, *inputs)

    def _part(
        self, tile: Tile, inputs: Sequence[Source], num_threads: int, progress: Report
    ) -> dict[str, Any]:
        rows, cols = self._rows_and_cols(tile, inputs)
        facts = self.facts["layers"][0]
        block = gram_block(self, facts, tile, rows, cols, num_threads, progress)
        if cols is None:
            np.fill_diagonal(block, 0)
        return {self.operation: block}


@dataclass(frozen=True, eq=False, repr=False)
class KnnGraphPlan(Plan):
    """How a k-NN graph is computed tile by tile.

    A part has the neighbours of the tile's rows among its columns, and of its columns among its
    rows.

    Attributes
    ----------
    facts : dict
        Facts of all samples, which decide the bits of a tile.
    symmetrize : bool
        As for `graph`.
    """

    facts: Mapping[str, Any]
    symmetrize: bool

    def _reduced(self, parts: Mapping[Tile, Mapping[str, Any]]) -> Reduced:
        """Return the graph, as NumPy arrays."""
        in_order = self._in_order(parts)
        n = self.facts["samples"]
        with errors_of(self.operation):
            graph = _core.knn_graph_of_parts(dict(self.facts), in_order, symmetrize=self.symmetrize)
        return Csr(*graph, (n, n)), []

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's neighbours."""
        return bytes_of_graphs(self.facts, tile)

    @property
    def _result_bytes(self) -> int:
        n, k = int(self.facts["samples"]), int(self.facts["k"])
        edges = min(2 * n * k, n * (n - 1)) if self.symmetrize else n * k
        return edges * (4 + self._computed_itemsize) + 8 * (n + 1)  # as in `Csr`

    def _checked(self, *inputs: Any) -> Checked:
        return _on_host(self.operation, *inputs)

    def _part(
        self, tile: Tile, inputs: Sequence[Source], num_threads: int, progress: Report
    ) -> dict[str, Any]:
        return part_of_graphs(self, self.facts, tile, inputs, num_threads, progress)


def plan_graph(
    x: Array,
    *,
    k: int | None = None,
    center: bool = False,
    symmetrize: bool = True,
    tile: int | None = None,
    num_threads: int | None = None,
) -> DenseGraphPlan | KnnGraphPlan:
    """Return the plan of `graph`."""
    flag("graph", "center", center)
    flag("graph", "symmetrize", symmetrize)
    workers = threads("graph", num_threads)
    (source,), inputs = _on_host("graph", x)
    samples = len(source)
    with errors_of("graph"):
        facts, bounds = _core.plan_gbs(
            **Layers([source.name], [source.array]).for_core(None),
            k=neighbours_or_all("graph", "x", k, samples),
            center=center,
            edge=edge_of("graph", tile, samples),
            num_threads=workers,
        )
    tiles = tiles_of(bounds)
    if k is None:
        dtype = "float64" if facts["is_float64"] else "float32"
        return DenseGraphPlan("graph", tiles, inputs, dtype, facts)
    return KnnGraphPlan("graph", tiles, inputs, facts, symmetrize)


def _on_host(function: str, x: Array) -> Checked:
    return on_host(function, {"x": as_layer(function, "x", x)})
