"""RSMs of sets of tokens on GPUs.

Inputs come in bands that fit in memory; pairs of bands are tiles of the result, which GPUs share;
and a tile is walked in blocks of pairs, as many as keep all of a GPU busy. Blocks take turns on two
streams, so that one is multiplied while the other is matched.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._bandwidth import scaled_bandwidth
from isogram._device.bandwidth import root_median_square
from isogram._device.device import Device, DeviceArray, Mark
from isogram._device.rsm_bands import Band, Summary, fetched
from isogram._device.rsm_lanes import LANES, Target, lane_for
from isogram._device.rsm_plan import BlockPlan, Side
from isogram._device.tiles import upper_triangle
from isogram._entries import extremes, parts_of
from isogram._errors import PlaceError
from isogram._host import rsm as on_host
from isogram._host.rsm import Facts
from isogram._protocols import Place
from isogram._tokens.job import Job, Pairs
from isogram._tokens.samples import Samples
from isogram._types import Bandwidth, Report
from isogram._walk.run import Tell, run
from isogram._walk.sinks import ArraySink
from isogram._walk.tiles import Tile, cut, spans

_SUMMARISED = 256  # inputs at a time, where they are not packed
_MOST = 0.9  # of the memory that is free
_HELD = 3  # bands at least: the two of a tile, and one of the tile before that is still in use
_ARRIVING = 4  # bands at least, of tokens on the host


def rsm(
    job: Job,
    results: Mapping[str, NDArray[Any]],
    report: Report,
) -> int:
    """See `Place`. `report` is told of blocks as they are queued."""
    if job.listed is not None:
        return _by_the_host(job, results, report)
    _check_sizes(job)
    return _by_facts(job, _survey(job), results, report)


def part(job: Job, facts: Facts, tile: Tile, report: Report) -> dict[str, NDArray[Any]]:
    """See `Place`. Products are of the tile's own blocks: other tiles round them otherwise."""
    of_tile = job._replace(pairs=job.pairs.of(tile))
    _check_sizes(of_tile)
    blocks = {name: np.empty(tile.shape, job.dtype) for name in job.outputs}
    _by_facts(of_tile, facts, blocks, report)
    return blocks


def _by_facts(job: Job, facts: Facts, results: Mapping[str, NDArray[Any]], report: Report) -> int:
    """Write the entries of all pairs of a job, whose facts may be of more inputs than its own."""
    plan = BlockPlan(job, facts)
    bands = bands_of(plan)
    sink = _SinkAtHome(job, results)
    with ExitStack() as stack:
        workers = [_Worker(gpu, plan, bands.held, results, stack) for gpu in job.gpus]
        run(bands, workers, sink, report)
    if plan.exponent and "linear" in results:
        _multiply(results["linear"], 2 * plan.exponent, job.home)
    if "distance" in results:
        with job.home.entered():
            _match_marked_again(job, plan.exponent, results["distance"])
    return plan.exponent


def _by_the_host(job: Job, results: Mapping[str, NDArray[Any]], report: Report) -> int:
    """Let the host compute the entries of a list of pairs, from copies of the tokens."""
    copied = job._replace(pairs=job.pairs.on_host(job.home), gpus=())
    found = {name: np.empty(vector.shape, vector.dtype) for name, vector in results.items()}
    exponent = on_host.rsm(copied, found, report)
    with job.home.entered():
        for name, vector in found.items():
            results[name][...] = job.home.xp.asarray(vector)
    return exponent


def rbf_from_distances(
    device: Device, job: Job, distances: DeviceArray, bandwidth: Bandwidth, exponent: int
) -> bool:
    """See `Place`. NaN throughout where the median is 0."""
    xp = device.xp
    if bandwidth.of_median:
        width = _median(device, distances, job.pairs.is_symmetric)
        width = bandwidth.number * xp.where(width == 0, np.nan, width)
    else:
        width = xp.asarray(scaled_bandwidth(bandwidth.number, -exponent), np.float64)
    # By two factors, each within the range of the distances' type.
    largest = float(np.finfo(distances.dtype).max)
    inverse = xp.minimum(math.sqrt(0.5) / width, largest)
    xp.multiply(distances, inverse.astype(distances.dtype), out=distances)
    xp.multiply(distances, -distances, out=distances)
    xp.exp(distances, out=distances)
    return True


def _median(device: Device, distances: DeviceArray, is_symmetric: bool) -> DeviceArray:
    if is_symmetric:
        return root_median_square(device, upper_triangle(device, distances))
    return root_median_square(device, distances.astype(np.float64).ravel())


def _check_sizes(job: Job) -> None:
    """Raise the error for more tokens than the kernels can match."""
    kernels, matching = job.gpus[0].kernels, job.matching
    for samples in job.pairs.sides:
        tokens, most = int(samples.tokens.max()), kernels.most_matched()
        at_once = min(matching.window_or_k, tokens) if matching.name == "window" else tokens
        if matching.name != "none" and at_once > most:
            raise PlaceError(
                ValueError,
                f"`{samples.name}` must have at most {most} tokens an input to match on a GPU, "
                f"got {at_once}",
            )
    most = kernels.most_byte_channels()
    if matching.precision == "int8" and job.seen > most:
        seen = "channels" if matching.axes is None else "axes"
        raise PlaceError(
            ValueError,
            f"`precision` must not be 'int8' for more than {most} {seen} on a GPU, "
            f"got {job.seen} {seen}",
        )


# The unit of distances ----------------------------------------------------------------------------


def _survey(job: Job) -> Facts:
    """Return the facts of all inputs, as the host's survey does."""
    device = job.home.device
    if device is None or "distance" not in job.outputs:
        return on_host.survey(job)
    with device.entered():
        return on_host.planned(job, _largest_norm(device, job))


@usual_arithmetic()
def _largest_norm(device: Device, job: Job) -> int | None:
    """Return the exponent of the largest norm of an input, None where all are 0; waits for it."""
    found: list[int] = []
    for samples in job.pairs.sides:
        for span in spans(len(samples), _SUMMARISED):
            tokens = fetched(device, job.home, samples, span)
            lengths = device.copy_of(samples.tokens[span].astype(np.int32))
            summary = Summary(device, samples, span, tokens, lengths)
            squares = device.to_host(summary.squared_norms)
            _, of_norms = np.frexp(np.sqrt(squares))
            found.extend((of_norms + device.to_host(summary.exponents))[squares > 0])
    return int(max(found)) if found else None


@usual_arithmetic()
def _multiply(products: NDArray[Any], exponent: int, home: Place) -> None:
    """Multiply the products by 2^exponent, where they lie."""
    with home.entered():
        for part in [...] if home.device else parts_of(products.shape):
            home.xp.ldexp(products[part], np.int32(exponent), out=products[part])


# Pairs that the host matches ----------------------------------------------------------------------


def _match_marked_again(job: Job, exponent: int, distances: NDArray[Any]) -> None:
    """Replace the distances that a GPU marked by a minus sign by those of the host.

    Their tokens may be mismatched.
    """
    pairs, home = job.pairs, job.home
    least = distances.min() if home.device else extremes(distances)[0]
    if least >= 0:
        return
    sides = [side.on_host(home).split() for side in pairs.sides]
    rows, cols = sides[0], sides[-1]
    for i, tokens in enumerate(rows):
        marked = np.flatnonzero(home.to_host(distances[i]) < 0)
        if pairs.is_symmetric:
            marked = marked[marked > i]
        if not marked.size:
            continue
        found = np.empty((1, marked.size), job.dtype)
        row = Samples(pairs.rows.name, [tokens], None, None, i)
        others = Samples(pairs.sides[-1].name, [cols[j] for j in marked], None, None)
        of_host = on_host.entries(job, Pairs(row, others), {"distance": found}, None)
        np.ldexp(found, np.int32(of_host - exponent), out=found)
        where, values = map(home.xp.asarray, (marked, found[0]))
        distances[i, where] = values
        if pairs.is_symmetric:
            distances[where, i] = values


# Bands --------------------------------------------------------------------------------------------


class Bands(NamedTuple):
    """The tiles of a walk: all pairs of bands, or those on and above the diagonal."""

    plan: BlockPlan
    shape: tuple[int, int]  # inputs of the largest bands
    held: int  # how many bands a GPU can hold

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The blocks of the result."""
        return tuple(cut(self.plan.shape, self.shape, is_upper=self.plan.is_one_set))

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs of a tile are matched."""
        return self.plan.job.pairs.count(tile)


def bands_of(plan: BlockPlan) -> Bands:
    """Return the largest bands that fit.

    Bands consist of whole blocks. There are enough for all GPUs to have their share, and for tokens
    of the host to arrive while others are matched.
    """
    job, gpus = plan.job, plan.job.gpus
    limit = job.memory_limit
    if limit is None:
        limit = int(_MOST * min(_free_bytes(gpu) for gpu in gpus))
    blocks = [-(-size // edge) for size, edge in zip(plan.shape, plan.block, strict=True)]
    least = 2 * len(gpus) if len(gpus) > 1 else 1 if job.home.device else _ARRIVING
    for count in range(min(least, max(blocks)), max(blocks) + 1):
        in_blocks = [-(-number // count) for number in blocks]
        rows, cols = (k * edge for k, edge in zip(in_blocks, plan.block, strict=True))
        bands = -(-blocks[0] // in_blocks[0])
        if not plan.is_one_set:
            bands += -(-blocks[1] // in_blocks[1])
        of_band, of_all_else = _bytes_for(plan, rows, cols)
        needed = of_all_else + min(bands, _HELD) * of_band
        if needed <= limit:
            return Bands(plan, (rows, cols), min(bands, (limit - of_all_else) // of_band))
    raise PlaceError(
        MemoryError,
        f"{rows} x {cols} inputs at a time would take {needed} bytes of a GPU, more than the "
        f"{limit} that may be taken: allow more by `memory_limit`, or use fewer tokens",
    )


def _bytes_for(plan: BlockPlan, rows: int, cols: int) -> tuple[int, int]:
    """Return the bytes of the larger band of a tile, and of everything beside the bands."""
    n, m = min(rows, plan.shape[0]), min(cols, plan.shape[1])

    def larger(of_input: Callable[[BlockPlan, Side], int]) -> int:
        return max(n * of_input(plan, plan.rows), m * of_input(plan, plan.cols))

    tiles = (1 if (n, m) == plan.shape else 2) * Target.bytes_for(plan, n, m)
    lanes = LANES * lane_for(plan).bytes_for(plan)
    arriving = larger(Band.arriving_bytes_for) + Band.coordinates_bytes_for(plan)
    return larger(Band.bytes_for), arriving + tiles + lanes


def _free_bytes(gpu: Device) -> int:
    with gpu.entered():
        return gpu.free


# The walk -----------------------------------------------------------------------------------------


class _SinkAtHome(ArraySink):
    """The results where they lie: on the host, or on a GPU."""

    def __init__(self, job: Job, results: Mapping[str, DeviceArray]) -> None:
        super().__init__(results, is_symmetric=job.pairs.is_symmetric)
        self._home = job.home

    def put(self, tile: Tile, part: Mapping[str, Any]) -> None:
        with self._home.entered():
            super().put(tile, part)


class _Worker:
    """One GPU: its streams, and the bands that it holds."""

    def __init__(
        self,
        device: Device,
        plan: BlockPlan,
        held_bands: int,
        results: Mapping[str, NDArray[Any]],
        stack: ExitStack,
    ) -> None:
        """Fork the GPU's stream into lanes, until `stack` is closed."""
        self._device, self._plan, self._results = device, plan, results
        self._held_bands = held_bands
        self._bands: OrderedDict[tuple[int, int], Band] = OrderedDict()
        stack.enter_context(device.entered())
        lane = lane_for(plan)
        streams = stack.enter_context(device.lanes(LANES))
        self._lanes = [lane(device, plan, stream) for stream in streams]
        self._turns = cycle(self._lanes)

    def begin(self, tile: Tile, tell: Tell) -> Callable[[], Any]:
        """Queue all blocks of a tile, and tell the number of pairs of each."""
        with self._device.entered():
            rows = self._band(self._plan.rows, tile.rows)
            cols = self._band(self._plan.cols, tile.cols)
            target = Target(self._device, self._plan, self._results, tile)
            self._begin()
            for block in self._plan.blocks(tile):
                of_rows, of_cols = rows.block(block.rows), cols.block(block.cols)
                next(self._turns).compute(of_rows, of_cols, target, block)
                tell(self._plan.pairs_of(tile, block))
            target.done = rows.last_uses = cols.last_uses = self._marks()
            return target.part

    def _begin(self) -> None:
        """Let the lanes wait until the memory that they read and write is ready."""
        mark = self._device.mark()
        for lane in self._lanes:
            with lane.stream:
                self._device.wait(mark)

    def _marks(self) -> list[Mark]:
        """Return the moments at which the lanes have done all that is queued."""
        marks = []
        for lane in self._lanes:
            with lane.stream:
                marks.append(self._device.mark())
        return marks

    def _band(self, side: Side, span: slice) -> Band:
        """Return a band: one that is held, or a new one in place of the least recently used."""
        key = (id(side), span.start)
        if key not in self._bands:
            while len(self._bands) >= self._held_bands:
                self._drop(self._bands.popitem(last=False)[1])
            self._bands[key] = Band(self._device, self._plan, side, span)
        self._bands.move_to_end(key)
        return self._bands[key]

    def _drop(self, band: Band) -> None:
        """Let later work wait for a band's last blocks, before its memory is used again."""
        for mark in band.last_uses:
            self._device.wait(mark)
