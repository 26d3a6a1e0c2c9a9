"""Products of centred Gram matrices in resamples of inputs, without those of duplicates.

A measure's estimator is a mean of h(i, j, k, l) = ¼ (K_ij + K_kl - K_ik - K_jl)(L_ij + L_kl - L_ik
- L_jl) over samples: over all that differ, for debiased HSIC; for the biased one, also over those
in which i = j, or k = l and so on. In a resample an input may stand several times. The mean then
runs over different inputs, each tuple as often as it can be drawn: Σ w_i w_j w_k w_l h / Σ w_i w_j
w_k w_l. So no input is ever compared with itself, and what a mean of the features adds to K_ij for
i and for j drops out as it does from the estimator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import ROUNDING
from isogram._host.gram import inner_products
from isogram._inference.draws import Counts, Groups
from isogram._statistics.centred_products import CentredProducts
from isogram._statistics.centring import u_centre
from isogram._walk.tiles import spans

Doubles = NDArray[np.float64]

_BYTES = 1 << 28  # of products of weights and Gram matrices that are held at a time


class Weights(NamedTuple):
    """How often inputs are drawn, w, and over how many tuples of different inputs that makes."""

    w: Doubles  # (resamples, samples)
    size: Doubles  # Σ w, (resamples,)
    pairs: Doubles  # Σ w_i w_j of different i, j
    triples: Doubles
    quadruples: Doubles

    @classmethod
    def of(cls, counts: Counts, groups: Groups | None = None) -> Weights:
        """Count the tuples; with `groups`, pairs as these say."""
        w = counts.astype(np.float64)
        s1, s2, s3, s4 = ((w**power).sum(axis=1) for power in (1, 2, 3, 4))
        pairs = s1 * s1 - s2 if groups is None else groups.number_of_pairs(w)
        triples = s1**3 - 3 * s1 * s2 + 2 * s3
        quadruples = s1**4 - 6 * s1 * s1 * s2 + 3 * s2 * s2 + 8 * s1 * s3 - 6 * s4
        return cls(w, s1, pairs, triples, quadruples)


class WeightedGrams:
    """Gram matrices of layers on the host, centred as `CentredProducts` says."""

    def __init__(
        self, grams: list[Doubles], centring: str, num_threads: int, groups: Groups | None
    ) -> None:
        """Take symmetric matrices, which are overwritten; `groups` where means are over pairs."""
        self._centring, self._num_threads = centring, num_threads
        self._groups = groups if centring in ("none", "mean") else None
        self._samples = len(grams[0])
        self._rounding = [(ROUNDING * np.abs(k).max() * len(k)) ** 2 for k in grams]
        # What these subtract cancels in every sum, and would leave rounding.
        self._grams = [_hollow(k, centring) for k in grams]
        self._sums = {"none": _plain, "mean": _about_mean, "double": _biased}.get(
            centring, _debiased
        )

    def products(self, rows: range, cols: range, counts: Counts) -> Iterator[CentredProducts]:
        """Return the products of layers in every resample, in the unit of the whole sample's."""
        layers = sorted({*rows, *cols})
        at_once = max(1, _BYTES // (32 * self._samples * (len(layers) + 1)))
        for some in spans(len(counts), at_once):
            yield from self._part(rows, cols, layers, Weights.of(counts[some], self._groups))

    def _part(
        self, rows: range, cols: range, layers: list[int], weights: Weights
    ) -> Iterator[CentredProducts]:
        product = cache(self._product(layers, weights))
        table = np.array([[product(min(i, j), max(i, j)) for j in cols] for i in rows])
        own_x, own_y = (np.array([product(i, i) for i in side]) for side in (rows, cols))
        of_x, of_y = (np.array([self._rounding[i] for i in side]) for side in (rows, cols))
        for b in range(len(weights.w)):
            yield CentredProducts(table[:, :, b], own_x[:, b], own_y[:, b], of_x, of_y)

    def _product(self, layers: list[int], weights: Weights) -> Callable[[int, int], Doubles]:
        """Return a function of two layers to their products in every resample."""
        of_layers = {layer: self._row(weights, self._grams[layer]) for layer in layers}

        def product(a: int, b: int) -> Doubles:
            both = self._row(weights, self._grams[a] * self._grams[b])
            return self._sums(weights, both, of_layers[a], of_layers[b])

        return product

    def _row(self, weights: Weights, gram: Doubles) -> _Row:
        if self._groups is not None:
            of_w = pair_sums(weights.w, gram, self._groups, self._num_threads)
            return _Row(of_w, of_w)  # the second is not read
        of_w = weighted_sums(weights.w, gram, self._num_threads)
        return _Row(of_w, weighted_sums(weights.w**2, gram, self._num_threads))


def weighted_sums(weights: Doubles, gram: Doubles, num_threads: int) -> Doubles:
    """Return the sums of a matrix's rows, with the weights of every resample of its columns."""
    sums = np.empty((len(weights), len(gram)))
    inner_products(weights, gram, sums, num_threads)
    return sums


def pair_sums(weights: Doubles, gram: Doubles, groups: Groups, num_threads: int) -> Doubles:
    """Return the sums of a matrix's rows over the pairs that one copy of each input is in."""
    sums = weighted_sums(weights, gram, num_threads)
    sums += (1 - weights) * groups.own(gram)  # of its group, only its copy's
    return sums


class _Row(NamedTuple):
    """w K and w² K of a symmetric matrix, (resamples, samples)."""

    of_w: Doubles
    of_squares: Doubles


_Sums = Callable[[Weights, _Row, _Row, _Row], Doubles]


def _plain(weights: Weights, both: _Row, _: _Row, __: _Row) -> Doubles:
    """n(n-1) · mean of K_ij L_ij."""
    n = weights.size
    return n * (n - 1) * dots(weights.w, both.of_w) / weights.pairs


def _about_mean(weights: Weights, both: _Row, k: _Row, l: _Row) -> Doubles:  # noqa: E741
    """n(n-1) · covariance of K_ij and L_ij."""
    n, w = weights.size, weights.w
    total = dots(w, k.of_w) * dots(w, l.of_w) / weights.pairs
    return n * (n - 1) * (dots(w, both.of_w) - total) / weights.pairs


def _debiased(weights: Weights, both: _Row, k: _Row, l: _Row) -> Doubles:  # noqa: E741
    """n(n-3) · mean of h over four different inputs."""
    n = weights.size
    return n * (n - 3) * _over_quadruples(weights, both, k, l) / weights.quadruples


def _biased(weights: Weights, both: _Row, k: _Row, l: _Row) -> Doubles:  # noqa: E741
    w = weights.w
    q11, q21, a1 = dots(w, both.of_w), dots(w * w, both.of_w), dots(w, k.of_w * l.of_w)
    triples = (3 * weights.size * q11 - 4 * q21 - 2 * a1) / 4
    quadruples = _over_quadruples(weights, both, k, l)
    means = q11 / weights.pairs, triples / weights.triples, quadruples / weights.quadruples
    return of_all(weights.size, *means)


def of_all(n: Doubles, pairs: Doubles, triples: Doubles, quadruples: Doubles) -> Doubles:
    """n² · mean of h over all: four different, three (in four ways), two (in two).

    From the means of these.
    """
    of_pairs = 2 * n * (n - 1) * pairs
    of_triples = 4 * n * (n - 1) * (n - 2) * triples
    of_quadruples = n * (n - 1) * (n - 2) * (n - 3) * quadruples
    # Of two or three samples there are no more different ones.
    return (of_pairs + np.where(n < 3, 0, of_triples) + np.where(n < 4, 0, of_quadruples)) / (n * n)


def _over_quadruples(weights: Weights, both: _Row, k: _Row, l: _Row) -> Doubles:  # noqa: E741
    """Σ w_i w_j w_k w_l h(i, j, k, l) of different inputs."""
    w = weights.w
    w2, products = w * w, k.of_w * l.of_w
    return PowerSums(
        q11=dots(w, both.of_w),
        q21=dots(w2, both.of_w),
        q31=dots(w2 * w, both.of_w),
        q22=dots(w2, both.of_squares),
        a1=dots(w, products),
        a2=dots(w2, products),
        mixed=dots(w, k.of_squares * l.of_w) + dots(w, k.of_w * l.of_squares),
        totals=dots(w, k.of_w) * dots(w, l.of_w),
    ).over_quadruples(weights)


class PowerSums(NamedTuple):
    """Sums over pairs of inputs, by the powers of w at i and at j; K and L have a diagonal of 0."""

    q11: Doubles  # Σ w_i w_j K_ij L_ij
    q21: Doubles  # Σ w_i² w_j K_ij L_ij
    q31: Doubles
    q22: Doubles
    a1: Doubles  # Σ w_i (Kw)_i (Lw)_i
    a2: Doubles  # Σ w_i² (Kw)_i (Lw)_i
    mixed: Doubles  # Σ w_i ((Kw²)_i (Lw)_i + (Kw)_i (Lw²)_i)
    totals: Doubles  # wᵀKw · wᵀLw

    def over_quadruples(self, weights: Weights) -> Doubles:
        """Σ w_i w_j w_k w_l h(i, j, k, l) of different inputs."""
        q11, q21, q31, q22, a1, a2, mixed, totals = self
        s1, s2 = weights.size, (weights.w * weights.w).sum(axis=1)
        same_pair = (s1 * s1 - s2) * q11 - 4 * s1 * q21 + 4 * q31 + 2 * q22  # K_ij L_ij
        one_shared = s1 * (a1 - q21) - (a2 - q22) - (mixed - 2 * q31)  # K_ij L_ik
        disjoint = totals - 4 * a2 + 2 * q22  # K_ij L_kl
        total: Doubles = same_pair + disjoint - 2 * one_shared
        return total


def dots(a: Doubles, b: Doubles) -> Doubles:
    """Return the dot product of each row with that of the other array."""
    result: Doubles = np.einsum("bn,bn->b", a, b)
    return result


def own_of_features(x: Doubles, counts: Counts, num_threads: int) -> Doubles:
    """Return what `products` has for the Gram matrices v vᵀ of features v, summed over these.

    (resamples,); of centred features, (n, d).
    """
    weights, columns = Weights.of(counts), np.ascontiguousarray(x.T)

    def sums(power_of_w: int, power_of_v: int) -> Doubles:
        out = np.empty((len(counts), len(columns)))
        inner_products(weights.w**power_of_w, columns**power_of_v, out, num_threads)
        return out

    v1, v2 = sums(1, 1), sums(2, 1)
    p1, p2, p3 = (sums(power, 2) for power in (1, 2, 3))
    c2, c3 = sums(2, 3), sums(3, 3)
    f2, f3, f4 = (sums(power, 4) for power in (2, 3, 4))
    of_features = PowerSums(
        q11=p1 * p1 - f2,
        q21=p2 * p1 - f3,
        q31=p3 * p1 - f4,
        q22=p2 * p2 - f4,
        a1=v1 * v1 * p1 - 2 * v1 * c2 + f3,
        a2=v1 * v1 * p2 - 2 * v1 * c3 + f4,
        mixed=2 * (v1 * v2 * p1 - v1 * c3 - v2 * c2 + f4),
        totals=(v1 * v1 - p2) ** 2,
    )
    of_all = PowerSums(*(of_each.sum(axis=1) for of_each in of_features))
    n = weights.size
    own: Doubles = n * (n - 3) * of_all.over_quadruples(weights) / weights.quadruples
    return own


def _hollow(k: Doubles, centring: str) -> Doubles:
    """Return a matrix with a diagonal of 0, less what its centring takes off in any case."""
    if centring == "double":
        diagonal = k.diagonal().copy() / 2
        k -= diagonal[:, None]
        k -= diagonal
    np.fill_diagonal(k, 0)
    if centring == "debiased":
        u_centre(k)
    return k
