"""The plan of a GBS matrix: tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from isogram import _core
from isogram._arguments import GRAPH_KERNELS, choice, flag, neighbours_or_all, threads
from isogram._errors import errors_of
from isogram._plans.arguments import edge_of
from isogram._plans.layers import (
    LayersPlan,
    layers_on_host,
    names_of,
    require_features,
    samples_of,
)
from isogram._statistics.gbs_table import COUNT_0
from isogram._statistics.layer_pairs import without_edges
from isogram._types import Array, Report
from isogram._walk.plan import Plan, Reduced, whole_parts
from isogram._walk.sources import Source
from isogram._walk.tiles import Tile, tiles_of, upper_tiles

_FUNCTION = "gbs_matrix"

# Bytes of the candidates among which a thread finds the neighbours of a tile, about.
CANDIDATES = 2**24


@dataclass(frozen=True, eq=False, repr=False)
class GraphsPlan(Plan):
    """How the graphs of layers are computed tile by tile, by the facts of `plan_gbs`.

    A part is a dict: of full graphs, products of rows, summed over the tile; of k-NN graphs, the
    neighbours of its rows and of its columns.

    Attributes
    ----------
    facts : dict
        Facts of all samples, which decide the bits of a tile.
    """

    facts: Mapping[str, Any]

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's sums, or of its neighbours: indices, cosines, closeness."""
        facts, samples = self.facts, sum(tile.shape) if tile.is_mirrored else tile.shape[0]
        layers, x, y, k = len(facts["layers"]), facts["x_layers"], facts["y_layers"], facts["k"]
        pairs = x * (x + 1) // 2 if facts["is_symmetric"] else layers + x * y
        of_sample: int = layers * k * (4 + 8 + 8) if k else 8 * pairs
        return samples * of_sample

    def _with_tiles(self, edge: int) -> Self:
        tiles = tuple(upper_tiles(self.facts["samples"], edge))
        return replace(self, facts={**self.facts, "edge": edge}, tiles=tiles)

    def _part(
        self, tile: Tile, inputs: Sequence[Source], num_threads: int, progress: Report
    ) -> dict[str, Any]:
        return _core.gbs_of_tile(
            dict(self.facts),
            tile.bounds,
            *samples_of(tile, inputs),
            names=[layer.name for layer in inputs],
            num_threads=num_threads,
            progress=progress,
            pairs=self.pairs(tile),
        )


@dataclass(frozen=True, eq=False, repr=False)
class GbsPlan(GraphsPlan, LayersPlan):
    """How a GBS matrix is computed tile by tile."""

    def _reduced(self, parts: Mapping[Tile, Mapping[str, Any]]) -> Reduced:
        """Return the GBS matrix, as a NumPy array."""
        in_order = self._in_order(parts)
        with errors_of(self.operation), whole_parts(self.operation):
            gbs, isolated_x, isolated_y = _core.gbs_of_parts(dict(self.facts), in_order)
        names_x, names_y = self.names
        counts = dict(zip(names_x, isolated_x, strict=True))
        if names_y:
            counts |= zip(names_y, isolated_y, strict=True)
        return gbs, without_edges(self.operation, self.facts["samples"], counts, COUNT_0)

    def _packed_bytes(self, tile: Tile) -> int:
        """Return the size of the packed rows and columns; of k-NN graphs those of one layer."""
        packed = super()._packed_bytes(tile)
        if not self.facts["k"]:
            return packed
        widths = [spec.row for spec in self.inputs]
        return CANDIDATES + packed * max(widths) // sum(widths)


def plan_gbs_matrix(
    layers: Sequence[Array] | Mapping[Any, Array],
    other: Sequence[Array] | Mapping[Any, Array] | None = None,
    *,
    k: int | None = None,
    center: bool = False,
    kernel: str = "cosine",
    tile: int | None = None,
    num_threads: int | None = None,
) -> GbsPlan:
    """Return the plan of `gbs_matrix`; with another `tile` than by default sums are rounded."""
    flag(_FUNCTION, "center", center)
    require_features(_FUNCTION, choice(_FUNCTION, "kernel", kernel, GRAPH_KERNELS))
    workers = threads(_FUNCTION, num_threads)
    rows, cols, inputs = layers_on_host(_FUNCTION, layers, other)
    with errors_of(_FUNCTION):
        facts, tiles = _core.plan_gbs(
            **rows.for_core(cols),
            k=neighbours_or_all(_FUNCTION, rows.names[0], k, rows.samples),
            kernel=kernel,
            center=center,
            edge=edge_of(_FUNCTION, tile, rows.samples),
            num_threads=workers,
        )
    return GbsPlan(_FUNCTION, tiles_of(tiles), inputs, names_of(rows, cols), facts)
