"""Comparisons of RSMs and divergences on a GPU, against the oracle."""

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, assert_close, data, eps, grid_data, oracle

METHODS = ("pearson", "spearman", "kendall", "cosine", "cka", "gbs")


def rsm(n, dtype, seed):
    """Return a symmetric matrix."""
    k = data((n, n), dtype, seed).astype(np.float64)
    return (k + k.T).astype(DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_compare(gpu, method, dtype):
    for n in (4, 5, 40):
        a, b = rsm(n, dtype, 1), rsm(n, dtype, 2)
        actual = ig.compare(gpu.put(a), gpu.put(b), method=method)
        assert isinstance(actual, float)
        assert_close(actual, oracle.compare(a, b, method=method), 1e-12, n)


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_ties(gpu, method):
    a, b = (np.round(grid_data((40, 40), "float32", s)) for s in (1, 2))
    actual = ig.compare(gpu.put(a), gpu.put(b), method=method)
    assert_close(actual, oracle.compare(a, b, method=method), 1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-200, 1e-3, 1e6, 1e150])
def test_scale_and_offset(gpu, method, scale):
    a, b = rsm(20, "float64", 1), rsm(20, "float64", 2)
    expected = ig.compare(scale * a, b, method=method)
    assert ig.compare(gpu.put(scale * a), gpu.put(b), method=method) == pytest.approx(expected)
    shifted = ig.compare(a + 1000, b, method=method)
    assert ig.compare(gpu.put(a + 1000), gpu.put(b), method=method) == pytest.approx(
        shifted, rel=1e-9
    )


@pytest.mark.parametrize("method", [m for m in METHODS if m != "gbs"])
def test_constant(gpu, method):
    a = rsm(6, "float32", 1)
    b = np.zeros_like(a) if method == "cosine" else np.full_like(a, 0.1)
    with pytest.warns(RuntimeWarning, match=rf"compare: {method} is NaN, because `rsm_b` is"):
        assert np.isnan(ig.compare(gpu.put(a), gpu.put(b), method=method))


def test_zero_rows_are_said(gpu):
    a = rsm(6, "float32", 1)
    a[3], a[:, 3] = 0, 0
    with pytest.warns(RuntimeWarning, match="of the 6 rows, 1 of `rsm_a`, 1 of `rsm_b` are 0 off"):
        assert ig.compare(gpu.put(a), gpu.put(a), method="gbs") == pytest.approx(5 / 6)


@pytest.mark.parametrize("method", METHODS)
def test_matrices_that_are_not_symmetric(gpu, method):
    a, b = data((12, 12), "float64", 1), data((12, 12), "float64", 2)
    expected = ig.compare(a, b, method=method)
    assert ig.compare(gpu.put(a), gpu.put(b), method=method) == pytest.approx(expected, abs=1e-12)


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
