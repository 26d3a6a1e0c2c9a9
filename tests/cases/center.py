"""Cases of `center` that every place is to pass, host and GPU."""

import isogram as ig
import numpy as np
import pytest
from support import (
    DTYPES,
    EDGE_ROWS,
    ESTIMATORS,
    assert_close,
    center_tolerance,
    data,
    near_the_largest,
    oracle,
    result_dtype,
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_general_matrices(place, estimator, dtype):
    """Not only symmetric ones: rows and columns have sums of their own."""
    for n in place.choose(EDGE_ROWS, (1, 3, 4, 33, 70)):
        if n < (1 if estimator == "biased" else 3):
            continue
        k = data((n, n), dtype)
        with place.without_waiting():
            result = ig.center(place.put(k), estimator=estimator)
        actual = place.get(result)
        assert actual.dtype == result_dtype(dtype)
        expected = oracle.center(k, estimator=estimator)
        assert_close(actual, expected, center_tolerance(k, dtype), f"n = {n}")


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_any_magnitude(place, estimator):
    k = data((40, 40), "float64", seed=3)
    expected = oracle.center(k, estimator=estimator)
    for exponent in (-1010, -900, -600, 600, 900, 1015):
        scaled = np.ldexp(k, exponent)
        actual = place.get(ig.center(place.put(scaled), estimator=estimator))
        tolerance = center_tolerance(k, "float64")
        assert_close(np.ldexp(actual, -exponent), expected, tolerance, f"2^{exponent}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_at_the_largest_numbers(place, estimator, dtype):
    """Sums overflow where what is left does not."""
    for n in place.choose((3, 4, 5, 97), (3, 4, 5, 70)):
        k, room = near_the_largest(n, dtype)
        expected = oracle.center(k * room, estimator=estimator)
        actual = place.get(ig.center(place.put(k), estimator=estimator))
        assert_close(actual * room, expected, center_tolerance(k * room, dtype))
