"""Products of the centred features of two layers, on which Procrustes is a formula."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogram._arithmetic import usual_arithmetic
from isogram._memory import FEWER_SAMPLES, check_memory
from isogram._statistics.layer_pairs import Kept, LayerPairs, Remarks, degenerate
from isogram._statistics.tables import table
from isogram._types import Array
from isogram._walk.tiles import spans

if TYPE_CHECKING:
    from isogram._protocols import Place

_FEWEST = 2

_ROWS = 2048  # that are multiplied at a time
_PART = 1 << 16  # entries that are surveyed at a time, and stay in a processor's cache

# A feature is constant if its centred entries are this many roundings of its own, or fewer.
_ROUNDINGS = 64


class CrossProducts(NamedTuple):
    """XᵀY of the centred features of two layers, summed over samples; those of parts add up.

    In a unit per layer. A layer of more features than samples is reduced first, to (n, n) in an
    orthonormal basis of what its samples span: XᵀY has the same singular values.
    """

    is_of_one: bool  # the two are one layer
    products: Array  # XᵀY, (d1, d2)
    square_x: Array  # ‖X‖², 0 where all features are constant
    square_y: Array

    def merge(self, other: CrossProducts) -> CrossProducts:
        """Return the sums over the samples of both."""
        sums = (a + b for a, b in zip(self[1:], other[1:], strict=True))
        return CrossProducts(self.is_of_one, *sums)


class FeatureFacts(NamedTuple):
    """What has to be known of all samples of a layer to centre some of them."""

    unit: Array  # a power of two, which makes the largest entry about 1
    means: Array  # (d,), of features in this unit
    rests: Array  # the rounding errors of the means
    are_constant: Array  # which features are, but for rounding
    unit_of_centred: Array  # likewise of the largest centred entry

    def centred(self, place: Place, x: Array, cols: slice = slice(None)) -> Array:
        """Return the centred features of some samples, or some columns of them, in float64."""
        rows = place.doubles(x[:, cols])
        rows *= self.unit
        rows -= self.means[cols]
        rows -= self.rests[cols]
        rows *= ~self.are_constant[cols] * self.unit_of_centred
        return rows


class PairsOfFeatures:
    """`CrossProducts` of all pairs of layers; those of one pair are held at a time."""

    def __init__(self, pairs: LayerPairs, facts: list[FeatureFacts]) -> None:
        """Take layers whose entries are all finite, and their facts."""
        self._pairs, self._facts = pairs, facts
        self._reduced = Kept(self._reduce)
        self.parts = spans(pairs.x.samples, _ROWS)

    def table(self, value: Callable[[CrossProducts], Array]) -> Array:
        """Return a symmetric function of all pairs of layers, (L1, L2)."""
        pairs, done = self._pairs, 0
        rows, cols = pairs.shape
        total = rows * (rows + 1) // 2 if pairs.y is None else rows * cols

        def value_of(x: int, y: int) -> Array:
            nonlocal done
            result, done = value(self.products(x, y)), done + 1
            if pairs.report is not None:
                pairs.report(done, total)
            return result

        with usual_arithmetic():
            return table(pairs.place.xp, *pairs.sides(range(len(self._facts))), value_of)

    def products(self, x: int, y: int) -> CrossProducts:
        """Return the products of two layers, merged part after part."""
        return reduce(CrossProducts.merge, map(self.part_of(x, y), self.parts))

    def part_of(self, x: int, y: int) -> Callable[[slice], CrossProducts]:
        """Return a function from rows to the products of two layers over them."""
        place, num_threads = self._pairs.place, self._pairs.num_threads
        rows_of_x, rows_of_y = self._features(x), self._features(y)

        def part(rows: slice) -> CrossProducts:
            a = rows_of_x(rows)
            b = a if x == y else rows_of_y(rows)
            products = place.cross_products(a, b, num_threads)
            return CrossProducts(x == y, products, (a * a).sum(), (b * b).sum())

        return part

    def _features(self, layer: int) -> Callable[[slice], Array]:
        """Return a function from rows to their centred features."""
        place, facts, x = self._pairs.place, self._facts[layer], self._pairs.layers.arrays[layer]
        if x.shape[1] > len(x):
            reduced = self._reduced.of(layer)
            return lambda rows: reduced[rows]
        return lambda rows: facts.centred(place, x[rows])

    def _reduce(self, layer: int) -> Array:
        """Return Rᵀ = XQ, (n, n), of Xᵀ = QR; from part after part of the features.

        The root of XXᵀ would do as well, but for half of its digits.
        """
        place, facts, x = self._pairs.place, self._facts[layer], self._pairs.layers.arrays[layer]
        factor = place.xp.zeros((0, len(x)))
        for cols in spans(x.shape[1], 2 * len(x)):
            features = facts.centred(place, x, cols).T
            factor = place.xp.linalg.qr(place.xp.concatenate([factor, features]), mode="r")
        return factor.T


def cross_products(pairs: LayerPairs) -> tuple[PairsOfFeatures, Remarks]:
    """Survey all layers; products are computed when a measure asks for them."""
    place, n = pairs.place, pairs.x.samples
    pairs.require(samples_for_products())
    widths = pairs.sides([min(n, x.shape[1]) for x in pairs.layers.arrays])
    doubles = np.dtype(np.float64)
    # LAPACK takes a copy.
    check_memory(pairs.function, tuple(map(max, widths)), doubles, FEWER_SAMPLES, 2, place.memory)
    place.require_finite(pairs.layers)
    with usual_arithmetic():
        facts = [_survey(place, x) for x in pairs.layers.arrays]

    def remarks(_: Any) -> list[str]:
        return degenerate(pairs, [bool(place.to_host(f.are_constant.all())) for f in facts])

    return PairsOfFeatures(pairs, facts), remarks


def samples_for_products(**_: Any) -> int:
    """Return how many samples can differ from their mean."""
    return _FEWEST


def _survey(place: Place, x: Array) -> FeatureFacts:
    """Pass over the samples of a layer, a part at a time: for their largest entries and means."""
    xp, (n, d) = place.xp, x.shape
    parts = spans(n, max(1, _PART // d))
    largest = reduce(xp.maximum, (xp.abs(place.doubles(x[rows])).max(axis=0) for rows in parts))
    unit, (means, rests) = _unit(xp, largest), xp.zeros((2, d))
    facts = FeatureFacts(unit, means, rests, xp.zeros(d, bool), xp.ones(()))
    facts = facts._replace(means=sum(facts.centred(place, x[r]).sum(axis=0) for r in parts) / n)
    facts = facts._replace(rests=sum(facts.centred(place, x[r]).sum(axis=0) for r in parts) / n)
    left = reduce(xp.maximum, (xp.abs(facts.centred(place, x[r])).max(axis=0) for r in parts))
    rounding = _ROUNDINGS * float(np.finfo(np.float64).eps) * (largest * unit)
    are_constant = left <= rounding
    left = xp.where(are_constant, 0.0, left)
    return facts._replace(are_constant=are_constant, unit_of_centred=_unit(xp, left))


def _unit(xp: Any, reaches: Array) -> Array:
    """Return the power of two that makes the largest of them about 1."""
    _, exponent = xp.frexp(reaches.max())
    # A larger one would leave the range of float64; the smallest numbers stay small.
    return xp.ldexp(xp.ones(()), xp.minimum(-exponent, 1000))
