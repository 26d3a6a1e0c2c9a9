"""`gram` against the oracle."""

import isogram as ig
import numpy as np
import pytest
from cases.gram import *  # noqa: F403
from hypothesis import given
from hypothesis import strategies as st
from support import (
    DTYPES,
    KERNELS,
    LAYOUTS,
    MEDIAN_KERNELS,
    SCALES,
    assert_close,
    data,
    dot_tolerance,
    eps,
    gram_tolerance,
    oracle,
    result_dtype,
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_memory_order(simd_level, kernel, layout, dtype):
    x, y = data((50, 33), dtype, seed=3), data((29, 33), dtype, seed=4)
    arrange = LAYOUTS[layout]
    one = ig.gram(arrange(x), kernel=kernel, bandwidth=8.0)
    two = ig.gram(arrange(x), arrange(y), kernel=kernel, bandwidth=8.0)
    one_tolerance = gram_tolerance(x, x, dtype, kernel, 8.0)
    two_tolerance = gram_tolerance(x, y, dtype, kernel, 8.0)
    assert_close(one, oracle.gram(x, kernel=kernel, bandwidth=8.0), one_tolerance)
    assert_close(two, oracle.gram(x, y, kernel=kernel, bandwidth=8.0), two_tolerance)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_out(simd_level, dtype, layout):
    x, y = data((49, 20), dtype, seed=5), data((33, 20), dtype, seed=6)
    for y_or_none in (None, y):
        expected = ig.gram(x, y_or_none)
        out = LAYOUTS[layout](np.zeros_like(expected))
        assert ig.gram(x, y_or_none, out=out) is out
        assert np.array_equal(out, expected)


def test_out_leaves_the_gaps_of_a_strided_array_alone(simd_level):
    larger = np.full((21, 31), 7, np.float32)
    x = data((10, 5), "float32")
    ig.gram(x, data((15, 5), "float32"), out=larger[1::2, 1::2])
    assert (larger[::2] == 7).all()
    assert (larger[:, ::2] == 7).all()


@pytest.mark.parametrize(("x_type", "y_type"), [("float16", "float64"), ("float64", "float32")])
def test_mixed_types_are_computed_in_float64(simd_level, x_type, y_type):
    x, y = data((20, 30), x_type), data((10, 30), y_type)
    actual = ig.gram(x, y)
    assert actual.dtype == np.float64
    tolerance = dot_tolerance(30, "float64") * np.outer(*(reference_norms(a) for a in (x, y)))
    assert_close(actual, oracle.gram(x, y), tolerance)


def reference_norms(x):
    """Row norms in float64."""
    return np.linalg.norm(oracle.widen(x), axis=1)


@pytest.mark.parametrize("kernel", ["cosine", "correlation"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_degenerate_rows_give_zero(simd_level, dtype, kernel):
    x = data((20, 9), dtype, seed=7)
    x[3] = 0
    x[11] = 0 if kernel == "cosine" else x[11, 0]
    actual = ig.gram(x, kernel=kernel)
    assert (actual[[3, 11]] == 0).all()
    assert (actual[:, [3, 11]] == 0).all()
    others = np.delete(np.arange(20), [3, 11])
    assert (np.diag(actual)[others] == 1).all()
    assert_close(actual, oracle.gram(x, kernel=kernel), 2 * dot_tolerance(9, dtype))


def test_equal_rows_have_an_rbf_of_exactly_one(simd_level):
    x = np.repeat(data((4, 50), "float32") + 100, 3, axis=0)
    actual = ig.gram(x, kernel="rbf", bandwidth=0.5)
    assert_close(actual, oracle.gram(x, kernel="rbf", bandwidth=0.5), 1e-5)
    assert actual.max() <= 1


@pytest.mark.parametrize("dtype", SCALES)
@pytest.mark.parametrize("kernel", ["cosine", "correlation", *MEDIAN_KERNELS])
def test_scale_does_not_matter(simd_level, kernel, dtype):
    x = data((40, 17), dtype, seed=8)
    expected = oracle.gram(x, kernel=kernel)
    tolerance = gram_tolerance(x, x, dtype, kernel, oracle.bandwidth_of(x))
    for scale in SCALES[dtype]:
        assert_close(ig.gram(x * scale, kernel=kernel), expected, tolerance, f"scale {scale}")


@pytest.mark.parametrize(("dtype", "exponent"), [("float32", 58), ("float64", 500)])
def test_linear_at_representable_scales(simd_level, dtype, exponent):
    x = data((40, 17), dtype, seed=8)
    expected, tolerance = oracle.gram(x), gram_tolerance(x, x, dtype, "linear")
    for power in (exponent, -exponent):
        scaled = ig.gram(x * result_dtype(dtype).type(2.0**power)).astype(np.float64)
        assert_close(scaled * 2.0 ** (-2 * power), expected, tolerance, f"2**{power}")


@pytest.mark.parametrize("kernel", ["correlation", *MEDIAN_KERNELS])
@pytest.mark.parametrize("offset", [20, 1500])
def test_a_common_offset_costs_no_digits(simd_level, kernel, offset):
    x = data((50, 40), "float32", seed=9) + np.float32(offset)
    expected = oracle.gram(x, kernel=kernel)
    tolerance = gram_tolerance(x - x.mean(), x - x.mean(), "float32", kernel, np.sqrt(80.0))
    assert_close(ig.gram(x, kernel=kernel), expected, 2 * tolerance)


def test_two_sets_with_a_common_offset(simd_level):
    x, y = (data((n, 40), "float32", seed=n) + np.float32(1500) for n in (30, 50))
    for kernel in MEDIAN_KERNELS:
        expected = oracle.gram(x, y, kernel=kernel)
        assert_close(ig.gram(x, y, kernel=kernel), expected, 20 * dot_tolerance(40, "float32"))


def test_near_pairs_of_far_clusters_keep_their_distance(simd_level):
    """A distance of 1 between rows of norm 1000: the norms must not swallow it."""
    x = data((40, 16), "float32", seed=10)
    x[20:] += 1000
    expected = oracle.gram(x, kernel="rbf", bandwidth=4.0)
    assert_close(ig.gram(x, kernel="rbf", bandwidth=4.0), expected, dot_tolerance(16, "float32"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", ["linear", "polynomial"])
def test_entries_beyond_the_type_are_infinite_and_said_to_be(simd_level, kernel, dtype):
    x = np.ones((30, 3), dtype)
    x[7] = 1e25 if dtype == "float32" else 1e200
    for y in (None, x[5:9]):
        with pytest.warns(RuntimeWarning, match=f"gram: .* beyond the range of {dtype}"):
            k = ig.gram(x, y, kernel=kernel)
        infinite = np.zeros(k.shape, bool)
        infinite[7, 7 if y is None else 2] = True
        if kernel == "polynomial":  # 1e25³ is too large as well
            infinite[7], infinite[:, 7 if y is None else 2] = True, True
        assert np.array_equal(np.isinf(k), infinite)
    assert np.isfinite(ig.gram(x[:7], kernel=kernel)).all()  # and no warning: that is an error here


def test_half_precision_does_not_overflow(simd_level):
    x = np.full((5, 300), 65504, np.float16)
    x[::2] *= -1
    actual = ig.gram(x)
    assert_close(actual / 65504.0**2, oracle.gram(x) / 65504.0**2, 300 * eps("float16"))


@pytest.mark.parametrize(
    "parameters",
    [
        {"degree": 1},
        {"degree": 2, "coef0": 0.0},
        {"degree": 5, "gamma": 0.25, "coef0": -1.0},
        {"degree": 4, "gamma": 0.01, "coef0": 2.5},
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_polynomial_parameters(simd_level, dtype, parameters):
    x = data((30, 12), dtype, seed=11)
    actual = ig.gram(x, kernel="polynomial", **parameters)
    tolerance = gram_tolerance(x, x, dtype, "polynomial", **parameters)
    assert_close(actual, oracle.gram(x, kernel="polynomial", **parameters), tolerance)


@pytest.mark.parametrize("kernel", MEDIAN_KERNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_median_is_that_of_the_first_set(simd_level, dtype, kernel):
    x, y = data((31, 10), dtype, seed=12), data((22, 10), dtype, seed=13)
    sigma = oracle.bandwidth_of(x)
    actual = ig.gram(x, y, kernel=kernel)
    tolerance = gram_tolerance(x, y, dtype, kernel, sigma) + 4 * dot_tolerance(10, dtype)
    assert_close(actual, oracle.gram(x, y, kernel=kernel), tolerance)
    tolerance = tolerance.max()
    assert_close(actual, ig.gram(x, y, kernel=kernel, bandwidth=ig.bandwidth(x)), tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_same_bits_for_any_number_of_threads(simd_level, kernel, dtype):
    x, y = data((193, 257), dtype, seed=14), data((101, 257), dtype, seed=15)
    for arguments in ((x,), (x, y)):
        one, *more = (
            ig.gram(*arguments, kernel=kernel, num_threads=threads) for threads in (1, 2, 3, 5)
        )
        assert all(np.array_equal(one, other) for other in more)


# Properties ---------------------------------------------------------------------------------


@given(n=st.integers(1, 40), d=st.integers(1, 40), seed=st.integers(0, 2**31))
def test_permuting_samples_permutes_the_gram(n, d, seed):
    rng = np.random.default_rng(seed)
    x, order = rng.standard_normal((n, d)), rng.permutation(n)
    for kernel in KERNELS:
        plain = ig.gram(x, kernel=kernel, bandwidth=2.0)
        permuted = ig.gram(x[order], kernel=kernel, bandwidth=2.0)
        tolerance = gram_tolerance(x, x, "float64", kernel, 2.0)[np.ix_(order, order)]
        assert_close(permuted, plain[np.ix_(order, order)], 2 * tolerance, kernel)


@given(n=st.integers(1, 30), m=st.integers(1, 30), d=st.integers(1, 30), seed=st.integers(0, 99))
def test_swapping_the_sets_transposes_the_gram(n, m, d, seed):
    x, y = data((n, d), "float64", seed), data((m, d), "float64", seed + 1)
    for kernel in KERNELS:
        tolerance = 2 * gram_tolerance(x, y, "float64", kernel, 2.0)
        there, back = (ig.gram(a, b, kernel=kernel, bandwidth=2.0) for a, b in ((x, y), (y, x)))
        assert_close(there, back.T, tolerance, kernel)


ROWS = {
    "normal": lambda z: z,
    "an offset of 1e7": lambda z: 1e7 + 3 * z,
    "one rounding apart": lambda z: np.where(z > 1, 1 + 2.0**-23, 1.0),
    "denormal": lambda z: 1e-40 * z,
    "near the largest float32": lambda z: 1e37 * z,
    "an outlier first": lambda z: np.where(np.arange(z.shape[1]) == 0, 1e8, z),
    "of all scales": lambda z: z * 10.0 ** np.linspace(-30, 30, len(z))[:, None],
    "some constant": lambda z: np.where(np.arange(len(z))[:, None] % 3 == 0, 3.7, z),
}


@pytest.mark.parametrize("kernel", ["cosine", "correlation"])
@pytest.mark.parametrize("shape", [(7, 1), (5, 2), (97, 400), (30, 5000)], ids=str)
@pytest.mark.parametrize("rows", ROWS)
def test_rows_of_unit_norm(simd_level, rows, shape, kernel):
    """Against long double; float32 rows have the same bits however they are stored."""
    x = ROWS[rows](np.random.default_rng(49).standard_normal(shape)).astype(np.float32)
    exact = x.astype(np.longdouble)
    if kernel == "correlation":
        exact = exact - exact.mean(axis=1, keepdims=True)
    largest = np.abs(exact).max(axis=1, keepdims=True)
    exact = exact / np.where(largest == 0, 1, largest)
    norms = np.sqrt((exact * exact).sum(axis=1, keepdims=True))
    exact = exact / np.where(norms == 0, 1, norms)
    found = ig.gram(x, kernel=kernel)
    assert_close(found, exact @ exact.T, gram_tolerance(x, x, "float32", kernel))
    for stored in (np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        assert np.array_equal(ig.gram(stored, kernel=kernel), found)
