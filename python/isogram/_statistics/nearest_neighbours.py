"""The nearest neighbours of every sample, for mutual k-NN and second-order cosine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from isogram._arguments import flag, integer
from isogram._statistics.cosines import cosines
from isogram._statistics.layer_pairs import (
    LayerPairs,
    Remarks,
    samples_for_neighbours,
    without_edges,
)
from isogram._statistics.tables import table
from isogram._types import Array
from isogram._walk.tiles import spans

_PART = 1 << 17  # entries that are gathered at a time, and stay in a processor's cache


class NearestNeighbours(NamedTuple):
    """The k others of largest cosine of every sample, by layer; in no order."""

    k: int
    indices_x: Sequence[Array]  # (n, k) of each layer
    indices_y: Sequence[Array]
    units_x: Sequence[Array] = ()  # float64 (n, d) of each layer: rows of norm 1, or 0
    units_y: Sequence[Array] = ()


def overlap(xp: Any, s: NearestNeighbours) -> Array:
    """Mean over samples of |N_x(i) ∩ N_y(i)| / k."""
    total = s.k * len(s.indices_x[0])
    return table(xp, s.indices_x, s.indices_y, lambda a, b: _shared(xp, a, b)) / total


def second_order_cosine(xp: Any, s: NearestNeighbours) -> Array:
    """Mean over samples of the cosine of their cosines with all samples near them in x or in y.

    A sample whose cosines are all 0 in one of the two counts 0.
    """
    of_x = list(zip(s.indices_x, s.units_x, strict=True))
    is_one_set = s.indices_y is s.indices_x
    of_y = of_x if is_one_set else list(zip(s.indices_y, s.units_y, strict=True))
    sums = table(xp, of_x, of_y, lambda x, y: _sum_of_cosines(xp, *x, *y))
    return sums / len(s.indices_x[0])


def _shared(xp: Any, a: Array, b: Array) -> Array:
    """Return how many indices two rows share, summed over all rows."""
    total = xp.zeros((), np.int64)
    for rows in spans(len(a), max(1, _PART // a.shape[1])):
        both = xp.sort(xp.concatenate([a[rows], b[rows]], axis=1), axis=1)
        total = total + (both[:, 1:] == both[:, :-1]).sum()
    return total


def _sum_of_cosines(xp: Any, near_x: Array, x: Array, near_y: Array, y: Array) -> Array:
    n, k = near_x.shape
    rows_at_once = max(1, _PART // (2 * k * max(x.shape[1], y.shape[1])))
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
    found = []
    for layer, x in enumerate(pairs.layers.arrays):
        progress = pairs.report_of(layer)
        found.append(pairs.place.nearest(x, neighbours, center, pairs.num_threads, progress))
    indices = [near for near, _ in found]
    isolated = [(weights == 0).all(axis=1).sum() for _, weights in found]

    def remarks(_: Any) -> list[str]:
        counts = pairs.by_name(int(pairs.place.to_host(count)) for count in isolated)
        return without_edges(pairs.function, pairs.x.samples, counts)

    return NearestNeighbours(neighbours, *pairs.sides(indices)), remarks


def nearest_cosines(
    pairs: LayerPairs, *, k: Any, center: bool = False
) -> tuple[NearestNeighbours, Remarks]:
    """Search the neighbours of all samples, and bring all samples to norm 1, layer by layer."""
    near, remarks = nearest_neighbours(pairs, k=k, center=center)
    units = [pairs.place.unit_rows(x, center) for x in pairs.layers.arrays]
    return NearestNeighbours(*near[:3], *pairs.sides(units)), remarks
