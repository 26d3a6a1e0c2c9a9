"""`center` against the oracle."""

import isogram as ig
import numpy as np
import pytest
from cases.center import *  # noqa: F403
from hypothesis import given
from hypothesis import strategies as st
from support import (
    DTYPES,
    ESTIMATORS,
    LAYOUTS,
    SCALES,
    assert_close,
    center_tolerance,
    data,
    eps,
    oracle,
    result_dtype,
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_symmetric_stays_exactly_symmetric(simd_level, estimator, dtype):
    for n in (3, 48, 97):
        k = ig.gram(data((n, 20), dtype))
        actual = ig.center(k, estimator=estimator)
        assert np.array_equal(actual, actual.T)
        if estimator == "debiased":
            assert (np.diag(actual) == 0).all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_memory_order_and_out(simd_level, estimator, dtype, layout):
    arrange = LAYOUTS[layout]
    k = data((51, 51), dtype, seed=1)
    expected = oracle.center(k, estimator=estimator)
    assert_close(ig.center(arrange(k), estimator=estimator), expected, center_tolerance(k, dtype))
    out = arrange(np.zeros((51, 51), result_dtype(dtype)))
    assert ig.center(k, estimator=estimator, out=out) is out
    assert_close(out, expected, center_tolerance(k, dtype))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_in_place(simd_level, estimator, dtype, layout):
    original = data((51, 51), dtype, seed=2)
    expected = ig.center(original, estimator=estimator)
    k = LAYOUTS[layout](original.copy())
    assert ig.center(k, estimator=estimator, out=k) is k
    assert np.array_equal(k, expected)


@pytest.mark.parametrize("dtype", SCALES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_scale(simd_level, estimator, dtype):
    k = data((40, 40), dtype, seed=3)
    expected = oracle.center(k, estimator=estimator)
    for scale in SCALES[dtype]:
        actual = ig.center(k * scale, estimator=estimator).astype(np.float64) / scale
        assert_close(actual, expected, center_tolerance(k, dtype), f"scale {scale}")


def test_a_large_mean_is_removed(simd_level):
    k = data((60, 60), "float32", seed=4) + np.float32(1e4)
    assert_close(ig.center(k), oracle.center(k), 8 * eps("float32") * 1e4)
    constant = ig.center(np.full((60, 60), 1e4, np.float32))
    assert_close(constant, np.zeros((60, 60)), 8 * eps("float32") * 1e4)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_same_bits_for_any_number_of_threads(simd_level, estimator):
    k = data((193, 193), "float32", seed=5)
    one, *more = (ig.center(k, estimator=estimator, num_threads=t) for t in (1, 2, 3, 5))
    assert all(np.array_equal(one, other) for other in more)


def test_default_is_biased():
    k = data((9, 9), "float64")
    assert np.array_equal(ig.center(k), ig.center(k, estimator="biased"))


@given(n=st.integers(3, 40), seed=st.integers(0, 2**31))
def test_rows_and_columns_sum_to_zero_and_centring_twice_is_centring_once(n, seed):
    k = np.random.default_rng(seed).standard_normal((n, n))
    k = k + k.T  # U-centring leaves row sums of (C - R)/(n - 2)
    for estimator in ESTIMATORS:
        once = ig.center(k, estimator=estimator)
        bound = n * center_tolerance(k, "float64")
        assert_close(once.sum(axis=0), np.zeros(n), bound)
        assert_close(once.sum(axis=1), np.zeros(n), bound)
        assert_close(ig.center(once, estimator=estimator), once, bound)
