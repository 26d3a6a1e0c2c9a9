"""The inputs most like each of some others, by bounds that cost less than matchings.

Of two inputs whose tokens are divided by the norm of their input, and turned to orthonormal axes,
let P be the coordinates of tokens along the first d axes, and R along the others. Where all inputs
have s tokens, with means R̄ of R,

    cosine ≤ bound(P_i, P_j) + s ⟨R̄_i, R̄_j⟩ + ‖R_i − R̄_i‖ ‖R_j − R̄_j‖,

with bound() the value of duals of the assignment of P_i to P_j, which is not solved; else
bound(P_i, P_j) + ‖R_i‖ ‖R_j‖. A pair with a bound below the k-th best entry that is known is not
among the k best. Pairs that are left are bounded along more axes, and scored at last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._host import rsm as on_host
from isogram._place import HOST
from isogram._tokens.axes import principal_axes
from isogram._tokens.job import Job, Matching, Pairs
from isogram._tokens.search import Search, listed_entries
from isogram._tokens.turned import Turned, depths_for, turned
from isogram._types import Report
from isogram._walk.run import HostWorker, run
from isogram._walk.sinks import Reduction, Sink
from isogram._walk.tiles import Tile

# Makes a sink that keeps the parts of some tiles beside another.
Keep: TypeAlias = Callable[[Sink, tuple[Tile, ...]], Sink]

# With fewer queries, turning the gallery to its axes takes longer than it saves.
_QUERIES = 32
# Pairs that are scored before others are bounded, as a multiple of k: those of like mean tokens.
_FIRST = 2
# Pairs that are searched at one time, where parts of the answer are kept, and queries at least.
_PAIRS = 1 << 24
KEPT_PAIRS = 1 << 20
_ROWS = 64


class Found(NamedTuple):
    """The best of the gallery for each query, and what it took to find them."""

    indices: NDArray[np.int64]
    scores: NDArray[Any]
    others: NDArray[Any]  # (queries,): no entry of the other columns to choose from is larger
    reached: dict[int, int]  # number of axes → pairs compared along them


def nearest(
    search: Search,
    k: int,
    queries: NDArray[np.int64],
    candidates: NDArray[np.int64] | None,
    report: Report,
    keep: Keep | None = None,
) -> Found:
    """Return the k columns with the largest entries of some queries, of equal ones the first.

    Candidates (queries, c) are the columns to choose from. `keep` makes a sink that keeps parts of
    the answer of the one that it is given, which are smaller then.
    """
    pairs = _PAIRS if keep is None else KEPT_PAIRS
    walked = Nearest(search, k, queries, candidates, height_of(search.columns, pairs))
    sink: Sink = Reduction(walked.reduced)
    if keep is not None:
        sink = keep(sink, walked.tiles)
    found: Found = run(walked, [HostWorker(walked.compute)], sink, report)
    return found


class Nearest:
    """A search as a walk, whose tiles are some queries with all columns."""

    def __init__(
        self,
        search: Search,
        k: int,
        queries: NDArray[np.int64],
        candidates: NDArray[np.int64] | None,
        height: int,
    ) -> None:
        """Cut the queries into blocks of `height`."""
        self._search, self._k, self._queries, self._candidates = search, k, queries, candidates
        self.tiles = tuple(blocks(len(queries), search.columns, height))

    def pairs(self, tile: Tile) -> int:
        """Return how many pairs a tile has, with columns that are not wanted."""
        return tile.pairs(is_symmetric=False)

    @cached_property
    def _bounds(self) -> _Bounds | None:
        if self._candidates is None and is_worth_it(self._search, self._k, len(self._queries)):
            return _Bounds(self._search, self._k, self._queries)
        return None

    @cached_property
    def _entries(self) -> _Entries:
        return _Entries(self._search)

    def compute(self, tile: Tile, progress: Report) -> dict[str, Any]:
        """Return the best of some queries."""
        places = np.arange(tile.rows.start, tile.rows.stop)
        entries, bounds, channels = self._entries, self._bounds, self._search.channels
        others = np.full(len(places), -np.inf, self._search.dtype)
        reached = dict.fromkeys((*(bounds.depths if bounds else ()), channels), 0)
        entries.begin(self._queries[places])
        if self._candidates is not None:
            wanted = entries.wanted_of(self._candidates[places])
        elif bounds is None:
            wanted = entries.are_wanted
        else:
            wanted = bounds.left(entries, places, others, reached)
        entries.add(wanted)
        reached[channels] = int(entries.are_known.sum())
        best = [entries.best(row, self._k) for row in range(len(places))]
        if progress is not None:
            progress(self.pairs(tile), self.pairs(tile))
        return {
            "indices": np.array([columns for columns, _, _ in best]),
            "scores": np.array([values for _, values, _ in best]),
            "others": np.maximum(others, [other for _, _, other in best]).astype(others.dtype),
            "reached": list(reached.items()),
        }

    def reduced(self, parts: Mapping[Tile, Any]) -> Found:
        """Return the best of all queries."""
        return all_of([parts[tile] for tile in self.tiles])


def all_of(parts: Sequence[Mapping[str, Any]]) -> Found:
    """Return what was found for some queries after others."""
    indices, scores, others = (
        np.concatenate([part[name] for part in parts]) for name in ("indices", "scores", "others")
    )
    reached: dict[int, int] = {}
    for part in parts:
        for depth, pairs in part["reached"]:
            reached[depth] = reached.get(depth, 0) + pairs
    return Found(indices, scores, others, reached)


def like_in_mean(search: Search, count: int, queries: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for each of some queries, the columns whose mean tokens are most alike."""
    gallery = _Gallery(search, queries, np.empty((0, search.channels)), ())
    entries = _Entries(search)
    found = np.empty((len(queries), count), np.int64)
    height = height_of(search.columns, _PAIRS)
    for tile in blocks(len(queries), search.columns, height):
        places = np.arange(tile.rows.start, tile.rows.stop)
        entries.begin(queries[places])
        of_means = gallery.of_means(gallery.of(places))
        found[places] = gallery.like_in_mean(of_means, entries.are_wanted, count)
    return found


def recall(search: Search, k: int, found: Found, checked: int) -> float:
    """Return the share of the true k best that were found for some queries, drawn by a seed."""
    count = len(found.scores)
    if checked == 0:
        return float("nan")
    drawn = np.sort(np.random.default_rng(0).choice(count, min(count, checked), replace=False))
    true = nearest(search, k, drawn, None, None)
    return float((found.scores[drawn] >= true.scores[:, -1:]).mean())


def is_worth_it(search: Search, k: int, queries: int) -> bool:
    """Whether bounds take less time than they save."""
    choices = search.columns if search.are_wanted is None else int(search.are_wanted.sum())
    has_turned = search.axes is not None or queries >= _QUERIES
    return bool(depths_for(search.channels)) and has_turned and choices > 2 * _FIRST * k


def height_of(columns: int, pairs: int) -> int:
    """Return how many queries with all columns make about `pairs` pairs."""
    return max(_ROWS, pairs // columns)


def blocks(queries: int, columns: int, height: int) -> Iterator[Tile]:
    """Cut queries into blocks of `height`, each with all columns."""
    for start in range(0, queries, height):
        yield Tile(slice(start, min(start + height, queries)), slice(0, columns))


class _Entries:
    """The entries of some queries that are known."""

    def __init__(self, search: Search) -> None:
        """Begin without queries."""
        self._search = search
        self._facts = search.facts()

    def begin(self, queries: NDArray[np.int64]) -> None:
        """Take other queries, and forget all entries."""
        self.__dict__.pop("are_wanted", None)
        self.queries = queries
        shape = len(queries), self._search.columns
        self._values = np.zeros(shape, self._search.dtype)
        self.are_known = np.zeros(shape, bool)

    @cached_property
    def are_wanted(self) -> NDArray[np.bool_]:
        """The pairs that the search is about."""
        search = self._search
        wanted = np.ones_like(self.are_known)
        if search.are_wanted is not None:
            wanted[:] = search.are_wanted
        if search.excluded is not None:
            columns = search.excluded[self.queries]
            rows = np.flatnonzero(columns >= 0)
            wanted[rows, columns[rows]] = False
        return wanted

    def wanted_of(self, columns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of the wanted pairs have some columns (rows, c)."""
        mask = np.zeros_like(self.are_known)
        np.put_along_axis(mask, columns, values=True, axis=1)
        return mask & self.are_wanted

    def add(self, wanted: NDArray[np.bool_]) -> None:
        """Compute those of some pairs."""
        rows, cols = np.nonzero(wanted & ~self.are_known)
        self._values[rows, cols] = self._search.entries(self._facts, self.queries[rows], cols)
        self.are_known |= wanted

    def least(self, k: int) -> NDArray[Any]:
        """Return the k-th best of every row."""
        known = np.where(self.are_known, self._values, -np.inf)
        return np.partition(known, -k, axis=1)[:, -k, None]

    def best(self, row: int, k: int) -> tuple[NDArray[np.int64], NDArray[Any], Any]:
        """Return the columns of the k largest of a row, of equal ones the first, and the next."""
        cols = np.flatnonzero(self.are_known[row])
        values = self._values[row, cols]
        order = np.argsort(-values, kind="stable")
        first = order[:k]
        return cols[first], values[first], values[order[k]] if k < len(order) else -np.inf


class _Gallery:
    """The queries and the gallery of a search, turned to axes."""

    def __init__(
        self,
        search: Search,
        queries: NDArray[np.int64],
        axes: NDArray[np.float64],
        depths: tuple[int, ...],
    ) -> None:
        """Read the inputs that are not turned yet; there may be no axes."""
        self.search, self._queries = search, queries
        self.parts = [
            part.turned or turned(part.samples, np.arange(len(part.samples)), axes, depths)
            for part in search.parts
        ]
        self.rows = (
            self.parts[0] if search.is_one_set else turned(search.queries, queries, axes, depths)
        )

    def of(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of queries at some places."""
        return self._queries[places] if self.search.is_one_set else places

    @usual_arithmetic()
    def of_means(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return ⟨ā_i, ā_j⟩ of some rows with all columns."""
        means = self.rows.means[rows]
        return np.concatenate([means @ part.means.T for part in self.parts], axis=1)

    @usual_arithmetic()
    def like_in_mean(
        self, of_means: NDArray[np.float64], are_wanted: NDArray[np.bool_], count: int
    ) -> NDArray[np.int64]:
        """Return the wanted columns with the most similar mean tokens, in any order."""
        sizes = np.concatenate([np.linalg.norm(part.means, axis=1) for part in self.parts])
        scales = 1 / np.where(sizes > 0, sizes, 1)
        if self.search.output == "linear":
            exponents = np.concatenate([part.exponents for part in self.parts])
            norms = np.concatenate([part.norms for part in self.parts])
            scales *= np.ldexp(norms, exponents - exponents.max())
        unlike = np.where(are_wanted, -scales * of_means, np.inf)
        return np.argpartition(unlike, count - 1, axis=1)[:, :count]


class _Bounds:
    """Upper bounds on the entries of pairs, from few axes and then from more."""

    def __init__(self, search: Search, k: int, queries: NDArray[np.int64]) -> None:
        """Turn all inputs that are not turned yet to axes."""
        self._search, self._k = search, k
        self._is_centered = search.facts()[1]
        self.depths = depths_for(search.channels)
        axes = search.axes
        if axes is None:
            axes = principal_axes(search.job(search.parts[0]), self.depths[-1])
        self._gallery = _Gallery(search, queries, axes, self.depths)
        self._rounding = _rounding(search.channels)

    @usual_arithmetic()
    def left(
        self,
        entries: _Entries,
        places: NDArray[np.int64],
        others: NDArray[Any],
        reached: dict[int, int],
    ) -> NDArray[np.bool_]:
        """Return the pairs that may be among the k best of their rows, and add some entries.

        It raises `others` to the bounds of those that may not, and counts pairs in `reached`.
        """
        gallery, rows = self._gallery, self._gallery.of(places)
        of_means = gallery.of_means(rows)
        likely = gallery.like_in_mean(of_means, entries.are_wanted, _FIRST * self._k)
        entries.add(entries.wanted_of(likely))
        least = entries.least(self._k)
        left = entries.are_wanted & ~entries.are_known
        for stage, depth in enumerate(self.depths):
            reached[depth] = int(left.sum())
            for part, (_, span) in zip(gallery.parts, self._search.spans(), strict=True):
                of_part = left[:, span]
                if not of_part.any():
                    continue
                bounds = self._bounds(stage, rows, part, of_part)
                if self._is_centered:
                    bounds += self._off_means(stage, rows, part, of_means[:, span])
                for row in np.flatnonzero(of_part.any(axis=1)):
                    cols = np.flatnonzero(of_part[row])
                    above = self.above(stage, rows[row], part, cols, bounds[row, cols])
                    is_below = above < least[row]
                    of_part[row, cols[is_below]] = False
                    others[row] = above[is_below].max(initial=others[row])
        return left

    def above(
        self, stage: int, row: int, part: Turned, cols: Any, bounds: NDArray[np.float32]
    ) -> NDArray[Any]:
        """Return what the entries of a row with some of a part are at most, from their bounds."""
        of_rows, kind = self._gallery.rows, int(self._is_centered)
        rests = of_rows.rests[row, kind, stage] * part.rests[cols, kind, stage]
        cosines = bounds + rests + self._rounding
        if self._search.output == "linear":
            norms = of_rows.norms[row] * part.norms[cols]
            cosines = np.ldexp(cosines * norms, of_rows.exponents[row] + part.exponents[cols])
        above: NDArray[Any] = cosines.astype(self._search.dtype)
        return above

    def _off_means(
        self, stage: int, rows: NDArray[np.int64], part: Turned, of_means: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return s ⟨R̄_i, R̄_j⟩ of some rows with a part."""
        along_rows, along_cols = (
            side[:, : self.depths[stage]]
            for side in (self._gallery.rows.along_axes[rows], part.along_axes)
        )
        off = of_means - along_rows @ along_cols.T
        # Inputs of a part that nobody wants may have other numbers of tokens.
        return (int(self._gallery.rows.tokens[0]) * off).astype(np.float32)

    def _bounds(
        self, stage: int, rows: NDArray[np.int64], part: Turned, pairs: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return bounds of some pairs of rows with a part, along the first axes."""
        depth, of_rows, is_one_set = self.depths[stage], self._gallery.rows, self._search.is_one_set
        bounds = np.zeros(pairs.shape, np.float32)
        if stage > 0:
            job = self._job(Pairs(of_rows.along(depth), None if is_one_set else part.along(depth)))
            i, j = np.nonzero(pairs)
            bounds[i, j] = listed_entries(job, on_host.planned(job), rows[i], j)
        elif is_one_set and len(rows) == len(part.tokens):
            job = self._job(Pairs(part.along(depth), None))
            on_host.rsm(job, {"linear": bounds}, None)
        else:
            cols = np.flatnonzero(pairs.any(axis=0))
            job = self._job(Pairs(of_rows.along(depth, rows), part.along(depth, cols)))
            of_cols = (
                bounds if len(cols) == pairs.shape[1] else np.empty(job.pairs.shape, np.float32)
            )
            on_host.rsm(job, {"linear": of_cols}, None)
            bounds[:, cols] = of_cols
        return bounds

    def _job(self, pairs: Pairs) -> Job:
        return Job(
            pairs,
            Matching("bound"),
            ("linear",),
            np.dtype(np.float32),
            HOST,
            workers=self._search.workers,
        )


def _rounding(channels: int) -> float:
    """Return what rounding may add to a cosine and take from its bound.

    Sums of panels of float32 err by at most 256 + terms / 128 units of 2^-24 of the norms of what
    is multiplied: tokens less a mean of some of them, whose squared norm is less than 6 times that
    of the input. Twice that, for the bound and the entry, which are rounded in a few units more.
    """
    return 16 * 2.0**-24 * (272 + channels / 128)
