"""The plan of an RSM: what computes it tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import integer, median_or_bandwidth, threads
from isogram._bandwidth import zero_median
from isogram._entries import result_dtype
from isogram._errors import errors_of
from isogram._host import rsm as on_host
from isogram._host.rsm import Facts
from isogram._plan_arguments import require_on_host
from isogram._progress import Progress, reporting
from isogram._rsm_arguments import (
    Inputs,
    check_median,
    check_precision,
    kernels_of,
    matching_of,
    outputs_of,
    warn_if_infinite,
)
from isogram._rsm_job import Job, Matching, Pairs
from isogram._samples import Samples
from isogram._walk.plan import InputSpec, Plan
from isogram._walk.sinks import ArraySink
from isogram._walk.tiles import Tile, cut


@dataclass(frozen=True, eq=False)
class RsmPlan(Plan):
    """How an RSM is computed tile by tile.

    A part is a dict of blocks by name: linear and cosine entries, and distances, which `reduce()`
    makes RBF entries of.
    """

    matching: Matching
    facts: Facts
    layout: str
    lengths: tuple[tuple[int, ...] | None, ...]  # of each side, where inputs differ
    kernels: tuple[str, ...]
    is_single: bool
    bandwidth: float | None  # None: by the median of all distances
    dtype: str

    def compute(
        self,
        tile: Tile,
        *inputs: Any,
        num_threads: int | None = None,
        progress: Progress = False,
    ) -> dict[str, Any]:
        """Return the blocks of one tile, of which only the tile's inputs are read."""
        self.check_tile(tile)
        job = Job(
            self._checked(inputs),
            self.matching,
            outputs_of(self.kernels),
            np.dtype(self.dtype),
            workers=threads(self.operation, num_threads),
        )
        with errors_of(self.operation), reporting(self.operation, progress) as report:
            return self.part(tile, on_host.part(job, self.facts, tile, report))

    def reduce(self, parts: Mapping[Tile, Mapping[str, NDArray[Any]]]) -> Any:
        """Return the RSM, or a dict of RSMs by kernel, as NumPy arrays."""
        in_order = self.in_order(parts)
        names = dict(zip(outputs_of(self.kernels), self.kernels, strict=True))
        matrices = {name: np.empty(self._shape, self.dtype) for name in names}
        sink = ArraySink(matrices, is_symmetric=self._is_symmetric)
        for tile, values in zip(self.tiles, in_order, strict=True):
            sink.put(tile, values)
        if "distance" in matrices:
            self._finish(matrices["distance"])
        if "linear" in matrices:
            warn_if_infinite(self.operation, matrices["linear"], stacklevel=2)
        results = {kernel: matrices[name] for name, kernel in names.items()}
        return results[self.kernels[0]] if self.is_single else results

    def _finish(self, distances: NDArray[Any]) -> None:
        """Make RBF entries of distances."""
        exponent, is_symmetric = self.facts[2], self._is_symmetric
        with errors_of(self.operation):
            if not on_host.finish_rbf(
                distances, self.bandwidth, exponent, is_symmetric=is_symmetric
            ):
                raise zero_median(self.operation, "pairs of inputs")

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of inputs a tile matches."""
        n, m = tile.shape
        return n * (n - 1) // 2 if self._is_symmetric and not tile.is_mirrored else n * m

    def part_bytes(self, tile: Tile) -> int:
        """Return the size of a tile's blocks."""
        n, m = tile.shape
        return n * m * np.dtype(self.dtype).itemsize * len(self.kernels)

    @property
    def _is_symmetric(self) -> bool:
        return len(self.inputs) == 1

    @property
    def _shape(self) -> tuple[int, int]:
        return self.inputs[0].shape[0], self.inputs[-1].shape[0]

    def _checked(self, inputs: tuple[Any, ...]) -> Pairs:
        """Return the inputs, which have to be those of the plan."""
        self.check_count(len(inputs))
        sides = [
            (side, None if isinstance(side, list | tuple) else lengths)
            for side, lengths in zip(inputs, self.lengths, strict=True)
        ]
        (tokens, lengths), (other, other_lengths) = (*sides, (None, None), (None, None))[:2]
        given = Inputs(tokens, other, lengths, other_lengths, self.layout)
        pairs = _on_host(self.operation, given)
        self.check(*map(_spec, pairs.sides))
        for side, planned in zip(pairs.sides, self.lengths, strict=True):
            if _lengths(side) != planned:
                raise ValueError(
                    f"{self.operation}: `{side.name}` must have the numbers of tokens that the "
                    "plan was made for, got others"
                )
        return pairs


def _on_host(function: str, inputs: Inputs) -> Pairs:
    """Return checked inputs, which have to lie in the memory of the host."""
    pairs = inputs.checked(function)
    require_on_host(function, pairs.sources)
    return pairs


def _spec(samples: Samples) -> InputSpec:
    """Describe inputs; a sequence by its inputs, all of their tokens, and its channels."""
    dtype = result_dtype(*samples.sources) if samples.layout is None else samples.sources[0].dtype
    shape = samples.sources[0].shape
    if samples.layout is None:
        shape = (len(samples), int(samples.tokens.sum()), samples.channels)
    name = "bfloat16" if dtype == np.uint16 else dtype.name
    return InputSpec(samples.name, shape, name)


def _lengths(samples: Samples) -> tuple[int, ...] | None:
    """Return the tokens of each input, where an array's shape does not tell."""
    if samples.layout is not None and samples.lengths is None:
        return None
    return tuple(samples.tokens.tolist())


# Inputs on a side of a tile: seconds of work, and tokens that fit in memory beside others.
_TILE = 512


def plan_semantic_rsm(
    tokens: Any,
    other: Any = None,
    *,
    kernel: Any = "cosine",
    matching: str = "exact",
    window: int | None = None,
    topk: int | None = None,
    precision: str = "float32",
    layout: str = "nsc",
    lengths: Any = None,
    other_lengths: Any = None,
    bandwidth: float | str = "median",
    tile: int = _TILE,
    num_threads: int | None = None,
) -> RsmPlan:
    """Return the plan of `semantic_rsm`."""
    chosen = matching_of(matching, window, topk, precision)
    inputs = Inputs(tokens, other, lengths, other_lengths, layout)
    return _plan("semantic_rsm", inputs, kernel, chosen, bandwidth, tile, num_threads)


def plan_spatial_rsm(
    tokens: Any,
    other: Any = None,
    *,
    kernel: Any = "cosine",
    layout: str = "nsc",
    lengths: Any = None,
    other_lengths: Any = None,
    bandwidth: float | str = "median",
    tile: int = _TILE,
    num_threads: int | None = None,
) -> RsmPlan:
    """Return the plan of `spatial_rsm`."""
    inputs = Inputs(tokens, other, lengths, other_lengths, layout)
    return _plan("spatial_rsm", inputs, kernel, Matching("none"), bandwidth, tile, num_threads)


def _plan(
    function: str,
    inputs: Inputs,
    kernel: Any,
    matching: Matching,
    bandwidth: Any,
    tile: Any,
    num_threads: Any,
) -> RsmPlan:
    kernels, width = kernels_of(function, kernel), median_or_bandwidth(function, bandwidth)
    edge = integer(function, "tile", tile, 1)
    workers = threads(function, num_threads)
    pairs = _on_host(function, inputs)
    check_median(function, pairs, kernels, width)
    dtype = result_dtype(*pairs.sources.values())
    check_precision(function, matching, dtype)
    job = Job(pairs, matching, outputs_of(kernels), dtype, workers=workers)
    with errors_of(function):
        facts = on_host.survey(job)
    return RsmPlan(
        function,
        tuple(cut(pairs.shape, (edge, edge), is_upper=pairs.is_symmetric)),
        tuple(map(_spec, pairs.sides)),
        matching,
        facts,
        inputs.layout,
        tuple(map(_lengths, pairs.sides)),
        kernels,
        isinstance(kernel, str),
        width,
        dtype.name,
    )
