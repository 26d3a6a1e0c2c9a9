"""How the RSM of sets of tokens is cut into blocks of pairs for GPUs.

Sizes of blocks depend on the inputs and on the kind of GPU, not on how many there are or on their
memory: a matrix product, and with it an entry, has the same bits whoever computes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._host.rsm import Facts
from isogram._tokens.job import Job, Matching
from isogram._tokens.samples import Samples
from isogram._walk.tiles import Tile, cut

_ROUNDED: dict[str, np.dtype[Any]] = {"int8": np.dtype(np.int8), "bfloat16": np.dtype(np.uint16)}
_LINE = 32  # items; rows of affinities begin at multiples of them
_ALIGNED = 16  # tokens; of as many, or multiples, tensor cores take the fastest products
_CACHES = 8  # that the affinities of a block may fill: fewer pairs would not fill the GPU for long
_WIDEST = 1024  # inputs on a side of a block


class Part(NamedTuple):
    """Tokens that are matched with those of the same part of another input."""

    solver: str
    piece: int  # of the packed tokens
    begin: int  # in the piece
    size: int  # of the largest input
    counts: NDArray[np.int64]  # of each input


class Side:
    """One of the two sets of inputs."""

    def __init__(self, samples: Samples, matching: Matching) -> None:
        """Count the tokens."""
        self.samples = samples
        self.tokens = samples.tokens
        self.most = int(self.tokens.max())
        self.is_ragged = int(self.tokens.min()) < self.most
        self.window = (
            min(matching.window_or_k, self.most) if matching.name == "window" else self.most
        )
        self.pieces = -(-self.most // self.window)
        self.parts = self._parts(matching)

    def _parts(self, matching: Matching) -> list[Part]:
        if matching.name == "topk" and matching.window_or_k < self.most:
            top = matching.window_or_k
            rest = self.most - top
            return [
                self._part("exact", 0, 0, 0, top),
                self._part("greedy", 0, top, top, rest),
            ]
        solver = "greedy" if matching.name == "greedy" else "exact"
        return [
            self._part(solver, piece, 0, piece * self.window, self.window)
            for piece in range(self.pieces)
        ]

    def _part(self, solver: str, piece: int, begin: int, first: int, size: int) -> Part:
        counts = np.clip(self.tokens - first, 0, size)
        return Part(solver, piece, begin, int(counts.max()), counts)


class BlockPlan:
    """The job, and the sizes of its pieces."""

    def __init__(self, job: Job, facts: Facts) -> None:
        """Choose the sizes, by the facts of all inputs."""
        self.job = job
        # Distances are those of the tokens over 2^exponent.
        _, self.is_centered, self.exponent = facts
        pairs, matching = job.pairs, job.matching
        self.rows = Side(pairs.rows, matching)
        self.is_one_set = pairs.is_symmetric
        self.cols = self.rows if pairs.cols is None else Side(pairs.cols, matching)
        self.channels = pairs.rows.channels
        self.is_unmatched = matching.name == "none"
        self.is_narrow = matching.is_narrow
        self.has_distances = "distance" in job.outputs
        # The matched columns are kept to score the pairs again, or to subtract matched tokens.
        self.keeps_columns = self.is_narrow or (self.has_distances and not self.is_unmatched)
        # Distances that may be of mismatched tokens are marked, as the host matches them once more.
        self.marks_mismatches = (
            self.has_distances
            and not (self.is_unmatched or self.is_narrow)
            and (matching.name != "greedy" or job.dtype == np.float32)
        )
        # A few tokens of huge norm are left out of the mean that is subtracted.
        most_matched = job.gpus[0].kernels.most_matched()
        self.leaves_out_huge = (
            self.is_centered and not self.is_unmatched and self.rows.most <= most_matched
        )
        # Items from one packed token to the next, which begins at a multiple of 16 bytes.
        self.stride = self.channels if self.is_unmatched else multiple(self.channels, 4)
        self.narrow_stride = multiple(job.seen, 16)
        self.narrow_dtype = _ROUNDED.get(matching.precision, job.dtype)
        # Parts of two inputs are matched one by one; the parts that one lacks have no partner.
        self.parts = self.rows.parts[: len(self.cols.parts)]
        # The number of sums that make up the matched sum of a pair.
        self.sums = len(self.parts)
        if self.is_narrow:
            self.sums = job.gpus[0].kernels.rescore_parts(self.channels)
        self.shape = pairs.shape
        self.block = self._block_shape(min(gpu.cache for gpu in job.gpus))
        # A single GPU that holds the results writes entries there.
        self.is_direct = job.gpus == (job.home.device,)

    @property
    def affinity_stride(self) -> int:
        """Items from one row of a block's affinities to the next."""
        return multiple(self.block[1] * self.cols.window, _LINE)

    def inputs_of(self, side: Side) -> int:
        """Return the number of inputs of a side in a block."""
        return self.block[0 if side is self.rows else 1]

    def columns_of(self, part: Part) -> int:
        """Return the number of tokens that a part matches in the pairs of a block."""
        return self.block[0] * self.block[1] * part.size

    def blocks(self, tile: Tile) -> Iterator[Tile]:
        """All blocks of a tile, or those on and above the diagonal, from the tile's first entry."""
        return cut(tile.shape, self.block, is_upper=self.is_on_diagonal(tile))

    def is_diagonal(self, tile: Tile, block: Tile) -> bool:
        """Whether the inputs of a block of a tile are the same in rows and columns."""
        return self.is_on_diagonal(tile) and not block.is_mirrored

    def pairs_of(self, tile: Tile, block: Tile) -> int:
        """Return how many pairs of a block of a tile are matched."""
        return block.pairs(is_symmetric=self.is_on_diagonal(tile))

    def is_on_diagonal(self, tile: Tile) -> bool:
        """Whether the inputs of a tile are the same in rows and columns."""
        return self.is_one_set and not tile.is_mirrored

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
        """Return that many inputs, or a few less, so that the tokens of all are aligned."""
        step = _ALIGNED // math.gcd(_ALIGNED, self.cols.window)
        return inputs // step * step or inputs


def multiple(size: int, of: int) -> int:
    """Return a count rounded up to a multiple of a unit."""
    return -(-size // of) * of
