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


# Partial CKA --------------------------------------------------------------------------------------


def confounded(n, dtype, seed=0):
    """Inputs, and layers that have little but the inputs in common."""
    rng = np.random.default_rng(seed)
    inputs = 3 * rng.standard_normal((n, 5))
    layers = [
        np.concatenate([inputs @ rng.standard_normal((5, d)), rng.standard_normal((n, d))], axis=1)
        for d in (4, 7, 60)
    ]
    return inputs.astype(dtype), [layer.astype(dtype) for layer in layers]


@pytest.mark.parametrize("kernel", ["linear", "cosine", "rbf"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_partial(place, dtype, estimator, kernel):
    options = {"kernel": kernel, "estimator": estimator}
    options |= {"bandwidth": 9.0} if kernel == "rbf" else {}
    for n in place.choose((9, 60), (9, 30)):
        inputs, layers = confounded(n, dtype)
        others = [inputs, data((n, 3), dtype, 7)]
        tolerance = 1e-4 if dtype == "float32" else 1e-10
        for given in (others[:1], others):
            there = list(map(place.put, given))
            put = list(map(place.put, layers))
            expected = [
                [oracle.partial_cka(a, b, given, **options) for b in layers] for a in layers
            ]
            matrix = place.get(ig.cka_matrix(put, given=there, **options))
            assert_close(matrix, expected, tolerance, f"{n}")
            assert np.array_equal(matrix, matrix.T)
            assert (np.diag(matrix) == 1).all()
            table = place.get(ig.cka_matrix(put[:2], put[1:], given=there, **options))
            assert_close(table, np.array(expected)[:2, 1:], tolerance)
            pair = ig.cka(put[0], put[1], given={"inputs": there[0]}, **options)
            assert type(pair) is float
            first = oracle.partial_cka(layers[0], layers[1], given[:1], **options)
            assert pair == pytest.approx(first, abs=tolerance)


def test_partial_of_what_is_given_itself(place):
    inputs, layers = confounded(40, "float64")
    put, there = list(map(place.put, [*layers, 2 * inputs])), [place.put(inputs)]
    with pytest.warns(
        RuntimeWarning, match=r"^cka_matrix: nothing is left .* of `layers\[3\]`, as"
    ):
        matrix = place.get(ig.cka_matrix(put, given=there))
    assert np.isnan(matrix[3]).all()
    assert np.isnan(matrix[:, 3]).all()
    # Given twice, it is regressed out once.
    once = place.get(ig.cka_matrix(put[:3], given=there))
    assert_close(matrix[:3, :3], once, 1e-12)
    with pytest.warns(RuntimeWarning, match=r"^cka_matrix: Gram matrices of `given` depend on"):
        twice = place.get(ig.cka_matrix(put[:3], given=there * 2))
    assert_close(twice, once, 1e-10)


def test_partial_without_values(place):
    inputs, layers = confounded(20, "float64")
    put, constant = list(map(place.put, layers)), place.put(np.ones((20, 3)))
    with pytest.warns(RuntimeWarning, match=r"^cka_matrix: `given\[0\]` is constant"):
        assert np.isnan(place.get(ig.cka_matrix(put, given=[constant]))).all()
    with pytest.warns(RuntimeWarning, match=r"^cka_matrix: `layers\[1\]` is constant"):
        matrix = place.get(ig.cka_matrix([put[0], constant], given=[place.put(inputs)]))
    assert np.isnan(matrix[1]).all()
    assert matrix[0, 0] == 1
    few = [place.put(a[:3]) for a in layers]
    with pytest.warns(RuntimeWarning, match="needs at least 4 samples, got 3"):
        assert np.isnan(ig.cka(few[0], few[1], given=[place.put(inputs[:3])]))


def test_what_is_given_must_be_of_the_same_samples(place):
    inputs, layers = confounded(20, "float64")
    put = list(map(place.put, layers))
    with pytest.raises(ValueError, match=r"^cka: `given\[0\]` must have as many samples as `x`"):
        ig.cka(put[0], put[1], given=[place.put(inputs[:19])])
    with pytest.raises(ValueError, match=r"^cka_matrix: `bandwidth` must be one for all with"):
        ig.cka_matrix(put, put, given=[put[0]], kernel="rbf", bandwidth=(1.0, 2.0))
