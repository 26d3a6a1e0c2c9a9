"""Cases of `bandwidth` that every place is to pass, host and GPU."""

import isogram as ig
import numpy as np
import pytest
from support import (
    DTYPES,
    ESTIMATORS,
    MEDIAN_KERNELS,
    SCALES,
    assert_close,
    data,
    dot_tolerance,
    oracle,
)


@pytest.mark.parametrize("rule", ["median", "mean"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_agreement(place, dtype, rule):
    for n, d in place.choose([(2, 1), (3, 5), (50, 33), (97, 257)], [(2, 1), (19, 5), (30, 33)]):
        x = data((n, d), dtype, seed=16)
        actual = ig.bandwidth(place.put(x), rule=rule)
        assert type(actual) is float
        assert actual == pytest.approx(
            oracle.bandwidth_of(x, rule), rel=2 * dot_tolerance(d, dtype)
        )


@pytest.mark.parametrize("rule", ["median", "mean"])
@pytest.mark.parametrize("dtype", SCALES)
def test_at_any_scale(place, dtype, rule):
    x = data((30, 8), dtype, seed=17)
    expected = oracle.bandwidth_of(x, rule)
    for scale in (2.0**-30, 1.0, 2.0**30, *SCALES[dtype]):
        actual = ig.bandwidth(place.put(x * x.dtype.type(scale)), rule=rule)
        assert actual == pytest.approx(scale * expected, rel=2 * dot_tolerance(8, dtype))


@pytest.mark.parametrize("rule", ["median", "mean"])
def test_beside_rows_far_off(place, rule):
    x = data((20, 5), "float64", seed=32)
    for scale in (1e-320, 1e-300, 1e-160, 1e150, 1e200, 1e306):
        for rows in (1, 10, 18):  # the median is that of others, of a mixture, theirs
            y = x.copy()
            y[:rows] *= scale
            differences = (y[:, None] - y[None]).astype(np.longdouble)
            squares = (differences**2).sum(axis=2)[np.triu_indices(20, 1)]
            expected = np.sqrt(np.median(squares) if rule == "median" else np.mean(squares))
            expected = max(float(expected), np.finfo(np.float64).tiny)
            assert ig.bandwidth(place.put(y), rule=rule) == pytest.approx(expected, rel=1e-13)


def test_with_an_offset(place):
    x = data((60, 30), "float32", seed=18) + np.float32(1500)
    expected = oracle.bandwidth_of(x)
    assert ig.bandwidth(place.put(x)) == pytest.approx(
        expected, rel=2 * dot_tolerance(30, x.dtype.name)
    )


def test_of_equal_rows_is_zero(place):
    assert ig.bandwidth(place.put(np.full((5, 3), 2.5))) == 0.0


HALF = ("median", 0.5)


@pytest.mark.parametrize("kernel", MEDIAN_KERNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_fractions_of_the_median(place, dtype, kernel):
    x, y = data((40, 5), dtype, seed=40), data((40, 7), dtype, seed=41)
    a, b = place.put(x), place.put(y)
    widths = [0.5 * oracle.bandwidth_of(x), 0.5 * oracle.bandwidth_of(y)]
    expected = oracle.gram(x, kernel=kernel, bandwidth=widths[0])
    assert_close(place.get(ig.gram(a, kernel=kernel, bandwidth=HALF)), expected, 1e-5)
    grams = [
        oracle.gram(side, kernel=kernel, bandwidth=width)
        for side, width in zip((x, y), widths, strict=True)
    ]
    for estimator in ESTIMATORS:
        options = {"kernel": kernel, "estimator": estimator, "bandwidth": HALF}
        assert_close(ig.cka(a, b, **options), oracle.cka_of_grams(*grams, estimator), 1e-5)
        assert_close(ig.hsic(a, b, **options), oracle.hsic_of_grams(*grams, estimator), 1e-5)
        same = ig.similarity(a, b, measure="cka", **options)
        assert same == ig.cka(a, b, **options)
    # The whole of the median is the median.
    for spelled in (("median", 1), ["median", 1.0], (("median", 1.0), "median")):
        assert ig.cka(a, b, kernel=kernel, bandwidth=spelled) == ig.cka(a, b, kernel=kernel)


@pytest.mark.parametrize("kernel", MEDIAN_KERNELS)
def test_a_bandwidth_of_each_side(place, kernel):
    x, y = data((30, 5), "float64", seed=42), data((30, 7), "float64", seed=43)
    a, b = place.put(x), place.put(y)
    of_x, of_y = oracle.bandwidth_of(x), oracle.bandwidth_of(y)
    pairs = {
        (1.0, 2.0): (1.0, 2.0),
        (2.0, "median"): (2.0, of_y),
        (("median", 0.5), 2.0): (0.5 * of_x, 2.0),
        (("median", 0.5), ("median", 3)): (0.5 * of_x, 3 * of_y),
    }
    for given, widths in pairs.items():
        k, l = (  # noqa: E741
            oracle.gram(side, kernel=kernel, bandwidth=width)
            for side, width in zip((x, y), widths, strict=True)
        )
        expected = oracle.cka_of_grams(k, l)
        options = {"kernel": kernel, "bandwidth": given}
        assert_close(ig.cka(a, b, **options), expected, 1e-11, given)
        assert_close(ig.hsic(a, b, **options), oracle.hsic_of_grams(k, l, "debiased"), 1e-11)
        matrix = place.get(ig.cka_matrix([a, b], [b], **options))
        assert_close(matrix[0, 0], expected, 1e-11, given)
        for method in ("pearson", "spearman"):
            options["measure"] = f"rsa_{method}"
            expected_rsa = oracle.compare(k, l, method=method)
            assert_close(ig.similarity(a, b, **options), expected_rsa, 1e-11, given)


def test_a_bandwidth_of_each_side_of_one_array(place):
    """Which is no layer compared with itself, then."""
    x = data((30, 5), "float64", seed=44)
    a = place.put(x)
    k, l = (oracle.gram(x, kernel="rbf", bandwidth=width) for width in (1.0, 4.0))  # noqa: E741
    options = {"kernel": "rbf", "bandwidth": (1.0, 4.0)}
    assert_close(ig.cka(a, a, **options), oracle.cka_of_grams(k, l), 1e-11)
    assert_close(ig.hsic(a, a, **options), oracle.hsic_of_grams(k, l, "debiased"), 1e-11)
    matrix = place.get(ig.cka_matrix([a], [a], **options))
    assert_close(matrix, [[oracle.cka_of_grams(k, l)]], 1e-11)
    assert ig.cka(a, a, kernel="rbf", bandwidth=(4.0, 4.0)) == 1
    assert ig.cka(a, a, kernel="linear", bandwidth=(1.0, 4.0)) == 1  # which reads no bandwidth


def test_fractions_for_rsms(place):
    tokens = data((6, 4, 3), "float64", seed=45)
    for other in (None, data((5, 4, 3), "float64", seed=46)):
        inputs = [place.put(side) for side in (tokens, other) if side is not None]
        for function in (ig.semantic_rsm, ig.spatial_rsm):
            whole = place.get(function(*inputs, kernel="rbf"))
            half = place.get(function(*inputs, kernel="rbf", bandwidth=HALF))
            assert_close(half, whole**4, 1e-12)  # exp(-d² / 2 (b/2)²)


def test_fractions_beyond_the_range(place):
    """A bandwidth is from the smallest normal number to the largest finite one."""
    x = place.put(data((10, 3), "float64", seed=47))
    for kernel in MEDIAN_KERNELS:
        narrow = place.get(ig.gram(x, kernel=kernel, bandwidth=("median", 1e-308)))
        assert (narrow == np.eye(10)).all()
        wide = place.get(ig.gram(x * 1e10, kernel=kernel, bandwidth=("median", 1e308)))
        assert (wide == 1).all()
