"""`rdm` against SciPy."""

import warnings

import isogram as ig
import numpy as np
import pytest
from cases.rdm import *  # noqa: F403
from cases.rdm import METRICS, options
from support import data


@pytest.mark.parametrize("metric", METRICS)
def test_same_bits_for_any_number_of_threads(metric):
    x = data((150, 40), "float32")
    bits = {ig.rdm(x, metric=metric, num_threads=t, **options(metric, 40)).tobytes()
            for t in (1, 2, 3)}  # fmt: skip
    assert len(bits) == 1


def test_default_is_correlation():
    x = data((6, 4), "float64")
    assert np.array_equal(ig.rdm(x), ig.rdm(x, metric="correlation"))


def test_frames_give_their_labels():
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(data((3, 4), "float64"), index=list("abc"))
    result = ig.rdm(x)
    assert list(result.index) == list(result.columns) == list("abc")
    assert ig.rdm(x, condensed=True).shape == (3,)


@pytest.mark.parametrize(("theirs", "ours"), [("euclidean", "sqeuclidean"),
                                              ("mahalanobis", "mahalanobis")])  # fmt: skip
def test_numbers_of_rsatoolbox(theirs, ours):
    pytest.importorskip("rsatoolbox")
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    x, d = data((7, 5), "float64"), 5
    precisions = [np.linalg.inv(covariance) for covariance in options(ours, d).values()]
    expected = calc_rdm(Dataset(x), method=theirs, noise=next(iter(precisions), None))
    expected = expected.dissimilarities[0]
    actual = ig.rdm(x, metric=ours, condensed=True, **options(ours, d))
    actual = actual**2 if ours == "mahalanobis" else actual
    assert actual / d == pytest.approx(expected, rel=1e-9)


def refused(said, **parameters):
    """Assert the error for an argument."""
    with pytest.raises(ValueError, match=f"^rdm: {said}"):
        ig.rdm(data((6, 3), "float64"), **parameters)


def test_what_is_refused():
    refused("`metric` must be one of 'correlation', .*, got 'manhattan'", metric="manhattan")
    with pytest.raises(TypeError, match="`condensed` must be True or False, got 1"):
        ig.rdm(data((6, 3), "float64"), condensed=1)
    with pytest.raises(ValueError, match="`x` must have at least 2 rows, got 1"):
        ig.rdm(np.ones((1, 3)))
    refused("`num_threads` must be", num_threads=0)


@pytest.mark.parametrize(
    ("covariance", "said"),
    [
        (None, "must be given for metric 'mahalanobis', got None"),
        (np.ones(2), r"must be of shape \(3, 3\) or \(3,\), got \(2,\)"),
        (np.ones((3, 2)), r"must be of shape \(3, 3\) or \(3,\), got \(3, 2\)"),
        (np.full(3, np.nan), r"must be finite, got nan at index \(0,\)"),
        (np.array([1.0, 0.0, 1.0]), "must be of positive variances, got 0.0"),
        (np.eye(3) + np.eye(3, k=1), r"must be symmetric, got 1.0 at \(0, 1\) and 0.0 at \(1, 0\)"),
        (np.ones((3, 3)) - 2 * np.eye(3), "must be positive definite, got a matrix that is not"),
    ],
)
def test_covariances_that_are_refused(covariance, said):
    refused(f"`noise_covariance` {said}", metric="mahalanobis", noise_covariance=covariance)


def test_a_covariance_without_use():
    refused("`noise_covariance` must be None for metric 'cosine'", metric="cosine",
            noise_covariance=np.eye(3))  # fmt: skip


@pytest.mark.parametrize("of_rows", [-1000, -300, 0, 300, 1000])
@pytest.mark.parametrize("of_covariance", [-1040, -600, 0, 600, 1020])
@pytest.mark.parametrize("is_diagonal", [True, False])
def test_scales_of_mahalanobis(of_rows, of_covariance, is_diagonal):
    x = data((5, 3), "float64")
    covariance = np.array([1.0, 2.0, 0.5]) if is_diagonal else np.eye(3) + 0.25
    parameters = {"metric": "mahalanobis", "condensed": True}
    expected = ig.rdm(x, noise_covariance=covariance, **parameters)
    with np.errstate(over="ignore"):
        expected = np.ldexp(expected, of_rows - of_covariance // 2)
    scaled = np.ldexp(covariance, of_covariance)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = ig.rdm(np.ldexp(x, of_rows), noise_covariance=scaled, **parameters)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert bool(caught) == (not np.isfinite(expected).all())


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_distances_beyond_the_range(metric):
    x = np.array([[1.5e308, 0.0], [-1.5e308, 0.0], [1.5e308, 1.0]])
    with pytest.warns(RuntimeWarning, match="^rdm: some entries are beyond the range of float64"):
        assert ig.rdm(x, metric=metric, condensed=True)[0] == np.inf
