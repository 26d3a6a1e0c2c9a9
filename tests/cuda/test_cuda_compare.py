"""Comparisons of RSMs on a GPU, against the oracle."""

import warnings

import isogram as ig
import numpy as np
import pytest
from cases.compare import *  # noqa: F403
from cases.compare import METHODS, levels, rsm
from cases.compare_given import *  # noqa: F403
from cases.compare_whitened import *  # noqa: F403
from support import DTYPES, assert_close, data, matrices_with_outliers


@pytest.mark.parametrize("method", METHODS)
def test_matrices_that_are_not_symmetric(gpu, method):
    a, b = data((12, 12), "float64", 1), data((12, 12), "float64", 2)
    expected = ig.compare_rsms(a, b, method=method)
    assert ig.compare_rsms(gpu.put(a), gpu.put(b), method=method) == pytest.approx(
        expected, abs=1e-12
    )


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
def test_ties_beside_what_is_far_away_are_those_of_the_host(gpu, method, dtype):
    for n in (4, 15):
        b = rsm(n, "float64", 2)
        for name, a in matrices_with_outliers(n, dtype, 1):
            expected = ig.compare_rsms(a, b, method=method)
            actual = ig.compare_rsms(gpu.put(a), gpu.put(b), method=method)
            assert_close(actual, expected, 1e-12, name)
