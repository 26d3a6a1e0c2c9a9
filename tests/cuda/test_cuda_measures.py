"""The registry of measures on a GPU: the host's values, warnings and errors."""

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, assert_close, data, oracle, quietly

NAMES = list(ig.measures())
# It has no value of layers whose features have nothing in common: see test_feature_debiased.
TRIED = [name for name in NAMES if name != "cka_feature_debiased"]
NOT_BEST_OF_ITSELF = {"cycle_knn"}


def related(n, d1, d2, dtype="float64"):
    rng = np.random.default_rng([n, d1, d2])
    x = rng.standard_normal((n, d1))
    y = x @ rng.standard_normal((d1, d2)) / d1**0.5 + rng.standard_normal((n, d2)) / 2
    return x.astype(DTYPES[dtype]), y.astype(DTYPES[dtype])


def tolerance(dtype):
    return 1e-11 if dtype == "float64" else 2e-5


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TRIED)
def test_values(gpu, name, dtype):
    x, y = related(45, 12, 7, dtype)
    actual = ig.similarity(gpu.put(x), gpu.put(y), measure=name)
    assert type(actual) is float
    assert_close(actual, oracle.measure(name, x, y), tolerance(dtype))
    assert_close(actual, ig.similarity(x, y, measure=name), tolerance(dtype))


@pytest.mark.parametrize("name", TRIED)
def test_matrix(gpu, name):
    """More samples than a tile of the emulated GPU has, and layers of different widths."""
    layers = [*related(70, 5, 9), data((70, 20), "float32")]
    on_gpu = [gpu.put(x) for x in layers]
    calls = []
    one = ig.similarity_matrix(on_gpu, measure=name, progress=lambda *call: calls.append(call))
    assert type(one) is type(on_gpu[0])
    assert gpu.get(one).dtype == np.float64
    assert calls[-1][0] == calls[-1][1]
    expected = ig.similarity_matrix(layers, measure=name)
    # Of equal layers, an angle has half of the digits.
    near = 1e-7 if ig.measures()[name].metric else 1e-11
    assert_close(gpu.get(one), expected, near)
    if ig.measures()[name].symmetric:
        assert np.array_equal(gpu.get(one), gpu.get(one).T)
    if name not in NOT_BEST_OF_ITSELF:
        of_itself = float(ig.measures()[name].kind != "distance")
        assert_close(np.diag(gpu.get(one)), np.full(3, of_itself), 0)
    two = ig.similarity_matrix(on_gpu[:2], {"z": on_gpu[2], "y": on_gpu[1]}, measure=name)
    assert_close(gpu.get(two), expected[:2, [2, 1]], near)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduce", ["mean", "mean_nchw", "positions", "positions_nchw"])
def test_positions(gpu, reduce, dtype):
    x, y = (data((30, 18), "float64", seed=i).reshape(30, 3, 2, 3) for i in (1, 2))
    x, y = x.astype(DTYPES[dtype]), (x + y).astype(DTYPES[dtype])
    expected = ig.similarity(x, y, reduce=reduce)
    assert_close(ig.similarity(gpu.put(x), gpu.put(y), reduce=reduce), expected, tolerance(dtype))


@pytest.mark.parametrize("kernel", ["linear", "rbf", "laplacian", "polynomial", "distance"])
def test_kernels_of_rsa(gpu, kernel):
    x, y = related(40, 6, 9)
    for name in ("rsa_pearson", "rsa_spearman", "rsa_cosine"):
        expected = ig.similarity(x, y, measure=name, kernel=kernel)
        actual = ig.similarity(gpu.put(x), gpu.put(y), measure=name, kernel=kernel)
        assert_close(actual, expected, 1e-11, name)


def test_feature_debiased(gpu):
    rng = np.random.default_rng(0)
    common = rng.standard_normal((70, 3))
    layers = [common @ rng.standard_normal((3, d)) for d in (5, 9, 20)]
    layers[1] = layers[1].astype("float32")
    expected = ig.similarity_matrix(layers, measure="cka_feature_debiased")
    actual = ig.similarity_matrix(list(map(gpu.put, layers)), measure="cka_feature_debiased")
    assert_close(gpu.get(actual), expected, 1e-11)
    assert (np.diag(gpu.get(actual)) == 1).all()


def test_options(gpu):
    x, y = related(40, 6, 9)
    for name, options in (
        ("cka", {"kernel": "rbf", "estimator": "biased"}),
        ("gbs", {"k": 4, "center": True}),
        ("mutual_knn", {"k": 3, "center": True}),
        ("cknna", {"k": 5, "estimator": "biased"}),
        ("rank_similarity", {"k": 3, "center": True}),
        ("second_order_cosine", {"k": 3, "center": True}),
    ):
        expected = ig.similarity(x, y, measure=name, **options)
        actual = ig.similarity(gpu.put(x), gpu.put(y), measure=name, **options)
        assert_close(actual, expected, 1e-11, name)
    wide = ig.similarity(gpu.put(x.astype("f4")), gpu.put(y.astype("f4")), precision="tf32")
    assert_close(wide, ig.similarity(x, y), 1e-2)


@pytest.mark.parametrize("scale", [2.0**-400, 2.0**400])
@pytest.mark.parametrize("name", ["distance_correlation", "rsa_cosine", "rsa_pearson"])
def test_scale_does_not_matter(gpu, name, scale):
    x, y = related(40, 6, 9)
    expected = ig.similarity(x, y, measure=name)
    actual = ig.similarity(gpu.put(x * scale), gpu.put(y / scale), measure=name)
    assert_close(actual, expected, 1e-11)


@pytest.mark.parametrize("name", TRIED)
def test_what_is_not_finite_is_an_error(gpu, name):
    x, y = related(30, 4, 6)
    y[4, 1] = np.nan
    x, y = gpu.put(x), gpu.put(y)
    with pytest.raises(
        ValueError, match=r"similarity: `y` must be finite, got nan at index \(4, 1"
    ):
        ig.similarity(x, y, measure=name)
    with pytest.raises(
        ValueError, match=r"`layers\['y'\]` must be finite, got nan at index \(4, 1"
    ):
        ig.similarity_matrix({"x": x, "y": y}, measure=name)


@pytest.mark.parametrize("name", [name for name in TRIED if name != "rsm_difference"])
def test_warnings_are_those_of_the_host(gpu, name):
    x = data((20, 5), "float64")
    odd = np.zeros((20, 3))
    for other in (odd, odd[:, :2] + 1.0):
        said = []
        for put in (np.asarray, gpu.put):
            with pytest.warns(RuntimeWarning) as records:
                ig.similarity_matrix([put(x), put(odd)], [put(other)], measure=name)
            said.append([str(record.message) for record in records])
        assert said[0] == said[1]


def test_too_few_samples(gpu):
    x = gpu.put(data((3, 2), "float64"))
    for name in ("cka", "distance_correlation_debiased"):
        with pytest.warns(RuntimeWarning, match="at least 4 samples, got 3: the result is NaN"):
            assert np.isnan(gpu.get(ig.similarity_matrix([x], measure=name))).all()


def test_a_median_of_0_is_refused(gpu):
    x = data((20, 3), "float64")
    y = x.copy()
    y[:16] = y[0]
    with pytest.raises(ValueError, match=r"`bandwidth` must be a positive .* of `y` are"):
        quietly(ig.similarity, gpu.put(x), gpu.put(y), measure="rsa_pearson", kernel="rbf")


def test_layers_in_different_places_are_refused(gpu):
    x = data((20, 3), "float64")
    with pytest.raises(ValueError, match="similarity: `y` must lie where `x` does"):
        ig.similarity(x, gpu.put(x), measure="distance_correlation")
