"""The plan of a Gram matrix: what computes it tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import integer, kernel_of, threads
from isogram._arrays import as_matrix
from isogram._bandwidth import resolved_bandwidth
from isogram._entries import result_dtype
from isogram._errors import beyond_range, errors_of
from isogram._host.place import HOST
from isogram._plan_arguments import require_on_host, rows_of
from isogram._progress import Progress, reporting
from isogram._types import Array
from isogram._walk.plan import InputSpec, Plan
from isogram._walk.sinks import ArraySink
from isogram._walk.tiles import Tile, cut

# Rows and columns of a tile: hundreds of megabytes of entries.
_TILE = 6144


@dataclass(frozen=True, eq=False)
class GramPlan(Plan):
    """How a Gram matrix is computed tile by tile; a part is the tile's entries, as `gram`."""

    facts: Mapping[str, Any]
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
        arrays = _matrices(self.operation, inputs)
        self.check(*(InputSpec.of(name, array) for name, array in arrays.items()))
        first, *_, last = *arrays, *arrays
        is_diagonal = self._is_symmetric and not tile.is_mirrored
        block = np.empty(tile.shape, self.dtype)
        with errors_of(self.operation), reporting(self.operation, progress) as report:
            (rows,), cols = rows_of({first: arrays[first]}, tile.rows), None
            if not is_diagonal:
                (cols,) = rows_of({last: arrays[last]}, tile.cols)
            _core.gram_tile(
                rows,
                cols,
                facts=dict(self.facts),
                out=block,
                num_threads=threads(self.operation, num_threads),
                progress=report,
                pairs=self.pairs(tile),
            )
        return self.part(tile, {"gram": block})

    def reduce(self, parts: Mapping[Tile, Mapping[str, NDArray[Any]]]) -> NDArray[Any]:
        """Return the matrix, as a NumPy array."""
        in_order = self.in_order(parts)
        shape = self.inputs[0].shape[0], self.inputs[-1].shape[0]
        matrix = np.empty(shape, self.dtype)
        sink = ArraySink({"gram": matrix}, is_symmetric=self._is_symmetric)
        is_finite = True
        for tile, values in zip(self.tiles, in_order, strict=True):
            sink.put(tile, values)
            is_finite &= bool(np.isfinite(values["gram"]).all())
        if not is_finite:
            warnings.warn(beyond_range(self.operation, matrix.dtype), RuntimeWarning, stacklevel=2)
        return matrix

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of rows a tile compares."""
        n, m = tile.shape
        return n * (n + 1) // 2 if self._is_symmetric and not tile.is_mirrored else n * m

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's entries."""
        return tile.shape[0] * tile.shape[1] * np.dtype(self.dtype).itemsize

    @property
    def _is_symmetric(self) -> bool:
        return len(self.inputs) == 1


def plan_gram(
    x: Array,
    y: Array | None = None,
    *,
    kernel: str = "linear",
    bandwidth: float | str = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    tile: int = _TILE,
    num_threads: int | None = None,
) -> GramPlan:
    """Return the plan of `gram`."""
    options = kernel_of("gram", kernel, bandwidth, gamma, degree, coef0)
    edge, workers = integer("gram", "tile", tile, 1), threads("gram", num_threads)
    arrays = _matrices("gram", (x,) if y is None else (x, y))
    rows, cols = arrays["x"], arrays.get("y")
    dtype = result_dtype(*arrays.values())
    with errors_of("gram"):
        facts = _core.gram_facts(
            rows,
            cols,
            kernel=options.name,
            bandwidth=resolved_bandwidth(HOST, "gram", "x", rows, options, workers),
            gamma=options.gamma,
            degree=options.degree,
            coef0=options.coef0,
            is_float64=dtype == np.float64,
            num_threads=workers,
        )
    shape = len(rows), len(rows if cols is None else cols)
    return GramPlan(
        "gram",
        tuple(cut(shape, (edge, edge), is_upper=cols is None)),
        tuple(InputSpec.of(name, array) for name, array in arrays.items()),
        facts,
        dtype.name,
    )


def _matrices(function: str, inputs: tuple[Array, ...]) -> dict[str, NDArray[Any]]:
    """Return checked inputs by name."""
    arrays = {
        name: as_matrix(function, name, array)
        for name, array in zip(("x", "y"), inputs, strict=False)
    }
    require_on_host(function, arrays)
    return arrays
