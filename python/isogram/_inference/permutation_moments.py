"""The moments of a product of U-centred matrices over all permutations, and their distribution.

A and B are symmetric, with diagonals and sums of rows of 0. T = Σ_ab A_ab B_π(a)π(b) has the
moments E T = 0, E T² and E T³ over all n! permutations π: sums over two and three edges of a graph
of n nodes, grouped by the shape that the edges form. Because the rows of A sum to 0, all of these
are multiples of Σ A∘A, Σ A∘A∘A and tr A³. (For other matrices: Kazi-Aoual et al. 1995.)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._statistics.permuted import CubicSums

Doubles = NDArray[np.float64]

# Smaller skewness means larger shapes, for which the gamma function takes long to sum up; there the
# transform to a normal variable by cube roots (Wilson & Hilferty 1931) is as exact.
_LARGEST_SHAPE = 1e4


class Standardised(NamedTuple):
    """T over its standard deviation, and its skewness, of all pairs of layers."""

    value: Doubles
    skewness: Doubles


def standardised(sums: CubicSums, n: int) -> Standardised:
    """Return T and its skewness over all permutations of n samples; NaN where a matrix is 0."""
    squares = np.multiply.outer(sums.squares_x, sums.squares_y)
    deviation = np.sqrt(np.where(squares > 0, squares, np.nan) * _second_moment(n))
    third = _third_moment(sums, n)
    return Standardised(sums.products / deviation, third / deviation**3)


def upper_tail(z: Doubles, skewness: Doubles) -> Doubles:
    """Return P(X ≥ z) of Pearson's type III: a shifted gamma variable, of mean 0 and variance 1."""
    tails = [_tail(a, s) for a, s in zip(z.ravel(), skewness.ravel(), strict=True)]
    return np.array(tails).reshape(z.shape)


def _placings(n: int, nodes: int) -> int:
    """Return n (n - 1) ⋯: in how many ways different nodes get names."""
    return math.perm(n, nodes)


def _second_moment(n: int) -> float:
    """Return E T² where Σ A∘A = Σ B∘B = 1: of equal edges, of two that meet, of two apart."""
    return sum(
        times * in_a * in_a / _placings(n, nodes)
        for times, in_a, nodes in ((2, 1, 2), (4, -1, 3), (1, 2, 4))
    )


def _third_moment(sums: CubicSums, n: int) -> Doubles:
    """Return E T³, a sum over the shapes of three edges."""
    x = _sums_of_shapes(sums.cubes_x, sums.triangles_x)
    y = _sums_of_shapes(sums.cubes_y, sums.triangles_y)
    total = np.zeros((len(sums.cubes_x), len(sums.cubes_y)))
    for (times, nodes), of_x, of_y in zip(_SHAPES, x, y, strict=True):
        if nodes <= n:
            total += times * np.multiply.outer(of_x, of_y) / _placings(n, nodes)
    return total


# Of three edges: how many triples of ordered pairs of nodes form a shape, for each naming of its
# nodes, and how many nodes it has.
_SHAPES = (
    (4, 2),  # one edge, three times
    (24, 3),  # an edge twice, and one that meets it
    (6, 4),  # an edge twice, and one apart
    (8, 3),  # a triangle
    (8, 4),  # a star
    (24, 4),  # a path
    (12, 5),  # two that meet, and one apart
    (1, 6),  # three apart
)


def _sums_of_shapes(cubes: Doubles, triangles: Doubles) -> list[Any]:
    """Return the sums over different nodes, such as Σ A_ab A_bc A_cd of a path."""
    s, t = cubes, triangles
    return [s, -s, 2 * s, t, 2 * s, s - t, 2 * t - 4 * s, 16 * s - 8 * t]


def _tail(z: float, skewness: float) -> float:
    if not (math.isfinite(z) and math.isfinite(skewness)):
        return math.nan
    if skewness < 0:
        return _gamma_tails(-z, -skewness)[0]
    return _gamma_tails(z, skewness)[1]


def _gamma_tails(z: float, skewness: float) -> tuple[float, float]:
    """Return P(X ≤ z) and P(X ≥ z) where the skewness is not negative."""
    shape = 4 / skewness**2 if skewness > 2 / math.sqrt(_LARGEST_SHAPE) else math.inf
    if shape == math.inf:
        return _tails_of_little_skewness(z, skewness)
    x = shape + z * math.sqrt(shape)
    if x <= 0:
        return 0.0, 1.0
    scale = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1:
        lower = scale * _series(shape, x)
        return lower, 1 - lower
    upper = scale * _fraction(shape, x)
    return 1 - upper, upper


def _tails_of_little_skewness(z: float, skewness: float) -> tuple[float, float]:
    """Return the tails by the cube root of a gamma variable, which is all but normal."""
    if skewness > 1e-8:
        ratio = 1 + z * skewness / 2  # of the gamma variable to its mean
        if ratio <= 0:
            return 0.0, 1.0
        ninth = skewness**2 / 36
        z = (math.cbrt(ratio) - 1 + ninth) / math.sqrt(ninth)
    return math.erfc(-z / math.sqrt(2)) / 2, math.erfc(z / math.sqrt(2)) / 2


def _series(shape: float, x: float) -> float:
    """Return Σ x^k / (shape (shape + 1) ⋯ (shape + k))."""
    term = total = 1 / shape
    while term > total * 1e-17:
        shape += 1
        term *= x / shape
        total += term
    return total


def _fraction(shape: float, x: float) -> float:
    """Return the continued fraction of the upper incomplete gamma function, by Lentz's method."""
    b = x + 1 - shape
    c, d = 1e300, 1 / b
    total = d
    for k in range(1, 100_000):
        factor = -k * (k - shape)
        b += 2
        d = 1 / (factor * d + b)
        c = b + factor / c
        total *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return total
