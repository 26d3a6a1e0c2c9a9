"""RSMs of sets of tokens on GPUs.

Inputs come in bands that fit in memory; pairs of bands are tiles of the result, which GPUs share;
and a tile is walked in blocks of pairs, as many as keep all of a GPU busy. Blocks take turns on two
streams, so that one is multiplied while the other is matched.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arrays import widened
from isogram._device.bandwidth import root_median_square
from isogram._device.device import Device, DeviceArray, Mark
from isogram._device.results import unset_index
from isogram._device.rsm_plan import LANES, Job, Plan, Side
from isogram._samples import Samples
from isogram._walk.tiles import Tile, spans

_DEPTH = 1024  # of products of whole inputs that are summed up as floats
_SUMMARISED = 256  # inputs at a time, where they are not packed


class NotFinite(ValueError):
    """A NaN or an infinity among the tokens: which samples', at (input, token, channel)."""

    def __init__(self, samples: Samples, index: tuple[int, int, int], value: float) -> None:
        super().__init__(f"{value} at {index} of `{samples.name}`")
        self.samples, self.index, self.value = samples, index, value


def rsm(
    gpus: Sequence[Device],
    job: Job,
    results: Mapping[str, NDArray[Any]],
    report: Callable[[int, int], object] | None,
) -> None:
    """Write linear and cosine entries, distances and losses: those that `results` has.

    They lie where the tokens do. `report` is told of blocks as they are queued. Distances with a
    minus sign are those that the host is to compute: their tokens may be mismatched.
    """
    plan = Plan(gpus, job)
    done = 0

    def tell(pairs: int) -> None:
        nonlocal done
        done += pairs
        if report is not None:
            report(done, plan.pairs)

    with ExitStack() as stack:
        workers = [_Worker(gpu, plan, results, stack) for gpu in gpus]
        undelivered: deque[_Target] = deque()
        for number, tile in enumerate(plan.tiles()):
            undelivered.append(workers[number % len(workers)].queue(tile, tell))
            if len(undelivered) > len(workers):  # so that each has another to work on
                undelivered.popleft().deliver()
        for target in undelivered:
            target.deliver()


def largest_exponent(device: Device, sets: Sequence[Samples]) -> int:
    """Return the exponent of the largest magnitude of all, 0 where it is moderate; waits for it."""
    found: list[int] = []
    for samples in sets:
        for span in spans(samples.count, _SUMMARISED):
            tokens = _fetched(device, device, samples, span)
            lengths = device.copy_of(samples.tokens[span].astype(np.int32))
            summary = _Summary(device, samples, span, tokens, lengths)
            is_zero = device.to_host(summary.squared_norms) == 0
            found.extend(device.to_host(summary.exponents)[~is_zero])
    return int(max(found, default=0))


def rbf_from_distances(
    device: Device, distances: DeviceArray, bandwidth: float | None, *, is_symmetric: bool
) -> None:
    """Turn distances into RBF entries; None: by their median, NaN throughout where it is 0.

    Of a symmetric matrix the median is that of the entries above the diagonal.
    """
    xp = device.xp
    if bandwidth is None:
        width = _median(device, distances, is_symmetric)
        width = xp.where(width == 0, np.nan, width)
    else:
        width = xp.asarray(bandwidth, np.float64)
    # In two factors, of which each is within the range of the distances' type.
    largest = float(np.finfo(distances.dtype).max)
    inverse = xp.minimum(math.sqrt(0.5) / width, largest)
    xp.multiply(distances, inverse.astype(distances.dtype), out=distances)
    xp.multiply(distances, -distances, out=distances)
    xp.exp(distances, out=distances)


def _median(device: Device, distances: DeviceArray, is_symmetric: bool) -> DeviceArray:
    n = len(distances)
    if is_symmetric:
        values = device.empty((n * (n - 1) // 2,))
        device.kernels.upper_triangle(device.stream, distances, values)
    else:
        values = distances.astype(np.float64).ravel()
    return root_median_square(device, values)


# Tokens -------------------------------------------------------------------------------------------


class _Summary:
    """What has to be known of inputs before they are packed."""

    def __init__(
        self,
        device: Device,
        samples: Samples,
        span: slice,
        tokens: DeviceArray,
        lengths: Any,
        *,
        is_centered: bool = False,
        leaves_out_huge: bool = False,
        has_bulk_norms: bool = False,
    ) -> None:
        """Summarise the tokens of a span of the samples, and wait to know that all are finite."""
        self._xp = device.xp
        n, _, channels = tokens.shape
        self.exponents = device.empty((n,), np.int32)
        self.squared_norms = device.empty((n,))
        self.means = device.empty((n, channels)) if is_centered else None
        self._means_left = device.empty((n, channels)) if leaves_out_huge else None
        self.bulk_norms = device.empty((n,)) if has_bulk_norms else None
        not_finite = device.empty((n,), np.int64)
        device.kernels.summarise_tokens(
            device.stream,
            tokens,
            lengths,
            self.exponents,
            self.squared_norms,
            self.means,
            not_finite,
            self._means_left,
            self.bulk_norms,
        )
        for i, entry in enumerate(device.to_host(not_finite)):
            if entry >= 0:
                token, channel = divmod(int(entry), channels)
                value = widened(device.to_host(tokens[i, token, channel : channel + 1]))
                raise NotFinite(samples, (span.start + i, token, channel), float(value[0]))

    def mean_factors(self) -> tuple[DeviceArray, DeviceArray]:
        """Return factors for rows and columns, whose products are what centring took off.

        Per token, <mean, mean'> of the tokens as they came, less that of the tokens as packed.
        """
        if self._means_left is None:
            return self.means, self.means
        left, means = self._means_left, self.means + self._means_left
        concatenate = self._xp.concatenate
        return concatenate([means, left], axis=1), concatenate([means, -left], axis=1)


class _Band:
    """Inputs on a GPU, packed."""

    def __init__(self, device: Device, plan: Plan, side: Side, span: slice) -> None:
        """Fetch, check and pack them."""
        self._device, self._plan, self._side = device, plan, side
        tokens = _fetched(device, plan.job.home, side.samples, span)
        lengths = None
        if side.is_ragged:
            lengths = device.copy_of(side.tokens[span].astype(np.int32))
        self._summary = _Summary(
            device,
            side.samples,
            span,
            tokens,
            lengths,
            is_centered=plan.is_centered,
            leaves_out_huge=plan.leaves_out_huge,
            has_bulk_norms=plan.marks_mismatches,
        )
        self._mean_factors = self._summary.mean_factors()
        self._counts = self._part_counts(span)
        self._tokens = (tokens, lengths) if plan.has_distances else None
        self._order: DeviceArray = None
        source = (device.stream, tokens, lengths, self._summary.exponents, self._summary.means)
        if plan.is_narrow:
            self._pack_rounded(source)
        else:
            self._pack(source)
        self._summary.exponents -= plan.job.exponent
        self._blocks: dict[int, _Block] = {}
        self.last_uses: list[Mark] = []

    def _part_counts(self, span: slice) -> DeviceArray | None:
        """Return the tokens of every part and input, where they are not the same for all."""
        if not self._side.is_ragged:
            return None
        counts = np.stack([part.counts[span] for part in self._side.parts])
        return self._device.copy_of(counts.astype(np.int32))

    def _pack(self, source: tuple[Any, ...]) -> None:
        device, plan, side, n = self._device, self._plan, self._side, len(source[1])
        order = None
        if plan.job.matching in ("window", "topk"):
            order = device.empty((n, side.most), np.int32)
            norms = device.empty((n, side.most))
            device.kernels.order_tokens(*source[:4], norms, order)
            self._order = order
        shape = (side.pieces, n, side.window, plan.stride)
        self._packed = device.empty(shape, plan.job.dtype)
        device.kernels.pack_tokens(*source, order, self._packed)
        self._multiplied = self._packed

    def _pack_rounded(self, source: tuple[Any, ...]) -> None:
        """Pack what is multiplied, and beside it what the matched pairs are scored with."""
        device, plan, side, n = self._device, self._plan, self._side, len(source[1])
        is_int8 = plan.job.precision == "int8"
        dtype = np.int8 if is_int8 else np.uint16
        self._packed = device.empty((1, n, side.most, plan.stride), np.float32)
        rounded = device.empty((n, side.most, plan.narrow_stride), dtype)
        self._scales: DeviceArray = None
        if is_int8:
            self._scales = device.empty((n, side.most), np.float32)
        self._rounded_norms = device.empty((n, 4))
        device.kernels.round_tokens(
            *source, plan.job.precision, self._packed, rounded, self._scales, self._rounded_norms
        )
        self._multiplied = rounded[None]

    def block(self, span: slice) -> _Block:
        """Return some of the inputs; the next time they are at hand."""
        if span.start not in self._blocks:
            self._blocks[span.start] = self._new_block(span)
        return self._blocks[span.start]

    def _new_block(self, span: slice) -> _Block:
        kernels, summary, side = self._device.kernels, self._summary, self._side
        array, n = kernels.Array, span.stop - span.start
        of_rows, of_cols = self._mean_factors
        counts = [None] * len(side.parts)
        if self._counts is not None:
            counts = [array(of_part[span]) for of_part in self._counts]
        is_narrow, is_int8 = self._plan.is_narrow, self._plan.job.precision == "int8"
        depth = self._multiplied.shape[3] * (side.window if self._plan.is_unmatched else 1)
        return _Block(
            n,
            [piece[span].reshape(-1, depth) for piece in self._multiplied],
            [
                kernels.Extent(n, side.window, part.begin, part.size, of_part)
                for part, of_part in zip(side.parts, counts, strict=True)
            ],
            None if of_rows is None else of_rows[span],
            None if of_cols is None else of_cols[span],
            kernels.RsmSide(
                array(summary.exponents[span]),
                array(summary.squared_norms[span]),
                rounded_norms=array(self._rounded_norms[span]) if is_narrow else None,
                bulk_norms=None if summary.bulk_norms is None else array(summary.bulk_norms[span]),
            ),
            array(self._scales[span].reshape(-1)) if is_int8 else None,
            array(self._packed[0, span]) if is_narrow else None,
            self._source(span),
        )

    def _source(self, span: slice) -> Any:
        if self._tokens is None:
            return None
        tokens, lengths = self._tokens
        return self._device.kernels.Source(
            tokens[span],
            None if lengths is None else lengths[span],
            None if self._order is None else self._order[span],
        )


class _Block(NamedTuple):
    """Some inputs of a band, as matrix products and kernels take them."""

    inputs: int
    pieces: list[DeviceArray]  # rows are tokens; without a matching, whole inputs
    extents: list[Any]  # of parts
    row_means: DeviceArray  # where inputs are centred, or None: see _Summary.mean_factors()
    col_means: DeviceArray
    side: Any
    scales: Any  # of int8, or None
    tokens: Any  # that matched pairs of rounded ones are scored with, or None
    source: Any  # the tokens as they came, where distances are asked for, or None


def _fetched(device: Device, home: Device | None, samples: Samples, span: slice) -> DeviceArray:
    """Return the (k, s, c) tokens of some inputs on a GPU."""
    with home.entered() if home else nullcontext():
        tokens = samples.part(span, home)[:, : samples.tokens.max()]
    return device.copy_of(tokens)


# Blocks of pairs ----------------------------------------------------------------------------------


class _Lane(ABC):
    """A stream of a GPU, and the memory in which it works out one block after another."""

    _sums: Any  # where the matched sums of a block are, for the kernel that writes entries
    _all_columns: Any = None  # that tokens are matched with; None: those of the same number
    _is_proven: Any = None  # whether a matching is, of each part that is solved exactly
    _proven_parts = 0  # which come before those that are not

    def __init__(self, device: Device, plan: Plan, stream: AbstractContextManager[object]) -> None:
        """Take the memory that any block needs."""
        self.stream = stream
        self._device, self._plan, self._kernels = device, plan, device.kernels
        n, m = plan.block
        self._totals = device.empty((plan.sums * n * m,))
        self._mean_products: DeviceArray = None
        if plan.is_centered:
            self._mean_products = device.empty((n * m,))

    def _matched_sums(self, rounded_totals: Any = None, gaps: Any = None) -> Any:
        means = self._mean_products
        return self._kernels.MatchedSums(
            self._kernels.Array(self._totals),
            parts=self._plan.sums,
            mean_products=None if means is None else self._kernels.Array(means),
            tokens=self._plan.rows.most,
            rounded_totals=rounded_totals,
            gaps=gaps,
            channels=self._plan.channels,
        )

    def compute(self, rows: _Block, cols: _Block, target: _Target, block: Tile) -> None:
        """Queue all work on a block of a tile."""
        device = self._device
        with self.stream:
            self._add_up(rows, cols, self._plan.is_diagonal(target.tile, block))
            if self._mean_products is not None:
                means = _corner(self._mean_products, rows, cols)
                device.matmul(rows.row_means, cols.col_means.T, means)
            place = (target.place[0] + block.rows.start, target.place[1] + block.cols.start)
            self._kernels.write_entries(
                device.stream,
                self._sums,
                rows.side,
                cols.side,
                same=target.is_one_set,
                place=place,
                entries=target.entries,
                tokens=self._matched_tokens(rows, cols),
            )

    def _matched_tokens(self, rows: _Block, cols: _Block) -> Any:
        """Return what distances are taken from whose sum cancels, or None."""
        if rows.source is None:
            return None
        plan = self._plan
        first, last = plan.parts[0], plan.parts[-1]
        return self._kernels.MatchedTokens(
            rows.source,
            cols.source,
            self._all_columns,
            parts=len(plan.parts),
            part_stride=plan.columns_of(first),
            part_rows=first.size,
            part_cols=plan.cols.parts[0].size,
            last_rows=last.size,
            exponent=plan.job.exponent,
            is_proven=self._is_proven,
            proven_parts=self._proven_parts,
        )

    @abstractmethod
    def _add_up(self, rows: _Block, cols: _Block, is_diagonal: bool) -> None:
        """Write the matched sums of packed tokens."""


class _UnmatchedLane(_Lane):
    """Multiplies whole inputs."""

    def __init__(self, device: Device, plan: Plan, stream: AbstractContextManager[object]) -> None:
        super().__init__(device, plan, stream)
        n, m = plan.block
        self._products = device.empty((n * m,), plan.job.dtype)
        self._sums = self._matched_sums()

    def _add_up(self, rows: _Block, cols: _Block, is_diagonal: bool) -> None:
        [a], [b] = rows.pieces, cols.pieces
        products = _corner(self._products, rows, cols)
        totals = _corner(self._totals, rows, cols)
        self._device.clear(totals)
        for depth in spans(min(a.shape[1], b.shape[1]), _DEPTH):
            self._device.matmul(a[:, depth], b[:, depth].T, products)
            self._device.add(products, totals)


class _MatchingLane(_Lane):
    """Multiplies tokens with tokens, and matches."""

    def __init__(self, device: Device, plan: Plan, stream: AbstractContextManager[object]) -> None:
        super().__init__(device, plan, stream)
        (n, m), rows, cols = plan.block, plan.rows.window, plan.cols.window
        self._affinities = device.empty((n * rows, plan.affinity_stride), plan.job.dtype)
        self._products = self._affinities
        if plan.job.precision == "int8":
            self._products = self._affinities.view(np.int32)
        self._scaled = self._kernels.Array(self._products)
        self._problems = self._kernels.Array(self._affinities)
        # A narrow precision's matched sums are of rounded tokens; those that count come after.
        self._scored = self._matched = self._kernels.Array(self._totals)
        if plan.is_narrow:
            self._matched = self._kernels.Array(device.empty((n * m,)))
        self._columns: list[Any] = [None] * len(plan.parts)
        if plan.keeps_columns:
            of_first = plan.columns_of(plan.parts[0])
            columns = device.empty((sum(map(plan.columns_of, plan.parts)),), np.int32)
            self._all_columns = self._kernels.Array(columns)
            self._columns = [
                self._kernels.Array(columns[number * of_first :])
                for number in range(len(plan.parts))
            ]
        if plan.marks_mismatches:
            self._proven_parts = sum(part.solver == "exact" for part in plan.parts)
            self._is_proven = self._kernels.Array(
                device.empty((len(plan.parts) * n * m,), np.uint8)
            )
        self._gaps = self._kernels.Array(device.empty((n * m,)))
        self._not_finite = self._kernels.Array(unset_index(device))
        scratch = self._kernels.match_scratch(n * m, rows, cols)
        self._scratch = self._kernels.Array(device.empty((scratch,), np.uint8))
        has_loss = "loss" in plan.job.outputs
        self._sums = self._matched_sums(*((self._matched, self._gaps) if has_loss else ()))

    def _add_up(self, rows: _Block, cols: _Block, is_diagonal: bool) -> None:
        for number, part in enumerate(self._plan.parts):
            if part.begin == 0:
                self._multiply(rows, cols, part.piece)
            grid = self._kernels.ProblemGrid(
                self._problems, rows.extents[number], cols.extents[number], is_diagonal
            )
            self._match(part.solver, grid, number)
        if self._plan.is_narrow:
            self._kernels.rescore(
                self._device.stream,
                rows.tokens,
                cols.tokens,
                grid,
                self._plan.channels,
                self._columns[0],
                self._scored,
            )

    def _multiply(self, rows: _Block, cols: _Block, piece: int) -> None:
        a, b = rows.pieces[piece], cols.pieces[piece]
        self._device.matmul(a, b.T, self._products[: len(a), : len(b)])
        if rows.scales is not None:
            self._kernels.scale_products(
                self._device.stream, self._scaled, rows.scales, cols.scales
            )

    def _match(self, solver: str, grid: Any, part: int) -> None:
        if solver == "greedy":
            self._kernels.match_greedily(
                self._device.stream, grid, self._columns[part], self._matched, part
            )
        else:
            self._kernels.match_pairs(
                self._device.stream,
                grid,
                self._columns[part],
                self._matched,
                part,
                self._gaps,
                self._not_finite,
                self._scratch,
                self._is_proven,
            )


def _corner(buffer: DeviceArray, rows: _Block, cols: _Block) -> DeviceArray:
    """Return the matrix that a block of pairs takes of a buffer for the largest one."""
    return buffer[: rows.inputs * cols.inputs].reshape(rows.inputs, cols.inputs)


# Tiles --------------------------------------------------------------------------------------------


class _Worker:
    """One GPU: its streams, and the bands that it holds."""

    def __init__(
        self, device: Device, plan: Plan, results: Mapping[str, NDArray[Any]], stack: ExitStack
    ) -> None:
        """Fork its stream for as long as the stack lasts."""
        self._device, self._plan, self._results = device, plan, results
        self._bands: OrderedDict[tuple[int, int], _Band] = OrderedDict()
        stack.enter_context(device.entered())
        lane = _UnmatchedLane if plan.is_unmatched else _MatchingLane
        streams = stack.enter_context(device.lanes(LANES))
        self._lanes = [lane(device, plan, stream) for stream in streams]
        self._turns = cycle(self._lanes)

    def queue(self, tile: Tile, tell: Callable[[int], object]) -> _Target:
        """Queue all blocks of a tile, and tell how many pairs each has."""
        with self._device.entered():
            rows = self._band(self._plan.rows, tile.rows)
            cols = self._band(self._plan.cols, tile.cols)
            target = _Target(self._device, self._plan, self._results, tile)
            self._begin()
            for block in self._plan.blocks(tile):
                of_rows, of_cols = rows.block(block.rows), cols.block(block.cols)
                next(self._turns).compute(of_rows, of_cols, target, block)
                tell(self._plan.pairs_of(tile, block))
            target.done = rows.last_uses = cols.last_uses = self._marks()
            return target

    def _begin(self) -> None:
        """Keep the lanes until what they read and write is theirs."""
        mark = self._device.mark()
        for lane in self._lanes:
            with lane.stream:
                self._device.wait(mark)

    def _marks(self) -> list[Mark]:
        """Return the moments at which the lanes have done what they are to do."""
        marks = []
        for lane in self._lanes:
            with lane.stream:
                marks.append(self._device.mark())
        return marks

    def _band(self, side: Side, span: slice) -> _Band:
        """Return a band: one of those that are held, or one that takes the place of the oldest."""
        key = (id(side), span.start)
        if key not in self._bands:
            while len(self._bands) >= self._plan.held_bands:
                self._drop(self._bands.popitem(last=False)[1])
            self._bands[key] = _Band(self._device, self._plan, side, span)
        self._bands.move_to_end(key)
        return self._bands[key]

    def _drop(self, band: _Band) -> None:
        """Leave a band's memory to others as soon as its last blocks are done."""
        for mark in band.last_uses:
            self._device.wait(mark)


class _Target:
    """Where entries of a tile are written: to the results, or to memory that is copied to them."""

    def __init__(
        self, device: Device, plan: Plan, results: Mapping[str, NDArray[Any]], tile: Tile
    ) -> None:
        """Take memory, where it is not that of the results."""
        self.tile = tile
        self.done: list[Mark] = []
        self._device, self._plan, self._results = device, plan, results
        if plan.is_direct:
            self._arrays = results
            self.place, self.is_one_set = tile.place, plan.is_one_set
        else:
            self._arrays = {
                name: device.empty(tile.shape, matrix.dtype) for name, matrix in results.items()
            }
            self.place, self.is_one_set = (0, 0), plan.is_on_diagonal(tile)
        arrays = {name: device.kernels.Array(array) for name, array in self._arrays.items()}
        self.entries = device.kernels.Entries(
            *(arrays.get(name) for name in ("linear", "cosine", "rbf", "loss"))
        )

    def deliver(self) -> None:
        """Copy the entries, and their mirror images, to where they belong."""
        if self._plan.is_direct:
            return
        with self._device.entered():
            for mark in self.done:
                self._device.wait(mark)
        home = self._plan.job.home
        for name, array in self._arrays.items():
            if home is None:
                with self._device.entered():
                    self._write(self._results[name], self._device.to_host(array))
            else:
                with home.entered():
                    self._write(self._results[name], home.copy_of(array))

    def _write(self, matrix: NDArray[Any], entries: NDArray[Any]) -> None:
        self.tile.of(matrix)[...] = entries
        if self._plan.is_one_set and self.tile.is_mirrored:
            self.tile.mirrored.of(matrix)[...] = entries.T
