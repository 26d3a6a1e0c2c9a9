"""RSMs of sets of tokens on the host: all pairs at once, or in bands that fit in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arithmetic import usual_arithmetic
from isogram._bandwidth import scaled_bandwidth
from isogram._entries import copy_into
from isogram._errors import PlaceError, changed_input
from isogram._host.features import above_diagonal
from isogram._tokens.job import Job, Matching, Pairs, by_output, not_finite
from isogram._tokens.listed import ListedTiles
from isogram._tokens.samples import Samples
from isogram._types import Bandwidth, Report
from isogram._walk.run import HostWorker, run
from isogram._walk.sinks import ArraySink
from isogram._walk.tiles import Tile, cut, spans

# Bytes of tokens that a survey reads at a time.
_AT_ONCE = 2**26

# The most tokens of an input, whether inputs are centred, and the exponent of distances: found from
# all inputs, as they decide the bits of every pair.
Facts: TypeAlias = tuple[int, bool, int]


def rsm(job: Job, results: Mapping[str, NDArray[Any]], report: Report) -> int:
    """See `Place`."""
    shape = job.pairs.shape
    edge = _edge(job)
    if job.listed is None and edge >= max(shape):
        return entries(job, job.pairs, results, report)
    facts = survey(job)
    if job.listed is not None:
        return listed(job, facts, results, report)
    tiles = tuple(cut(shape, (edge, edge), is_upper=job.pairs.is_symmetric))
    sink = ArraySink(results, is_symmetric=job.pairs.is_symmetric)
    run(_Bands(tiles, job.pairs), [HostWorker(_Tiles(job, facts).compute)], sink, report)
    return facts[2]


def listed(job: Job, facts: Facts, results: Mapping[str, NDArray[Any]], report: Report) -> int:
    """Write the entries of the listed pairs by facts of all inputs; return distances' exponent."""
    assert job.listed is not None
    edge = _edge(job)
    tiles = tuple(cut(job.pairs.shape, (edge, edge), is_upper=job.pairs.is_symmetric))
    pairs = ListedTiles(tiles, job.pairs, job.listed)
    run(pairs, [HostWorker(partial(_listed, job, facts, pairs))], pairs.sink(results), report)
    return facts[2]


def survey(job: Job) -> Facts:
    """Return the facts of all inputs; the tokens are read only to find the unit of distances."""
    if "distance" not in job.outputs:
        return planned(job)
    if not any(side.are_unread for side in job.pairs.sides):
        return _survey(job, job.pairs)
    units = [_survey(job, part)[2] for part in _parts(job.pairs) if _has_norm(part)]
    return *planned(job)[:2], max(units, default=0)


def _survey(job: Job, pairs: Pairs) -> Facts:
    """Return the facts of some of the inputs."""
    try:
        return _core.plan_rsm(
            *pairs.for_core(),
            **job.matching.for_core(),
            is_float64=job.dtype == np.float64,
            num_threads=job.workers,
        )
    except _core.NotFiniteToken as error:
        raise _named(pairs, error) from None


def _parts(pairs: Pairs) -> Iterator[Pairs]:
    """Yield the inputs of both sides, read some at a time."""
    for side in pairs.sides:
        of_input = side.positions * side.channels * side.sources[0].dtype.itemsize
        for span in spans(len(side), max(1, _AT_ONCE // of_input)):
            yield Pairs(side.rows(span), None)


def _has_norm(part: Pairs) -> bool:
    """Whether not all tokens are 0, which have no norm that would count for the unit."""
    return any(bool(np.any(source)) for source in part.rows.sources)


def planned(job: Job, largest_norm: int | None = None) -> Facts:
    """Return the facts of all inputs, from their numbers of tokens and the largest norm.

    That norm is below 2^largest_norm and not below half of it; without distances it is not asked
    for.
    """
    counts = np.concatenate([side.tokens for side in job.pairs.sides])
    return planned_for(job.matching, job.dtype, counts, largest_norm)


def planned_for(
    matching: Matching,
    dtype: np.dtype[Any],
    counts: NDArray[np.int64],
    largest_norm: int | None = None,
) -> Facts:
    """Return the facts of inputs with some numbers of tokens, as planned()."""
    return _core.plan_of_facts(
        **matching.for_core(),
        is_float64=dtype == np.float64,
        fewest=int(counts.min()),
        most=int(counts.max()),
        largest_norm=largest_norm,
    )


def part(job: Job, facts: Facts, tile: Tile, report: Report) -> dict[str, NDArray[Any]]:
    """Return the blocks of one tile."""
    return _Tiles(job, facts).compute(tile, report)


class _Tiles:
    """Computes tiles by the facts of all inputs.

    The rows of a tile stay packed until a tile with other rows is asked for.
    """

    def __init__(self, job: Job, facts: Facts) -> None:
        """Begin without rows."""
        self._job, self._facts = job, facts
        self._packed: tuple[slice, _core.PackedRows] | None = None

    def compute(self, tile: Tile, report: Report) -> dict[str, NDArray[Any]]:
        """Return the blocks of one tile."""
        job = self._job
        blocks = {name: np.empty(tile.shape, job.dtype) for name in job.outputs}
        pairs = job.pairs.of(tile)
        try:
            rows = self._packed_rows(tile.rows, pairs.rows)
            _core.semantic_rsm_tile(
                rows, *pairs.cols_for_core(), **_outputs(job, blocks), progress=report
            )
        except _core.NotFiniteToken as error:
            raise _named(pairs, error) from None
        return blocks

    def _packed_rows(self, span: slice, rows: Samples) -> _core.PackedRows:
        if self._packed is None or self._packed[0] != span:
            self._packed = None  # before others take their memory
            packed = _core.PackedRows(
                *rows.as_tokens(),
                **self._job.matching.for_core(),
                plan=self._facts,
                is_float64=self._job.dtype == np.float64,
                num_threads=self._job.workers,
            )
            self._packed = span, packed
        return self._packed[1]


def _listed(
    job: Job, facts: Facts, listed: ListedTiles, tile: Tile, progress: Report
) -> dict[str, NDArray[Any]]:
    """Return the entries of the listed pairs of a tile."""
    pairs, of_tile = job.pairs.of(tile), listed.within(tile)
    vectors = {name: np.empty((len(of_tile), 1), job.dtype) for name in job.outputs}
    try:
        _core.semantic_rsm_pairs(
            *pairs.for_core(),
            *of_tile,
            plan=facts,
            **(job.matching.for_core() | _outputs(job, vectors)),
            progress=progress,
        )
    except _core.NotFiniteToken as error:
        raise _named(pairs, error) from None
    return {name: vector[:, 0] for name, vector in vectors.items()}


def entries(job: Job, pairs: Pairs, results: Mapping[str, NDArray[Any]], report: Report) -> int:
    """Write all entries of some pairs, by facts of their own; return distances' exponent."""
    try:
        return _core.semantic_rsm(
            *pairs.for_core(), **(job.matching.for_core() | _outputs(job, results)), progress=report
        )
    except _core.NotFiniteToken as error:
        raise _named(pairs, error) from None


def _outputs(job: Job, results: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return where to write, as the core takes it, and how many threads do."""
    return by_output(results) | {"num_threads": job.workers}


def _named(pairs: Pairs, error: _core.NotFiniteToken) -> PlaceError:
    samples = pairs.rows if error.inputs == "tokens" else pairs.sides[-1]
    return not_finite(samples, error.index, error.value)


class _Bands(NamedTuple):
    """The tiles of a walk over bands of inputs."""

    tiles: tuple[Tile, ...]
    all_pairs: Pairs

    def pairs(self, tile: Tile) -> int:
        return self.all_pairs.count(tile)


# Memory -------------------------------------------------------------------------------------------


def _edge(job: Job) -> int:
    """Return the number of inputs in the largest bands that fit: all, if they fit."""
    most = max(job.pairs.shape)
    if job.memory_limit is None:
        return most
    facts = planned(job)
    if tile_bytes(job, facts, *job.pairs.shape, is_whole=True) <= job.memory_limit:
        return most
    needed = tile_bytes(job, facts, 1, 1)
    if needed > job.memory_limit:
        raise PlaceError(
            MemoryError,
            f"1 x 1 inputs at a time would take {needed} bytes, more than the {job.memory_limit} "
            "that may be taken: allow more by `memory_limit`, or use fewer tokens or threads",
        )
    fits, least_beyond = 1, most
    while least_beyond - fits > 1:
        edge = (fits + least_beyond) // 2
        if tile_bytes(job, facts, edge, edge) <= job.memory_limit:
            fits = edge
        else:
            least_beyond = edge
    return fits


def tile_bytes(job: Job, facts: Facts, rows: int, cols: int, *, is_whole: bool = False) -> int:
    """Return the most bytes that a tile of `rows` by `cols` inputs takes.

    With `is_whole` the tile is all there is, and is written to the results, not to blocks.
    """
    count = rows * cols if job.listed is None else len(job.listed)
    blocks = 0 if is_whole else count * job.dtype.itemsize * len(job.outputs)
    copied = sum(
        min(count, len(side)) * side.copied_bytes
        for count, side in zip((rows, cols), (job.pairs.rows, job.pairs.sides[-1]), strict=True)
    )
    return (
        blocks
        + copied
        + _core.rsm_tile_bytes(
            **job.matching.for_core(),
            plan=facts,
            is_float64=job.dtype == np.float64,
            channels=job.pairs.rows.channels,
            rows=min(rows, job.pairs.shape[0]),
            cols=0 if is_whole and job.pairs.is_symmetric else min(cols, job.pairs.shape[1]),
            has_distances="distance" in job.outputs,
            is_listed=job.listed is not None,
            num_threads=job.workers,
        )
    )


# RBF ----------------------------------------------------------------------------------------------


def rbf_from_distances(
    job: Job, distances: NDArray[Any], bandwidth: Bandwidth, exponent: int
) -> bool:
    """See `Place`."""
    is_symmetric = job.pairs.is_symmetric
    if job.listed is not None:
        distances = distances[:, np.newaxis]  # the core takes matrices
    return finish_rbf(
        distances, bandwidth, exponent, is_symmetric=is_symmetric, workers=job.workers
    )


def finish_rbf(
    distances: NDArray[Any],
    bandwidth: Bandwidth,
    exponent: int,
    *,
    is_symmetric: bool,
    workers: int = 0,
) -> bool:
    """Make RBF entries of distances; unlike rbf_from_distances(), without the tokens."""
    width = scaled_bandwidth(bandwidth.number, -exponent)
    if bandwidth.of_median:
        median = _median(distances, is_symmetric, workers)
        if median is None:
            return False
        width = median
        if bandwidth.number != 1:
            width = scaled_bandwidth(bandwidth.number * median, 0)
    _core.rbf_from_distances(distances, bandwidth=width, num_threads=workers)
    return True


@usual_arithmetic()
def _median(distances: NDArray[Any], is_symmetric: bool, workers: int) -> float | None:
    """Return the root of the median squared distance of different inputs, None where it is 0."""
    values = above_diagonal(distances) if is_symmetric else _flat(distances)
    median = _core.root_median_square(values, num_threads=workers)
    if math.isnan(median):
        raise changed_input("tokens")
    return median if median > 0 else None  # here, where denormal numbers are not 0


def _flat(matrix: NDArray[Any]) -> NDArray[Any]:
    """Return all entries, in any order."""
    if matrix.flags.forc:
        return matrix.ravel("K")
    values = np.empty(matrix.shape, matrix.dtype)
    copy_into(values, matrix)
    return values.ravel()
