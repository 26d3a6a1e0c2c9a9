"""The plan of an RSM: tile by tile, anywhere, with the bits of one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import bandwidth_of, gpus_of, integer, numbers_of_gpus, threads
from isogram._arrays import as_sequence
from isogram._bandwidth import zero_median
from isogram._entries import result_dtype, type_name
from isogram._errors import errors_of, remarks_on_range, warn
from isogram._host import rsm as on_host
from isogram._host.place import HOST
from isogram._host.rsm import Facts
from isogram._place import place_with
from isogram._plans.arguments import require_on_host
from isogram._plans.blocks import BlocksPlan
from isogram._tokens.arguments import (
    Inputs,
    check_median,
    check_precision,
    check_sides,
    kernels_of,
    matching_of,
    outputs_of,
    rank_of,
    remarks_on_axes,
)
from isogram._tokens.axes import reduced
from isogram._tokens.job import Job, Matching, Pairs, Rank
from isogram._tokens.samples import Samples
from isogram._types import Bandwidth, Report
from isogram._walk.description import InputSpec
from isogram._walk.plan import Reduced
from isogram._walk.tiles import Tile, cut, length
from isogram.typing import BandwidthLike

# The masks of both sides.
Masks: TypeAlias = tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None]


@dataclass(frozen=True, eq=False, repr=False)
class RsmPlan(BlocksPlan):
    """How an RSM is computed tile by tile.

    A part has blocks of linear and cosine entries, and of distances, which `reduce()` makes RBF
    entries of.

    Attributes
    ----------
    rank : int or None
        How many axes the matching sees; None: all channels.
    masks : pair of arrays or None
        Which tokens of both sides count, (n, s) booleans, where a mask keeps not only leading ones.
    mean_loss : float or None
        Of rank "auto": how much entries of the cosine kernel lie below the optimum on average,
        measured on a sample of pairs, the loss of a narrow precision included.
    gpus : tuple of int
        Numbers of the GPUs that compute a tile, on whatever machine; empty: the host computes it.
    """

    matching: Matching
    facts: Facts
    layout: str
    normalize: str
    kernels: tuple[str, ...]
    is_single: bool
    bandwidth: Bandwidth
    masks: Masks
    mean_loss: float | None  # measured for rank "auto"
    gpus: tuple[int, ...]

    def _finished(self, matrices: Mapping[str, NDArray[Any]]) -> Reduced:
        """Return the RSM, or a dict of RSMs by kernel."""
        if "distance" in matrices:
            self._make_rbf(matrices["distance"])
        remarks = []
        if "linear" in matrices:
            remarks = remarks_on_range(self.operation, matrices["linear"])
        results = dict(zip(self.kernels, matrices.values(), strict=True))
        return results[self.kernels[0]] if self.is_single else results, remarks

    def _make_rbf(self, distances: NDArray[Any]) -> None:
        """Make RBF entries of distances."""
        exponent, is_symmetric = self.facts[2], self._is_symmetric
        with errors_of(self.operation):
            if not on_host.finish_rbf(
                distances, self.bandwidth, exponent, is_symmetric=is_symmetric
            ):
                raise zero_median(self.operation, "pairs of inputs")

    @property
    def _is_entrywise(self) -> bool:
        """Whether entries do not depend on the median of all distances."""
        return "distance" not in self._names or not self.bandwidth.of_median

    def _fingerprints(self, checked: Pairs) -> dict[str, str]:
        return {
            spec.name: side.fingerprint
            for spec, side in zip(self.inputs, checked.sides, strict=True)
        }

    @property
    def rank(self) -> int | None:
        """How many axes the matching sees; None: all channels."""
        return None if self.matching.axes is None else len(self.matching.axes)

    _is_written = False

    @property
    def _names(self) -> tuple[str, ...]:
        return outputs_of(self.kernels)

    def _checked(self, *inputs: Any) -> tuple[Pairs, tuple[InputSpec, ...]]:
        sides = [
            (side, None if isinstance(side, list | tuple) else spec.tokens)
            for side, spec in zip(map(as_sequence, inputs), self.inputs, strict=True)
        ]
        (tokens, lengths), (other, other_lengths) = (*sides, (None, None), (None, None))[:2]
        sides_of = (tokens, other, lengths, other_lengths, self.layout, *self.masks)
        return checked_on_host(self.operation, Inputs(*sides_of, normalize=self.normalize))

    def _read_bytes(self, tile: Tile) -> int:
        """Return the bytes of the tokens that a tile reads."""
        total = 0
        for spec, spans in zip(self.inputs, self._spans(tile), strict=True):
            for span in spans:
                entries = length(span) * spec.row
                if spec.tokens is not None:
                    entries = sum(spec.tokens[span]) * self._channels
                total += entries * spec.itemsize
        return total

    def _packed_bytes(self, tile: Tile) -> int:
        """Return the most bytes that the core takes for the tile's tokens and their matching."""
        rows, cols = tile.shape
        return _core.rsm_tile_bytes(
            **self.matching.for_core(),
            plan=self.facts,
            is_float64=self.dtype == "float64",
            channels=self._channels,
            rows=rows,
            cols=cols,
            has_distances="distance" in self._names,
            is_listed=False,
            num_threads=0,
        )

    def _copied_bytes(self, tile: Tile) -> int:
        """Return the bytes of tokens that are copied, to be read or as the core takes them."""
        are_copied = any(spec.buffered is not None for spec in self.inputs)
        return self._read_bytes(tile) if are_copied else 0

    @property
    def _channels(self) -> int:
        return self.inputs[0].shape[1 if self.layout == "nchw" else -1]

    def _arrays(self, checked: Pairs) -> dict[str, NDArray[Any]]:
        return checked.sources

    def _part(
        self, tile: Tile, inputs: Pairs, num_threads: int, progress: Report
    ) -> dict[str, Any]:
        dtype = np.dtype(self.dtype)
        gpus = tuple(gpus_of(self.operation, self.gpus or None, HOST))
        job = Job(inputs, self.matching, self._names, dtype, HOST, gpus, workers=num_threads)
        return place_with(gpus, HOST).rsm_part(job, self.facts, tile, progress)


def checked_on_host(function: str, inputs: Inputs) -> tuple[Pairs, tuple[InputSpec, ...]]:
    """Return checked inputs, which have to lie in the memory of the host, and describe them."""
    pairs = inputs.checked(function)
    require_on_host(function, pairs.sources)
    return pairs, tuple(map(described, pairs.sides))


def described(samples: Samples) -> InputSpec:
    """Describe inputs; a sequence by its inputs, all of their tokens, and its channels."""
    dtype = result_dtype(*samples.sources) if samples.layout is None else samples.sources[0].dtype
    shape, tokens = samples.sources[0].shape, None
    if samples.layout is None:
        shape = (len(samples), int(samples.tokens.sum()), samples.channels)
    if samples.layout is None or samples.lengths is not None:
        tokens = tuple(samples.tokens.tolist())
    name, dtype_name = samples.name, type_name(dtype)
    return InputSpec(name, shape, dtype_name, tokens, samples.buffered)


# Inputs on a side of a tile: seconds of work, and tokens that fit in memory beside others.
_TILE = 512


def plan_semantic_rsm(
    tokens: Any,
    other: Any = None,
    *,
    kernel: Any = "cosine",
    normalize: str = "input",
    matching: str = "exact",
    window: int | None = None,
    topk: int | None = None,
    precision: str = "float32",
    rank: int | str | None = None,
    mean_loss: float | None = None,
    layout: str = "nsc",
    lengths: Any = None,
    other_lengths: Any = None,
    mask: Any = None,
    other_mask: Any = None,
    bandwidth: BandwidthLike = "median",
    gpus: int | Sequence[int] | None = None,
    tile: int = _TILE,
    num_threads: int | None = None,
) -> RsmPlan:
    """Return the plan of `semantic_rsm`."""
    chosen = matching_of(matching, window, topk, precision)
    inputs = Inputs(tokens, other, lengths, other_lengths, layout, mask, other_mask, normalize)
    of_rank = rank_of(chosen, rank, mean_loss)
    call = _Call("semantic_rsm", gpus, tile, num_threads)
    return _plan(call, inputs, kernel, chosen, of_rank, bandwidth)


def plan_spatial_rsm(
    tokens: Any,
    other: Any = None,
    *,
    kernel: Any = "cosine",
    normalize: str = "input",
    layout: str = "nsc",
    lengths: Any = None,
    other_lengths: Any = None,
    bandwidth: BandwidthLike = "median",
    gpus: int | Sequence[int] | None = None,
    tile: int = _TILE,
    num_threads: int | None = None,
) -> RsmPlan:
    """Return the plan of `spatial_rsm`."""
    inputs = Inputs(tokens, other, lengths, other_lengths, layout, normalize=normalize)
    call = _Call("spatial_rsm", gpus, tile, num_threads)
    return _plan(call, inputs, kernel, Matching("none"), None, bandwidth)


class _Call(NamedTuple):
    """Arguments that say how to compute, not what."""

    function: str
    gpus: Any
    tile: Any
    num_threads: Any


def _plan(
    call: _Call,
    inputs: Inputs,
    kernel: Any,
    matching: Matching,
    rank: Rank | None,
    bandwidth: Any,
) -> RsmPlan:
    function = call.function
    kernels, width = kernels_of(function, kernel), bandwidth_of(function, bandwidth)
    edge = integer(function, "tile", call.tile, 1)
    gpus = numbers_of_gpus(function, call.gpus)
    workers = threads(function, call.num_threads)
    pairs, specs = checked_on_host(function, inputs.listed())
    warn(remarks_on_axes(function, pairs), stacklevel=4)
    check_median(function, pairs, kernels, width)
    check_sides(function, pairs, matching)
    dtype = result_dtype(*pairs.sources.values())
    check_precision(function, matching, dtype)
    job = Job(pairs, matching, outputs_of(kernels), dtype, HOST, workers=workers)
    with errors_of(function):
        job, mean_loss = reduced(job, rank)
        facts = on_host.survey(job)
    return RsmPlan(
        function,
        tuple(cut(pairs.shape, (edge, edge), is_upper=pairs.is_symmetric)),
        specs,
        dtype.name,
        job.matching,
        facts,
        inputs.layout,
        inputs.normalize,
        kernels,
        isinstance(kernel, str),
        width,
        (pairs.rows.mask, None if pairs.cols is None else pairs.cols.mask),
        mean_loss,
        gpus,
    )
