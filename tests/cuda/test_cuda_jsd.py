"""`jsd` of GPU arrays against the oracle."""

import isogram as ig
import numpy as np
from cases.jsd import *  # noqa: F403
from cases.jsd import probabilities


def test_what_is_no_distribution_is_nan(gpu):
    p = probabilities(20, 4, "float64")
    p[3] *= 1.1
    p[7, :2] = [-0.5, 1.5]
    p[9, 0] = np.nan
    divergences = gpu.get(ig.jsd(gpu.put(p)))
    bad = np.zeros(20, bool)
    bad[[3, 7, 9]] = True
    assert np.array_equal(np.isnan(divergences), bad[:, None] | bad)
