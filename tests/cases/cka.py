"""Cases of CKA that every place is to pass, host and GPU."""

import warnings

import isogram as ig
import numpy as np
import pytest
from support import (
    ESTIMATORS,
    FAR_APART,
    FAR_APART_CUBED,
    KERNELS,
    assert_close,
    data,
    far_row_in_a_feature_of_its_own,
    far_rows_in_features_of_their_own,
    layers_far_apart,
    oracle,
)


@pytest.mark.parametrize("bulk", [1.0, 1e-5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("spread", "scale"), FAR_APART)
def test_rows_far_apart(place, spread, scale, dtype, bulk):
    for layers in layers_far_apart(spread, scale, dtype, bulk):
        x, y, z = layers
        expected = [[1, oracle.cka_in_fractions(x, y), oracle.cka_in_fractions(x, z)]]
        tolerance = 1e-6 if dtype == "float32" else 1e-11
        x, y, z = map(place.put, layers)
        assert_close(ig.cka(x, y), expected[0][1], tolerance)
        assert_close(place.get(ig.cka_matrix([x], [x, y, z])), expected, tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("spread", "scale"), FAR_APART_CUBED)
def test_polynomials_of_rows_far_apart(place, spread, scale, dtype):
    for layers in layers_far_apart(spread, scale, dtype, 1.0):
        x, y, z = layers
        expected = [[1, *(oracle.cka_in_fractions(x, a, kernel="cubic") for a in (y, z))]]
        x, y, z = map(place.put, layers)
        assert_close(ig.cka(x, y, kernel="polynomial"), expected[0][1], 1e-11)
        matrix = place.get(ig.cka_matrix([x], [x, y, z], kernel="polynomial"))
        assert_close(matrix, expected, 1e-11)


@pytest.mark.parametrize(
    "spread", [far_row_in_a_feature_of_its_own, far_rows_in_features_of_their_own]
)
def test_squares_that_vanish_are_said(place, spread):
    """Right, or NaN with a warning: where squares lose their digits, and where they are 0."""
    for exponent in range(130, 300, 5):
        x, y = (1e-5 * data((9, d), "float64", exponent) for d in (4, 5))
        for a in (x, y):
            spread(a, 10.0**exponent)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            actual = ig.cka(place.put(x), place.put(y))
        if np.isnan(actual):
            assert "as far as float64 can tell" in str(caught[0].message)
        else:
            assert_close(actual, oracle.cka_in_fractions(x, y), 1e-11, f"1e{exponent}")


def test_rows_too_far_apart_are_not_said_to_be_constant(place):
    x = data((12, 4), "float64")
    far_row_in_a_feature_of_its_own(x, 1e300)
    with pytest.warns(RuntimeWarning, match="as far as float64 can tell"):
        assert np.isnan(ig.cka(place.put(x), place.put(x)))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hsic_with_a_layer_that_may_be_constant(place, dtype, estimator):
    """Its squared norm is lost in the sums over 1 + δ_i + δ_j + δ_i δ_j; its products are not."""
    step = 2.0**-23 if dtype == "float32" else 2.0**-25
    for seed in range(3):
        rng = np.random.default_rng(seed)
        low = step * rng.integers(0, 2, (30, 1)).astype(float)
        x, y = (1 + low).astype(dtype), (2 + 3 * (low > 0) + rng.random((30, 2))).astype(dtype)
        inner_products = {"kernel": "polynomial", "degree": 1, "gamma": 1.0, "coef0": 0.0}
        options = {"estimator": estimator, **inner_products}
        expected = oracle.hsic(low, y, estimator=estimator)  # neither sees what rows have in common
        x, y = place.put(x), place.put(y)
        assert_close(ig.hsic(x, y, **options) / expected, 1, 1e-6)
        assert_close(ig.hsic(y, x, **options) / expected, 1, 1e-6)
        with pytest.warns(RuntimeWarning, match=r"`x` is constant .* as far as float64 can tell"):
            assert np.isnan(ig.cka(x, y, **options))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hsic_with_a_constant_layer_is_zero(place, dtype, kernel, estimator):
    x = place.put(data((40, 6), dtype))
    for value in (0.0, 0.1, 1e4):
        constant = np.tile(data((1, 6), dtype, seed=1) * np.float32(value), (40, 1)).astype(dtype)
        constant = place.put(constant)
        for pair in ((x, constant), (constant, x), (constant, constant)):
            assert ig.hsic(*pair, kernel=kernel, estimator=estimator) == 0, value


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hsic_with_multiples_of_one_row_is_zero(place, dtype, estimator):
    """Of cosines and correlations, which are 1 but for rounding."""
    x = place.put(data((40, 6), dtype))
    multiples = np.outer(np.arange(1, 41), np.arange(3, 12)).astype(dtype)
    for kernel in ("cosine", "correlation"):
        assert ig.hsic(x, place.put(multiples), kernel=kernel, estimator=estimator) == 0
