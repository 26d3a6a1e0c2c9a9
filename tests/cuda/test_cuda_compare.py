"""Comparisons of RSMs on a GPU, against the oracle."""

import warnings

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, assert_close, data, grid_data, matrices_with_outliers, oracle

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
        actual = ig.compare_rsms(gpu.put(a), gpu.put(b), method=method)
        assert isinstance(actual, float)
        assert_close(actual, oracle.compare(a, b, method=method), 1e-12, n)


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_ties(gpu, method):
    a, b = (np.round(grid_data((40, 40), "float32", s)) for s in (1, 2))
    actual = ig.compare_rsms(gpu.put(a), gpu.put(b), method=method)
    assert_close(actual, oracle.compare(a, b, method=method), 1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-200, 1e-3, 1e6, 1e150])
def test_scale_and_offset(gpu, method, scale):
    a, b = rsm(20, "float64", 1), rsm(20, "float64", 2)
    expected = ig.compare_rsms(scale * a, b, method=method)
    assert ig.compare_rsms(gpu.put(scale * a), gpu.put(b), method=method) == pytest.approx(expected)
    shifted = ig.compare_rsms(a + 1000, b, method=method)
    assert ig.compare_rsms(gpu.put(a + 1000), gpu.put(b), method=method) == pytest.approx(
        shifted, rel=1e-9
    )


@pytest.mark.parametrize("method", [m for m in METHODS if m != "gbs"])
def test_constant(gpu, method):
    a = rsm(6, "float32", 1)
    b = np.zeros_like(a) if method == "cosine" else np.full_like(a, 0.1)
    with pytest.warns(RuntimeWarning, match=rf"compare_rsms: {method} is NaN, because `rsm_b` is"):
        assert np.isnan(ig.compare_rsms(gpu.put(a), gpu.put(b), method=method))


def test_zero_rows_are_said(gpu):
    a = rsm(6, "float32", 1)
    a[3], a[:, 3] = 0, 0
    with pytest.warns(RuntimeWarning, match="of the 6 rows, 1 of `rsm_a`, 1 of `rsm_b` are 0 off"):
        assert ig.compare_rsms(gpu.put(a), gpu.put(a), method="gbs") == pytest.approx(5 / 6)


@pytest.mark.parametrize("method", METHODS)
def test_matrices_that_are_not_symmetric(gpu, method):
    a, b = data((12, 12), "float64", 1), data((12, 12), "float64", 2)
    expected = ig.compare_rsms(a, b, method=method)
    assert ig.compare_rsms(gpu.put(a), gpu.put(b), method=method) == pytest.approx(
        expected, abs=1e-12
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_what_does_not_count_is_not_read(gpu, method, dtype):
    a, b = rsm(12, dtype, 1), rsm(12, dtype, 2)
    expected = ig.compare_rsms(gpu.put(a), gpu.put(b), method=method)
    hollow, half = a.copy(), a.copy()
    np.fill_diagonal(hollow, np.nan)
    half[np.tril_indices(12)] = np.nan
    for changed in [hollow] if method in ("cka", "gbs") else [hollow, half]:
        assert ig.compare_rsms(gpu.put(changed), gpu.put(b), method=method) == expected
    hollow[3, 4] = np.inf
    with pytest.raises(ValueError, match=r"`rsm_a` must be finite, got inf at index \(3, 4\)"):
        ig.compare_rsms(gpu.put(hollow), gpu.put(b), method=method)


def levels(n, count, dtype, seed):
    """Entries on few levels between -1 and 1, exact, and with the rounding that sums leave."""
    rng = np.random.default_rng([n, count, seed])
    exact = rng.integers(0, count, (n, n)) * 2 / (count - 1) - 1
    noise = rng.integers(-3, 4, (n, n)) * np.finfo(dtype).eps * np.maximum(np.abs(exact), 0.25)
    return exact, (exact + noise).astype(dtype)


@pytest.mark.parametrize("count", [2, 3, 5, 11])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_rounding_is_not_ranked(gpu, method, dtype, count):
    for n in (24, 45):
        (exact_a, a), (exact_b, b) = (levels(n, count, dtype, seed) for seed in (1, 2))
        actual = ig.compare_rsms(gpu.put(a), gpu.put(b), method=method)
        assert_close(actual, oracle.compare(exact_a, exact_b, method=method), 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_ties_are_those_of_the_host(gpu, method, dtype):
    """Of two features, of few, of ordinary data, of one level, of powers and of neighbours."""
    rng = np.random.default_rng(5)
    eps = np.finfo(np.float32 if dtype != "float64" else np.float64).eps
    matrices = [ig.gram(rng.standard_normal((30, d)), kernel="correlation") for d in (2, 3, 50)]
    matrices.append(np.triu(0.5 ** rng.permutation(900).reshape(30, 30), 1))
    matrices.append((-0.5) ** rng.permutation(900).reshape(30, 30))
    matrices.append(1 + eps * rng.permutation(900).reshape(30, 30))
    matrices.append(1 + eps * rng.integers(0, 9, (30, 30)))
    matrices.append(3 * levels(30, 3, np.float32 if dtype != "float64" else dtype, 1)[1])
    b = rsm(30, "float64", 2)
    for a in matrices:
        a = a.astype(DTYPES[dtype])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of one level
            expected = ig.compare_rsms(a, b, method=method)
            actual = ig.compare_rsms(gpu.put(a), gpu.put(b), method=method)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_what_is_far_away_ties_nothing(gpu, method, dtype):
    for n in (4, 15):
        b = rsm(n, "float64", 2)
        for name, a in matrices_with_outliers(n, dtype, 1):
            expected = ig.compare_rsms(a, b, method=method)
            actual = ig.compare_rsms(gpu.put(a), gpu.put(b), method=method)
            assert_close(actual, expected, 1e-12, name)
            slack = 1e-12 if dtype == "float64" else 1e-5
            assert_close(actual, oracle.compare(a, b, method=method), slack, name)
