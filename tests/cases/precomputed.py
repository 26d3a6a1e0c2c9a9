"""Cases of Gram matrices given in place of features that every place is to pass, host and GPU."""

import re

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, ESTIMATORS, assert_close, data, oracle

N = 150


def grams(dtype="float64", n=N, seed=0):
    """Return symmetric Gram matrices of two layers, rounded to a type, and the layers."""
    x = data((n, 6), "float64", seed)
    y = x[:, :4] + data((n, 4), "float64", seed + 1)
    k, l = (oracle.gram(a, kernel="rbf") for a in (x, y))  # noqa: E741
    return k.astype(DTYPES[dtype]), l.astype(DTYPES[dtype]), x, y


def size(place):
    """Return a number of samples, which on the host is more than a tile, and no multiple of one."""
    return place.choose(N, 30)


def cka_in_long_doubles(k, l, estimator):  # noqa: E741
    """CKA of matrices that are centred before they are multiplied."""
    a, b = (centred(m.astype(np.longdouble), estimator) for m in (k, l))
    return float((a * b).sum() / np.sqrt((a * a).sum()) / np.sqrt((b * b).sum()))


def centred(k, estimator):
    n = len(k)
    if estimator == "biased":
        return k - k.mean(axis=0) - k.mean(axis=1)[:, None] + k.mean()
    k = oracle.without_diagonal(k)
    sums = k.sum(axis=1) / (n - 2)
    return oracle.without_diagonal(k - sums - sums[:, None] + k.sum() / ((n - 1) * (n - 2)))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_hsic_and_cka(place, dtype, estimator):
    k, l, *_ = grams(dtype, size(place))  # noqa: E741
    a, b = place.put(k), place.put(l)
    options = {"kernel": "precomputed", "estimator": estimator}
    expected = oracle.cka_of_grams(k, l, estimator)
    assert_close(ig.cka(a, b, **options), expected, 1e-12)
    assert ig.hsic(a, b, **options) == pytest.approx(oracle.hsic_of_grams(k, l, estimator), 1e-11)
    assert ig.cka(a, a, **options) == 1
    assert ig.similarity(a, b, measure="cka", **options) == ig.cka(a, b, **options)
    matrix = place.get(ig.cka_matrix([a, b], **options))
    assert_close(matrix, [[1, expected], [expected, 1]], 1e-12)
    assert (matrix == matrix.T).all()
    assert_close(place.get(ig.cka_matrix([a, b], [b], **options)), matrix[:, 1:], 1e-15)


@pytest.mark.parametrize("kernel", ["linear", "cosine", "laplacian", "laplacian_l2"])
def test_are_the_measures_of_their_features(place, kernel):
    *_, x, y = grams(n=size(place))
    a, b = place.put(x), place.put(y)
    k, l = (ig.gram(side, kernel=kernel) for side in (a, b))  # noqa: E741
    for measure in ("cka", "cka_biased", "angular_cka", "rsa_pearson", "rsa_cosine", "rsa"):
        expected = ig.similarity(a, b, measure=measure, kernel=kernel)
        actual = ig.similarity(k, l, measure=measure, kernel="precomputed")
        assert_close(actual, expected, 1e-11, measure)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("offset", [1e3, 1e7])
def test_an_offset(place, offset, estimator):
    k, l, *_ = grams(n=size(place))  # noqa: E741
    k, l = k + offset, l - offset  # noqa: E741
    actual = ig.cka(place.put(k), place.put(l), kernel="precomputed", estimator=estimator)
    assert_close(actual, cka_in_long_doubles(k, l, estimator), 1e-14 * offset)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("factor", [1e3, 1e6])
def test_one_huge_sample(place, factor, estimator):
    *_, x, y = grams(n=size(place))
    x[7] *= factor
    k, l = x @ x.T, y @ y.T  # noqa: E741
    actual = ig.cka(place.put(k), place.put(l), kernel="precomputed", estimator=estimator)
    assert_close(actual, cka_in_long_doubles(k, l, estimator), 1e-11)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("exponent", [-960, -500, 500, 1000])
def test_any_scale(place, exponent, estimator):
    k, l, *_ = grams(n=size(place))  # noqa: E741
    options = {"kernel": "precomputed", "estimator": estimator}
    scaled = np.ldexp(k, exponent)
    k = np.ldexp(scaled, -exponent)  # of its digits
    actual = ig.cka(place.put(scaled), place.put(l), **options)
    assert_close(actual, cka_in_long_doubles(k, l, estimator), 1e-11)
    if abs(exponent) == 500:
        hsic = ig.hsic(place.put(scaled), place.put(l), **options)
        expected = ig.hsic(place.put(k), place.put(l), **options)
        assert hsic == pytest.approx(np.ldexp(expected, exponent), rel=1e-13, abs=0)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_constant_matrices(place, estimator):
    k, *_ = grams(n=size(place))
    a, options = place.put(k), {"kernel": "precomputed", "estimator": estimator}
    for value in (0.0, 0.1, 1e200):
        constant = place.put(np.full(k.shape, value))
        with pytest.warns(RuntimeWarning, match=r"^cka: `y` is constant"):
            assert np.isnan(ig.cka(a, constant, **options))
        assert ig.hsic(a, constant, **options) == 0
        with pytest.warns(RuntimeWarning, match=r"^cka_matrix: `layers\[1\]` is constant"):
            matrix = place.get(ig.cka_matrix([a, constant], **options))
        assert np.isnan(matrix).tolist() == [[False, True], [True, True]]
    with pytest.warns(RuntimeWarning, match="needs at least"):
        assert np.isnan(ig.cka(a[:1, :1], a[:1, :1], **options))


@pytest.mark.parametrize("dtype", DTYPES)
def test_matrices_that_rounding_makes_asymmetric(place, dtype):
    """Entries count with the mean of both."""
    k, l, *_ = grams(dtype, size(place))  # noqa: E741
    eps = {"float16": 2.0**-10, "bfloat16": 2.0**-7}.get(dtype) or np.finfo(dtype).eps
    noise = 1 + 2 * eps * data(k.shape, "float64", 5)
    noisy = (k.astype(np.float64) * noise).astype(DTYPES[dtype])
    mean = (noisy.astype(np.float64) + noisy.T.astype(np.float64)) / 2
    a, turned, b = place.put(noisy), place.put(np.ascontiguousarray(noisy.T)), place.put(l)
    tolerance = 1e-12 if dtype == "float64" else 1e-6
    actual = ig.cka(a, b, kernel="precomputed")
    assert_close(actual, oracle.cka_of_grams(mean, l.astype(np.float64)), tolerance)
    assert ig.cka(turned, b, kernel="precomputed") == actual
    for k_nearest in (None, 5):
        similarity = ig.gbs(a, b, k=k_nearest, kernel="precomputed")
        assert ig.gbs(turned, b, k=k_nearest, kernel="precomputed") == similarity


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("k", [None, 1, 5, N - 1])
def test_gbs(place, k, center):
    *_, x, y = grams(n=size(place))
    k = None if k is None else min(k, size(place) - 1)
    expected = oracle.gbs(x, y, k=k, center=center)
    a, b = (place.put(side @ side.T) for side in (x, y))
    options = {"k": k, "center": center, "kernel": "precomputed"}
    assert_close(ig.gbs(a, b, **options), expected, 1e-12)
    assert_close(ig.gbs(a, a, **options), 1, 1e-14)
    assert ig.similarity(a, b, measure="gbs", **options) == ig.gbs(a, b, **options)
    matrix = place.get(ig.gbs_matrix([a, b], **options))
    assert_close(matrix, [[1, expected], [expected, 1]], 1e-12)
    assert (matrix == matrix.T).all()
    assert_close(place.get(ig.gbs_matrix([a, b], [b], **options)), matrix[:, 1:], 1e-15)


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gbs_with_ties(place, dtype, k):
    """Of equal entries the smaller column is the nearer, in integers that all types hold."""
    rng = np.random.default_rng(3)
    sides = []
    for _ in range(2):
        upper = np.triu(rng.integers(0, 4, (40, 40)), 1)
        sides.append((upper + upper.T + 4 * np.eye(40)).astype(DTYPES[dtype]))

    def graph(gram):
        directed = np.zeros(gram.shape)
        for i, row in enumerate(gram.astype(np.float64)):
            order = np.argsort(-row, kind="stable")
            nearest = order[order != i][:k]
            directed[i, nearest] = row[nearest] / 4
        return (directed + directed.T) / 2

    actual = ig.gbs(*map(place.put, sides), k=k, kernel="precomputed")
    assert_close(actual, oracle.mean_row_cosine(*map(graph, sides)), 1e-14)


def test_gbs_of_samples_without_edges(place):
    *_, x, y = grams(n=size(place))
    x[3] = 0
    a, b = (place.put(side @ side.T) for side in (x, y))
    for k in (None, 4):
        with pytest.warns(RuntimeWarning, match=r"of the \d+ samples, 1 of `x` have no edges"):
            actual = ig.gbs(a, b, k=k, kernel="precomputed")
        assert_close(actual, oracle.gbs(x, y, k=k), 1e-12)
    x[3] = np.delete(x, 3, axis=0).mean(axis=0)  # the mean of all, then
    with pytest.warns(RuntimeWarning, match=r"of the \d+ samples, 1 of `x` have no edges"):
        ig.gbs(place.put(x @ x.T), b, center=True, kernel="precomputed")


def refused(function):
    """Return calls of a function with a Gram matrix as `x`."""
    if function.endswith("_matrix"):
        return lambda x, y: getattr(ig, function)([x], [y], kernel="precomputed"), r"layers\[0\]"
    return lambda x, y: getattr(ig, function)(x, y, kernel="precomputed"), "x"


FUNCTIONS = ("hsic", "cka", "cka_matrix", "gbs", "gbs_matrix")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_no_gram_matrix(place, function):
    call, name = refused(function)
    n = size(place)
    k, l, *_ = grams(n=size(place))  # noqa: E741
    b = place.put(l)
    what = f"{function}: `{name}` must be a Gram matrix"
    with pytest.raises(ValueError, match=rf"^{what}, square, got shape \({n}, {n - 1}\)$"):
        call(place.put(np.ascontiguousarray(k[:, :-1])), b)
    for i, j, value in ((0, 1, 0.25), (n - 9, n - 1, 3.0), (n - 1, 2, -1.0)):
        bad = k.copy()
        bad[i, j] = value
        first, second = (i, j) if i < j else (j, i)
        message = rf"^{what}, symmetric, got (\S+) at \({first}, {second}\) and (\S+) at"
        with pytest.raises(ValueError, match=message) as error:
            call(place.put(bad), b)
        told = re.search(message, str(error.value)).groups()
        assert tuple(map(float, told)) == (bad[first, second], bad[second, first])
    for value in (np.nan, np.inf, -np.inf):
        for where in ((0, 0), (3, n - 9), (n - 9, 3)):
            bad = k.copy()
            bad[where] = value
            with pytest.raises(
                ValueError, match=rf"^{function}: `{name}` .* {value} at .*{where[0]}"
            ):
                call(place.put(bad), b)
        bad[where] = bad[where[::-1]] = value
        with pytest.raises(ValueError, match=rf"^{function}: `{name}` .* {value} at "):
            call(place.put(bad), b)


def test_gbs_of_matrices_without_norms(place):
    k, l, *_ = grams(n=size(place))  # noqa: E741
    b = place.put(l)
    for value in (0.0, -1.0):
        bad = k.copy()
        bad[5, 5] = value
        message = rf"^gbs: `x` must be a Gram matrix, with .* {value:g} at \(5, 5\); compare_rsms"
        with pytest.raises(ValueError, match=message):
            ig.gbs(place.put(bad), b, kernel="precomputed")
