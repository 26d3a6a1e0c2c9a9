"""The plan of a graph: tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import choice, flag, neighbours_or_all, threads
from isogram._arrays import as_layer
from isogram._errors import errors_of, remarks_on_range
from isogram._host.place import HOST
from isogram._host.rsm_tiles import HostRsmTiles, rsm_tiles
from isogram._operations.graph import Csr, in_own_unit, require_sparse
from isogram._plans.arguments import Checked, edge_of, on_host
from isogram._plans.blocks import BlocksPlan
from isogram._plans.gbs import CANDIDATES, GraphsPlan
from isogram._plans.gram import write_gram
from isogram._statistics.distant_neighbours import DISTANCE, EDGE, graph_of, neighbours_in
from isogram._statistics.neighbours import MergedNeighbours, Neighbours
from isogram._types import Array, Layers, Report
from isogram._walk.plan import Plan, Reduced, whole_parts
from isogram._walk.sinks import Block
from isogram._walk.sources import Source
from isogram._walk.tiles import Tile, tiles_of, upper_tiles
from isogram.typing import GraphMetricName


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

    def _write(
        self, rows: NDArray[Any], cols: NDArray[Any] | None, block: Block, **options: Any
    ) -> None:
        write_gram(self.facts["layers"][0], rows, cols, block, **options)
        if cols is None:
            np.fill_diagonal(block.entries, 0)


@dataclass(frozen=True, eq=False, repr=False)
class KnnGraphPlan(GraphsPlan):
    """How a k-NN graph is computed tile by tile.

    A part has the neighbours of the tile's rows among its columns, and of its columns among its
    rows.

    Attributes
    ----------
    symmetrize : bool
        As for `graph`.
    """

    symmetrize: bool

    def _reduced(self, parts: Mapping[Tile, Mapping[str, Any]]) -> Reduced:
        """Return the graph, as NumPy arrays."""
        in_order = self._in_order(parts)
        n = self.facts["samples"]
        with errors_of(self.operation), whole_parts(self.operation):
            graph = _core.knn_graph_of_parts(dict(self.facts), in_order, symmetrize=self.symmetrize)
        return Csr(*graph, (n, n)), []

    def _packed_bytes(self, tile: Tile) -> int:
        """Return the size of the packed rows and columns, and of candidates."""
        return CANDIDATES + super()._packed_bytes(tile)

    @property
    def _result_bytes(self) -> int:
        n, k = int(self.facts["samples"]), int(self.facts["k"])
        return _bytes_of_csr(n, k, self.symmetrize, self._computed_itemsize)

    def _checked(self, *inputs: Any) -> Checked:
        return _on_host(self.operation, *inputs)


@dataclass(frozen=True, eq=False, repr=False)
class DistanceGraphPlan(Plan):
    """How a k-NN graph by Euclidean distance is computed tile by tile.

    A part has the neighbours of the tile's rows among its columns, and of its columns among its
    rows.

    Attributes
    ----------
    k : int
        Neighbours of each sample.
    exponent : int
        Distances are computed of features over 2^exponent,
    mean : array
        and of those less their mean.
    symmetrize : bool
        As for `graph`.
    """

    k: int
    exponent: int
    mean: Array
    symmetrize: bool

    def _with_tiles(self, edge: int) -> DistanceGraphPlan:
        return replace(self, tiles=tuple(upper_tiles(self.inputs[0].shape[0], edge)))

    def _reduced(self, parts: Mapping[Tile, Mapping[str, Any]]) -> Reduced:
        """Return the graph, as NumPy arrays."""
        merged = MergedNeighbours(np)
        in_order = self._in_order(parts)
        with whole_parts(self.operation):
            for tile, part in zip(self.tiles, in_order, strict=True):
                merged.put(tile, tuple(Neighbours(*side) for side in part["neighbours"]))
            found = merged.result()
        n = len(found.indices)
        dtype = np.dtype(np.float64 if self._computed_itemsize == 8 else np.float32)
        weights = in_own_unit(np, found.weights, self.exponent, dtype)
        graph = graph_of(np, found.indices, weights, self.symmetrize)
        return Csr(*graph, (n, n)), remarks_on_range(self.operation, weights)

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's neighbours."""
        samples = sum(tile.shape) if tile.is_mirrored else tile.shape[0]
        return samples * self.k * (4 + 8 + 8)  # as in `Neighbours`

    @property
    def _result_bytes(self) -> int:
        n = self.inputs[0].shape[0]
        return _bytes_of_csr(n, self.k, self.symmetrize, self._computed_itemsize)

    def _checked(self, *inputs: Any) -> Checked:
        return _on_host(self.operation, *inputs)

    def _part(
        self, tile: Tile, inputs: Sequence[Source], num_threads: int, progress: Report
    ) -> dict[str, Any]:
        rows, at = inputs[0].rows(tile.rows), Tile(*(slice(0, size) for size in tile.shape))
        if tile.is_mirrored:
            rows = np.concatenate([rows, inputs[0].rows(tile.cols)])
            at = Tile(at.rows, slice(at.rows.stop, len(rows)))
        layers = Layers(["x"], [rows])
        distances = HostRsmTiles(layers, DISTANCE, [1.0], num_threads, [self.exponent], [self.mean])
        found = neighbours_in(np, distances.compute(at)[0], tile, self.k)
        if progress is not None:
            progress(self.pairs(tile), self.pairs(tile))
        return {"neighbours": [tuple(side) for side in found]}


def _bytes_of_csr(n: int, k: int, symmetrize: bool, itemsize: int) -> int:
    edges = min(2 * n * k, n * (n - 1)) if symmetrize else n * k
    return edges * (4 + itemsize) + 8 * (n + 1)  # as in `Csr`


def plan_graph(
    x: Array,
    *,
    k: int | None = None,
    metric: GraphMetricName = "cosine",
    center: bool = False,
    symmetrize: bool = True,
    tile: int | None = None,
    num_threads: int | None = None,
) -> DenseGraphPlan | KnnGraphPlan | DistanceGraphPlan:
    """Return the plan of `graph`."""
    choice("graph", "metric", metric, get_args(GraphMetricName))
    flag("graph", "center", center)
    flag("graph", "symmetrize", symmetrize)
    workers = threads("graph", num_threads)
    (source,), inputs = _on_host("graph", x)
    samples = len(source)
    neighbours = neighbours_or_all("graph", "x", k, samples)
    require_sparse(metric, k)
    if metric == "euclidean":
        return _plan_distances(source, inputs, neighbours, symmetrize, tile, workers)
    with errors_of("graph"):
        facts, bounds = _core.plan_gbs(
            **Layers([source.name], [source.array]).for_core(None),
            k=neighbours,
            kernel=metric,
            center=center,
            edge=edge_of("graph", tile, samples),
            num_threads=workers,
        )
    tiles = tiles_of(bounds)
    if k is None:
        dtype = "float64" if facts["is_float64"] else "float32"
        return DenseGraphPlan("graph", tiles, inputs, dtype, facts)
    return KnnGraphPlan("graph", tiles, inputs, facts, symmetrize)


def _plan_distances(
    source: Any, inputs: Any, k: int, symmetrize: bool, tile: int | None, num_threads: int
) -> DistanceGraphPlan:
    with errors_of("graph"):
        HOST.require_finite(layers := Layers([source.name], [source.array]))
        survey = rsm_tiles(layers, DISTANCE, [1.0], num_threads)
    edge = edge_of("graph", tile, len(source)) or EDGE
    tiles = tuple(upper_tiles(len(source), edge))
    return DistanceGraphPlan(
        "graph", tiles, inputs, k, survey.exponents[0], survey.means[0], symmetrize
    )


def _on_host(function: str, x: Array) -> Checked:
    return on_host(function, {"x": as_layer(function, "x", x)})
