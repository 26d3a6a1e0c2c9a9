"""Cases of `rdm` that every place is to pass, host and GPU."""

import isogram as ig
import numpy as np
import pytest
from scipy.spatial import distance
from support import DTYPES, LAYOUTS, data

METRICS = ("correlation", "cosine", "euclidean", "sqeuclidean", "mahalanobis")


def covariance(d, seed=0):
    """Return a covariance that is far from the identity."""
    rows = np.random.default_rng([seed, d]).standard_normal((3 * d + 2, d))
    return np.cov(rows * np.arange(1, d + 1), rowvar=False).reshape(d, d)


def options(metric, d):
    """Return what the metric needs."""
    return {"noise_covariance": covariance(d)} if metric == "mahalanobis" else {}


def expected_rdm(x, metric):
    """By SciPy, in float64."""
    x = x.astype(np.float64)
    parameters = {}
    if metric == "mahalanobis":
        parameters["VI"] = np.linalg.inv(covariance(x.shape[1]))
    return distance.pdist(x, metric, **parameters)


def measured(place, x, **parameters):
    """Return distances there, on the host."""
    return place.get(ig.rdm(place.put(x), **parameters))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("metric", METRICS)
def test_metrics(place, metric, dtype):
    for n, d in place.choose(((2, 3), (5, 2), (40, 7), (33, 120), (130, 20)), ((5, 3), (40, 60))):
        x = data((n, d), dtype) + DTYPES[dtype].type(2)
        square = measured(place, x, metric=metric, **options(metric, d))
        assert square.dtype == np.float64
        assert np.array_equal(square, square.T)
        assert not square.diagonal().any()
        condensed = measured(place, x, metric=metric, condensed=True, **options(metric, d))
        assert np.array_equal(condensed, square[np.triu_indices(n, 1)])
        wanted = expected_rdm(x, metric)
        # 1 - cosine of SciPy loses what is near 0.
        assert condensed == pytest.approx(wanted, rel=1e-9, abs=1e-14), (n, d)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("metric", METRICS)
def test_memory_order(place, metric, layout):
    x = data((9, 5), "float32")
    actual = measured(place, LAYOUTS[layout](x), metric=metric, **options(metric, 5))
    assert np.array_equal(actual, measured(place, x, metric=metric, **options(metric, 5)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("metric", METRICS)
def test_small_distances_keep_their_digits(place, metric, dtype):
    """Beside an offset and a row that is far away; the reference is by differences."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.standard_normal((1, 20)), 8, axis=0) + 3
    x[1:] += rng.standard_normal((7, 20)) * 1e-4
    x[-1] *= 300
    x = x.astype(dtype)
    wide = x.astype(np.longdouble)
    if metric == "correlation":
        wide = wide - wide.mean(axis=1, keepdims=True)
    if metric in ("correlation", "cosine"):
        wide = wide / np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    if metric == "mahalanobis":
        factor = np.linalg.inv(np.linalg.cholesky(covariance(20)))
        wide = wide @ factor.T.astype(np.longdouble)
    squares = ((wide[:, None] - wide) ** 2).sum(axis=-1)
    root = metric in ("euclidean", "mahalanobis")
    expected = np.sqrt(squares) if root else squares / (1 if metric == "sqeuclidean" else 2)
    actual = measured(place, x, metric=metric, **options(metric, 20))
    assert actual[0, 1] > 0
    assert actual == pytest.approx(expected.astype(np.float64), rel=1e-9)


@pytest.mark.parametrize("factor", [1e-200, 1e-30, 1e30, 1e150])
@pytest.mark.parametrize("metric", ["correlation", "cosine", "euclidean"])
def test_scale(place, metric, factor):
    x = data((7, 5), "float64")
    plain = measured(place, x, metric=metric)
    actual = measured(place, x * factor, metric=metric)
    wanted = plain * (factor if metric == "euclidean" else 1)
    assert actual == pytest.approx(wanted, rel=1e-9, abs=0)


def test_a_massive_channel(place):
    x = data((9, 30), "float32")
    x[:, 3] += 1500
    for metric in ("euclidean", "correlation"):
        actual = measured(place, x, metric=metric, condensed=True)
        assert actual == pytest.approx(expected_rdm(x, metric), rel=1e-6)


@pytest.mark.parametrize("metric", ["correlation", "cosine"])
def test_rows_without_a_direction_are_at_1(place, metric):
    """As `gram`, where their similarity is 0."""
    x = data((6, 4), "float64")
    x[2] = x[4] = 0.1 if metric == "correlation" else 0
    actual = measured(place, x, metric=metric)
    assert not actual.diagonal().any()
    expected = 1 - place.get(ig.gram(place.put(x), kernel=metric))
    np.fill_diagonal(expected, 0)
    assert actual == pytest.approx(expected, abs=1e-12)
    assert actual[2, 4] == actual[2, 0] == 1


def test_variances_alone(place):
    x, variances = data((6, 4), "float64"), np.array([1.0, 4.0, 0.25, 9.0])
    actual = measured(place, x, metric="mahalanobis", noise_covariance=variances)
    assert actual == pytest.approx(measured(place, x / np.sqrt(variances), metric="euclidean"))
    there = ig.rdm(place.put(x), metric="mahalanobis", noise_covariance=place.put(variances))
    assert np.array_equal(place.get(there), actual)


def test_a_bad_entry_is_named(place):
    x = data((6, 4), "float32")
    x[3, 2] = np.nan
    with pytest.raises(ValueError, match=r"^rdm: `x` must be finite, got nan at index \(3, 2\)"):
        measured(place, x)
