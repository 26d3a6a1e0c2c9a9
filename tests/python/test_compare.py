"""`compare_rsms` against the oracle."""

import isogram as ig
import numpy as np
import pytest
from cases.compare import *  # noqa: F403
from cases.compare import METHODS, correlations, orthogonal, rsm, three_levels, tolerance
from cases.compare_given import *  # noqa: F403
from cases.compare_whitened import *  # noqa: F403
from hypothesis import given
from hypothesis import strategies as st
from support import DTYPES, LAYOUTS, assert_close, data, oracle


@pytest.mark.parametrize("method", ["spearman", "kendall"])
@pytest.mark.parametrize("levels", [1, 2, 40_000])
def test_runs_of_ties_are_longer_than_a_task(levels, method):
    rng = np.random.default_rng(levels)
    a, b = rng.integers(0, levels + 1, (2, 400, 400)).astype(np.float32)
    expected = oracle.compare(a, b, method=method)
    assert ig.compare_rsms(a, b, method=method, num_threads=3) == pytest.approx(expected, abs=1e-9)


# Entries that only rounding separates -------------------------------------------------------


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


def test_a_rounded_constant_is_a_constant():
    """Multiples of one pattern by positive factors all correlate with 1."""
    pattern = np.random.default_rng(0).standard_normal(40)
    x = np.outer(np.arange(1.0, 13), pattern)
    for method in ("spearman", "kendall"):
        with pytest.warns(RuntimeWarning, match="`rsm_a` is the same everywhere"):
            assert np.isnan(ig.compare_rsms(correlations(x), rsm(12, "float64"), method=method))


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


@pytest.mark.parametrize(
    ("kinds", "error", "said"),
    [
        ("distance", TypeError, "must be None or a pair of 'similarity' and 'distance', got 'dist"),
        (("distance",), TypeError, "must be None or a pair"),
        (("distance", "rank"), ValueError, "must be one of 'similarity', 'distance', got 'rank'"),
        (("distance", 1), TypeError, "must be one of 'similarity', 'distance', got 1"),
    ],
)
def test_kinds_that_are_refused(kinds, error, said):
    a = rsm(5, "float64")
    with pytest.raises(error, match=f"^compare_rsms: `kinds` {said}"):
        ig.compare_rsms(a, a, kinds=kinds)


def test_given_rsms_that_are_refused():
    a = rsm(5, "float64")

    def refused(given, said, method="pearson"):
        for call in (
            lambda: ig.compare_rsms(a, a, method=method, given=given),
            lambda: ig.compare_rsms_matrix([a], method=method, given=given),
        ):
            with pytest.raises(ValueError, match=rf"^compare_rsms\w*: `given{said}"):
                call()

    refused([a], "` must be None for method 'kendall', got RSMs", "kendall")
    refused(a, r"` must be a sequence or a mapping of RSMs, got one array of shape \(5, 5\)")
    refused([], "` must have at least one RSM, got none")
    refused([a[:4, :4]], r"\[0\]` must be of as many samples as `rsm.* \(5\), got shape \(4, 4\)")


@pytest.mark.parametrize("method", ["pearson", "spearman"])
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e300])
def test_constant_given_rsms_explain_nothing(method, constant):
    a, b, c = (rsm(6, "float64", seed) for seed in range(3))
    flat = np.full((6, 6), constant)
    plain = ig.compare_rsms(a, b, method=method)
    partial = ig.compare_rsms(a, b, method=method, given=[c])
    for controls, expected in (([flat], plain), ([flat, flat], plain), ([flat, c], partial)):
        assert abs(ig.compare_rsms(a, b, method=method, given=controls) - expected) < 1e-12
        table = ig.compare_rsms_matrix([a, b], method=method, given=controls)
        assert abs(table[0, 1] - expected) < 1e-12


def test_noise_that_is_refused():
    a = np.ones((3, 3)) - np.eye(3)

    def refused(sigma_k, said, method="whitened_cosine"):
        for call in (
            lambda: ig.compare_rsms(a, a, method=method, sigma_k=sigma_k),
            lambda: ig.compare_rsms_matrix([a], method=method, sigma_k=sigma_k),
        ):
            with pytest.raises(ValueError, match=rf"^compare_rsms\w*: `sigma_k` must be {said}"):
                call()

    refused(np.eye(3), "None for method 'cosine', got a covariance", "cosine")
    refused(np.eye(4), r"of shape \(3, 3\) or \(3,\), got \(4, 4\)")
    refused(np.full(3, np.inf), r"finite, got inf at index \(0,\)")
    refused(np.array([1.0, -1.0, 1.0]), "of positive variances, got -1.0")
    refused(np.eye(3) + np.eye(3, k=1), r"symmetric, got 1.0 at \(0, 1\) and 0.0 at \(1, 0\)")
    refused(np.ones((3, 3)), "positive definite, got a matrix that is not")
    refused(-np.eye(3), "positive definite, got a matrix that is not")


@pytest.mark.parametrize("kinds", [("similarity", "similarity"), ("distance", "similarity")])
def test_whitened_cosine_is_of_distances(kinds):
    a = 1 - np.eye(4)
    with pytest.raises(ValueError, match="`kinds` must be"):
        ig.compare_rsms(a, a, method="whitened_cosine", kinds=kinds)
    assert ig.compare_rsms(a, a, method="whitened_cosine", kinds=("distance", "distance")) == 1


@pytest.mark.parametrize("method", ["cosine", "gbs"])
def test_opposite_kinds_have_no_cosine(method):
    a, b = rsm(5, "float64"), rsm(5, "float64", seed=1)
    with pytest.raises(ValueError, match=rf"`kinds` must be the same for method '{method}'"):
        ig.compare_rsms(a, b, method=method, kinds=("similarity", "distance"))
    same = ig.compare_rsms(a, b, method=method, kinds=("distance", "distance"))
    assert same == ig.compare_rsms(a, b, method=method)


def test_kinds_that_are_said_are_not_warned_of(recwarn):
    x = data((20, 8), "float64")
    similar = ig.gram(x, kernel="correlation")
    kinds = ("similarity", "distance")
    assert ig.compare_rsms(similar, 1 - similar, kinds=kinds) == pytest.approx(1)
    assert not recwarn.list


@pytest.mark.parametrize("length", [0, 1, 4, 5, 7])
def test_lengths_that_no_condensed_rsm_has(length):
    for a, b in ((np.ones(length), rsm(4, "float64")), (rsm(4, "float64"), np.ones(length))):
        with pytest.raises(ValueError, match=rf"above the diagonal .* got shape \({length},\)"):
            ig.compare_rsms(a, b)


def test_the_name_that_it_had():
    assert ig.compare is ig.compare_rsms
