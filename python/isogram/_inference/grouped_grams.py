"""Products of centred Gram matrices in resamples of groups of inputs.

As those of `weighted_grams` they are means of h over different inputs. A group that is drawn twice
makes two copies, and a tuple is of one copy of each group: so it stands Π w_g times, over the
different groups g of its inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb, factorial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._inference.draws import Groups
from isogram._inference.weighted_grams import (
    WeightedGrams,
    Weights,
    dots,
    of_all,
    pair_sums,
    weighted_sums,
)

Doubles = NDArray[np.float64]


class GroupedGrams(WeightedGrams):
    """Gram matrices of layers whose inputs are drawn in groups; centred, biased or debiased."""

    def __init__(
        self, grams: list[Doubles], centring: str, num_threads: int, groups: Groups
    ) -> None:
        """Take symmetric matrices, which are overwritten."""
        super().__init__(grams, centring, num_threads, None)
        self._of = groups
        self._by_group = [groups.sums(k) for k in self._grams]

    def _product(self, layers: list[int], weights: Weights) -> Callable[[int, int], Doubles]:
        """Return a function of two layers to their products in every resample."""
        drawn = _Drawn.of(weights.w, self._of)
        of_layers = {layer: self._rows(drawn, layer) for layer in layers}

        def product(a: int, b: int) -> Doubles:
            sums = self._tuples(drawn, a, b, of_layers[a], of_layers[b])
            pairs, triples, quadruples = (
                s / number for s, number in zip(sums, drawn.numbers, strict=True)
            )
            n = weights.size
            if self._centring == "debiased":
                return n * (n - 3) * quadruples
            return of_all(n, pairs, triples, quadruples)

        return product

    def _sums_of_others(self, drawn: _Drawn, factors: Doubles, gram: Doubles) -> Doubles:
        """Σ_j w_j f_j K_ij over inputs of other groups than i's."""
        weights = drawn.w * factors
        return weighted_sums(weights, gram, self._num_threads) - weights * self._of.own(gram)

    def _rows(self, drawn: _Drawn, layer: int) -> _Rows:
        gram, by_group = self._grams[layer], self._by_group[layer]
        among = self._of.sums(np.ascontiguousarray(by_group.T)).copy()  # (groups, groups)
        within = among.diagonal().copy()
        np.fill_diagonal(among, 0)
        return _Rows(
            pairs=pair_sums(drawn.w, gram, self._of, self._num_threads),
            others=self._sums_of_others(drawn, drawn.t, gram),
            among=among,
            with_group=2 * weighted_sums(drawn.of_groups, among, self._num_threads) + within,
        )

    def _tuples(
        self,
        drawn: _Drawn,
        a: int,
        b: int,
        k: _Rows,
        l: _Rows,  # noqa: E741
    ) -> tuple[Doubles, Doubles, Doubles]:
        """Return Σ h over pairs, triples (with a quarter of h) and quadruples of different inputs.

        With D the groups of a pair, or of a triple, another input can be had in R - 2 + Σ_D t, or
        R - 3 + Σ_D t, ways, and another two of a pair in (R - 2 + Σ_D t)² + q + Σ_D v.
        """
        w, t, v, size = drawn.w, drawn.t, drawn.v, drawn.size
        both = self._grams[a] * self._grams[b]
        pairs = pair_sums(w, both, self._of, self._num_threads)
        of_t = self._sums_of_others(drawn, t, both)
        of_squares = self._sums_of_others(drawn, t * t + v, both)
        same = dots(w, pairs)  # K_ij L_ij of pairs
        same_t = dots(w, t * pairs + of_t)  # times Σ_D t
        same_squares = dots(w, (t * t + v) * pairs + 2 * t * of_t + of_squares)
        pair_and_two = ((size - 2) ** 2 + drawn.q) * same + 2 * (size - 2) * same_t + same_squares

        # K_ij L_ik with j and k of one group, not i's: these stand w_j times.
        groups = self._by_group[a] * self._by_group[b]
        groups[np.arange(len(groups)), self._of.clusters] = 0
        less = drawn.of_groups - drawn.of_groups**2
        more = (drawn.of_groups - 2 * drawn.of_groups**2) * drawn.t_of_groups
        at_i = k.pairs * l.pairs + weighted_sums(less, groups, self._num_threads)
        at_i_t = k.others * l.pairs + k.pairs * l.others
        at_i_t += weighted_sums(more, groups, self._num_threads)
        one_shared = dots(w, at_i) - same
        rest = dots(w, ((size - 3)[:, None] + t) * at_i + at_i_t)
        one_shared_and_one = rest - (size - 3) * same - same_t

        # K_ij L_kl: a group of both pairs stands w times, not w².
        disjoint = dots(w, k.pairs) * dots(w, l.pairs) + dots(less, k.with_group * l.with_group)
        disjoint += 2 * dots(less, weighted_sums(less, k.among * l.among, self._num_threads))
        disjoint -= 4 * one_shared + 2 * same

        triples = (3 * ((size - 2) * same + same_t) - 2 * one_shared) / 4
        return same, triples, pair_and_two + disjoint - 2 * one_shared_and_one


class _Rows(NamedTuple):
    """Sums of one Gram matrix."""

    pairs: Doubles  # Σ_j over the pairs of one copy of i, (resamples, samples)
    others: Doubles  # Σ_j w_j t_j K_ij over other groups
    among: Doubles  # of two groups, (groups, groups); 0 of one
    with_group: Doubles  # Σ over pairs with one of the group, less its own weight


class _Drawn(NamedTuple):
    """How often inputs and groups are drawn, and what counts tuples; s is the size of a group."""

    w: Doubles  # (resamples, samples)
    of_groups: Doubles  # the same, (resamples, groups)
    t_of_groups: Doubles
    t: Doubles  # s (1 - w) of the input's group: inputs that may still be had, less what they were
    v: Doubles  # w² s² - w s (s - 1) - s
    size: Doubles  # R = Σ w, (resamples,)
    q: Doubles  # 2 + Σ_g (w s (s - 1) - w² s²)
    numbers: list[Doubles]  # of pairs, triples and quadruples

    @classmethod
    def of(cls, w: Doubles, groups: Groups) -> _Drawn:
        s, clusters = groups.sizes.astype(np.float64), groups.clusters
        of_groups = np.empty((len(w), len(s)))
        of_groups[:, clusters] = w
        t = s * (1 - of_groups)
        two_of_it = of_groups * s * (s - 1) - (of_groups * s) ** 2
        return cls(
            w,
            of_groups,
            t,
            t[:, clusters],
            (-two_of_it - s)[:, clusters],
            w.sum(axis=1),
            2 + two_of_it.sum(axis=1),
            _numbers(of_groups, groups.sizes),
        )


def _numbers(w: Doubles, sizes: NDArray[np.int64]) -> list[Doubles]:
    """Return how many pairs, triples and quadruples there are: coefficients of Π (1 + w_g …)."""
    of_size = [np.ones(len(w)), *np.zeros((4, len(w)))]
    for group, size in enumerate(map(int, sizes)):
        taken = [comb(size, count) * w[:, group] for count in range(1, 5)]
        for total in range(4, 0, -1):
            for count in range(1, total + 1):
                of_size[total] = of_size[total] + of_size[total - count] * taken[count - 1]
    return [factorial(count) * of_size[count] for count in (2, 3, 4)]
