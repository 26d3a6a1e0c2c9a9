"""Intervals of means over what one was drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram.experiments._result import Estimate

_RESAMPLES = 2000


def mean_over(values: NDArray[Any], groups: NDArray[Any]) -> Estimate:
    """Return the mean of values, and its 95 % interval as whole groups are drawn again.

    Values of one group, such as views of one photograph, are not independent of each other.
    """
    which = np.unique(groups, return_inverse=True)[1]
    sums, counts = np.bincount(which, values), np.bincount(which)
    drawn = np.random.default_rng(0).integers(len(counts), size=(_RESAMPLES, len(counts)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Estimate(float(np.mean(values)), float(low), float(high))


def mean_over_pairs(values: NDArray[Any], *, groups: int = 1) -> Estimate:
    """Return the mean of values of all ordered pairs, and its interval as members are drawn again.

    Values of shape (members, members): of one group, whose diagonal is ignored, or of two `groups`
    in rows and columns. Pairs share members, so that members are drawn and not pairs; a pair of a
    member with itself is left out.
    """
    weights = 1 - np.eye(len(values)) if groups == 1 else np.ones(values.shape)
    known = np.where(weights > 0, values, 0)
    rng = np.random.default_rng(0)
    sides = [rng.multinomial(n, np.full(n, 1 / n), _RESAMPLES) for n in values.shape[:groups]]
    totals = np.einsum("bi,ij,bj->b", sides[0], weights, sides[-1])
    sums = np.einsum("bi,ij,bj->b", sides[0], known, sides[-1])
    low, high = np.quantile(sums[totals > 0] / totals[totals > 0], (0.025, 0.975))
    return Estimate(float(known.sum() / weights.sum()), float(low), float(high))


def left_out_in_turn(value: float, left_out: NDArray[np.float64]) -> Estimate:
    """Return a value, and its interval by the jackknife from those without each group."""
    half = 1.96 * np.sqrt((len(left_out) - 1) * np.var(left_out))
    return Estimate(float(value), float(value - half), float(value + half))


def mean_of(values: Sequence[float] | NDArray[Any]) -> Estimate:
    """Return the mean of values, one for each seed, and its 95 % interval by Student's t."""
    from scipy.stats import t

    half = float("nan")  # of one value
    if len(values) > 1:
        half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    mean = float(np.mean(values))
    return Estimate(mean, mean - half, mean + half)
