"""Products of the centred features of two layers, on which Procrustes and CCA are formulas."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogram._arguments import fraction
from isogram._arithmetic import usual_arithmetic
from isogram._memory import FEWER_SAMPLES, check_memory
from isogram._statistics.cosines import cosines
from isogram._statistics.feature_facts import FeatureFacts, survey_features
from isogram._statistics.layer_pairs import Kept, LayerPairs, Remarks, degenerate
from isogram._statistics.tables import table
from isogram._statistics.whitening import Whitening, without_room
from isogram._types import Array
from isogram._walk.tiles import spans

if TYPE_CHECKING:
    from isogram._protocols import Place

_FEWEST = 2

_ROWS = 512  # that are multiplied at a time, in memory that is at hand already
_EPS = float(np.finfo(np.float64).eps)

_AS_THEY_ARE = Whitening()


class CrossProducts(NamedTuple):
    """XᵀY of the centred features of two layers, summed over samples; those of parts add up.

    In a unit per layer. A layer of more features than samples is reduced first, to (n, n) in an
    orthonormal basis of what its samples span: XᵀY has the same singular values. A whitened layer
    has as many columns as its rank, or as are kept.
    """

    is_of_one: bool  # the two are one layer
    products: Array  # XᵀY, (d1, d2)
    square_x: Array  # ‖X‖², 0 where all features are constant
    square_y: Array

    def merge(self, other: CrossProducts) -> CrossProducts:
        """Return the sums over the samples of both."""
        sums = (a + b for a, b in zip(self[1:], other[1:], strict=True))
        return CrossProducts(self.is_of_one, *sums)

    def nuclear_norm(self, xp: Any) -> Array:
        """Return ‖XᵀY‖_*, the sum of the singular values."""
        return xp.linalg.svd(self.products, compute_uv=False).sum()

    def are_defined(self) -> Array:
        """Return whether neither layer is constant."""
        return (self.square_x != 0) & (self.square_y != 0)


def alignment(xp: Any, s: CrossProducts) -> Array:
    """‖XᵀY‖_* / (‖X‖·‖Y‖), the largest ⟨X, YQ⟩ / (‖X‖·‖Y‖) of orthogonal Q; NaN where one is 0."""
    # Of XᵀX, the singular values are those of the squares of X.
    nuclear = s.square_x if s.is_of_one else s.nuclear_norm(xp)
    return cosines(xp, nuclear, s.square_x, s.square_y, undefined=np.nan)


def cosine(xp: Any, s: PairsOfFeatures) -> Array:
    """Return the cosine of `angle`."""
    return s.table(lambda of_pair: alignment(xp, of_pair))


def angle(xp: Any, s: PairsOfFeatures) -> Array:
    """Return min over orthogonal Q of ∠(X, YQ) of centred features, or whitened ones, in radians.

    Of layers nearly alike it has half of the digits that its cosine has.
    """
    return xp.arccos(cosine(xp, s))


def mean_correlation(xp: Any, s: PairsOfFeatures) -> Array:
    """Return the mean canonical correlation of whitened layers."""
    return s.table(lambda of_pair: _mean(xp, of_pair, of_pair.nuclear_norm))


def mean_squared_correlation(xp: Any, s: PairsOfFeatures) -> Array:
    """Return the mean of the squared canonical correlations of whitened layers."""
    return s.table(lambda of_pair: _mean(xp, of_pair, lambda _: (of_pair.products**2).sum()))


def _mean(xp: Any, s: CrossProducts, total: Callable[[Any], Array]) -> Array:
    """Return a sum over canonical correlations, by their number: the smaller rank."""
    count = min(s.products.shape) * s.are_defined()
    return portion(xp, count if s.is_of_one else total(xp), count)


def portion(xp: Any, part: Array, whole: Array) -> Array:
    """Return part / whole, which only rounding can take out of [0, 1]; NaN where `whole` is 0."""
    is_defined = whole != 0
    return xp.where(is_defined, xp.clip(part / xp.where(is_defined, whole, 1), 0.0, 1.0), np.nan)


class PairsOfFeatures:
    """`CrossProducts` of all pairs of layers; those of one pair are held at a time."""

    def __init__(
        self,
        pairs: LayerPairs,
        facts: list[FeatureFacts],
        of_x: Whitening,
        of_y: Whitening,
        dimensions: int,
    ) -> None:
        """Take layers whose entries are all finite, their facts, and how to whiten either side.

        `dimensions` are those of the samples, once centred.
        """
        self._pairs, self._facts, self._dimensions = pairs, facts, dimensions
        self._of_x, self._of_y = of_x, of_y
        self._reduced = Kept(self._reduce)
        self._whitened = Kept(self._whiten)
        self._coordinates = Kept(self._in_directions)
        self.ranks: dict[int, int] = {}  # of layers that are whitened
        self.parts = spans(pairs.x.samples, _ROWS)

    def table(self, value: Callable[[CrossProducts], Array], *, is_symmetric: bool = True) -> Array:
        """Return a function of all pairs of layers, (L1, L2)."""
        return self.table_of(lambda x, y: value(self.products(x, y)), is_symmetric=is_symmetric)

    def table_of(self, value: Callable[[int, int], Array], *, is_symmetric: bool) -> Array:
        """Return a function of two layers, by their numbers, for all pairs of them, (L1, L2)."""
        pairs, done = self._pairs, 0
        rows, cols = pairs.shape
        is_half = is_symmetric and pairs.y is None
        total = rows * (rows + 1) // 2 if is_half else rows * cols

        def value_of(x: int, y: int) -> Array:
            nonlocal done
            result, done = value(x, y), done + 1
            if pairs.report is not None:
                pairs.report(done, total)
            return result

        of_x, of_y = pairs.sides(range(len(self._facts)))
        with usual_arithmetic():
            return table(pairs.place.xp, of_x, of_y, value_of, is_symmetric=is_symmetric)

    def products(self, x: int, y: int) -> CrossProducts:
        """Return the products of two layers, merged part after part."""
        return reduce(CrossProducts.merge, map(self.part_of(x, y), self.parts))

    def part_of(self, x: int, y: int) -> Callable[[slice], CrossProducts]:
        """Return a function from rows to the products of two layers over them."""
        place, num_threads = self._pairs.place, self._pairs.num_threads
        rows_of_x, rows_of_y = self._features(x, self._of_x), self._features(y, self._of_y)
        are_equal = x == y and self._of_x == self._of_y

        def part(rows: slice) -> CrossProducts:
            a = rows_of_x(rows)
            b = a if are_equal else rows_of_y(rows)
            products = place.cross_products(a, b, num_threads)
            return CrossProducts(x == y, products, (a * a).sum(), (b * b).sum())

        return part

    def coordinates(self, layer: int) -> Array:
        """Return WᵀX of a layer's whitened features W and its centred features X, (rank, d)."""
        return self._coordinates.of(layer)

    def _features(
        self, layer: int, whitening: Whitening = _AS_THEY_ARE
    ) -> Callable[[slice], Array]:
        """Return a function from rows to their centred features, or to the whitened ones."""
        place, facts, x = self._of(layer)
        if whitening.is_none and x.shape[1] <= len(x):
            return lambda rows: facts.centred(place, x[rows])
        whole = (self._reduced if whitening.is_none else self._whitened).of(layer)
        return lambda rows: whole[rows]

    def _of(self, layer: int) -> tuple[Place, FeatureFacts, Array]:
        """Return where a layer lies, its facts and its samples."""
        return self._pairs.place, self._facts[layer], self._pairs.layers.arrays[layer]

    def _whiten(self, layer: int) -> Array:
        """Return the whitened features, (n, rank); a constant layer has one column, of zeros."""
        place, facts, x = self._of(layer)
        xp, whitening = place.xp, self._of_y  # where the sides differ, `x` is not whitened
        features = self._features(layer)(slice(0, len(x)))
        u, values, _ = xp.linalg.svd(features, full_matrices=False)
        tolerance = max(x.shape) * _EPS
        rank = self.ranks[layer] = whitening.rank(xp, values, tolerance, self._dimensions)
        if rank == 0:
            return xp.zeros((len(x), 1))
        return u[:, :rank] * whitening.weights(xp, values[:rank], facts.whole_unit)

    def _in_directions(self, layer: int) -> Array:
        """Return the coordinates of part after part of the features."""
        place, facts, x = self._of(layer)
        directions = self._whitened.of(layer).T
        parts = spans(x.shape[1], 2 * len(x))
        return place.xp.concatenate(
            [directions @ facts.centred(place, x, cols) for cols in parts], axis=1
        )

    def _reduce(self, layer: int) -> Array:
        """Return Rᵀ = XQ, (n, n), of Xᵀ = QR; from part after part of the features.

        The root of XXᵀ would do as well, but for half of its digits.
        """
        place, facts, x = self._of(layer)
        factor = place.xp.zeros((0, len(x)))
        for cols in spans(x.shape[1], 2 * len(x)):
            features = facts.centred(place, x, cols).T
            factor = place.xp.linalg.qr(place.xp.concatenate([factor, features]), mode="r")
        return factor.T


def cross_products(
    pairs: LayerPairs,
    *,
    alpha: float = 1.0,
    alpha_of_y: float | None = None,
    variance: float = 1.0,
    center: bool = True,
) -> tuple[PairsOfFeatures, Remarks]:
    """Survey all layers; products are computed when a measure asks for them.

    `alpha` and `variance` say how layers are whitened; with `alpha_of_y` those of `y` alone are.
    """
    place, n = pairs.place, pairs.x.samples
    of_y = Whitening(
        fraction(pairs.function, "alpha", alpha if alpha_of_y is None else alpha_of_y),
        fraction(pairs.function, "variance", variance, or_zero=False),
    )
    of_x = of_y if alpha_of_y is None else _AS_THEY_ARE
    pairs.require(samples_for_products())
    widths = pairs.sides([min(n, x.shape[1]) for x in pairs.layers.arrays])
    doubles = np.dtype(np.float64)
    # LAPACK takes a copy.
    check_memory(pairs.function, tuple(map(max, widths)), doubles, FEWER_SAMPLES, 2, place.memory)
    place.require_finite(pairs.layers)
    with usual_arithmetic():
        facts = [survey_features(place, x, center=center) for x in pairs.layers.arrays]
    dimensions = n - 1 if center else n
    statistic = PairsOfFeatures(pairs, facts, of_x, of_y, dimensions)

    def remarks(_: Any) -> list[str]:
        are_constant = [bool(place.to_host(f.are_constant.all())) for f in facts]
        said = degenerate(pairs, are_constant)
        return said + without_room(pairs, statistic.ranks, of_x, of_y, dimensions)

    return statistic, remarks


def samples_for_products(**_: Any) -> int:
    """Return how many samples can differ from their mean."""
    return _FEWEST
