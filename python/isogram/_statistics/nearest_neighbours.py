"""The nearest neighbours of every sample, for mutual k-NN and its kind, and second-order cosine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogram._arguments import flag, integer
from isogram._arithmetic import ROUNDING, usual_arithmetic
from isogram._statistics.cosines import cosines
from isogram._statistics.feature_facts import survey_features
from isogram._statistics.layer_pairs import (
    LayerPairs,
    Remarks,
    degenerate,
    samples_for_neighbours,
    without_edges,
)
from isogram._statistics.tables import table
from isogram._types import Array
from isogram._walk.tiles import spans

if TYPE_CHECKING:
    from isogram._protocols import Place

PART = 1 << 17  # entries that are gathered at a time, and stay in a processor's cache
_EPS = float(np.finfo(np.float64).eps)


class NearestNeighbours(NamedTuple):
    """The k others of largest cosine of every sample, by layer; in no order if none is said.

    None in place of a layer whose samples are all equally near.
    """

    k: int
    indices_x: Sequence[Array | None]  # (n, k) of each layer
    indices_y: Sequence[Array | None]
    units_x: Sequence[Array] = ()  # float64 (n, d) of each layer: rows of norm 1, or 0
    units_y: Sequence[Array] = ()


def overlap(xp: Any, s: NearestNeighbours) -> Array:
    """Mean over samples of |N_x(i) ∩ N_y(i)| / k."""
    return _mean(xp, s, lambda rows, a, b: _shared(xp, a[rows], b[rows])) / s.k


def jaccard(xp: Any, s: NearestNeighbours) -> Array:
    """Mean over samples of the neighbours in both over those in either."""

    def shares(rows: slice, a: Array, b: Array) -> Array:
        shared = _shared(xp, a[rows], b[rows])
        return shared / (2 * s.k - shared)

    return _mean(xp, s, shares)


def cycle(xp: Any, s: NearestNeighbours) -> Array:
    """Share of the samples i that are in N_x(j) of some j in N_y(i)."""

    def return_home(rows: slice, a: Array, b: Array) -> Array:
        samples = xp.arange(rows.start, rows.stop)[:, None]
        is_home = xp.zeros(len(samples), bool)
        for rank in range(s.k):
            is_home |= (a[b[rows, rank]] == samples).any(axis=1)
        return is_home

    return _mean(xp, s, return_home, is_symmetric=False)


def rank_similarity(xp: Any, s: NearestNeighbours) -> Array:
    """Mean over samples of Σ_j 2 / ((1 + |r - s|) (r + s)) / Σ_{m ≤ K} 1/m.

    j are the K neighbours in both, of ranks r in x and s in y: of neighbours in order.
    """
    ranks = np.arange(1, s.k + 1)
    weights = xp.asarray(2 / ((1 + abs(ranks[:, None] - ranks)) * (ranks[:, None] + ranks)))
    # Added up in the order in which those of equal ranks are: their quotient is exactly 1.
    largest = xp.asarray([1.0, *accumulate(1 / ranks)])  # of none in both: 0 / 1

    def agreement(rows: slice, a: Array, b: Array) -> Array:
        total, count = xp.zeros(len(a[rows])), xp.zeros(len(a[rows]), np.int64)
        for rank in range(s.k):
            is_same = b[rows] == a[rows, rank : rank + 1]
            total += xp.where(is_same, weights[rank], 0.0).sum(axis=1)
            count += is_same.sum(axis=1)
        return total / largest[count]

    return _mean(xp, s, agreement)


def common_subsequence(xp: Any, s: NearestNeighbours) -> Array:
    """Mean over samples of the longest common subsequence of their neighbours in order, by k."""
    # What is not in it is deleted from one and inserted from the other.
    return 1 - _mean(xp, s, lambda rows, a, b: _edits(xp, a[rows], b[rows], 2)) / (2 * s.k)


def edit_similarity(xp: Any, s: NearestNeighbours) -> Array:
    """1 - the mean over samples of Levenshtein's distance of their neighbours in order, by k."""
    return 1 - _mean(xp, s, lambda rows, a, b: _edits(xp, a[rows], b[rows], 1)) / s.k


def second_order_cosine(xp: Any, s: NearestNeighbours) -> Array:
    """Mean over samples of the cosine of their cosines with all samples near them in x or in y.

    A sample whose cosines are all 0 in one of the two counts 0.
    """
    of_x = _with_units(s.indices_x, s.units_x)
    of_y = of_x if s.indices_y is s.indices_x else _with_units(s.indices_y, s.units_y)
    sums = table(xp, of_x, of_y, lambda x, y: _sum_of_cosines(xp, *x, *y))
    return sums / len(s.units_x[0])


def _with_units(indices: Sequence[Array | None], units: Sequence[Array]) -> list[Any]:
    return [near if near is None else (near, u) for near, u in zip(indices, units, strict=True)]


def _mean(
    xp: Any,
    s: NearestNeighbours,
    of_samples: Callable[[slice, Array, Array], Array],
    *,
    is_symmetric: bool = True,
) -> Array:
    """Return the means over samples of a function of rows and the neighbours in both, by pairs."""

    def mean(a: Array, b: Array) -> Array:
        total = xp.zeros(())
        for rows in spans(len(a), max(1, PART // s.k)):
            total = total + of_samples(rows, a, b).sum()
        return total / len(a)

    return table(xp, s.indices_x, s.indices_y, mean, is_symmetric=is_symmetric)


def _shared(xp: Any, a: Array, b: Array) -> Array:
    """Return how many indices two rows share, row by row."""
    both = xp.sort(xp.concatenate([a, b], axis=1), axis=1)
    return (both[:, 1:] == both[:, :-1]).sum(axis=1)


def _edits(xp: Any, a: Array, b: Array, substitution: int) -> Array:
    """Return the least cost that turns a row of `a` into that of `b`, by insertions and deletions.

    Those cost 1 each.
    """
    n, k = a.shape
    last = [xp.full(n, column, np.int32) for column in range(k + 1)]
    for i in range(k):
        row = [xp.full(n, i + 1, np.int32)]
        for j in range(k):
            inserted_or_deleted = xp.minimum(row[j], last[j + 1]) + 1
            replaced = last[j] + xp.where(a[:, i] == b[:, j], 0, substitution)
            row.append(xp.minimum(inserted_or_deleted, replaced))
        last = row
    return last[k]


def _sum_of_cosines(xp: Any, near_x: Array, x: Array, near_y: Array, y: Array) -> Array:
    n, k = near_x.shape
    rows_at_once = max(1, PART // (2 * k * max(x.shape[1], y.shape[1])))
    total = xp.zeros(())
    for rows in spans(n, rows_at_once):
        union = xp.sort(xp.concatenate([near_x[rows], near_y[rows]], axis=1), axis=1)
        is_again = xp.zeros(union.shape, bool)
        is_again[:, 1:] = union[:, 1:] == union[:, :-1]
        a, b = (
            xp.where(is_again, 0.0, xp.einsum("nkd,nd->nk", units[union], units[rows]))
            for units in (x, y)
        )
        products = ((r * s).sum(axis=1) for r, s in ((a, b), (a, a), (b, b)))
        total = total + cosines(xp, *products).sum()
    return total


def nearest_neighbours(
    pairs: LayerPairs, *, k: Any, center: bool = False
) -> tuple[NearestNeighbours, Remarks]:
    """Search the neighbours of all samples, layer by layer."""
    flag(pairs.function, "center", center)
    neighbours = integer(pairs.function, "k", k, 1)
    pairs.require(samples_for_neighbours(k=neighbours))
    pairs.place.require_finite(pairs.layers)
    indices: list[Array | None] = []
    isolated: list[int] = []
    for layer, x in enumerate(pairs.layers.arrays):
        near, weights = pairs.place.nearest(
            x, neighbours, center, pairs.num_threads, pairs.report_of(layer)
        )
        is_constant = _are_equally_near(pairs.place, x, center)
        indices.append(None if is_constant else near)
        count = (weights == 0).all(axis=1).sum()
        isolated.append(0 if is_constant else int(pairs.place.to_host(count)))

    def remarks(_: Any) -> list[str]:
        counts = pairs.by_name(isolated)
        return [
            *degenerate(pairs, [near is None for near in indices]),
            *without_edges(pairs.function, pairs.x.samples, counts),
        ]

    return NearestNeighbours(neighbours, *pairs.sides(indices)), remarks


def _are_equally_near(place: Place, x: Array, center: bool) -> bool:
    """Return whether no sample is nearer than another: all are 0, or lie in one direction."""
    if center:
        with usual_arithmetic():
            facts = survey_features(place, x, center=True)
        return bool(place.to_host(facts.are_constant.all()))
    first = place.unit_rows(x[:1], False)
    parts = spans(len(x), max(1, PART // x.shape[1]))
    apart = (place.xp.abs(place.unit_rows(x[rows], False) - first).max() for rows in parts)
    return all(float(place.to_host(most)) <= ROUNDING for most in apart)


def neighbours_in_order(
    pairs: LayerPairs, *, k: Any, center: bool = False
) -> tuple[NearestNeighbours, Remarks]:
    """Search the neighbours of all samples, the nearest first; of equally near ones the smaller."""
    near, remarks = nearest_neighbours(pairs, k=k, center=center)
    of_layers = [*near.indices_x, *([] if pairs.y is None else near.indices_y)]
    in_order = [
        indices
        if indices is None
        else _in_order(pairs.place.xp, indices, pairs.place.unit_rows(x, center))
        for indices, x in zip(of_layers, pairs.layers.arrays, strict=True)
    ]
    return NearestNeighbours(near.k, *pairs.sides(in_order)), remarks


def _in_order(xp: Any, indices: Array, units: Array) -> Array:
    """Return the indices of each row by the distance of unit rows, which falls with the cosine."""
    n, k = indices.shape
    d = units.shape[1]
    found = xp.empty((n, k), np.int64)
    for rows in spans(n, max(1, PART // (k * d))):
        near = xp.sort(indices[rows].astype(np.int64), axis=1)
        apart = units[near] - units[rows, None]
        squares = (apart * apart).sum(axis=2)
        order = xp.argsort(squares, axis=1, kind="stable")
        squares = xp.take_along_axis(squares, order, axis=1)
        # Distances that rounding may have told apart are equal: the smaller index comes first.
        rounding = _EPS * (d * squares + 4 * xp.sqrt(squares) + _EPS)
        is_farther = xp.zeros((len(near), k), np.int64)
        is_farther[:, 1:] = squares[:, 1:] - squares[:, :-1] > rounding[:, 1:]
        keys = xp.cumsum(is_farther, axis=1) * n + xp.take_along_axis(near, order, axis=1)
        found[rows] = xp.sort(keys, axis=1) % n
    return found


def nearest_cosines(
    pairs: LayerPairs, *, k: Any, center: bool = False
) -> tuple[NearestNeighbours, Remarks]:
    """Search the neighbours of all samples, and bring all samples to norm 1, layer by layer."""
    near, remarks = nearest_neighbours(pairs, k=k, center=center)
    units = [pairs.place.unit_rows(x, center) for x in pairs.layers.arrays]
    return NearestNeighbours(*near[:3], *pairs.sides(units)), remarks
