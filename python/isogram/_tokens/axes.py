"""The axes along which a matching sees tokens: found from a seeded sample of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._entries import widened
from isogram._host import rsm as on_host
from isogram._tokens.job import Job, Matching, Pairs, Rank
from isogram._tokens.samples import Samples

# The sample that axes are found from: inputs at most, and tokens for each channel.
_INPUTS = 512
_TOKENS_PER_CHANNEL = 4
# Subspace iteration for leading axes: vectors beside the axes, and multiplications of the block.
_SPARE = 64
_ITERATIONS = 2
# The sample that the loss is measured on: inputs at most, and pairs for each pair of the job.
_JUDGED = 32
_SHARE = 1 / 64
# Candidates of "auto": multiples of _STEP, up to this share of the channels.
_STEP = 8
_WORTH = 3 / 4
# What scoring a matched pair takes for each token and channel, in products of two tokens along an
# axis: measured on an AVX-512 core.
_SCORING = 4


class _Axes(NamedTuple):
    rows: NDArray[np.float64]  # orthonormal
    squares: NDArray[np.float64]  # Σ ⟨z, row⟩² over the sampled tokens, by descending size


class Reduced(NamedTuple):
    """A job whose matching has its axes, if any, and how much it loses on average, if known."""

    job: Job
    mean_loss: float | None = None


def reduced(job: Job, rank: Rank | None) -> Reduced:
    """Find the axes of a job.

    Entries that are not finite are named later, where all tokens are read.
    """
    channels = job.pairs.rows.channels
    if rank is None or (rank.axes is not None and rank.axes >= channels):
        return Reduced(job)
    sample = _Sample(job)
    tokens = sample.tokens(channels)
    if rank.axes is None:
        return _judged(job, _principal_axes(tokens, channels), sample, rank.mean_loss)
    return Reduced(_along(job, _principal_axes(tokens, rank.axes).rows))


def principal_axes(job: Job, count: int) -> NDArray[np.float64]:
    """Return the leading axes of the tokens of a job, as they are matched: orthonormal rows."""
    return _principal_axes(_Sample(job).tokens(job.pairs.rows.channels), count).rows


def sampled_bytes(inputs: int, tokens: int, channels: int) -> int:
    """Return about the bytes that finding axes takes; `tokens` are those of one input."""
    drawn = min(inputs, _INPUTS)
    count = min(tokens, -(-_TOKENS_PER_CHANNEL * channels // drawn))
    return 8 * channels * (2 * drawn * count + 3 * channels)


def _along(job: Job, axes: NDArray[np.float64]) -> Job:
    """Return the job along some axes, or others of the same span.

    Rounding to whole numbers wants coordinates of one size, not a few large ones.
    """
    if job.matching.precision == "int8":
        turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((len(axes), len(axes))))
        axes = np.ascontiguousarray(turn @ axes)
    return job._replace(matching=job.matching._replace(axes=axes))


def _judged(job: Job, axes: _Axes, sample: _Sample, bound: float) -> Reduced:
    """Choose the smallest rank whose loss is within a bound, by bisection, or a faster one."""
    pairs = sample.pairs()
    if pairs is None:
        return Reduced(job)
    in_full = Matching("exact")
    exact = sample.cosines(pairs, in_full)

    def loss(matching: Matching) -> float:
        return float((exact - sample.cosines(pairs, matching)).mean())

    ranks = range(_STEP, int(_WORTH * len(axes.rows)) + 1, _STEP)
    below, enough = 0, len(ranks)
    while below < enough:
        middle = (below + enough) // 2
        if loss(in_full._replace(axes=axes.rows[: ranks[middle]])) <= bound:
            enough = middle
        else:
            below = middle + 1
    if enough == len(ranks):
        found = job
    else:
        found = _along(job, axes.rows[: _faster(job, axes, ranks[enough:])])
    return Reduced(found, max(loss(found.matching), 0.0))


def _faster(job: Job, axes: _Axes, ranks: range) -> int:
    """Return the first of some ranks, or a larger one that makes scoring faster, if that pays.

    Pairs are scored along the axes, which is faster, where the part of the tokens off the axes is
    below the rounding of the entries' type.
    """
    sides = job.pairs.sides
    inputs = sum(min(len(side), _INPUTS) for side in sides)
    most = np.finfo(job.dtype).eps / 2 * inputs
    left_out = axes.squares.sum() - np.cumsum(axes.squares)
    tokens = np.concatenate([side.tokens for side in sides]).mean()
    worth = _SCORING * job.pairs.rows.channels / tokens
    for rank in ranks:
        if left_out[rank - 1] <= most:
            return rank if rank - ranks[0] <= worth else ranks[0]
    return ranks[0]


class _Sample:
    """Some of the inputs of a job, drawn by a seed and read on the host."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._is_centered = on_host.planned(job)[1]
        self._random = np.random.default_rng(0)

    @usual_arithmetic()
    def tokens(self, channels: int) -> NDArray[np.float64]:
        """Return tokens as they are matched, each over the norm of its input."""
        sides = self._job.pairs.sides
        inputs = [(side, i) for side in sides for i in self._drawn(len(side), _INPUTS)]
        count = -(-_TOKENS_PER_CHANNEL * channels // len(inputs))
        return np.concatenate([self._some_of(self._read(*which), count) for which in inputs])

    def _some_of(self, tokens: NDArray[Any], count: int) -> NDArray[np.float64]:
        """Return some tokens of an input, that stand for all of them."""
        tokens = widened(tokens).astype(np.float64)
        largest = np.abs(tokens).max()
        if not np.isfinite(largest) or largest == 0:
            return np.zeros((1, tokens.shape[1]))
        tokens /= largest
        norm = np.linalg.norm(tokens)
        if self._is_centered:
            tokens -= tokens.mean(axis=0)
        drawn = self._drawn(len(tokens), count)
        scaled: NDArray[np.float64] = tokens[drawn] * (np.sqrt(len(tokens) / len(drawn)) / norm)
        return scaled

    def pairs(self) -> Pairs | None:
        """Return sets of inputs whose pairs are all matched; None where there is no pair."""
        n, m = self._job.pairs.shape
        if self._job.pairs.is_symmetric and n == 1:
            return None
        most = min(_JUDGED, max(int(np.sqrt(_SHARE * n * m)), 4))
        sides = self._job.pairs.sides
        drawn = [[self._read(side, i) for i in self._drawn(len(side), most)] for side in sides]
        if not all(np.isfinite(widened(tokens)).all() for side in drawn for tokens in side):
            return None
        rows, *cols = (
            Samples(side.name, tokens, None, None)
            for side, tokens in zip(sides, drawn, strict=True)
        )
        return Pairs(rows, cols[0] if cols else None)

    def cosines(self, pairs: Pairs, matching: Matching) -> NDArray[np.float64]:
        """Return the entries of different inputs."""
        job = self._job._replace(pairs=pairs, matching=matching, outputs=("cosine",))
        cosines = np.empty(pairs.shape, job.dtype)
        on_host.entries(job, pairs, {"cosine": cosines}, None)
        different = np.triu_indices(len(cosines), 1) if pairs.is_symmetric else ...
        return cosines[different].astype(np.float64)

    def _drawn(self, size: int, count: int) -> NDArray[np.int64]:
        return np.sort(self._random.choice(size, min(size, count), replace=False))

    def _read(self, side: Samples, i: int) -> NDArray[Any]:
        home = self._job.home
        with home.entered():
            return side.rows(slice(i, i + 1)).on_host(home).split()[0]


def _principal_axes(tokens: NDArray[np.float64], count: int) -> _Axes:
    """Return the leading eigenvectors of Σ z zᵀ.

    Where they are few, by subspace iteration: Halko, Martinsson and Tropp 2011.
    """
    products = tokens.T @ tokens
    size = count + _SPARE
    if 2 * size > len(products):
        return _leading_eigenvectors(products, count)
    block = np.random.default_rng(0).standard_normal((len(products), size))
    for _ in range(_ITERATIONS):
        block, _ = np.linalg.qr(products @ block)
    within = _leading_eigenvectors(block.T @ products @ block, count)
    return within._replace(rows=within.rows @ block.T)


def _leading_eigenvectors(matrix: NDArray[np.float64], count: int) -> _Axes:
    """Return those of a symmetric matrix, by descending eigenvalue."""
    values, vectors = np.linalg.eigh(matrix)
    leading = slice(None, -count - 1, -1)
    return _Axes(np.ascontiguousarray(vectors.T[leading]), values[leading])
