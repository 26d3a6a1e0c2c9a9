"""The best assignment in exact integers, and exact sums: nothing is rounded anywhere.

Shares no code with the package, which it does not import.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np


class Optimum(NamedTuple):
    """The best total as it is, the sum of the magnitudes in it, and the column of every row."""

    total: Fraction
    magnitude: Fraction
    columns: np.ndarray


def optimum(costs, *, maximize=True, allowed=None):
    """Solve one problem; None where no assignment takes allowed pairs alone.

    Entries that are not allowed are never read.
    """
    costs = np.asarray(costs)
    allowed = np.ones(costs.shape, bool) if allowed is None else allowed
    if costs.shape[0] > costs.shape[1]:
        turned = optimum(costs.T, maximize=maximize, allowed=allowed.T)
        return turned and turned._replace(columns=inverse(turned.columns, len(costs)))
    integers, exponent = as_integers(np.where(allowed, costs, costs.dtype.type(0)))
    prices = with_forbidden(-integers if maximize else integers, allowed)
    columns = cheapest_columns(prices)
    rows = np.arange(len(costs))
    if not allowed[rows, columns].all():
        return None
    chosen = integers[rows, columns]
    unit = Fraction(2) ** exponent
    return Optimum(sum(chosen.tolist()) * unit, sum(np.abs(chosen).tolist()) * unit, columns)


def inverse(partners, count):
    """Return the partners of the `count` on the other side; -1 on both sides: none."""
    result = np.full(count, -1)
    matched = np.flatnonzero(partners >= 0)
    result[partners[matched]] = matched
    return result


def exact_sum(values):
    """Sum of numbers of any type, not rounded."""
    integers, exponent = as_integers(np.asarray(values))
    return sum(integers.tolist()) * Fraction(2) ** exponent


def as_integers(values):
    """Return Python integers and an exponent: values = integers · 2**exponent."""
    if values.dtype.kind in "biu":
        return np.vectorize(int, otypes=[object])(values), 0
    mantissas, exponents = np.frexp(values.astype(np.float64))
    integers, exponents = (mantissas * 2.0**53).astype(np.int64), exponents.astype(np.int64) - 53
    trailing_zeros = np.log2(np.maximum(integers & -integers, 1)).astype(np.int64)
    lowest = int((exponents + trailing_zeros)[integers != 0].min(initial=10**4))
    shifts = np.where(integers != 0, exponents - lowest, 0)
    down = integers >> np.maximum(-shifts, 0)
    return down.astype(object) << np.maximum(shifts, 0).astype(object), lowest


def with_forbidden(prices, allowed):
    """Give a pair that is not allowed a price above any sum of allowed ones; int64 if that fits."""
    largest = max((abs(price) for price in prices[allowed].tolist()), default=0)
    prohibitive = (2 * len(prices) + 1) * (largest + 1)
    prices = np.where(allowed, prices, prohibitive)
    fits = prohibitive * (4 * len(prices) + 4) < 2**63
    return prices.astype(np.int64) if fits else prices


def cheapest_columns(prices):
    """Hungarian method by shortest augmenting paths, rows <= columns, and a check of its duals."""
    rows, cols = prices.shape
    u, v = np.zeros(rows, prices.dtype), np.zeros(cols, prices.dtype)
    row_of = np.full(cols, -1)
    for row in range(rows):
        add_row(prices, row, u, v, row_of)
    matched = np.flatnonzero(row_of >= 0)
    reduced = prices - u[:, np.newaxis] - v
    assert (reduced >= 0).all()
    assert (reduced[row_of[matched], matched] == 0).all()
    assert (v <= 0).all()
    assert (v[row_of < 0] == 0).all()
    return inverse(row_of, rows)


def add_row(prices, row, u, v, row_of):
    """Match one more row along the shortest path to a free column."""
    lengths, previous = prices[row] - u[row] - v, np.full(len(v), row)
    is_open = np.ones(len(v), bool)
    done = []
    while True:
        candidates = np.flatnonzero(is_open)
        column = candidates[lengths[candidates].argmin()]
        length = lengths[column]
        if row_of[column] < 0:
            break
        is_open[column] = False
        done.append(column)
        via = row_of[column]
        through = length + prices[via] - u[via] - v
        shorter = is_open & (through < lengths)
        lengths[shorter], previous[shorter] = through[shorter], via
    u[row] += length
    u[row_of[done]] += length - lengths[done]
    v[done] -= length - lengths[done]
    while previous[column] != row:
        ahead = previous[column]
        before = np.flatnonzero(row_of == ahead)[0]
        row_of[column] = ahead
        column = before
    row_of[column] = row
