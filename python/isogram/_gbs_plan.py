"""The plan of a GBS matrix: what computes it tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import flag, integer, neighbours_or_all, threads
from isogram._errors import errors_of
from isogram._gbs_table import warn_of_isolated_in
from isogram._plan_arguments import bounds, layers_on_host, rows_of, specs, tiles_of
from isogram._progress import Progress, reporting
from isogram._types import Array, GbsTable
from isogram._walk.plan import Plan
from isogram._walk.tiles import Tile

_FUNCTION = "gbs_matrix"


@dataclass(frozen=True, eq=False)
class GbsPlan(Plan):
    """How a GBS matrix is computed tile by tile.

    A part is a dict: of full graphs, products of rows, summed over the tile; of k-NN graphs, the
    neighbours of its rows and of its columns.

    Attributes
    ----------
    names : pair of tuples of str
        The layers of `layers` and of `other`; the latter empty where that is None.
    facts : dict
        What the core has to know of all samples.
    """

    names: tuple[tuple[str, ...], tuple[str, ...]]
    facts: Mapping[str, Any]

    def compute(
        self,
        tile: Tile,
        *inputs: Any,
        num_threads: int | None = None,
        progress: Progress = False,
    ) -> dict[str, Any]:
        """Return the part of one tile, of which only the tile's samples are read."""
        self.check_tile(tile)
        rows, cols = layers_on_host(self.operation, *inputs)
        self.check(*specs(rows, cols))
        layers = rows.named_with(cols)
        with errors_of(self.operation), reporting(self.operation, progress) as report:
            found = _core.gbs_of_tile(
                dict(self.facts),
                bounds(tile),
                rows_of(layers, tile.rows),
                rows_of(layers, tile.cols) if tile.is_mirrored else None,
                names=list(layers),
                num_threads=threads(self.operation, num_threads),
                progress=report,
                pairs=self.pairs(tile),
            )
        return self.part(tile, found)

    def reduce(self, parts: Mapping[Tile, Mapping[str, Any]]) -> NDArray[np.float64]:
        """Return the GBS matrix, as a NumPy array; warn as `gbs_matrix` does."""
        in_order = self.in_order(parts)
        with errors_of(self.operation):
            gbs, isolated_x, isolated_y = _core.gbs_of_parts(dict(self.facts), in_order)
        table = GbsTable(gbs, isolated_x, isolated_y)
        names_x, names_y = map(list, self.names)
        warn_of_isolated_in(self.operation, names_x, names_y, self.facts["samples"], table)
        return gbs

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of samples a tile compares."""
        n, m = tile.shape
        return n * m if tile.is_mirrored else n * (n - 1) // 2

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's sums, or of its neighbours."""
        samples = sum(tile.shape) if tile.is_mirrored else tile.shape[0]
        k: int = self.facts["k"]
        layers = len(self.facts["layers"])
        if k:
            return layers * samples * k * (4 + 8 + 8)
        x: int = self.facts["x_layers"]
        y: int = self.facts["y_layers"]
        pairs = x * (x + 1) // 2 if self.facts["is_symmetric"] else layers + x * y
        return 8 * pairs * samples


def plan_gbs_matrix(
    layers: Sequence[Array] | Mapping[Any, Array],
    other: Sequence[Array] | Mapping[Any, Array] | None = None,
    *,
    k: int | None = None,
    center: bool = False,
    tile: int | None = None,
    num_threads: int | None = None,
) -> GbsPlan:
    """Return the plan of `gbs_matrix`; with another `tile` than by default sums are rounded."""
    flag(_FUNCTION, "center", center)
    edge = 0 if tile is None else integer(_FUNCTION, "tile", tile, 1)
    workers = threads(_FUNCTION, num_threads)
    rows, cols = layers_on_host(_FUNCTION, layers, other)
    with errors_of(_FUNCTION):
        facts, tiles = _core.plan_gbs(
            rows.arrays,
            None if cols is None else cols.arrays,
            names_x=rows.names,
            names_y=[] if cols is None else cols.names,
            k=neighbours_or_all(_FUNCTION, rows.names[0], k, rows.samples),
            center=center,
            edge=min(edge, rows.samples),
            num_threads=workers,
        )
    return GbsPlan(
        _FUNCTION,
        tiles_of(tiles),
        specs(rows, cols),
        (tuple(rows.names), () if cols is None else tuple(cols.names)),
        facts,
    )
