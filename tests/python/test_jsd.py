"""`jsd` against the oracle."""

import isogram as ig
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import DTYPES, LAYOUTS, assert_close, eps, oracle, result_dtype


def probabilities(n, d, dtype, seed=0, concentration=0.3):
    """Rows of a probability simplex, many of them peaked."""
    rng = np.random.default_rng([seed, n, d])
    return rng.dirichlet(np.full(d, concentration), n).astype(DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_of_one_set(simd_level, dtype):
    for n, d in [(1, 1), (2, 3), (48, 10), (49, 17), (97, 257)]:
        p = probabilities(n, d, dtype, concentration=2.0)
        actual = ig.jsd(p)
        assert actual.dtype == result_dtype(dtype)
        assert_close(actual, oracle.jsd(p), 16 * eps(dtype), f"{n} x {d}")
        assert np.array_equal(actual, actual.T)
        assert (np.diag(actual) == 0).all()
        assert actual.min() >= 0
        assert actual.max() <= 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_of_two_sets(simd_level, dtype):
    p, q = (probabilities(n, 33, dtype, seed=n, concentration=1.0) for n in (20, 31))
    q[3] = p[4]
    actual = ig.jsd(p, q)
    assert actual.shape == (20, 31)
    assert_close(actual, oracle.jsd(p, q), 16 * eps(dtype))
    assert actual.min() >= 0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_order_and_out(simd_level, dtype, layout):
    arrange = LAYOUTS[layout]
    p, q = (probabilities(n, 12, dtype, seed=n, concentration=2.0) for n in (15, 9))
    for arguments in ((p,), (p, q)):
        expected = oracle.jsd(*arguments)
        actual = ig.jsd(*map(arrange, arguments))
        assert_close(actual, expected, 16 * eps(dtype))
        out = arrange(np.zeros_like(actual))
        assert ig.jsd(*arguments, out=out) is out
        assert np.array_equal(out, actual)


def test_of_disjoint_and_of_sparse_rows(simd_level):
    assert ig.jsd(np.eye(4)).tolist() == (1 - np.eye(4)).tolist()
    p = probabilities(40, 30, "float64", concentration=0.01)
    p[p < 1e-3] = 0
    p /= p.sum(axis=1, keepdims=True)
    assert_close(ig.jsd(p), oracle.jsd(p), 16 * eps("float64"))
    p[0, :] = 1e-320
    p[0, 0] = 1
    assert_close(ig.jsd(p), oracle.jsd(p), 16 * eps("float64"))


def test_of_nearly_equal_rows_stays_small_and_not_negative(simd_level):
    """To second order it is a chi-square distance, which does not cancel."""
    noise = np.random.default_rng(3).standard_normal((20, 50))
    p = probabilities(1, 50, "float64", concentration=2.0) * (1 + 1e-5 * noise)
    p /= p.sum(axis=1, keepdims=True)
    chi = [[np.sum((a - b) ** 2 / (a + b)) / (4 * np.log(2)) for b in p] for a in p]
    for dtype in ("float32", "float64"):
        actual = ig.jsd(p.astype(dtype))
        assert_close(actual, chi, 16 * eps(dtype))
        assert actual.min() >= 0


def test_rows_are_renormalised(simd_level):
    p = probabilities(10, 8, "float64")
    off = p * np.linspace(0.9991, 1.0009, 10)[:, None]
    assert_close(ig.jsd(off), oracle.jsd(p), 1e-14)


@pytest.mark.parametrize("value", [-1e-9, -5e-324, -0.25])
def test_names_a_negative_value(value):
    """As it is, not rounded to 0; float32 by its float64 value."""
    p = np.full((3, 4), 0.25)
    p[2, 1] = value
    with pytest.raises(
        ValueError, match=r"must not be negative, got .* at index \(2, 1\)"
    ) as raised:
        ig.jsd(p)
    text = str(raised.value).partition(" at index ")[0]
    assert float(text.rpartition(" ")[2]) == value


def test_of_more_classes_than_are_taken_at_a_time(simd_level):
    rng = np.random.default_rng(0)
    p = rng.random((3, 600_001))
    p /= p.sum(axis=1, keepdims=True)
    assert_close(ig.jsd(p), oracle.jsd(p), 1e-13)
    p[1, 400_000] = np.nan
    with pytest.raises(ValueError, match=r"got nan at index \(1, 400000\)"):
        ig.jsd(p)
    p[1, 400_000] = -1e-9
    with pytest.raises(ValueError, match=r"got -1e-09 at index \(1, 400000\)"):
        ig.jsd(p)


def test_has_the_same_bits_for_any_number_of_threads(simd_level):
    p = probabilities(97, 65, "float32")
    one, *more = (ig.jsd(p, num_threads=t) for t in (1, 2, 3, 5))
    assert all(np.array_equal(one, other) for other in more)


@given(n=st.integers(1, 12), d=st.integers(1, 20), seed=st.integers(0, 2**31))
def test_is_bounded_and_ignores_the_order_of_classes(n, d, seed):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(d, 0.5), n)
    actual = ig.jsd(p)
    assert actual.min() >= 0
    assert actual.max() <= 1
    assert_close(ig.jsd(p[:, rng.permutation(d)]), actual, 1e-14)
