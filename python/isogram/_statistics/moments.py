"""Moments of Gram matrices, on which HSIC and CKA are formulas: of layers on a GPU, and of batches.

Of layers on the host the core has both, for calls and for plans, so that their bits are the same:
see isogram/moments.hpp, whose merge() adds up the parts of a plan.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isogram._types import Array


class Moments(NamedTuple):
    """Sums over Gram matrices K of layers of x and L of layers of y, on the same n samples.

    Arrays lie in one place and are of float64, but for the exponents.
    """

    samples: int
    is_hollow: bool  # diagonals count as 0: for the debiased estimator
    is_symmetric: bool  # the layers of y are those of x
    products: Array  # Σ K∘L, (Lx, Ly)
    squares_x: Array  # Σ K∘K, (Lx,)
    squares_y: Array
    row_sums_x: Array  # K1, (Lx, n)
    row_sums_y: Array
    rounding_x: Array  # n² HSIC of a layer with itself of at most this may be 0
    rounding_y: Array
    exponents_x: Array  # K is in units of 2^exponent
    exponents_y: Array


class Hsic(NamedTuple):
    """HSIC of all pairs of layers, and of each with itself: 0 where that may be rounding."""

    cross: Array  # (Lx, Ly), of permuted samples with an axis before these
    self_x: Array  # (Lx,)
    self_y: Array


def hsic(xp: Any, m: Moments) -> Hsic:
    """Return HSIC, in units of 2^(exponent of one layer + exponent of the other).

    biased: tr(K H L H) / (n-1)²; debiased, of hollow matrices: [Σ K∘L + 1ᵀK1 · 1ᵀL1 / ((n-1)(n-2))
    - 2 · 1ᵀKL1 / (n-2)] / (n(n-3)).
    """
    totals_x, totals_y = m.row_sums_x.sum(axis=1), m.row_sums_y.sum(axis=1)
    own_x, own_y = (
        _estimate(m, squares, (row_sums * row_sums).sum(axis=1), t * t)
        for squares, row_sums, t in (
            (m.squares_x, m.row_sums_x, totals_x),
            (m.squares_y, m.row_sums_y, totals_y),
        )
    )
    cross = _estimate(m, m.products, m.row_sums_x @ m.row_sums_y.T, totals_x[:, None] * totals_y)
    estimate, rounding = Hsic(cross, own_x, own_y), (m.rounding_x, m.rounding_y)
    return known(xp, estimate, *rounding, m.samples, is_symmetric=m.is_symmetric)


def known(
    xp: Any, h: Hsic, rounding_x: Array, rounding_y: Array, n: int, *, is_symmetric: bool
) -> Hsic:
    """Return HSIC, 0 where it may be rounding; bounds are of n² HSIC of layers with themselves."""
    own_x, own_y = (
        xp.where((own * n**2 <= rounding) & xp.isfinite(own), 0.0, own)
        for own, rounding in ((h.self_x, rounding_x), (h.self_y, rounding_y))
    )
    is_own = xp.eye(*h.cross.shape[-2:], dtype=bool) & is_symmetric
    # A layer that vanishes when centred, as far as its squared norm tells, may have an HSIC with
    # another that is known: rounding leaves of it no more than the geometric mean of what it leaves
    # of the HSIC of each with itself.
    rounding = xp.sqrt(rounding_x[:, None]) * xp.sqrt(rounding_y)
    vanishes = (own_x[:, None] == 0) | (own_y == 0)
    is_rounding = vanishes & (xp.abs(h.cross) * n**2 <= rounding)
    cross = xp.where(is_own, own_x[:, None], xp.where(is_rounding, 0.0, h.cross))
    return Hsic(cross, own_x, own_y)


def cka(xp: Any, h: Hsic) -> Array:
    """Return CKA, HSIC(x, y) / √(HSIC(x, x) · HSIC(y, y)); NaN where that root is 0 or infinite."""
    x, y = h.self_x[:, None], h.self_y
    norms = xp.where(x == y, x, xp.sqrt(x) * xp.sqrt(y))  # cka(x, x) is exactly 1
    is_defined = (norms > 0) & xp.isfinite(norms)
    # Both estimators are inner products of centred matrices: only rounding can leave [-1, 1].
    cosines = h.cross / xp.where(is_defined, norms, 1.0)
    return xp.where(is_defined, xp.clip(cosines, -1.0, 1.0), np.nan)


def in_own_units(xp: Any, h: Hsic, exponents_x: Array, exponents_y: Array) -> Hsic:
    """Return HSIC of the matrices as they are, by the exponents of their units."""
    return Hsic(
        xp.ldexp(h.cross, exponents_x[:, None] + exponents_y),
        xp.ldexp(h.self_x, 2 * exponents_x),
        xp.ldexp(h.self_y, 2 * exponents_y),
    )


def _estimate(m: Moments, products: Array, row_products: Array, totals: Array) -> Array:
    """Return HSIC of Σ K∘L, (K1)·(L1) and 1ᵀK1·1ᵀL1."""
    n = m.samples
    if m.is_hollow:
        value = products + totals / ((n - 1) * (n - 2)) - 2 / (n - 2) * row_products
        return value / (n * (n - 3))
    return (products - 2 / n * row_products + totals / (n * n)) / ((n - 1) * (n - 1))
