"""The plan of a Gram matrix: tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import integer, kernel_of, rows_of_gram, threads
from isogram._bandwidth import resolved_bandwidth
from isogram._entries import result_dtype
from isogram._errors import errors_of, remarks_on_range
from isogram._host.place import HOST
from isogram._plans.arguments import Checked, on_host
from isogram._plans.blocks import BlocksPlan
from isogram._types import Array
from isogram._walk.plan import Reduced
from isogram._walk.sinks import Block
from isogram._walk.tiles import Tile, cut
from isogram.typing import BandwidthLike

# Rows and columns of a tile: hundreds of megabytes of entries.
TILE = 6144


@dataclass(frozen=True, eq=False, repr=False)
class GramPlan(BlocksPlan):
    """How a Gram matrix is computed tile by tile; a part is the tile's entries, as `gram`.

    Attributes
    ----------
    facts : dict
        Facts of all rows, which decide the bits of a tile.
    """

    facts: Mapping[str, Any]

    def _finished(self, matrices: Mapping[str, NDArray[Any]]) -> Reduced:
        """Return the matrix."""
        matrix = matrices[self.operation]
        may_overflow = self.facts["may_overflow"]
        return matrix, remarks_on_range(self.operation, matrix) if may_overflow else []

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of rows a tile compares, also of each with itself."""
        n, m = tile.shape
        return n * (n + 1) // 2 if self._is_diagonal(tile) else n * m

    def _checked(self, *inputs: Any) -> Checked:
        return on_host(self.operation, rows_of_gram(self.operation, *inputs))

    def _write(
        self, rows: NDArray[Any], cols: NDArray[Any] | None, block: Block, **options: Any
    ) -> None:
        write_gram(self.facts, rows, cols, block, **options)


def plan_gram(
    x: Array,
    y: Array | None = None,
    *,
    kernel: str = "linear",
    bandwidth: BandwidthLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    tile: int = TILE,
    num_threads: int | None = None,
) -> GramPlan:
    """Return the plan of `gram`."""
    options = kernel_of("gram", kernel, bandwidth, gamma, degree, coef0, of_layers=False)
    edge, workers = integer("gram", "tile", tile, 1), threads("gram", num_threads)
    arrays = rows_of_gram("gram", x, y)
    _, inputs = on_host("gram", arrays)
    rows, cols = arrays["x"], arrays.get("y")
    dtype = result_dtype(*arrays.values())
    with errors_of("gram"):
        facts = _core.gram_facts(
            rows,
            cols,
            **options.for_core(),
            bandwidth=resolved_bandwidth(HOST, "gram", "x", rows, options, workers),
            is_float64=dtype == np.float64,
            num_threads=workers,
        )
    shape = len(rows), len(rows if cols is None else cols)
    return GramPlan(
        "gram",
        tuple(cut(shape, (edge, edge), is_upper=cols is None)),
        inputs,
        dtype.name,
        facts,
    )


def write_gram(
    facts: Mapping[str, Any],
    rows: NDArray[Any],
    cols: NDArray[Any] | None,
    block: Block,
    **options: Any,
) -> None:
    """Write a block of a Gram matrix, and its mirror image; see `BlocksPlan`."""
    out, mirror = block
    _core.gram_tile(rows, cols, facts=dict(facts), out=out, mirror=mirror, **options)
