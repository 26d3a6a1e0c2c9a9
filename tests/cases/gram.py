"""Cases of `gram` that every place is to pass, host and GPU."""

from functools import cache

import isogram as ig
import numpy as np
import pytest
from support import (
    DECADES,
    DTYPES,
    EDGE_FEATURES,
    EDGE_ROWS,
    EXTREME_POLYNOMIALS,
    FAR_KINDS,
    GROUP_KINDS,
    KERNELS,
    MEDIAN_KERNELS,
    RBF_TOLERANCE,
    assert_close,
    assert_polynomials,
    data,
    eps,
    exact_exponentials,
    far_apart,
    gram_tolerance,
    groups,
    oracle,
    result_dtype,
)

SHAPES = [(n, 7) for n in EDGE_ROWS] + [(49, d) for d in EDGE_FEATURES] + [(97, 600)]
FEW_SHAPES = [(1, 3), (2, 1), (23, 7), (24, 64), (53, 70)]
UNIT_DIAGONAL = ("cosine", "correlation", *MEDIAN_KERNELS)


def width(d):
    """Return a bandwidth near the distances of normal data."""
    return float(np.sqrt(2 * d))


@cache
def case(kernel, dtype, n, d):
    """Input, the oracle's Gram matrix and the tolerance."""
    x = data((n, d), dtype)
    expected = oracle.gram(x, kernel=kernel, bandwidth=width(d))
    return x, expected, gram_tolerance(x, x, dtype, kernel, width(d))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_one_set(place, kernel, dtype):
    for n, d in place.choose(SHAPES, FEW_SHAPES):
        x, expected, tolerance = case(kernel, dtype, n, d)
        with place.without_waiting():
            result = ig.gram(place.put(x), kernel=kernel, bandwidth=width(d))
        actual = place.get(result)
        assert type(actual) is np.ndarray
        assert actual.dtype == result_dtype(dtype)
        assert_close(actual, expected, tolerance, f"{n} x {d}")
        assert np.array_equal(actual, actual.T), f"{n} x {d} is not symmetric"
        if kernel in UNIT_DIAGONAL and not (kernel == "correlation" and d == 1):
            assert (np.diag(actual) == 1).all(), f"{n} x {d} has a diagonal other than 1"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_two_sets(place, kernel, dtype):
    shapes = place.choose(
        [(1, 1, 1), (1, 50, 3), (49, 2, 7), (31, 97, 65), (97, 48, 257)],
        [(1, 1, 1), (1, 50, 3), (31, 29, 65)],
    )
    for n, m, d in shapes:
        x, y = data((n, d), dtype, seed=1), data((m, d), dtype, seed=2)
        expected = oracle.gram(x, y, kernel=kernel, bandwidth=width(d))
        actual = place.get(ig.gram(place.put(x), place.put(y), kernel=kernel, bandwidth=width(d)))
        assert actual.dtype == result_dtype(dtype)
        tolerance = gram_tolerance(x, y, dtype, kernel, width(d))
        assert_close(actual, expected, tolerance, f"{n} x {m} x {d}")


@pytest.mark.parametrize("kind", FAR_KINDS)
@pytest.mark.parametrize("dtype", DECADES)
@pytest.mark.parametrize("kernel", MEDIAN_KERNELS)
def test_near_rows_beside_far_ones(place, kernel, dtype, kind):
    """Whatever lies far off, near pairs keep their digits; and pairs far off give exactly 0."""
    for seed in range(place.choose(8, 3)):
        x, widths = far_apart(dtype, kind, seed)
        y = x[::-1][:-1]
        for bandwidth in widths:
            parameters = {"kernel": kernel, "bandwidth": bandwidth}
            with place.without_waiting():
                one = ig.gram(place.put(x), **parameters)
                two = ig.gram(place.put(x), place.put(y), **parameters)
            expected = exact_exponentials(x, x, **parameters)
            tolerance = 8 * eps(dtype) if kernel == "laplacian" else RBF_TOLERANCE[dtype]
            assert_close(place.get(one), expected, tolerance, f"{seed}, {bandwidth}")
            assert_close(
                place.get(two), expected[:, ::-1][:, :-1], tolerance, f"{seed}, {bandwidth}"
            )
            assert np.array_equal(place.get(one), place.get(one).T)
            assert (np.diag(place.get(one)) == 1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", ["cosine", "correlation"])
def test_rows_of_unit_norm_near_the_largest_and_far_from_zero(place, kernel, dtype):
    """Neither sums nor differences overflow, and an offset costs no digits."""
    plain = data((40, 9), "float64", seed=6)
    plain /= np.abs(plain).max()
    largest = float(np.finfo(dtype).max) * 0.999
    for x in (plain * largest, plain * (largest / 8), plain + 1e6, plain + 1e11, plain + 1e13):
        x = x.astype(dtype)
        actual = place.get(ig.gram(place.put(x), kernel=kernel))
        rows = x.astype(np.longdouble)
        if kernel == "correlation":
            rows = rows - rows[:, :1]  # exact
            rows = rows - rows.mean(axis=1, keepdims=True)
        rows /= np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-300)
        norms = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
        rows /= np.where(norms == 0, 1, norms)
        assert_close(actual, rows @ rows.T, 16 * eps(dtype))


@pytest.mark.parametrize("kind", GROUP_KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_groups_of_rows_some_widths_apart(place, dtype, kind):
    """Where distances within a group have lost some digits, but not yet many."""
    for seed, size in enumerate((3, 5, 8, 10, 12, 16, 20, 24, 32, 64, 100, 300, 1e3)):
        x, bandwidth = groups(dtype, kind, size, seed)
        actual = place.get(ig.gram(place.put(x), kernel="rbf", bandwidth=bandwidth))
        expected = exact_exponentials(x, x, "rbf", bandwidth)
        assert_close(actual, expected, RBF_TOLERANCE[dtype], f"{size}")


@pytest.mark.filterwarnings("ignore:.*beyond the range:RuntimeWarning")  # of the host
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_polynomials_of_extreme_parameters(place, dtype):
    for parameters in EXTREME_POLYNOMIALS:
        assert_polynomials(
            lambda x, **p: place.get(ig.gram(place.put(x), kernel="polynomial", **p)),
            dtype,
            parameters,
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_polynomials_whose_gamma_makes_up_for_the_scale(place, dtype):
    """Of features and of a gamma neither of which has a product within the range."""
    x = data((20, 6), dtype, seed=31)
    x[0] *= 2
    for power in (30, 60) if dtype == "float32" else (30, 60, 400, 480):
        for unit in (2.0**power, 2.0**-power):
            scaled = x * x.dtype.type(unit)
            gamma = 1 / unit / unit / 30
            expected = oracle.gram(x, kernel="polynomial", gamma=1 / 30)
            actual = place.get(ig.gram(place.put(scaled), kernel="polynomial", gamma=gamma))
            tolerance = gram_tolerance(x, x, dtype, "polynomial", gamma=1 / 30)
            assert_close(actual, expected, tolerance, f"{unit}")
    x[0] *= x.dtype.type(1e15 if dtype == "float32" else 1e150)  # its square is beyond the type
    gamma = 1 / float((x[0].astype(np.longdouble) ** 2).sum())
    near = place.get(ig.gram(place.put(x), kernel="polynomial", gamma=gamma))
    assert_close(near[1:, 1:], np.ones((19, 19)), 4 * eps(dtype))
    assert_close(near[0, 0], 8.0, 32 * eps(dtype))
