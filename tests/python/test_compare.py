"""`compare_rsms` against the oracle."""

import isogram as ig
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
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


def rsm(n, dtype, seed=0):
    """Return a symmetric matrix."""
    k = np.random.default_rng([seed, n]).standard_normal((n, n))
    return (k + k.T).astype(DTYPES[dtype])


def tolerance(method, dtype):
    """Ranks are exact in any type; the sums of the others are float64 over the given entries."""
    return 1e-12 if method in ("spearman", "kendall") else cka_tolerance(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_methods(simd_level, method, dtype):
    for n in (3, 4, 5, 17, 48, 49, 97):
        if method == "cka" and n < 5:
            continue  # two degrees of freedom: see test_smallest
        a, b = rsm(n, dtype), rsm(n, dtype, seed=1)
        actual = ig.compare_rsms(a, b, method=method)
        assert type(actual) is float
        expected = oracle.compare(a, b, method=method)
        assert_close(actual, expected, tolerance(method, dtype), f"n = {n}")


def test_smallest():
    a, b = rsm(4, "float64"), rsm(4, "float64", seed=1)
    assert ig.compare_rsms(a, b, method="cka") == pytest.approx(
        oracle.compare(a, b, method="cka"), rel=1e-8
    )


@pytest.mark.parametrize("method", ["spearman", "kendall", "pearson"])
@pytest.mark.parametrize("levels", [2, 5, 30])
def test_ties(simd_level, levels, method):
    rng = np.random.default_rng(levels)
    a, b = rng.integers(0, levels, (2, 60, 60)).astype(np.float32)
    expected = oracle.compare(a, b, method=method)
    assert ig.compare_rsms(a, b, method=method) == pytest.approx(expected, abs=1e-7)
    signed_zero = np.where(a == 0, -0.0, a)
    assert ig.compare_rsms(signed_zero, b, method=method) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("method", ["spearman", "kendall"])
@pytest.mark.parametrize("levels", [1, 2, 40_000])
def test_runs_of_ties_are_longer_than_a_task(levels, method):
    rng = np.random.default_rng(levels)
    a, b = rng.integers(0, levels + 1, (2, 400, 400)).astype(np.float32)
    expected = oracle.compare(a, b, method=method)
    assert ig.compare_rsms(a, b, method=method, num_threads=3) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("method", TRIANGLE_METHODS)
def test_only_the_upper_triangle_counts(simd_level, method):
    a, b = data((20, 20), "float64"), data((20, 20), "float64", seed=1)
    upper = ig.compare_rsms(np.triu(a, 1), np.triu(b, 1), method=method)
    assert ig.compare_rsms(a, b, method=method) == upper


def test_gbs_ignores_the_diagonal():
    a, b = rsm(20, "float64"), rsm(20, "float64", seed=1)
    expected = ig.compare_rsms(a, b, method="gbs")
    np.fill_diagonal(a, 1e6)
    assert ig.compare_rsms(a, b, method="gbs") == expected


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_what_does_not_count_is_not_read(method, dtype, layout):
    """NaN diagonals are usual, and half-filled matrices."""
    for n in (4, 5, 33):
        a, b = rsm(n, dtype), rsm(n, dtype, seed=1)
        expected = ig.compare_rsms(a, b, method=method)
        hollow, half = a.copy(), a.copy()
        np.fill_diagonal(hollow, np.nan)
        half[np.tril_indices(n)] = -np.inf
        for changed in [hollow, half] if method in TRIANGLE_METHODS else [hollow]:
            changed = LAYOUTS[layout](changed)
            assert ig.compare_rsms(changed, b, method=method) == expected
            assert ig.compare_rsms(b, changed, method=method) == ig.compare_rsms(
                b, a, method=method
            )


@pytest.mark.parametrize("method", METHODS)
def test_a_bad_entry_that_counts_is_named(method):
    a, bad = rsm(9, "float32"), rsm(9, "float32", seed=1)
    bad[5, 7] = np.nan
    bad[3, 3] = np.nan
    with pytest.raises(ValueError, match=r"`rsm_b` must be finite, got nan at index \(5, 7\)"):
        ig.compare_rsms(a, bad, method=method)


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
def test_rounding_is_not_ranked(simd_level, patterns, dtype, method):
    """The oracle sees the entries as they are by their definition."""
    sizes = {two_features: (4, 5, 12, 60), collinear: (4, 5, 12, 60)}.get(patterns, (24, 60))
    for n in sizes:
        for seed in range(4):
            rng = np.random.default_rng([seed, n])
            a, b = (patterns(rng, n).astype(dtype) for _ in range(2))
            levels = LEVELS[patterns]
            exact = [np.round(levels * correlations(x)) / levels for x in (a, b)]
            if any(np.ptp(k[np.triu_indices(n, 1)]) == 0 for k in exact):
                continue
            expected = oracle.compare(*exact, method=method)
            for gram in (correlations, lambda x: ig.gram(x, kernel="correlation")):
                actual = ig.compare_rsms(gram(a), gram(b), method=method)
                assert_close(actual, expected, 1e-12, f"n = {n}, seed = {seed}")


def test_levels_of_any_scale():
    """Not cosines, but patterns of which the levels are those of cosines."""
    for patterns, dtype in ((three_levels, "float32"), (orthogonal, "float64")):
        a, b = (patterns(np.random.default_rng(s), 60).astype(dtype) for s in (1, 2))
        exact = [np.round(2 * correlations(x)) / 2 for x in (a, b)]
        for scale in (1e-20, 0.3, 1e7):
            actual = ig.compare_rsms(scale * correlations(a), correlations(b), method="spearman")
            assert_close(actual, oracle.compare(*exact, method="spearman"), 1e-12)


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_samples_given_twice_tie(method):
    """Rounding in any order of the sums tells their entries apart."""
    rng = np.random.default_rng(3)
    twice = np.repeat(np.arange(10), 2)
    for size in (1, 1e8):  # of one sample
        x = rng.standard_normal((10, 30)) * np.where(np.arange(10) == 4, size, 1)[:, np.newaxis]
        products = x @ x.T
        exact = products[np.ix_(twice, twice)]
        noise = rng.integers(-3, 4, exact.shape) * np.finfo(float).eps
        b = rsm(20, "float64")
        expected = oracle.compare(exact, b, method=method)
        assert_close(ig.compare_rsms(exact * (1 + noise), b, method=method), expected, 1e-12)


@pytest.mark.parametrize("method", ["spearman", "kendall"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_far_away_ties_nothing(simd_level, dtype, method):
    """What rounding may have done to an entry does not depend on the others."""
    for n in (4, 5, 8, 15, 30):
        for seed in range(4):
            b = rsm(n, "float64", seed)
            for name, a in matrices_with_outliers(n, dtype, seed):
                expected = oracle.compare(a, b, method=method)
                actual = ig.compare_rsms(a, b, method=method)
                slack = 1e-12 if dtype == "float64" else 1e-5
                assert_close(actual, expected, slack, f"{name}, n = {n}, seed = {seed}")


def test_a_rounded_constant_is_a_constant():
    """Multiples of one pattern by positive factors all correlate with 1."""
    pattern = np.random.default_rng(0).standard_normal(40)
    x = np.outer(np.arange(1.0, 13), pattern)
    for method in ("spearman", "kendall"):
        with pytest.warns(RuntimeWarning, match="`rsm_a` is the same everywhere"):
            assert np.isnan(ig.compare_rsms(correlations(x), rsm(12, "float64"), method=method))


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
def test_distinct_values_stay_distinct(name, dtype, method):
    n = 16
    count = n * (n - 1) // 2
    a = np.zeros((n, n), dtype)
    values = DISTINCT[name](count, dtype).astype(dtype)
    a[np.triu_indices(n, 1)] = np.random.default_rng(1).permutation(values)
    b = rsm(n, "float64")
    if name == "pairs of neighbours" and dtype == "float64":
        pytest.skip("so close in float64, that is rounding")
    assert_close(ig.compare_rsms(a, b, method=method), oracle.compare(a, b, method=method), 1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_memory_order(simd_level, method, dtype, layout):
    a, b = data((23, 23), dtype, seed=2), rsm(23, dtype, seed=3)
    a = a + a.T if method == "cka" else a
    arrange = LAYOUTS[layout]
    expected = oracle.compare(a, b, method=method)
    assert_close(
        ig.compare_rsms(arrange(a), arrange(b), method=method), expected, tolerance(method, dtype)
    )


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall"])
def test_an_offset_costs_no_digits(simd_level, method):
    """Similarities crowd below 1; their differences are what is correlated."""
    a, b = (np.float32(1000) + rsm(50, "float32", seed=s) for s in (4, 5))
    expected = oracle.compare(a, b, method=method)
    assert_close(ig.compare_rsms(a, b, method=method), expected, tolerance(method, "float32"))


@pytest.mark.parametrize("dtype", SCALES)
@pytest.mark.parametrize("method", METHODS)
def test_scale_does_not_matter(simd_level, method, dtype):
    a, b = rsm(30, dtype, seed=6), rsm(30, dtype, seed=7)
    expected = oracle.compare(a, b, method=method)
    for scale in SCALES[dtype]:
        actual = ig.compare_rsms(a * scale, b, method=method)
        assert_close(actual, expected, tolerance(method, dtype), f"scale {scale}")


@pytest.mark.parametrize("method", METHODS)
def test_constant_triangles_are_nan_with_a_warning(simd_level, method):
    """A constant triangle has no correlation; only zeros have no direction."""
    value = 0.0 if method in ("cosine", "gbs") else 2.5
    constant, other = np.full((9, 9), value), rsm(9, "float64")
    if method == "gbs":
        with pytest.warns(RuntimeWarning, match="of the 9 rows, 9 of `rsm_a` are 0 off the"):
            assert ig.compare_rsms(constant, other, method=method) == 0.0
        return
    for a, b in [(constant, other), (other, constant)]:
        with pytest.warns(RuntimeWarning, match="compare_rsms: "):
            assert np.isnan(ig.compare_rsms(a, b, method=method))


@pytest.mark.parametrize("method", METHODS)
def test_same_bits_for_any_number_of_threads(simd_level, method):
    a, b = rsm(193, "float32", seed=8), rsm(193, "float32", seed=9)
    assert len({ig.compare_rsms(a, b, method=method, num_threads=t) for t in (1, 2, 3, 5)}) == 1


def test_default_is_pearson():
    a, b = rsm(9, "float64"), rsm(9, "float64", seed=1)
    assert ig.compare_rsms(a, b) == ig.compare_rsms(a, b, method="pearson")


@given(n=st.integers(5, 30), seed=st.integers(0, 2**31), scale=st.floats(0.01, 100))
def test_invariances_of_the_methods(n, seed, scale):
    rng = np.random.default_rng(seed)
    a, b = (m + m.T for m in rng.standard_normal((2, n, n)))
    order = rng.permutation(n)
    for method in METHODS:
        plain = ig.compare_rsms(a, b, method=method)
        slack = 1e-9 if method == "cka" else 1e-12
        assert_close(ig.compare_rsms(b, a, method=method), plain, slack, method)
        assert_close(ig.compare_rsms(scale * a, b, method=method), plain, slack, method)
        permuted = ig.compare_rsms(a[order][:, order], b[order][:, order], method=method)
        assert_close(permuted, plain, slack, method)
        assert_close(ig.compare_rsms(a, a, method=method), 1.0, slack, method)
    for method in ("pearson", "spearman", "kendall"):
        assert_close(
            ig.compare_rsms(a + 3, b, method=method), ig.compare_rsms(a, b, method=method), 1e-12
        )
    for method in ("spearman", "kendall"):
        monotone = ig.compare_rsms(np.exp(a), b, method=method)
        assert_close(monotone, ig.compare_rsms(a, b, method=method), 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_zero_rows_count_0_in_gbs_and_are_said(dtype):
    rng = np.random.default_rng(0)
    for zero in ([0], [1], [4], [0, 1], [2, 5, 6], list(range(9))):
        a, b = (rng.standard_normal((9, 9)).astype(dtype) for _ in range(2))
        a[zero] = 0
        np.fill_diagonal(a, 1)  # which does not count
        said = f"compare_rsms: of the 9 rows, {len(zero)} of `rsm_a` are 0 off the diagonal"
        with pytest.warns(RuntimeWarning, match=said):
            ig.compare_rsms(a, b, method="gbs")
        with pytest.warns(RuntimeWarning, match=f"{len(zero)} of `rsm_a`, {len(zero)} of `rsm_b`"):
            assert ig.compare_rsms(a, a, method="gbs") == pytest.approx(1 - len(zero) / 9)
    a[:, :2] = 0  # only to begin with
    a[:, 5:] = rng.standard_normal((9, 4))
    assert ig.compare_rsms(a, a, method="gbs") == pytest.approx(1)


def test_the_name_that_it_had():
    assert ig.compare is ig.compare_rsms
