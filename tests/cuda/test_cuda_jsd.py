"""`jsd` of GPU arrays against the oracle."""

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, assert_close, eps, oracle


def probabilities(n, c, dtype, seed=0):
    """Return distributions in rows."""
    p = np.random.default_rng([n, c, seed]).dirichlet(np.full(c, 0.3), size=n)
    return p.astype(DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_jsd(gpu, dtype):
    for n, m, c in [(1, 1, 2), (30, 17, 10), (50, 29, 33)]:
        p, q = probabilities(n, c, dtype), probabilities(m, c, dtype, 1)
        with gpu.without_waiting():
            one = ig.jsd(gpu.put(p))
            two = ig.jsd(gpu.put(p), gpu.put(q))
        assert_close(gpu.get(one), oracle.jsd(p), 32 * eps(dtype))
        assert_close(gpu.get(two), oracle.jsd(p, q), 32 * eps(dtype))
        assert np.array_equal(gpu.get(one), gpu.get(one).T)
        assert (np.diag(gpu.get(one)) == 0).all()


def test_what_is_no_distribution_is_nan(gpu):
    p = probabilities(20, 4, "float64")
    p[3] *= 1.1
    p[7, :2] = [-0.5, 1.5]
    p[9, 0] = np.nan
    divergences = gpu.get(ig.jsd(gpu.put(p)))
    bad = np.zeros(20, bool)
    bad[[3, 7, 9]] = True
    assert np.array_equal(np.isnan(divergences), bad[:, None] | bad)
