"""Cosines along the edges from samples to their nearest neighbours, for CKNNA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from isogram._arguments import ESTIMATORS, choice, flag, integer
from isogram._statistics.layer_pairs import LayerPairs, Remarks
from isogram._statistics.nearest_neighbours import PART, nearest_neighbours
from isogram._statistics.tables import table
from isogram._types import Array
from isogram._walk.tiles import spans


class Edges(NamedTuple):
    """The edges of a layer, n·k: from sample i to its neighbours j, those of one i by rising j."""

    cosines: Array  # float64 (n, k)
    ends: Array  # j, int64 (n, k)
    reversed: Array  # the place of the edge from j to i in the flat arrays, or n·k: none; (n, k)
    loops: Array  # float64 (n,): the cosine of i with itself where that counts, else 0


class NeighbourEdges(NamedTuple):
    """The edges of all layers; None in place of a layer whose samples are all equally near."""

    is_debiased: bool
    edges_x: Sequence[Edges | None]
    edges_y: Sequence[Edges | None]


def cknna(xp: Any, s: NeighbourEdges) -> Array:
    """HSIC of cosines along the edges in both, over the root of each layer's HSIC with itself.

    NaN where one of the latter is not positive.
    """
    own_x, own_y = (
        xp.stack([_own_hsic(xp, edges, s.is_debiased) for edges in of_side])
        for of_side in (s.edges_x, s.edges_y)
    )
    cross = table(
        xp,
        s.edges_x,
        s.edges_y,
        lambda x, y: _hsic(xp, x, y, s.is_debiased),
        is_symmetric=not s.is_debiased,
    )
    x, y = xp.where(own_x > 0, own_x, np.nan)[:, None], xp.where(own_y > 0, own_y, np.nan)
    return cross / xp.where(x == y, x, xp.sqrt(x) * xp.sqrt(y))  # of itself it is exactly 1


def _own_hsic(xp: Any, edges: Edges | None, is_debiased: bool) -> Array:
    """Return HSIC of a layer with itself; NaN of None."""
    return xp.asarray(np.nan) if edges is None else _hsic(xp, edges, edges, is_debiased)


def _hsic(xp: Any, x: Edges, y: Edges, is_debiased: bool) -> Array:
    """Return HSIC, up to a factor of n alone, of the matrices K and L along the edges in both.

    They are not symmetric. biased: tr(K H L H); debiased: tr(K L) + 1ᵀK1 · 1ᵀL1 / ((n-1)(n-2)) -
    2 · 1ᵀKL1 / (n-2).
    """
    n = len(x.loops)
    k, l = _along_both(xp, x, y)  # noqa: E741
    rows_k, rows_l = k.sum(axis=1) + x.loops, l.sum(axis=1) + y.loops
    products = (k * _of_reversed(xp, x, l)).sum() + (x.loops * y.loops).sum()
    totals = rows_k.sum() * rows_l.sum()
    kl = (k * rows_l[x.ends]).sum() + (x.loops * rows_l).sum()
    if is_debiased:
        return products + totals / ((n - 1) * (n - 2)) - 2 / (n - 2) * kl
    lk = (l * rows_k[x.ends]).sum() + (y.loops * rows_k).sum()
    return products - (kl + lk) / n + totals / (n * n)


def _along_both(xp: Any, x: Edges, y: Edges) -> tuple[Array, Array]:
    """Return the cosines of both along the edges of `x`: 0 where `y` lacks one."""
    if x is y:
        return x.cosines, x.cosines
    k, l = xp.zeros(x.ends.shape), xp.zeros(x.ends.shape)  # noqa: E741
    for rows in spans(len(k), max(1, PART // k.shape[1])):
        ends, cosines = y.ends[rows], y.cosines[rows]
        for rank in range(k.shape[1]):
            is_same = ends == x.ends[rows, rank : rank + 1]
            k[rows, rank] = xp.where(is_same.any(axis=1), x.cosines[rows, rank], 0.0)
            l[rows, rank] = xp.where(is_same, cosines, 0.0).sum(axis=1)
    return k, l


def _of_reversed(xp: Any, edges: Edges, values: Array) -> Array:
    """Return, for every edge, the value of the edge that leads back, 0 where there is none."""
    return xp.concatenate([values.ravel(), xp.zeros(1)])[edges.reversed]


def neighbour_edges(
    pairs: LayerPairs, *, k: Any, estimator: str, center: bool = False
) -> tuple[NeighbourEdges, Remarks]:
    """Search the neighbours of all samples, layer by layer, and compute their cosines.

    With the biased estimator a sample is one of its own k neighbours.
    """
    flag(pairs.function, "center", center)
    choice(pairs.function, "estimator", estimator, ESTIMATORS)
    neighbours = integer(pairs.function, "k", k, 2)
    pairs.require(samples_for_edges(k=neighbours, estimator=estimator))
    is_debiased = estimator == "debiased"
    others = neighbours if is_debiased else neighbours - 1
    near, remarks = nearest_neighbours(pairs, k=others, center=center)
    of_layers = [*near.indices_x, *([] if pairs.y is None else near.indices_y)]
    xp = pairs.place.xp
    edges = [
        indices
        if indices is None
        else edges_of(xp, indices, pairs.place.unit_rows(x, center), has_loops=not is_debiased)
        for indices, x in zip(of_layers, pairs.layers.arrays, strict=True)
    ]

    def remarks_and_undefined(values: Any) -> list[str]:
        own = pairs.by_name(float(_own_hsic(xp, of_layer, is_debiased)) for of_layer in edges)
        names = [f"`{name}`" for name, value in own.items() if value <= 0]
        if not names:
            return remarks(values)
        return [
            *remarks(values),
            f"{pairs.function}: the HSIC of {', '.join(names)} with itself, along the edges to "
            "neighbours, is not positive, so the measure is undefined: the result is NaN there",
        ]

    return NeighbourEdges(is_debiased, *pairs.sides(edges)), remarks_and_undefined


def samples_for_edges(*, k: int, estimator: str, **_: Any) -> int:
    """Return how many samples it takes for each to have `k` neighbours, and an estimate."""
    return max(4, k + 1) if estimator == "debiased" else max(2, k)


def edges_of(xp: Any, indices: Array, units: Array, *, has_loops: bool) -> Edges:
    """Return the edges to neighbours, whose cosines are products of units."""
    n, k = indices.shape
    ends = xp.sort(indices.astype(np.int64), axis=1)
    cosines = xp.empty((n, k))
    for rows in spans(n, max(1, PART // (k * units.shape[1]))):
        cosines[rows] = xp.einsum("nkd,nd->nk", units[ends[rows]], units[rows])
    starts = xp.arange(n)[:, None]
    keys = (starts * n + ends).ravel()  # rising
    wanted = (ends * n + starts).ravel()
    places = xp.minimum(xp.searchsorted(keys, wanted), n * k - 1)
    back = xp.where(keys[places] == wanted, places, n * k).reshape(n, k)
    loops = (units * units).sum(axis=1) if has_loops else xp.zeros(n)
    return Edges(cosines, ends, back, loops)
