"""How the RSM of sets of tokens is cut up for GPUs: into bands of inputs, tiles and blocks.

Sizes of blocks depend on the inputs and on the kind of GPU, not on how many there are or on their
memory: a matrix product, and with it an entry, has the same bits whoever computes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._device.device import Device
from isogram._samples import Samples
from isogram._walk.tiles import Tile, cut

LANES = 2  # streams of a GPU
_LINE = 32  # items; rows of affinities begin at multiples of them
_ALIGNED = 16  # tokens; of as many, or multiples, tensor cores take the fastest products
_CACHES = 8  # that the affinities of a block may fill: fewer pairs would not fill the GPU for long
_WIDEST = 1024  # inputs on a side of a block
_MOST = 0.9  # of the memory that is free
_HELD = 3  # bands at least: the two of a tile, and one of the tile before that is still in use
_ARRIVING = 4  # bands at least, of tokens on the host


class Job(NamedTuple):
    """What is to be computed of every pair, and from what."""

    function: str
    rows: Samples
    cols: Samples | None  # None: those of `rows`
    home: Device | None  # where both lie
    matching: str
    window_or_k: int
    precision: str
    outputs: tuple[str, ...]
    dtype: np.dtype[Any]
    exponent: int = 0  # tokens count as if they were over 2^exponent
    memory_limit: int | None = None  # bytes of each GPU


class Part(NamedTuple):
    """Tokens that are matched with those of the same part of another input."""

    solver: str
    piece: int  # of the packed tokens
    begin: int  # in the piece
    size: int  # of the largest input
    counts: NDArray[np.int64]  # of each input


class Side:
    """One of the two sets of inputs."""

    def __init__(self, samples: Samples, job: Job) -> None:
        """Count the tokens."""
        self.samples = samples
        self.tokens = samples.tokens
        self.most = int(self.tokens.max())
        self.fewest = int(self.tokens.min())
        self.is_ragged = self.fewest < self.most
        self.window = min(job.window_or_k, self.most) if job.matching == "window" else self.most
        self.pieces = -(-self.most // self.window)
        self.parts = self._parts(job)

    def _parts(self, job: Job) -> list[Part]:
        if job.matching == "topk" and job.window_or_k < self.most:
            rest = self.most - job.window_or_k
            return [
                self._part("exact", 0, 0, 0, job.window_or_k),
                self._part("greedy", 0, job.window_or_k, job.window_or_k, rest),
            ]
        solver = "greedy" if job.matching == "greedy" else "exact"
        return [
            self._part(solver, piece, 0, piece * self.window, self.window)
            for piece in range(self.pieces)
        ]

    def _part(self, solver: str, piece: int, begin: int, first: int, size: int) -> Part:
        counts = np.clip(self.tokens - first, 0, size)
        return Part(solver, piece, begin, int(counts.max()), counts)


class Plan:
    """The job, and the sizes of its pieces."""

    def __init__(self, gpus: Sequence[Device], job: Job) -> None:
        """Choose them."""
        self.job = job
        self.rows = Side(job.rows, job)
        self.is_one_set = job.cols is None
        self.cols = self.rows if job.cols is None else Side(job.cols, job)
        self.channels = job.rows.channels
        self.is_unmatched = job.matching == "none"
        self.is_narrow = job.precision != "float32"
        self.has_distances = "rbf" in job.outputs
        # What was matched with what is asked for again: by those who score, or subtract.
        self.keeps_columns = self.is_narrow or (self.has_distances and not self.is_unmatched)
        # Distances that may be of mismatched tokens are marked, as the host matches them once more.
        self.marks_mismatches = (
            self.has_distances
            and not (self.is_unmatched or self.is_narrow)
            and (job.matching != "greedy" or job.dtype == np.float32)
        )
        self.is_centered = _core.may_be_centered(
            job.matching,
            min(self.rows.fewest, self.cols.fewest),
            max(self.rows.most, self.cols.most),
        )
        # A few tokens of huge norm are kept out of what the others are centred by.
        most_matched = gpus[0].kernels.most_matched()
        self.leaves_out_huge = (
            self.is_centered and not self.is_unmatched and self.rows.most <= most_matched
        )
        # Items from one packed token to the next, which begins at a multiple of 16 bytes.
        self.stride = self.channels if self.is_unmatched else _multiple(self.channels, 4)
        self.narrow_stride = _multiple(self.channels, 16)
        # What of two inputs is matched apart; where one has fewer parts, the rest has no partner.
        self.parts = self.rows.parts[: len(self.cols.parts)]
        # Sums of a pair that are added up to its matched sum.
        self.sums = len(self.parts)
        if self.is_narrow:
            self.sums = gpus[0].kernels.rescore_parts(self.channels)
        self.shape = (job.rows.count, self.cols.samples.count)
        self.block = self._block_shape(min(gpu.cache for gpu in gpus))
        # Entries of one GPU's only tile are written to where they belong.
        self.is_direct = list(gpus) == [job.home]
        self._band, self.held_bands = self._band_shape(gpus)

    @property
    def affinity_stride(self) -> int:
        """Items from one row of a block's affinities to the next."""
        return _multiple(self.block[1] * self.cols.window, _LINE)

    def columns_of(self, part: Part) -> int:
        """How many tokens of a block's pairs a part matches."""
        return self.block[0] * self.block[1] * part.size

    @property
    def pairs(self) -> int:
        """How many pairs are matched in all."""
        n, m = self.shape
        return n * (n - 1) // 2 if self.is_one_set else n * m

    def tiles(self) -> Iterator[Tile]:
        """All pairs of bands, or those on and above the diagonal."""
        return cut(self.shape, self._band, is_upper=self.is_one_set)

    def blocks(self, tile: Tile) -> Iterator[Tile]:
        """All blocks of a tile, or those on and above the diagonal, from the tile's first entry."""
        return cut(tile.shape, self.block, is_upper=self.is_on_diagonal(tile))

    def is_diagonal(self, tile: Tile, block: Tile) -> bool:
        """Whether the inputs of a block of a tile are the same in rows and columns."""
        return self.is_on_diagonal(tile) and block.rows == block.cols

    def pairs_of(self, tile: Tile, block: Tile) -> int:
        """How many pairs of a block are matched."""
        n, m = block.shape
        return n * (n - 1) // 2 if self.is_diagonal(tile, block) else n * m

    def is_on_diagonal(self, tile: Tile) -> bool:
        """Whether the inputs of a tile are the same in rows and columns."""
        return self.is_one_set and tile.rows == tile.cols

    def _block_shape(self, cache: int) -> tuple[int, int]:
        """Return the inputs of a block."""
        n, m = self.shape
        item = self.job.dtype.itemsize
        of_pair = item + 8 if self.is_unmatched else self.rows.window * self.cols.window * item
        pairs = max(1, _CACHES * cache // of_pair)
        rows = min(self._aligned(math.isqrt(pairs)), n, _WIDEST)
        if self.is_one_set:
            return rows, rows
        cols = min(self._aligned(pairs // rows), m, _WIDEST)
        return min(pairs // cols, n, _WIDEST), cols

    def _aligned(self, inputs: int) -> int:
        """Return so many inputs, or a few less, for the tokens of all to be aligned."""
        step = _ALIGNED // math.gcd(_ALIGNED, self.cols.window)
        return inputs // step * step or inputs

    def _band_shape(self, gpus: Sequence[Device]) -> tuple[tuple[int, int], int]:
        """Return the inputs of the largest bands that fit, and how many bands a GPU can hold.

        Bands consist of whole blocks. There are enough for all GPUs to have their share, and for
        tokens of the host to arrive while others are matched.
        """
        limit = self.job.memory_limit
        if limit is None:
            limit = int(_MOST * min(_free_bytes(gpu) for gpu in gpus))
        blocks = [-(-size // edge) for size, edge in zip(self.shape, self.block, strict=True)]
        least = 2 * len(gpus) if len(gpus) > 1 else 1 if self.job.home else _ARRIVING
        for count in range(min(least, max(blocks)), max(blocks) + 1):
            in_blocks = [-(-number // count) for number in blocks]
            rows, cols = (k * edge for k, edge in zip(in_blocks, self.block, strict=True))
            bands = -(-blocks[0] // in_blocks[0])
            if not self.is_one_set:
                bands += -(-blocks[1] // in_blocks[1])
            of_band, of_all_else = self._bytes_for(gpus[0], rows, cols)
            needed = of_all_else + min(bands, _HELD) * of_band
            if needed <= limit:
                return (rows, cols), min(bands, (limit - of_all_else) // of_band)
        raise MemoryError(
            f"{self.job.function}: {rows} x {cols} inputs at a time would take {needed} bytes of a "
            f"GPU, more than the {limit} that may be taken: allow more by `memory_limit`, or use "
            "fewer tokens"
        )

    def _bytes_for(self, gpu: Device, rows: int, cols: int) -> tuple[int, int]:
        """Return what the larger band of a tile of so many inputs takes, and all that is beside."""
        n, m = min(rows, self.shape[0]), min(cols, self.shape[1])
        of_band = max(n * self._packed_bytes(self.rows), m * self._packed_bytes(self.cols))
        arriving = max(n * self._raw_bytes(self.rows), m * self._raw_bytes(self.cols))
        entries = 0 if self.is_direct else n * m * self.job.dtype.itemsize * len(self.job.outputs)
        tiles = (1 if (n, m) == self.shape else 2) * entries
        return of_band, arriving + tiles + LANES * self._lane_bytes(gpu)

    def _packed_bytes(self, side: Side) -> int:
        """Return the bytes of an input as it is packed, and of what is known of its tokens."""
        narrow = 2 * self.narrow_stride + 4 if self.is_narrow else 0
        of_token = self.stride * self.job.dtype.itemsize + narrow + 12
        raw = self._raw_bytes(side) if self.has_distances else 0
        means = 8 * self.channels * (6 if self.leaves_out_huge else 1)
        return side.pieces * side.window * of_token + means + raw

    def _raw_bytes(self, side: Side) -> int:
        items = max(source.itemsize for source in side.samples.sources)
        return side.most * self.channels * items

    def _lane_bytes(self, gpu: Device) -> int:
        (n, m), item = self.block, self.job.dtype.itemsize
        if self.is_unmatched:
            return n * m * (item + 16)
        rows, cols = self.rows.window, self.cols.window
        affinities = n * rows * self.affinity_stride * item
        columns = 4 * sum(map(self.columns_of, self.parts)) if self.keeps_columns else 0
        scratch = gpu.kernels.match_scratch(n * m, rows, cols)
        return int(affinities + columns + scratch + n * m * (8 * (self.sums + 3) + len(self.parts)))


def _free_bytes(gpu: Device) -> int:
    with gpu.entered():
        return gpu.free


def _multiple(size: int, of: int) -> int:
    """Round up."""
    return -(-size // of) * of
