"""Cases of the whitened methods of `compare_rsms` that every place is to pass, host and GPU."""

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, assert_close, data, oracle

WHITENED = ("whitened_cosine", "whitened_pearson")


def squared_distances(n, d, dtype, seed=0):
    """Return squared distances of patterns."""
    x = data((n, d), "float64", seed)
    return ((x[:, None] - x) ** 2).sum(axis=-1).astype(DTYPES[dtype])


def noises(n):
    """Return covariances of n samples, and None for the identity."""
    rng = np.random.default_rng(n)
    cov = np.cov(rng.standard_normal((3 * n, n)) * np.arange(1, n + 1), rowvar=False)
    of_contrasts = cov - cov.mean(axis=0)
    of_contrasts = of_contrasts - of_contrasts.mean(axis=1, keepdims=True)
    return {
        "none": None,
        "full": cov,
        "diagonal": cov.diagonal(),
        "tiny": cov * 1e-14,
        "huge": cov * 1e14,
        "what samples share": cov + 1e3,
        "singular, but not of contrasts": of_contrasts,
        "float32": cov.astype(np.float32),
    }


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", WHITENED)
def test_whitening_is_that_of_the_covariance_of_distances(place, method, dtype):
    """The oracle inverts the covariance of all pairs."""
    for n in place.choose((3, 4, 9, 20), (4, 9)):
        a, b = (squared_distances(n, 5, dtype, seed) for seed in (1, 2))
        for name, noise in noises(n).items():
            expected = oracle.compare(a, b, method=method, sigma_k=noise)
            there = None if noise is None else place.put(noise)
            for sigma_k in (noise, there):
                actual = ig.compare_rsms(place.put(a), place.put(b), method=method, sigma_k=sigma_k)
                assert type(actual) is float
                assert_close(actual, expected, 1e-9, f"n = {n}, {name}")


@pytest.mark.parametrize("method", WHITENED)
def test_whitened_tables(place, method):
    rows = [squared_distances(9, 5, "float64", seed) for seed in (1, 2, 3)]
    cols = [squared_distances(9, 4, "float64", seed) for seed in (4, 5)]
    for noise in (None, noises(9)["full"]):
        there = [[place.put(k) for k in side] for side in (rows, cols)]
        table = place.get(ig.compare_rsms_matrix(*there, method=method, sigma_k=noise))
        expected = [
            [oracle.compare(a, b, method=method, sigma_k=noise) for b in cols] for a in rows
        ]
        assert_close(table, np.array(expected), 1e-12)
        one_set = place.get(ig.compare_rsms_matrix(there[0], method=method, sigma_k=noise))
        assert np.array_equal(one_set, one_set.T)
        assert np.array_equal(np.diag(one_set), np.ones(3))


def test_whitened_cosine_is_biased_linear_cka(place):
    x, y = data((12, 5), "float64"), data((12, 7), "float64", 1)
    rsms = (squared_distances(12, 5, "float64"), squared_distances(12, 7, "float64", 1))
    actual = ig.compare_rsms(*map(place.put, rsms), method="whitened_cosine")
    assert_close(actual, ig.cka(x, y, estimator="biased"), 1e-12)


@pytest.mark.parametrize("method", WHITENED)
def test_whitened_rsms_without_variation(place, method):
    a, constant = squared_distances(6, 4, "float64"), np.ones((6, 6)) - np.eye(6)
    constant *= 0 if method == "whitened_cosine" else 1
    with pytest.warns(RuntimeWarning, match=f"{method} is NaN, because `rsm_b` is"):
        assert np.isnan(ig.compare_rsms(place.put(a), place.put(constant), method=method))


@pytest.mark.parametrize("method", WHITENED)
def test_whitening_needs_every_pair(place, method):
    a = squared_distances(6, 4, "float64")
    a[1, 2] = np.nan
    said = f"`rsm_a` must have no NaN for method '{method}', got 1 pair: "
    with pytest.raises(ValueError, match=said):
        ig.compare_rsms(place.put(a), place.put(a), method=method)
