"""Bands of inputs on a GPU: their tokens fetched, checked and packed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isogram._device.device import Device, DeviceArray, Mark
from isogram._device.rsm_plan import BlockPlan, Side
from isogram._entries import result_dtype, widened
from isogram._protocols import Place
from isogram._tokens.job import not_finite
from isogram._tokens.samples import Samples
from isogram._walk.tiles import spans

_SCALED = 4  # copies of tokens that are held while they are scaled


class Summary:
    """Facts of inputs that packing needs: exponents, norms, means."""

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
        bad = device.empty((n,), np.int64)
        device.kernels.summarise_tokens(
            device.stream,
            tokens,
            lengths,
            exponents=self.exponents,
            squared_norms=self.squared_norms,
            means=self.means,
            not_finite=bad,
            means_left=self._means_left,
            bulk_norms=self.bulk_norms,
        )
        for i, entry in enumerate(device.to_host(bad)):
            if entry >= 0:
                token, channel = divmod(int(entry), channels)
                value = widened(device.to_host(tokens[i, token, channel : channel + 1]))
                index = (span.start + i, token, channel)
                raise not_finite(samples, index, float(value[0]))

    def mean_factors(self) -> tuple[DeviceArray, DeviceArray]:
        """Return factors for rows and columns; their products are the terms that centring took off.

        Per token, <mean, mean'> of the tokens as they came, less that of the tokens as packed.
        """
        if self._means_left is None:
            return self.means, self.means
        left, means = self._means_left, self.means + self._means_left
        concatenate = self._xp.concatenate
        return concatenate([means, left], axis=1), concatenate([means, -left], axis=1)


class Band:
    """Inputs on a GPU, packed."""

    def __init__(self, device: Device, plan: BlockPlan, side: Side, span: slice) -> None:
        """Fetch, check and pack them."""
        self._device, self._plan, self._side = device, plan, side
        tokens = fetched(device, plan.job.home, side.samples, span)
        lengths = None
        if side.is_ragged:
            lengths = device.copy_of(side.tokens[span].astype(np.int32))
        self._summary = Summary(
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
        if plan.is_narrow:
            self._pack_narrow(tokens, lengths)
        else:
            self._pack(tokens, lengths)
        self._summary.exponents -= plan.exponent
        self._blocks: dict[int, Block] = {}
        self.last_uses: list[Mark] = []

    @staticmethod
    def bytes_for(plan: BlockPlan, side: Side) -> int:
        """Return the bytes of an input: of its packed tokens and their summary."""
        narrow = plan.narrow_dtype.itemsize * plan.narrow_stride + 4 if plan.is_narrow else 0
        of_token = plan.stride * plan.job.dtype.itemsize + narrow + 12
        raw = Band.arriving_bytes_for(plan, side) if plan.has_distances else 0
        means = 8 * plan.channels * (6 if plan.leaves_out_huge else 1)
        return side.pieces * side.window * of_token + means + raw

    @staticmethod
    def arriving_bytes_for(plan: BlockPlan, side: Side) -> int:
        """Return the bytes of an input before it is packed."""
        sources = side.samples.sources
        items = max(source.itemsize for source in sources)
        if side.samples.is_unit:
            items += _SCALED * result_dtype(*sources).itemsize
        return side.most * plan.channels * items

    @staticmethod
    def coordinates_bytes_for(plan: BlockPlan) -> int:
        """Return the bytes that the tokens of a block and their coordinates take as doubles."""
        axes = plan.job.matching.axes
        if axes is None:
            return 0
        tokens = max(plan.inputs_of(side) * side.most for side in (plan.rows, plan.cols))
        return axes.nbytes + 8 * tokens * sum(axes.shape)

    def _part_counts(self, span: slice) -> DeviceArray | None:
        """Return the numbers of tokens of every part and input; None: the same for all inputs."""
        if not self._side.is_ragged:
            return None
        counts = np.stack([part.counts[span] for part in self._side.parts])
        return self._device.copy_of(counts.astype(np.int32))

    def _pack(self, tokens: DeviceArray, lengths: DeviceArray) -> None:
        device, plan, side, n = self._device, self._plan, self._side, len(tokens)
        if plan.job.matching.name in ("window", "topk"):
            self._order = device.empty((n, side.most), np.int32)
            device.kernels.order_tokens(
                device.stream,
                tokens,
                lengths,
                exponents=self._summary.exponents,
                scratch=device.empty((n, side.most)),
                order=self._order,
            )
        shape = (side.pieces, n, side.window, plan.stride)
        self._packed = self._packed_as(plan.job.dtype, shape, tokens, lengths, slice(n))
        self._multiplied = self._packed

    def _packed_as(
        self, dtype: Any, shape: tuple[int, ...], tokens: DeviceArray, lengths: Any, span: slice
    ) -> DeviceArray:
        """Return the tokens of some inputs of the band, packed."""

        def some(array: DeviceArray | None) -> DeviceArray | None:
            return None if array is None else array[span]

        packed = self._device.empty(shape, dtype)
        self._device.kernels.pack_tokens(
            self._device.stream,
            tokens[span],
            some(lengths),
            exponents=self._summary.exponents[span],
            means=some(self._summary.means),
            order=some(self._order),
            packed=packed,
        )
        return packed

    def _pack_narrow(self, tokens: DeviceArray, lengths: DeviceArray) -> None:
        """Pack the narrow tokens that are matched, and the tokens that score matched pairs."""
        device, plan, side, n = self._device, self._plan, self._side, len(tokens)
        rounded = device.empty((n, side.most, plan.narrow_stride), plan.narrow_dtype)
        self._scales: DeviceArray = None
        if plan.job.matching.precision == "int8":
            self._scales = device.empty((n, side.most), np.float32)
        self._rounded_norms = device.empty((n, 5))
        shape = (1, n, side.most, plan.stride)
        if plan.job.matching.axes is None:
            self._packed = device.empty(shape, plan.job.dtype)
            device.kernels.round_tokens(
                device.stream,
                tokens,
                lengths,
                exponents=self._summary.exponents,
                means=self._summary.means,
                precision=plan.job.matching.precision,
                packed=self._packed,
                rounded=rounded,
                scales=self._scales,
                norms=self._rounded_norms,
            )
        else:
            self._packed = self._packed_as(plan.job.dtype, shape, tokens, lengths, slice(n))
            self._round_along_axes(tokens, lengths, rounded)
        self._multiplied = rounded[None]

    def _round_along_axes(
        self, tokens: DeviceArray, lengths: DeviceArray, rounded: DeviceArray
    ) -> None:
        """Round the coordinates of the tokens, products of float64, of one block after another."""
        device, plan, most = self._device, self._plan, self._side.most
        axes = device.copy_of(plan.job.matching.axes)
        for span in spans(len(tokens), plan.inputs_of(self._side)):
            count = span.stop - span.start
            shape = (1, count, most, plan.channels)
            [packed] = self._packed_as(np.float64, shape, tokens, lengths, span)
            coordinates = device.empty((count, most, len(axes)))
            device.matmul(
                packed.reshape(-1, plan.channels), axes.T, coordinates.reshape(-1, len(axes))
            )
            device.kernels.round_coordinates(
                device.stream,
                packed,
                coordinates,
                precision=plan.job.matching.precision,
                rounded=rounded[span],
                scales=None if self._scales is None else self._scales[span],
                norms=self._rounded_norms[span],
            )

    def block(self, span: slice) -> Block:
        """Return a block of the inputs, which is kept for the next time."""
        if span.start not in self._blocks:
            self._blocks[span.start] = self._new_block(span)
        return self._blocks[span.start]

    def _new_block(self, span: slice) -> Block:
        kernels, summary, side = self._device.kernels, self._summary, self._side
        array, n = kernels.Array, span.stop - span.start
        of_rows, of_cols = self._mean_factors
        counts = [None] * len(side.parts)
        if self._counts is not None:
            counts = [array(of_part[span]) for of_part in self._counts]
        is_narrow, is_int8 = self._plan.is_narrow, self._plan.job.matching.precision == "int8"
        depth = self._multiplied.shape[3] * (side.window if self._plan.is_unmatched else 1)
        return Block(
            n,
            [piece[span].reshape(-1, depth) for piece in self._multiplied],
            [
                kernels.Extent(
                    inputs=n,
                    spacing=side.window,
                    begin=part.begin,
                    size=part.size,
                    counts=of_part,
                )
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


class Block(NamedTuple):
    """Some inputs of a band, as matrix products and kernels take them."""

    inputs: int
    pieces: list[DeviceArray]  # rows are tokens; without a matching, whole inputs
    extents: list[Any]  # of parts
    row_means: DeviceArray  # where inputs are centred, or None: see Summary.mean_factors()
    col_means: DeviceArray
    side: Any
    scales: Any  # of int8, or None
    tokens: Any  # that matched pairs of rounded ones are scored with, or None
    source: Any  # the tokens as they came, where distances are asked for, or None


def fetched(device: Device, home: Place, samples: Samples, span: slice) -> DeviceArray:
    """Return the (k, s, c) tokens of some inputs on a GPU."""
    with home.entered():
        tokens = samples.part(span, home.xp)[:, : samples.tokens.max()]
    return device.copy_of(tokens)
