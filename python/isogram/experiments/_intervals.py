"""Intervals of means over what one was drawn from."""

from __future__ import annotations

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
