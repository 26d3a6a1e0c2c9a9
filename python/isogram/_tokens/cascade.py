"""The inputs most like each of some others, by bounds that cost less than matchings.

Of two inputs whose tokens are divided by the norm of their input, and turned to orthonormal axes,
let P be the coordinates of tokens along the first d axes, and R along the others. Where all inputs
have s tokens, with mean ā, and P and R are of tokens less their input's mean,

    cosine ≤ s ⟨ā_i, ā_j⟩ + bound(P_i, P_j) + ‖R_i‖ ‖R_j‖,

with bound() the value of duals of the assignment of P_i to P_j, which is not solved; else the same
without means. A pair with a bound below the k-th best entry that is known is not among the k best.
Pairs that are left are bounded along more axes, and scored at last.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._entries import widened
from isogram._host import rsm as on_host
from isogram._tokens.axes import principal_axes
from isogram._tokens.job import Job, Listed, Matching, Pairs, not_finite
from isogram._tokens.samples import Samples
from isogram._types import Report

# Numbers of axes; of them those up to half of the channels.
_AXES = (32, 128, 256)
# With fewer channels, bounds spare too little: 112 of 196 tokens took 1.1 times as long with them.
_CHANNELS = 128
# With fewer queries, turning the gallery to its axes takes longer than it saves.
_QUERIES = 32
# Pairs that are scored before others are bounded, as a multiple of k: those of like mean tokens.
_FIRST = 2
# Pairs that are searched at one time, and queries at least.
_PAIRS = 1 << 24
_ROWS = 64
# What rounding may add to squares in float64, which are about 1.
_OF_SQUARES = 2.0**-40


class Found(NamedTuple):
    """The best of the gallery for each query, and how many pairs had to be looked at."""

    indices: NDArray[np.int64]
    scores: NDArray[Any]
    reached: dict[int, int]  # number of axes → pairs compared along them


def nearest(
    job: Job,
    k: int,
    queries: NDArray[np.int64],
    candidates: NDArray[np.int64] | None,
    report: Report,
) -> Found:
    """Return the k columns with the largest entries of some rows, of equal entries the first.

    The job has one output, linear or cosine, and its inputs lie on the host. In an RSM of one set
    an input is not in its own answer. Candidates (queries, c) are the columns to choose from.
    """
    columns, channels = job.pairs.shape[1], job.pairs.rows.channels
    depths = tuple(d for d in _AXES if 2 * d <= channels)
    is_worth_it = channels >= _CHANNELS and len(queries) >= _QUERIES and columns > 2 * _FIRST * k
    bounds = None
    if candidates is None and is_worth_it:
        bounds = _Bounds(job, k, queries, depths)
    indices = np.empty((len(queries), k), np.int64)
    scores = np.empty((len(queries), k), job.dtype)
    reached = dict.fromkeys((*(depths if bounds else ()), channels), 0)
    for places in _blocks(job, queries):
        entries = _Entries(job, queries[places])
        if candidates is not None:
            wanted = _mask(entries, candidates[places])
        elif bounds is None:
            wanted = entries.are_wanted
        else:
            wanted = bounds.left(entries, places, reached)
        entries.add(wanted)
        reached[channels] += int(entries.are_known.sum())
        for place, row in enumerate(places):
            indices[row], scores[row] = entries.best(place, k)
        if report is not None:
            report(int(places[-1] + 1) * columns, len(queries) * columns)
    return Found(indices, scores, reached)


def like_in_mean(job: Job, count: int, queries: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for each of some rows, the columns whose mean tokens are most alike."""
    gallery = _Gallery(job, queries, None, ())
    found = np.empty((len(queries), count), np.int64)
    for places in _blocks(job, queries):
        found[places] = gallery.like_in_mean(places, count)
    return found


def _blocks(job: Job, queries: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Cut queries into blocks: return their places among them."""
    height = max(_ROWS, _PAIRS // job.pairs.shape[1])
    for start in range(0, len(queries), height):
        yield np.arange(start, min(start + height, len(queries)))


class _Entries:
    """The entries of some rows that are known."""

    def __init__(self, job: Job, queries: NDArray[np.int64]) -> None:
        """Begin without any."""
        self._job, self.queries = job, queries
        shape = len(queries), job.pairs.shape[1]
        self._values = np.zeros(shape, job.dtype)
        self.are_known = np.zeros(shape, bool)

    @cached_property
    def are_wanted(self) -> NDArray[np.bool_]:
        """All pairs of different inputs."""
        wanted = np.ones_like(self.are_known)
        if self._job.pairs.is_symmetric:
            wanted[np.arange(len(wanted)), self.queries] = False
        return wanted

    def add(self, wanted: NDArray[np.bool_]) -> None:
        """Compute those of some pairs."""
        rows, cols = np.nonzero(wanted & ~self.are_known)
        self._values[rows, cols] = _listed(self._job, self.queries[rows], cols)
        self.are_known |= wanted

    def least(self, k: int) -> NDArray[Any]:
        """Return the k-th best of every row."""
        known = np.where(self.are_known, self._values, -np.inf)
        return np.partition(known, -k, axis=1)[:, -k, None]

    def best(self, row: int, k: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the columns of the k largest of a row, of equal ones the first."""
        cols = np.flatnonzero(self.are_known[row])
        values = self._values[row, cols]
        order = np.argsort(-values, kind="stable")[:k]
        return cols[order], values[order]


def _mask(entries: _Entries, columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which pairs have some columns (rows, c), but for inputs with themselves."""
    mask = np.zeros_like(entries.are_known)
    np.put_along_axis(mask, columns, values=True, axis=1)
    return mask & entries.are_wanted


def _listed(job: Job, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[Any]:
    """Return the entries of some pairs; (i, j) and (j, i) of one set are computed once."""
    if job.pairs.is_symmetric:
        size = job.pairs.shape[1]
        keys = np.minimum(rows, cols) * size + np.maximum(rows, cols)
        keys, places = np.unique(keys, return_inverse=True)
        rows, cols = np.divmod(keys, size)
    else:
        places = np.arange(len(rows))
    values = np.empty(len(rows), job.dtype)
    if len(rows):
        [output] = job.outputs
        on_host.rsm(job._replace(listed=Listed(rows, cols)), {output: values}, None)
    return values[places]


class _Side(NamedTuple):
    """What is known of inputs whose tokens are divided by the norm of their input."""

    norms: NDArray[np.float64]  # of the inputs before that, over 2^exponents
    exponents: NDArray[np.int64]
    means: NDArray[np.float64]  # (n, c): mean tokens
    coordinates: NDArray[np.float32]  # (n, s, axes): of tokens, less their mean where it is left
    rests: NDArray[np.float64]  # (depths, n): bounds on the norms of what is off the first axes
    tokens: NDArray[np.int64]

    def along(self, depth: int, inputs: Any = slice(None)) -> Samples:
        """Return inputs of the coordinates along the first axes."""
        coordinates = self.coordinates[inputs, :, :depth]
        return Samples("tokens", [coordinates], "nsc", self.tokens[inputs])


class _Gallery:
    """The queries and the gallery of a job, and what is known of them."""

    def __init__(
        self,
        job: Job,
        queries: NDArray[np.int64],
        axes: NDArray[np.float64] | None,
        depths: tuple[int, ...],
    ) -> None:
        """Read the inputs; with axes, turn them to these."""
        self.job, self._queries = job, queries
        self.is_centered = on_host.planned(job)[1]
        self.depths = depths

        def side(samples: Samples, inputs: NDArray[np.int64]) -> _Side:
            return _side(samples, inputs, axes, depths, is_centered=self.is_centered)

        with usual_arithmetic():
            self.cols = side(job.pairs.sides[-1], np.arange(job.pairs.shape[1]))
            self.rows = self.cols if job.pairs.is_symmetric else side(job.pairs.rows, queries)

    def of(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of queries at some places."""
        return self._queries[places] if self.job.pairs.is_symmetric else places

    @usual_arithmetic()
    def like_in_mean(self, places: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Return the columns with the most similar mean tokens, in any order."""
        rows, cols = self.of(places), self.cols
        of_cols = _of_norm_one(cols.means)
        if self.job.outputs == ("linear",):
            norms = np.ldexp(cols.norms, cols.exponents - cols.exponents.max())
            of_cols *= norms[:, None]
        alike = _of_norm_one(self.rows.means[rows]) @ of_cols.T
        if self.job.pairs.is_symmetric:
            alike[np.arange(len(rows)), rows] = -np.inf
        return np.argpartition(-alike, count - 1, axis=1)[:, :count]

    def entries(
        self, cosines: NDArray[np.float64], rows: NDArray[np.int64], cols: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Return entries of the job of pairs with such cosines, rounded as it rounds them."""
        if self.job.outputs == ("linear",):
            norms = self.rows.norms[rows] * self.cols.norms[cols]
            cosines = np.ldexp(
                cosines * norms, self.rows.exponents[rows] + self.cols.exponents[cols]
            )
        return cosines.astype(self.job.dtype)


def _of_norm_one(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float64] = vectors / np.where(norms > 0, norms, 1)
    return scaled


class _Bounds:
    """Upper bounds on the entries of pairs, from few axes and then from more."""

    def __init__(
        self, job: Job, k: int, queries: NDArray[np.int64], depths: tuple[int, ...]
    ) -> None:
        """Turn all inputs to their axes."""
        self._job, self._k = job, k
        axes = principal_axes(job, depths[-1])
        self._gallery = _Gallery(job, queries, axes, depths)
        self._rounding = _rounding(job.pairs.rows.channels)

    @usual_arithmetic()
    def left(
        self, entries: _Entries, places: NDArray[np.int64], reached: dict[int, int]
    ) -> NDArray[np.bool_]:
        """Return the pairs that may be among the k best of their rows, and adds some entries."""
        gallery, rows = self._gallery, self._gallery.of(places)
        entries.add(_mask(entries, gallery.like_in_mean(places, _FIRST * self._k)))
        least = entries.least(self._k)
        left = entries.are_wanted & ~entries.are_known
        of_means = self._of_means(rows)
        for stage, depth in enumerate(gallery.depths):
            reached[depth] += int(left.sum())
            if stage == 0:
                bounds, cols = self._all(depth, rows), np.arange(left.shape[1])
                for row in range(len(rows)):
                    above = self.above(stage, rows[row], cols, bounds[row], of_means[row])
                    left[row] &= above >= least[row]
            else:
                at = np.nonzero(left)
                i, j = rows[at[0]], at[1]
                above = self.above(stage, i, j, self._some(depth, i, j), of_means[at])
                left[at] = above >= least[at[0], 0]
        return left

    def above(
        self,
        stage: int,
        rows: Any,
        cols: NDArray[np.int64],
        bounds: NDArray[np.float32],
        of_means: NDArray[np.float32],
    ) -> NDArray[Any]:
        """Return what entries are at most, from the parts of their bounds."""
        gallery = self._gallery
        rests = gallery.rows.rests[stage, rows] * gallery.cols.rests[stage, cols]
        return gallery.entries(bounds + rests + of_means + self._rounding, rows, cols)

    def _of_means(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return s ⟨ā_i, ā_j⟩ of some rows with all columns."""
        gallery = self._gallery
        if not gallery.is_centered:
            return np.zeros((len(rows), len(gallery.cols.means)), np.float32)
        means = gallery.rows.means[rows] * int(gallery.cols.tokens[0])
        return (means @ gallery.cols.means.T).astype(np.float32)

    def _all(self, depth: int, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return bounds along the first axes of the pairs of some rows with all columns."""
        rows_side, cols_side = self._gallery.rows, self._gallery.cols
        if self._job.pairs.is_symmetric and len(rows) == len(cols_side.means):
            pairs = Pairs(cols_side.along(depth), None)
        else:
            pairs = Pairs(rows_side.along(depth, rows), cols_side.along(depth))
        bounds = np.empty(pairs.shape, np.float32)
        on_host.rsm(self._job_of(pairs), {"linear": bounds}, None)
        return bounds

    def _some(
        self, depth: int, rows: NDArray[np.int64], cols: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return bounds along the first axes of some pairs."""
        gallery = self._gallery
        of_cols = None if self._job.pairs.is_symmetric else gallery.cols.along(depth)
        return _listed(self._job_of(Pairs(gallery.rows.along(depth), of_cols)), rows, cols)

    def _job_of(self, pairs: Pairs) -> Job:
        return self._job._replace(
            pairs=pairs,
            matching=Matching("bound"),
            outputs=("linear",),
            dtype=np.dtype(np.float32),
        )


def _rounding(channels: int) -> float:
    """Return what rounding may add to a cosine and take from its bound.

    Sums of panels of float32 err by at most 256 + terms / 128 units of 2^-24 of the norms of what
    is multiplied: tokens less a mean of some of them, whose squared norm is less than 6 times that
    of the input. Twice that, for the bound and the entry, which are rounded in a few units more.
    """
    return 16 * 2.0**-24 * (272 + channels / 128)


def _side(
    samples: Samples,
    inputs: NDArray[np.int64],
    axes: NDArray[np.float64] | None,
    depths: tuple[int, ...],
    *,
    is_centered: bool,
) -> _Side:
    """Read some inputs, and turn their tokens to axes, if there are any."""
    count, rank = len(inputs), 0 if axes is None else len(axes)
    tokens = samples.tokens[inputs]
    side = _Side(
        np.empty(count),
        np.empty(count, np.int64),
        np.empty((count, samples.channels)),
        np.zeros((count, int(tokens.max()), rank), np.float32),
        np.empty((len(depths), count)),
        tokens,
    )
    for place, i in enumerate(inputs):
        one = samples.rows(slice(int(i), int(i) + 1))
        z = widened(one.split()[0]).astype(np.float64)
        largest = _largest(one, z)
        z /= largest or 1
        norm = float(np.linalg.norm(z))
        z /= norm or 1
        size, side.exponents[place] = np.frexp(largest)
        side.norms[place] = norm * size
        side.means[place] = mean = z.mean(axis=0)
        if axes is None:
            continue
        if is_centered:
            z -= mean
        turned = z @ axes.T
        side.coordinates[place, : len(z)] = turned
        off = (z * z).sum() - np.cumsum((turned * turned).sum(axis=0))[np.array(depths) - 1]
        side.rests[:, place] = np.sqrt(np.maximum(off, 0) + _OF_SQUARES)
    return side


def _largest(one: Samples, tokens: NDArray[np.float64]) -> float:
    """Return the largest magnitude of an input's tokens; name an entry that is not finite."""
    largest = float(np.abs(tokens).max())
    if not np.isfinite(largest):
        token, channel = np.argwhere(~np.isfinite(tokens))[0].tolist()
        raise not_finite(one, (0, token, channel), float(tokens[token, channel]))
    return largest
