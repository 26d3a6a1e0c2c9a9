"""Cases of `jsd` that every place is to pass, host and GPU."""

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, assert_close, eps, oracle, result_dtype


def probabilities(n, d, dtype, seed=0, concentration=0.3):
    """Rows of a probability simplex, many of them peaked."""
    rng = np.random.default_rng([seed, n, d])
    return rng.dirichlet(np.full(d, concentration), n).astype(DTYPES[dtype])


@pytest.mark.parametrize("concentration", [0.3, 2.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_of_one_set(place, dtype, concentration):
    shapes = [(1, 1), (1, 2), (2, 3), (30, 10), (48, 10), (49, 17), (97, 257)]
    for n, d in place.choose(shapes, [(1, 2), (30, 10), (50, 33)]):
        p = probabilities(n, d, dtype, concentration=concentration)
        with place.without_waiting():
            result = ig.jsd(place.put(p))
        actual = place.get(result)
        assert actual.dtype == result_dtype(dtype)
        assert_close(actual, oracle.jsd(p), 16 * eps(dtype), f"{n} x {d}")
        assert np.array_equal(actual, actual.T)
        assert (np.diag(actual) == 0).all()
        assert actual.min() >= 0
        assert actual.max() <= 1


@pytest.mark.parametrize("concentration", [0.3, 1.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_of_two_sets(place, dtype, concentration):
    for n, m, d in [(1, 1, 2), (20, 31, 33), (30, 17, 10), (50, 29, 33)]:
        p, q = (probabilities(k, d, dtype, k, concentration) for k in (n, m))
        q[m // 7] = p[n // 5]
        with place.without_waiting():
            result = ig.jsd(place.put(p), place.put(q))
        actual = place.get(result)
        assert actual.shape == (n, m)
        assert_close(actual, oracle.jsd(p, q), 16 * eps(dtype), f"{n}, {m} x {d}")
        assert actual.min() >= 0


def test_of_disjoint_and_of_sparse_rows(place):
    def jsd(p):
        return place.get(ig.jsd(place.put(p)))

    assert jsd(np.eye(4)).tolist() == (1 - np.eye(4)).tolist()
    p = probabilities(40, 30, "float64", concentration=0.01)
    p[p < 1e-3] = 0
    p /= p.sum(axis=1, keepdims=True)
    assert_close(jsd(p), oracle.jsd(p), 16 * eps("float64"))
    p[0, :] = 1e-320
    p[0, 0] = 1
    assert_close(jsd(p), oracle.jsd(p), 16 * eps("float64"))


def test_of_nearly_equal_rows_stays_small_and_not_negative(place):
    """To second order it is a chi-square distance, which does not cancel."""
    noise = np.random.default_rng(3).standard_normal((20, 50))
    p = probabilities(1, 50, "float64", concentration=2.0) * (1 + 1e-5 * noise)
    p /= p.sum(axis=1, keepdims=True)
    chi = [[np.sum((a - b) ** 2 / (a + b)) / (4 * np.log(2)) for b in p] for a in p]
    for dtype in ("float32", "float64"):
        actual = place.get(ig.jsd(place.put(p.astype(dtype))))
        assert_close(actual, chi, 16 * eps(dtype))
        assert actual.min() >= 0


def test_rows_are_renormalised(place):
    p = probabilities(10, 8, "float64")
    off = p * np.linspace(0.9991, 1.0009, 10)[:, None]
    assert_close(place.get(ig.jsd(place.put(off))), oracle.jsd(p), 1e-14)
