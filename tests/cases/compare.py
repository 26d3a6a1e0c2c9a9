"""Cases of `compare_rsms` that every place is to pass, host and GPU."""

import itertools
import re

import isogram as ig
import numpy as np
import pytest
from support import (
    DTYPES,
    LAYOUTS,
    SCALES,
    assert_close,
    cka_tolerance,
    data,
    matrices_with_outliers,
    oracle,
)

METHODS = ("pearson", "spearman", "kendall", "cosine", "cka", "gbs")
TRIANGLE_METHODS = METHODS[:4]
OF_ALL_PAIRS = (
    "rho_a",
    "kendall_a",
)  # 0 for a constant RSM, and less than 1 of ties with themselves
ENTRY_METHODS = (*TRIANGLE_METHODS, "kendall_b", *OF_ALL_PAIRS)


def rsm(n, dtype, seed=0):
    """Return a symmetric matrix."""
    k = np.random.default_rng([seed, n]).standard_normal((n, n))
    return (k + k.T).astype(DTYPES[dtype])


def tolerance(method, dtype):
    """Ranks are exact in any type; the sums of the others are float64 over the given entries."""
    return 1e-12 if method in ("spearman", "kendall") else cka_tolerance(dtype)


def compared(place, a, b, **parameters):
    """Compare two matrices there."""
    return ig.compare_rsms(place.put(a), place.put(b), **parameters)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_methods(place, method, dtype):
    for n in place.choose((3, 4, 5, 17, 40, 48, 49, 97), (4, 5, 40)):
        if method == "cka" and n < 5:
            continue  # two degrees of freedom: see test_smallest
        a, b = rsm(n, dtype), rsm(n, dtype, seed=1)
        actual = compared(place, a, b, method=method)
        assert type(actual) is float
        expected = oracle.compare(a, b, method=method)
        assert_close(actual, expected, tolerance(method, dtype), f"n = {n}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["kendall_b", *OF_ALL_PAIRS])
def test_methods_for_ties(place, method, dtype):
    for n in place.choose((3, 4, 17, 40), (4, 17)):
        a, b = rsm(n, dtype), rsm(n, dtype, seed=1)
        for other in (b, np.sign(b.astype(np.float64))):  # which has ties
            expected = oracle.compare(a, other, method=method)
            assert_close(compared(place, a, other, method=method), expected, 1e-12, f"n = {n}")


def test_kendall_b_is_kendall(place):
    a, b = rsm(9, "float64"), np.sign(rsm(9, "float64", seed=1))
    assert compared(place, a, b, method="kendall_b") == compared(place, a, b, method="kendall")


@pytest.mark.parametrize("method", OF_ALL_PAIRS)
def test_a_constant_rsm_agrees_with_none(place, method):
    a, constant = rsm(9, "float64"), np.full((9, 9), 0.1)
    assert compared(place, a, constant, method=method) == 0.0
    assert compared(place, constant, a, method=method) == 0.0


def test_rho_a_is_the_mean_over_orders_of_ties(place):
    """Schütt et al. 2023, by all orders of a small example."""
    a = np.array([0.1, 0.9, 0.4, 0.7, 0.2, 0.5])
    model = np.array([0, 1, 0, 1, 2, 1])
    orders = [
        np.argsort(np.argsort(model * 10.0 + np.array(extra)))
        for extra in itertools.permutations(range(6))
    ]
    expected = np.mean([np.corrcoef(np.argsort(np.argsort(a)), order)[0, 1] for order in orders])
    assert_close(compared(place, a, model.astype(np.float64), method="rho_a"), expected, 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", [*METHODS, *OF_ALL_PAIRS])
def test_condensed_rsms_have_the_bits_of_square_ones(place, method, dtype):
    for n in place.choose((4, 5, 12), (5,)):
        squares = [rsm(n, dtype), rsm(n, dtype, seed=1)]
        for square in squares:
            np.fill_diagonal(square, 0)
        condensed = [square[np.triu_indices(n, 1)] for square in squares]
        expected = compared(place, *squares, method=method)
        assert compared(place, *condensed, method=method) == expected
        assert compared(place, squares[0], condensed[1], method=method) == expected


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("method", ENTRY_METHODS)
def test_pairs_that_are_nan_in_both_are_left_out(place, method, dtype):
    for n in place.choose((4, 5, 24), (5, 24)):
        a, b = (np.round(2 * rsm(n, "float64", s)).astype(dtype) for s in (0, 1))
        a[1, 2] = b[1, 2] = a[0, n - 1] = b[0, n - 1] = np.nan
        if n == 24:
            a[3], b[3] = np.nan, np.nan
        expected = oracle.compare(a, b, method=method)
        assert_close(compared(place, a, b, method=method), expected, 1e-12, f"n = {n}")


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_rounding_is_not_ranked_beside_missing_pairs(place, method):
    (exact_a, a), (exact_b, b) = (levels(24, 5, "float32", seed) for seed in (1, 2))
    for k in (exact_a, a, exact_b, b):
        k[2, 5:20] = np.nan
    expected = oracle.compare(exact_a, exact_b, method=method)
    assert_close(compared(place, a, b, method=method), expected, 1e-12)


@pytest.mark.parametrize("method", ENTRY_METHODS)
def test_masks_that_differ_are_refused(place, method):
    a, b = rsm(9, "float32"), rsm(9, "float32", seed=1)
    for k in (a, b):
        k[0, 1] = np.nan
    b[2, 7] = np.nan
    said = "`{}` must be finite, got nan at index (2, 7), where `{}` is a number: pairs are left"
    with pytest.raises(ValueError, match=re.escape(said.format("rsm_b", "rsm_a"))):
        compared(place, a, b, method=method)
    with pytest.raises(ValueError, match=re.escape(said.format("rsm_a", "rsm_b"))):
        compared(place, b, a, method=method)
    b[2, 7] = np.inf
    with pytest.raises(ValueError, match=r"`rsm_b` must be finite, got inf at index \(2, 7\)$"):
        compared(place, a, b, method=method)


@pytest.mark.parametrize("method", ["cka", "gbs"])
def test_nan_in_both_is_refused_by_methods_of_rows(place, method):
    a = rsm(9, "float32")
    a[2, 7] = np.nan
    with pytest.raises(ValueError, match=r"`rsm_a` must be finite, got nan at index \(2, 7\)$"):
        compared(place, a, a, method=method)


@pytest.mark.parametrize("method", ENTRY_METHODS)
def test_three_pairs_have_to_be_left(place, method):
    a = rsm(4, "float32")
    a[0] = np.nan
    a[1, 2] = 0.5
    assert np.isfinite(compared(place, a, a, method=method))
    a[1, 2] = np.nan
    with pytest.raises(ValueError, match=r"at least 3 pairs that are not NaN, got 2"):
        compared(place, a, a, method=method)


@pytest.mark.parametrize("method", ["pearson", "spearman", "rho_a", "kendall", "kendall_a", "cka"])
def test_kinds_turn_the_sign(place, method):
    a, b = rsm(9, "float64"), rsm(9, "float64", seed=1)
    plain = compared(place, a, b, method=method)
    for first, second in itertools.product(("similarity", "distance"), repeat=2):
        sign = 1 if first == second else -1
        assert compared(place, a, b, method=method, kinds=(first, second)) == sign * plain


def test_smallest(place):
    a, b = rsm(4, "float64"), rsm(4, "float64", seed=1)
    assert compared(place, a, b, method="cka") == pytest.approx(
        oracle.compare(a, b, method="cka"), rel=1e-8
    )


@pytest.mark.parametrize("method", ["spearman", "kendall", "pearson"])
@pytest.mark.parametrize("levels", [2, 5, 30])
def test_ties(place, levels, method):
    rng = np.random.default_rng(levels)
    a, b = rng.integers(0, levels, (2, 60, 60)).astype(np.float32)
    expected = oracle.compare(a, b, method=method)
    assert compared(place, a, b, method=method) == pytest.approx(expected, abs=1e-12)
    signed_zero = np.where(a == 0, -0.0, a)
    assert compared(place, signed_zero, b, method=method) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("method", TRIANGLE_METHODS)
def test_only_the_upper_triangle_counts(place, method):
    a, b = data((20, 20), "float64"), data((20, 20), "float64", seed=1)
    upper = compared(place, np.triu(a, 1), np.triu(b, 1), method=method)
    assert compared(place, a, b, method=method) == upper


def test_gbs_ignores_the_diagonal(place):
    a, b = rsm(20, "float64"), rsm(20, "float64", seed=1)
    expected = compared(place, a, b, method="gbs")
    np.fill_diagonal(a, 1e6)
    assert compared(place, a, b, method="gbs") == expected


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_what_does_not_count_is_not_read(place, method, dtype, layout):
    """NaN diagonals are usual, and half-filled matrices."""
    for n in place.choose((4, 5, 12, 33), (4, 12)):
        a, b = rsm(n, dtype), rsm(n, dtype, seed=1)
        expected = compared(place, a, b, method=method)
        hollow, half = a.copy(), a.copy()
        np.fill_diagonal(hollow, np.nan)
        half[np.tril_indices(n)] = -np.inf
        for changed in [hollow, half] if method in TRIANGLE_METHODS else [hollow]:
            changed = LAYOUTS[layout](changed)
            assert compared(place, changed, b, method=method) == expected
            assert compared(place, b, changed, method=method) == compared(
                place, b, a, method=method
            )


@pytest.mark.parametrize("method", METHODS)
def test_a_bad_entry_that_counts_is_named(place, method):
    a, bad = rsm(9, "float32"), rsm(9, "float32", seed=1)
    bad[3, 3] = np.nan
    for value in (np.nan, np.inf):
        bad[5, 7] = value
        said = rf"must be finite, got {value} at index \(5, 7\)"
        with pytest.raises(ValueError, match="`rsm_b` " + said):
            compared(place, a, bad, method=method)
        with pytest.raises(ValueError, match="`rsm_a` " + said):
            compared(place, bad, a, method=method)


# Entries that only rounding separates -------------------------------------------------------


def two_features(rng, n):
    """Every correlation is 1 or -1."""
    return rng.standard_normal((n, 2))


def collinear(rng, n):
    """Multiples of one pattern."""
    return np.outer(rng.standard_normal(n), rng.standard_normal(rng.integers(3, 300)))


def three_levels(rng, n):
    """Orders of three: correlations are multiples of 1/2."""
    return np.array([rng.permutation(3) for _ in range(n)], np.float64)


def eleven_levels(rng, n):
    """Orders of four: correlations are multiples of 1/5, 0 among them."""
    return np.array([rng.permutation(4) for _ in range(n)], np.float64)


def orthogonal(rng, n):
    """Patterns of three groups that have nothing in common, of any size."""
    basis = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    basis -= basis.mean(axis=1, keepdims=True)
    basis = np.linalg.qr(np.vstack([np.ones(12), basis]).T)[0].T[1:4]
    return basis[rng.integers(0, 3, n)] * rng.lognormal(size=(n, 1))


def correlations(x):
    """By NumPy, in the type of x."""
    x = x - x.mean(axis=1, keepdims=True)
    x = x / np.sqrt((x * x).sum(axis=1, keepdims=True))
    return x @ x.T


LEVELS = {two_features: 1, collinear: 1, three_levels: 2, eleven_levels: 5, orthogonal: 1}


@pytest.mark.parametrize("method", ["spearman", "kendall"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("patterns", LEVELS)
def test_rounding_is_not_ranked(place, patterns, dtype, method):
    """The oracle sees the entries as they are by their definition."""
    sizes = {two_features: (4, 5, 12, 60), collinear: (4, 5, 12, 60)}.get(patterns, (24, 60))
    for n in place.choose(sizes, sizes[:-1]):
        for seed in place.choose(range(4), range(1)):
            rng = np.random.default_rng([seed, n])
            a, b = (patterns(rng, n).astype(dtype) for _ in range(2))
            levels = LEVELS[patterns]
            exact = [np.round(levels * correlations(x)) / levels for x in (a, b)]
            if any(np.ptp(k[np.triu_indices(n, 1)]) == 0 for k in exact):
                continue
            expected = oracle.compare(*exact, method=method)
            for gram in (correlations, lambda x: ig.gram(x, kernel="correlation")):
                actual = compared(place, gram(a), gram(b), method=method)
                assert_close(actual, expected, 1e-12, f"n = {n}, seed = {seed}")


def levels(n, count, dtype, seed):
    """Entries on few levels between -1 and 1, exact, and with the rounding that sums leave."""
    rng = np.random.default_rng([n, count, seed])
    exact = rng.integers(0, count, (n, n)) * 2 / (count - 1) - 1
    noise = rng.integers(-3, 4, (n, n)) * np.finfo(dtype).eps * np.maximum(np.abs(exact), 0.25)
    return exact, (exact + noise).astype(dtype)


@pytest.mark.parametrize("count", [2, 3, 5, 11])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_rounding_of_few_levels_is_not_ranked(place, method, dtype, count):
    for n in (24, 45):
        (exact_a, a), (exact_b, b) = (levels(n, count, dtype, seed) for seed in (1, 2))
        actual = compared(place, a, b, method=method)
        assert_close(actual, oracle.compare(exact_a, exact_b, method=method), 1e-12)


@pytest.mark.parametrize("method", ["spearman", "kendall"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_far_away_ties_nothing(place, dtype, method):
    """What rounding may have done to an entry does not depend on the others."""
    for n in place.choose((4, 5, 8, 15, 30), (4, 15)):
        for seed in place.choose(range(4), (1,)):
            b = rsm(n, "float64", seed)
            for name, a in matrices_with_outliers(n, dtype, seed):
                expected = oracle.compare(a, b, method=method)
                actual = compared(place, a, b, method=method)
                slack = 1e-12 if dtype == "float64" else 1e-5
                assert_close(actual, expected, slack, f"{name}, n = {n}, seed = {seed}")


def consecutive(count, dtype):
    """Neighbours among the numbers of a type."""
    return 1 + np.arange(count) * np.finfo(dtype).eps


DISTINCT = {
    "consecutive": consecutive,
    "pairs of neighbours": lambda count, dtype: (
        consecutive(2, dtype)[np.arange(count) % 2] * (1 + np.arange(count) // 2 / count)
    ),
    "powers": lambda count, dtype: 0.5 ** (np.arange(count) / 4.0),
    "powers of both signs": lambda count, dtype: (-0.5) ** np.arange(count),
    "whole numbers": lambda count, dtype: 1e6 + np.arange(count),
    "narrow rbf": lambda count, dtype: np.exp(-0.01 * np.arange(count) ** 1.5),
}


@pytest.mark.parametrize("method", ["spearman", "kendall"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", DISTINCT)
def test_distinct_values_stay_distinct(place, name, dtype, method):
    n = 16
    count = n * (n - 1) // 2
    a = np.zeros((n, n), dtype)
    values = DISTINCT[name](count, dtype).astype(dtype)
    a[np.triu_indices(n, 1)] = np.random.default_rng(1).permutation(values)
    b = rsm(n, "float64")
    if name == "pairs of neighbours" and dtype == "float64":
        pytest.skip("so close in float64, that is rounding")
    assert_close(compared(place, a, b, method=method), oracle.compare(a, b, method=method), 1e-12)


# What does not matter, and what has no value ------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", METHODS)
def test_an_offset_costs_no_digits(place, method, dtype):
    """Similarities crowd below 1; their differences are what is correlated."""
    a, b = (DTYPES[dtype].type(1000) + rsm(50, dtype, seed=s) for s in (4, 5))
    expected = oracle.compare(a, b, method=method)
    assert_close(compared(place, a, b, method=method), expected, tolerance(method, dtype))


@pytest.mark.parametrize("dtype", SCALES)
@pytest.mark.parametrize("method", METHODS)
def test_scale_does_not_matter(place, method, dtype):
    a, b = rsm(30, dtype, seed=6), rsm(30, dtype, seed=7)
    expected = oracle.compare(a, b, method=method)
    for scale in (1e-3, *SCALES[dtype]):
        actual = compared(place, a * scale, b, method=method)
        assert_close(actual, expected, tolerance(method, dtype), f"scale {scale}")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.float64(2.5), np.float32(0.1)])
def test_constant_triangles_are_nan_with_a_warning(place, value, method):
    """A constant triangle has no correlation; only zeros have no direction."""
    value = value * 0 if method in ("cosine", "gbs") else value
    constant, other = np.full((9, 9), value), rsm(9, value.dtype.name)
    if method == "gbs":
        with pytest.warns(RuntimeWarning, match="of the 9 rows, 9 of `rsm_a` are 0 off the"):
            assert compared(place, constant, other, method=method) == 0.0
        return
    for a, b in [(constant, other), (other, constant)]:
        name = "rsm_a" if a is constant else "rsm_b"
        said = f"compare_rsms: {method} is NaN, because `{name}` is"
        with pytest.warns(RuntimeWarning, match=said):
            assert np.isnan(compared(place, a, b, method=method))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_zero_rows_count_0_in_gbs_and_are_said(place, dtype):
    rng = np.random.default_rng(0)
    for zero in ([0], [1], [4], [0, 1], [2, 5, 6], list(range(9))):
        a, b = (rng.standard_normal((9, 9)).astype(dtype) for _ in range(2))
        a[zero] = 0
        np.fill_diagonal(a, 1)  # which does not count
        said = f"compare_rsms: of the 9 rows, {len(zero)} of `rsm_a` are 0 off the diagonal"
        with pytest.warns(RuntimeWarning, match=said):
            compared(place, a, b, method="gbs")
        with pytest.warns(RuntimeWarning, match=f"{len(zero)} of `rsm_a`, {len(zero)} of `rsm_b`"):
            assert compared(place, a, a, method="gbs") == pytest.approx(1 - len(zero) / 9)
    a[:, :2] = 0  # only to begin with
    a[:, 5:] = rng.standard_normal((9, 4))
    assert compared(place, a, a, method="gbs") == pytest.approx(1)
