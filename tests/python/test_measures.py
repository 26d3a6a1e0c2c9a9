"""The registry of measures: each against its oracle, and everything that it declares."""

import os
import pickle
import re
import shutil
import sys
from pathlib import Path

import isogram as ig
import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from isogram._measures import INVARIANCES, Measure, measure_of, register_measure, table_of
from isogram._place import HOST
from isogram._types import MEDIAN, Kernel, Layers
from isogram._walk.tiles import Tile
from scipy.stats import ortho_group
from support import (
    DTYPES,
    KERNELS,
    LAYOUTS,
    SCALES,
    Exchanged,
    assert_close,
    data,
    oracle,
    quietly,
    run_program,
    signs,
)

similarity, similarity_matrix = ig.similarity, ig.similarity_matrix
MEASURES = ig.measures()
NAMES = list(MEASURES)
# It has no value of most of the layers here, whose features have nothing in common: the tests of
# test_feature_debiased.py are its own.
TRIED = [name for name in NAMES if name != "cka_feature_debiased"]
# Float64 throughout, whatever the type.
WIDE = {
    "bures",
    "cca",
    "cca_squared",
    "cknna",
    "cycle_knn",
    "distance_correlation",
    "distance_correlation_debiased",
    "edit_knn",
    "eigenspace_overlap",
    "jaccard_knn",
    "lcs_knn",
    "linear_regression",
    "mutual_knn",
    "permutation_angle",
    "permutation_cosine",
    "permutation_procrustes",
    "procrustes",
    "procrustes_distance",
    "pwcca",
    "rank_similarity",
    "rsa_cosine",
    "rsa_pearson",
    "rsa_spearman",
    "second_order_cosine",
    "shape_metric",
    "svcca",
}
# Of the k nearest neighbours of every sample, the two sets of a pair counted in one way or another.
OF_NEIGHBOURS = (
    "cknna",
    "cycle_knn",
    "edit_knn",
    "jaccard_knn",
    "lcs_knn",
    "mutual_knn",
    "rank_similarity",
    "second_order_cosine",
)
# Of a representation with itself these may be less than the best value.
NOT_BEST_OF_ITSELF = {"cycle_knn"}
# Some layers here have enough features to fill the space of samples.
pytestmark = pytest.mark.filterwarnings("ignore:.* whatever the data are:RuntimeWarning")


def tolerance(name, dtype):
    """Of values around 1; the angle of nearly equal matrices has half of the digits."""
    if name in WIDE:
        return 1e-11
    return 1e-11 if dtype == "float64" else 2e-5


def related(n, d1, d2, seed=0, dtype="float64"):
    """Two representations with something in common, whose k-th neighbours are clear."""
    rng = np.random.default_rng([n, d1, d2, seed])
    while True:
        x = rng.standard_normal((n, d1))
        y = x @ rng.standard_normal((d1, d2)) / d1**0.5 + rng.standard_normal((n, d2)) / 2
        x, y = x.astype(DTYPES[dtype]), y.astype(DTYPES[dtype])
        if n < 12 or (has_clear_neighbours(x) and has_clear_neighbours(y)):
            return x, y


def has_clear_neighbours(x, k=10):
    cosines = -np.sort(-oracle.dense_graph(x), axis=1)
    return (cosines[:, k - 1] - cosines[:, k] > 1e-6).all()


def of_itself(name, x):
    """The value of a layer with itself."""
    if name in NOT_BEST_OF_ITSELF:
        return oracle.measure(name, x, x)
    return float(MEASURES[name].kind == "similarity")


def expected_matrix(name, layers, other):
    return np.array([[oracle.measure(name, x, y) for y in other] for x in layers])


# Values ---------------------------------------------------------------------------------------


def test_every_measure_has_an_oracle():
    assert set(reference.MEASURES) == set(NAMES)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TRIED)
def test_values(simd_level, name, dtype):
    for n, d1, d2 in [(12, 3, 5), (49, 64, 7), (97, 40, 30)]:
        x, y = related(n, d1, d2, dtype=dtype)
        actual = similarity(x, y, measure=name)
        assert type(actual) is float
        expected = oracle.measure(name, x, y)
        assert_close(actual, expected, tolerance(name, dtype), f"{n}, {d1}, {d2}")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", TRIED)
def test_memory_order(name, layout):
    for dtype in ("float16", "float32", "float64"):
        x, y = related(30, 9, 6, dtype=dtype)
        arrange = LAYOUTS[layout]
        actual = similarity(arrange(x), arrange(y), measure=name)
        assert_close(actual, similarity(x, y, measure=name), tolerance(name, dtype))


@pytest.mark.parametrize("name", TRIED)
def test_arrays_of_others(name):
    x, y = related(30, 9, 6)
    expected = similarity(x, y, measure=name)
    assert similarity(Exchanged(x), y.tolist(), measure=name) == expected
    matrix = similarity_matrix([Exchanged(x), y], measure=name)
    assert np.array_equal(matrix, similarity_matrix([x, y], measure=name))


@pytest.mark.parametrize("name", TRIED)
def test_tensors(name):
    torch = pytest.importorskip("torch")
    x, y = (torch.from_numpy(a) for a in related(30, 9, 6, dtype="float32"))
    assert similarity(x, y, measure=name) == similarity(x.numpy(), y.numpy(), measure=name)
    matrix = similarity_matrix([x.bfloat16(), y], measure=name)
    assert isinstance(matrix, torch.Tensor)
    rounded = [x.bfloat16().float().numpy(), y.numpy()]
    assert_close(matrix.numpy(), similarity_matrix(rounded, measure=name), 1e-6)


@pytest.mark.parametrize("name", TRIED)
def test_matrix(simd_level, name):
    """Layers of different types and widths, in one walk, as pair by pair."""
    x, y = related(40, 6, 9)
    z, w = related(40, 20, 3, dtype="float32")
    layers = {"x": x, "y": y, "z": z}
    expected = expected_matrix(name, layers.values(), layers.values())
    actual = similarity_matrix(layers, measure=name)
    assert actual.dtype == np.float64
    assert_close(actual, expected, 5e-8 if MEASURES[name].metric else tolerance(name, "float64"))
    assert np.array_equal(actual, actual.T) == MEASURES[name].symmetric
    cross = similarity_matrix([x, z], {"w": w, "y": y}, measure=name)
    expected = expected_matrix(name, [x, z], [w, y])
    assert_close(cross, expected, tolerance(name, "float64"))
    again = similarity_matrix(list(layers.values()), list(layers.values()), measure=name)
    assert np.array_equal(again, actual)


@pytest.mark.parametrize("name", TRIED)
def test_more_samples_than_a_tile(name):
    layers = [data((600, d), "float32", seed=d) for d in (4, 30)]
    layers.append(layers[0] + layers[1][:, :4] / 2)
    actual = similarity_matrix(layers, measure=name)
    expected = expected_matrix(name, layers, layers)
    np.fill_diagonal(expected, [of_itself(name, layer) for layer in layers])
    # Near ties of neighbours may be taken otherwise.
    near = dict.fromkeys(OF_NEIGHBOURS, 1e-3) | {"gbs_knn": 1e-4, "second_order_cosine": 1e-4}
    assert_close(actual, expected, near.get(name, tolerance(name, "float32")))


def test_tiles_are_computed_again_where_they_are_not_kept(monkeypatch):
    from isogram._statistics import centred_products

    layers = [data((530, d), "float64", seed=d) for d in (3, 8)]
    for name in ("distance_correlation", "rsa_pearson"):
        kept = similarity_matrix(layers, measure=name)
        with monkeypatch.context() as patch:
            patch.setattr(centred_products, "_KEPT_BYTES", 0)
            assert np.array_equal(similarity_matrix(layers, measure=name), kept)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_faces_and_entries_have_the_same_bits(simd_level, dtype):
    layers = [data((50, d), dtype, seed=d) for d in (5, 70, 300)]
    x, y = layers[:2]
    assert similarity(x, y) == ig.cka(x, y)
    assert similarity(x, y, measure="gbs") == ig.gbs(x, y)
    assert np.array_equal(similarity_matrix(layers), ig.cka_matrix(layers))
    assert np.array_equal(similarity_matrix(layers, layers[1:]), ig.cka_matrix(layers, layers[1:]))
    for options in (
        {"kernel": "rbf", "bandwidth": 3.0},
        {"kernel": "polynomial", "gamma": 0.5, "degree": 2, "coef0": 2.0},
        {"estimator": "biased"},
    ):
        expected = ig.cka_matrix(layers, **options)
        assert np.array_equal(similarity_matrix(layers, measure="cka", **options), expected)
    for options in ({"k": 7}, {"center": True}, {"k": 3, "center": True}):
        expected = ig.gbs_matrix(layers, **options)
        assert np.array_equal(similarity_matrix(layers, measure="gbs", **options), expected)
    presets = {
        "cka_biased": (ig.cka_matrix, {"estimator": "biased"}),
        "cka_rbf": (ig.cka_matrix, {"kernel": "rbf"}),
        "cka_cosine": (ig.cka_matrix, {"kernel": "cosine"}),
        "gbs_centered": (ig.gbs_matrix, {"center": True}),
        "gbs_knn": (ig.gbs_matrix, {"k": 10}),
    }
    for name, (function, options) in presets.items():
        expected = function(layers, **options)
        assert np.array_equal(similarity_matrix(layers, measure=name), expected)


def test_options_of_the_others(simd_level):
    x, y = related(40, 6, 9)
    centred = [oracle.centred_columns(a) for a in (x, y)]
    for name in OF_NEIGHBOURS:
        for k in (1 if name != "cknna" else 2, 4, 39):
            actual = similarity(x, y, measure=name, k=k)
            assert_close(actual, getattr(reference, name)(x, y, k), 1e-12, f"{name}, {k}")
        actual = similarity(x + 100, y - 50, measure=name, k=5, center=True)
        assert_close(actual, getattr(reference, name)(*centred, 5), 1e-12)
    # All others are neighbours: the rows of the full graphs.
    actual = similarity(x, y, measure="second_order_cosine", k=39)
    assert_close(actual, ig.gbs(x, y), 1e-12)
    for method in ("pearson", "spearman", "cosine"):
        for kernel in KERNELS:
            k, l = (oracle.gram(a, kernel=kernel, bandwidth=2.0) for a in (x, y))  # noqa: E741
            actual = similarity(x, y, measure=f"rsa_{method}", kernel=kernel, bandwidth=2.0)
            assert_close(actual, oracle.compare(k, l, method=method), 1e-11, f"{method}, {kernel}")
        k, l = (oracle.distances(a) for a in (x, y))  # noqa: E741
        actual = similarity(x, y, measure=f"rsa_{method}", kernel="distance")
        assert_close(actual, oracle.compare(k, l, method=method), 1e-11, f"{method}, distance")
    medians = similarity(x, y, measure="rsa_pearson", kernel="rbf")
    k, l = (oracle.gram(a, kernel="rbf") for a in (x, y))  # noqa: E741
    assert_close(medians, oracle.compare(k, l), 1e-11)


@pytest.mark.parametrize("k", [2, 3, 10])
def test_ties_go_to_the_smaller_index(simd_level, k):
    for n in (12, 40, 97):
        x, y = signs(n), signs(n, seed=1)
        for name in OF_NEIGHBOURS:
            expected = getattr(reference, name)(x, y, k)
            for dtype in DTYPES.values():
                actual = similarity(x.astype(dtype), y.astype(dtype), measure=name, k=k)
                assert_close(actual, expected, 1e-12)


def test_cknna_of_both_estimators(simd_level):
    x, y = related(40, 6, 9)
    for estimator in ("debiased", "biased"):
        for k in (2, 3, 10, 39):
            options = {"k": k, "estimator": estimator}
            for a, b in ((x, y), (y, x), (x, x.copy())):
                expected = reference.cknna(a, b, **options)
                assert_close(similarity(a, b, measure="cknna", **options), expected, 1e-12)
    # All others are neighbours: CKA of cosines.
    assert_close(similarity(x, y, measure="cknna", k=39), ig.cka(x, y, kernel="cosine"), 1e-12)
    biased = similarity(x, y, measure="cknna", k=40, estimator="biased")
    assert_close(biased, ig.cka(x, y, kernel="cosine", estimator="biased"), 1e-12)


def test_cknna_without_a_value_is_nan_and_named():
    x, y = data((30, 4), "float64"), np.zeros((30, 5))
    with pytest.warns(RuntimeWarning) as said:
        assert np.isnan(similarity(x, y, measure="cknna"))
    (undefined,) = (str(warning.message) for warning in said)
    assert undefined.startswith("similarity: `y` is constant")
    y[0, 0] = y[1, 1] = 1
    with pytest.warns(RuntimeWarning) as said:
        assert np.isnan(similarity(x, y, measure="cknna"))
    edges, undefined = (str(warning.message) for warning in said)
    assert "30 of `y` have no edges" in edges
    assert undefined.startswith("similarity: the HSIC of `y` with itself, along the edges")


def test_neighbours_by_hand():
    """On a circle, by degrees; the neighbours of each, in order, with k = 2."""
    x, y = (
        np.stack([np.cos(np.radians(a)), np.sin(np.radians(a))], axis=1)
        for a in ([0, 10, 30, 61], [0, 30, 10, 61])
    )
    # In x 0: 1 2; 1: 0 2; 2: 1 0; 3: 2 1. In y 0: 2 1; 1: 2 0; 2: 0 1; 3: 1 2.
    expected = {
        "mutual_knn": 1.0,
        "jaccard_knn": 1.0,
        "lcs_knn": 0.5,
        "edit_knn": 0.0,
        "cycle_knn": 0.75,  # 3 is a neighbour of none
    }
    for name, value in expected.items():
        assert_close(similarity(x, y, measure=name, k=2), value, 1e-15, name)


def test_orders_that_only_differences_have():
    """Of a massive channel: cosines are 1 but for 1e-12."""
    directions, y = related(40, 3, 5)
    x = np.concatenate([np.full((40, 1), 1e6), directions], axis=1)
    near = np.argsort(oracle.squared_distances(directions, directions), axis=1)[:, 1:11]
    pairs = list(zip(near, reference.neighbours(y, 10), strict=True))
    lengths = [reference.longest_common_subsequence(a, b) for a, b in pairs]
    assert_close(similarity(x, y, measure="lcs_knn"), np.mean(lengths) / 10, 1e-12)
    edits = [reference.edit_distance(a, b) for a, b in pairs]
    assert_close(similarity(x, y, measure="edit_knn"), 1 - np.mean(edits) / 10, 1e-12)


def test_rsa_is_that_of_compare_rsms():
    x, y = related(40, 6, 9)
    for method in ("pearson", "spearman", "cosine"):
        k, l = (ig.gram(a, kernel="correlation") for a in (x, y))  # noqa: E741
        expected = ig.compare_rsms(k, l, method=method)
        actual = similarity(x, y, measure=f"rsa_{method}", kernel="correlation")
        assert_close(actual, expected, 1e-13)


# Positions of maps and tokens -------------------------------------------------------------------


def maps(seed=0, shape=(20, 3, 2, 5), dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


REDUCED = {
    "flatten": lambda x: x.reshape(len(x), -1),
    "mean": lambda x: x.mean(axis=tuple(range(1, x.ndim - 1)), dtype=float),
    "mean_nchw": lambda x: x.mean(axis=tuple(range(2, x.ndim)), dtype=float),
    "positions": lambda x: x.reshape(-1, x.shape[-1]),
    "positions_nchw": lambda x: np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]),
}


@pytest.mark.parametrize("reduce", REDUCED)
@pytest.mark.parametrize("shape", [(20, 3, 2, 5), (20, 6, 4)])
def test_positions(reduce, shape):
    x, y = maps(0, shape), maps(1, shape)
    x += y
    for name in ("cka", "gbs", "procrustes"):
        expected = similarity(REDUCED[reduce](x), REDUCED[reduce](y), measure=name)
        assert_close(similarity(x, y, measure=name, reduce=reduce), expected, 1e-13)
        matrix = similarity_matrix({"x": x}, [y, x], measure=name, reduce=reduce)
        assert_close(matrix[0, 0], expected, 1e-13)
        fortran = similarity(np.asfortranarray(x), y, measure=name, reduce=reduce)
        assert_close(fortran, expected, 1e-13)


def test_positions_are_flattened_by_default():
    x, y = maps(0), maps(1, (20, 7, 3))
    assert similarity(x, y) == similarity(x, y, reduce="flatten")
    flat = [a.reshape(20, -1) for a in (x, y)]
    assert similarity(x, y) == ig.cka(*flat)
    for reduce in REDUCED:  # of two axes there is nothing to reduce
        assert similarity(*flat, reduce=reduce) == ig.cka(*flat)


def test_types_of_means_over_positions():
    halves = maps(0, dtype=np.float16)
    flat = REDUCED["flatten"](halves)
    for x in (halves, halves.astype(np.float32), np.arange(240).reshape(20, 3, 4) % 17):
        assert_close(similarity(x, flat, reduce="mean"), ig.cka(REDUCED["mean"](x), flat), 1e-5)


def test_means_of_bfloat16():
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(maps(0)).bfloat16()
    expected = similarity(x.double().numpy(), maps(1), reduce="mean")
    assert_close(similarity(x, maps(1), reduce="mean"), expected, 1e-5)


def test_positions_as_rows_have_to_correspond():
    """Equally many rows are not enough: 20 samples of 6 are not 6 samples of 20."""
    x, more = maps(0), maps(1, (30, 2, 2, 5))
    assert similarity(x, maps(1, (20, 6, 3)), reduce="positions") < 1
    refused = (
        r"must have as many samples and positions as `{}` \(20, 6\), as `reduce` is 'positions', "
        r"got \(30, 4\)"
    )
    with pytest.raises(ValueError, match="^similarity: `y` " + refused.format("x")):
        similarity(x, more, reduce="positions")
    with pytest.raises(
        ValueError, match=r"^similarity_matrix: `layers\[1\]` " + refused.format(r"layers\[0\]")
    ):
        similarity_matrix([x, more], reduce="positions")
    with pytest.raises(
        ValueError, match=r"^similarity_matrix: `other\[0\]` " + refused.format(r"layers\[0\]")
    ):
        similarity_matrix([x], [more], reduce="positions")
    with pytest.raises(ValueError, match="similarity: `reduce` must be one of 'flatten', 'mean', "):
        similarity(x, x, reduce="max")
    with pytest.raises(TypeError, match="similarity_matrix: `reduce` must be one of"):
        similarity_matrix([x], reduce=None)


# What makes numbers hard ----------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
@pytest.mark.parametrize("name", ["distance_correlation", "distance_correlation_debiased"])
def test_distance_correlation_far_from_zero(name, offset):
    x, y = (np.round(a * 1024) / 1024 for a in related(40, 5, 7))
    expected = oracle.measure(name, x, y)
    assert_close(similarity(x + offset, y - offset, measure=name), expected, 1e-12)


def rows_that_cancel(kind, dtype, seed):
    """Rows near each other and far from the mean of all: squared distances cancel."""
    x = related(300, 5, 7, seed)[0]
    if kind == "clusters":
        x[::2] += 1e4
    elif kind == "twins":
        x[1::2] = x[::2] + 1e-7 * x[1::2]
    elif kind == "equal":
        x[1::3] = x[::3]
    elif kind == "far rows":
        x[4], x[9] = 1e30 * x[4], -1e30 * x[4]
    elif kind == "very far rows":
        x[4], x[9] = 1e200 * x[4], -1e200 * x[4]
    elif kind == "far twins":
        x[4] *= 1e12
        x[9] = x[4] + 1e3
    else:
        x *= np.logspace(-8, 8, 5)
    return None if np.abs(x).max() > np.finfo(dtype).max else x.astype(dtype)


CANCELLING = ("clusters", "twins", "equal", "far rows", "very far rows", "far twins", "wide")


@pytest.mark.parametrize("kind", CANCELLING)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distances_where_squares_cancel(simd_level, kind, dtype):
    for seed in range(3):
        x = rows_that_cancel(kind, dtype, seed)
        if x is None:
            continue
        tiles = HOST.rsm_tiles(Layers(["x"], [x]), Kernel("distance", MEDIAN, 0, 1, 0), [1], 0)
        unit = np.frexp(np.abs(x.astype(float)).max())[1]
        expected = oracle.distances(x).astype(float)
        for rows in (slice(0, 256), slice(256, 300), slice(3, 12)):
            for cols in (rows, slice(0, 300), slice(9, 40)):
                actual = np.ldexp(tiles.compute(Tile(rows, cols))[0], unit)
                assert_close(actual, expected[rows, cols], 5e-14 * expected[rows, cols], kind)
        if kind not in ("far rows", "very far rows"):
            y = related(300, 5, 7, seed)[1]
            for name in ("distance_correlation", "distance_correlation_debiased"):
                assert_close(similarity(x, y, measure=name), oracle.measure(name, x, y), 1e-11)


@pytest.mark.parametrize("size", [1e3, 1e6, 1e9])
def test_distance_correlation_of_a_far_sample(size):
    """Centred entries are computed, not taken off sums: they keep what the far one leaves."""
    x, y = related(40, 5, 7)
    x[3] *= size
    y[7] *= size
    for name in ("distance_correlation", "distance_correlation_debiased"):
        expected = oracle.measure(name, x, y)
        assert_close(similarity(x, y, measure=name), expected, 1e-14 * size + 1e-12)


@pytest.mark.parametrize("dtype", SCALES)
@pytest.mark.parametrize("name", [name for name in TRIED if name != "rsm_difference"])
def test_scale_does_not_matter(name, dtype):
    x, y = related(40, 5, 7, dtype=dtype)
    expected = similarity(x, y, measure=name)
    for scale in SCALES[dtype]:
        x_scaled, y_scaled = x * x.dtype.type(scale), y / y.dtype.type(scale)
        actual = similarity(x_scaled, y_scaled, measure=name)
        assert_close(actual, expected, tolerance(name, dtype), f"scale {scale}")


@pytest.mark.parametrize("kernel", ["distance", "linear", "cosine", "laplacian_l2"])
def test_differences_of_rsms_of_any_scale(kernel):
    """In the features' own unit, that of one layer far from that of the other."""
    x, y = related(40, 5, 7, dtype="float64")
    of_kernel = (
        {"kernel": kernel, "bandwidth": 3.0} if kernel == "laplacian_l2" else {"kernel": kernel}
    )

    def rsm(a):
        k = oracle.distances(a) if kernel == "distance" else oracle.gram(a, **of_kernel)
        return oracle.without_diagonal(np.array(k, np.float64))

    for scale in (1e-150, 1e-3, 1.0, 1e70):
        for a, b in [(x * scale, y * scale), (x * scale, y)]:
            expected = np.sqrt(((rsm(a) / scale - rsm(b) / scale) ** 2).sum()) * scale
            actual = similarity(a, b, measure="rsm_difference", **of_kernel)
            assert actual == pytest.approx(expected, rel=1e-10)
    matrix = similarity_matrix([x, y, 2 * x], [y, x], measure="rsm_difference")
    assert matrix[1, 0] == matrix[0, 1] == 0
    assert matrix[0, 0] == matrix[1, 1]


def test_a_difference_beyond_float64_is_said():
    x = 1e155 * data((9, 4), "float64")
    with pytest.warns(RuntimeWarning, match="similarity: an RSM, or the norm of a difference"):
        assert np.isinf(similarity(x, 2 * x, measure="rsm_difference", kernel="linear"))


@pytest.mark.parametrize("change", [1e3, 1e5])
def test_rsa_of_a_massive_channel(change):
    """Correlations near 1 keep their digits, also those of float32 features."""
    x, y = related(60, 20, 30, dtype="float32")
    x[:, 3] += change
    for method in ("pearson", "spearman"):
        expected = oracle.rsa(x, y, method)
        assert_close(similarity(x, y, measure=f"rsa_{method}"), expected, 1e-4)


@pytest.mark.parametrize("gamma", [1e-90, 1.0, 1e60])
def test_rsa_of_polynomials_of_any_magnitude(gamma):
    x, y = related(30, 4, 6)
    k, l = (oracle.gram(a, kernel="polynomial", gamma=1.0, coef0=0) for a in (x, y))  # noqa: E741
    for method in ("pearson", "cosine"):
        actual = similarity(
            x, y, measure=f"rsa_{method}", kernel="polynomial", gamma=gamma, coef0=0.0
        )
        assert_close(actual, oracle.compare(k, l, method=method), 1e-11)


@pytest.mark.parametrize("name", TRIED)
def test_same_bits_for_any_number_of_threads(name):
    layers = [data((300, d), "float32", seed=d) for d in (7, 64, 100)]
    one, *more = (similarity_matrix(layers, measure=name, num_threads=t) for t in (1, 2, 5))
    assert all(np.array_equal(one, other) for other in more)


@pytest.mark.parametrize("name", TRIED)
def test_arithmetic_that_others_have_set(name):
    x, y = related(30, 4, 6)
    expected = similarity(x, y, measure=name)
    with np.errstate(all="raise"):
        assert similarity(x, y, measure=name) == expected


# What a measure declares ----------------------------------------------------------------------

TRANSFORMATIONS = {
    "orthogonal": lambda x, rng: x @ ortho_group.rvs(x.shape[1], random_state=rng),
    "permutation of features": lambda x, rng: x[:, rng.permutation(x.shape[1])],
    "isotropic scaling": lambda x, rng: x * 10 ** rng.uniform(-3, 3),
    "translation": lambda x, rng: x + 3 * rng.standard_normal(x.shape[1]),
    "invertible linear": lambda x, rng: x @ rng.standard_normal((x.shape[1],) * 2),
    "samples scaled one by one": lambda x, rng: x * 10 ** rng.uniform(-1, 1, (len(x), 1)),
}


def test_all_invariances_are_tried():
    assert set(TRANSFORMATIONS) == set(INVARIANCES)


def largest_change(name, family):
    """The most that a transformation of either representation changes a measure."""
    changes = []
    for seed in range(6):
        x, y = related(40, 5, 8, seed)
        before = similarity(x, y, measure=name)
        rng = np.random.default_rng(seed)
        transformed = TRANSFORMATIONS[family]
        changes.append(abs(similarity(transformed(x, rng), y, measure=name) - before))
        changes.append(abs(similarity(x, transformed(y, rng), measure=name) - before))
    return max(changes)


@pytest.mark.parametrize("family", INVARIANCES)
@pytest.mark.parametrize("name", TRIED)
def test_invariances_are_those_declared(name, family):
    change = largest_change(name, family)
    if family in MEASURES[name].invariances:
        assert change < 1e-10
    else:
        assert change > 1e-3


sizes = {"n": st.integers(12, 40), "d": st.integers(2, 20), "seed": st.integers(0, 2**31)}


def symmetry_of(name, value):
    """Return the tolerance: an angle whose cosine saturates at 1 has half of the digits."""
    return 1e-7 if name == "shape_metric" and value < 1e-6 else 1e-13


@pytest.mark.parametrize("name", TRIED)
@given(**sizes)
def test_range_symmetry_and_itself(name, n, d, seed):
    measure, rng = MEASURES[name], np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((n, d + 2))
    y[:, :d] += rng.uniform(0, 2) * x
    low, high = measure.range
    for a, b in ((x, y), (x, -x), (x, x**3), (np.abs(x), np.abs(y))):
        value = similarity(a, b, measure=name)
        assert low <= value <= high
        if measure.symmetric:
            assert_close(similarity(b, a, measure=name), value, symmetry_of(name, value))
    best, worst = (low, high) if measure.kind == "distance" else (min(high, 1.0), low)
    own = of_itself(name, x)
    assert (own == best) or name in NOT_BEST_OF_ITSELF
    assert_close(similarity(x, x, measure=name), own, 0 if own == best else 1e-13)
    assert_close(similarity(x, x.copy(), measure=name), own, 1e-7 if measure.metric else 1e-13)
    assert abs(similarity(x, y, measure=name) - best) < abs(worst - best)


@pytest.mark.parametrize("name", [name for name in TRIED if MEASURES[name].metric])
@given(**sizes)
def test_metrics(name, n, d, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    y = x + rng.uniform(0, 2) * rng.standard_normal((n, d))
    z = y + rng.uniform(0, 2) * rng.standard_normal((n, d))
    distances = similarity_matrix([x, y, z], measure=name)
    assert np.array_equal(distances, distances.T)
    assert (np.diag(distances) == 0).all()
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        # Of layers that span the same, an angle has half of the digits.
        assert distances[a, c] <= distances[a, b] + distances[b, c] + 1e-7


def test_kinds():
    """The alike have the larger similarities and the smaller distances."""
    x, y = related(60, 5, 8)
    noise = data((60, 8), "float64", seed=3) * y.std()
    for name in TRIED:
        measure = MEASURES[name]
        near, far = (similarity(x, other, measure=name) for other in (y, noise))
        assert (near > far) == (measure.kind == "similarity")


OPTIONS_THAT_TAKE_SAMPLES = {"k": (1, 3, 12, None), "estimator": ("biased", "debiased")}
FEWEST = [(name, {}) for name in TRIED] + [
    (name, {option: value})
    for option, values in OPTIONS_THAT_TAKE_SAMPLES.items()
    for name in TRIED
    for value in values
    if option in MEASURES[name].options
    and not (value is None and name in OF_NEIGHBOURS)
    and not (value == 1 and name == "cknna")
]


@pytest.mark.parametrize(("name", "options"), FEWEST)
def test_fewest_samples(name, options):
    """One sample less gives NaN, and a warning that says how many are needed."""
    measure = MEASURES[name]
    fewest = measure.fewest_with(options)
    if not options:
        assert fewest == measure.fewest
    x, y = (data((fewest, d), "float64") for d in (6, 4))
    assert np.isfinite(similarity(x, y, measure=name, **options))
    for n in range(1, fewest):
        said = f"measure {name!r} needs at least {fewest} samples, got {n}: the result is NaN$"
        with pytest.warns(RuntimeWarning, match=f"^similarity: {said}") as found:
            assert np.isnan(similarity(x[:n], y[:n], measure=name, **options))
        assert [warning.filename for warning in found] == [__file__]
        with pytest.warns(RuntimeWarning, match=f"^similarity_matrix: {said}"):
            matrix = similarity_matrix([x[:n], y[:n]], [x[:n]], measure=name, **options)
        assert matrix.shape == (2, 1)
        assert np.isnan(matrix).all()


def test_options_change_how_many_samples_are_needed():
    for name, options, fewest in [
        ("mutual_knn", {"k": 3}, 4),
        ("second_order_cosine", {"k": 20, "center": True}, 21),
        ("gbs", {"k": 3}, 4),
        ("gbs_knn", {"k": None}, 2),
        ("cka", {"estimator": "biased", "kernel": "rbf"}, 2),
        ("angular_cka", {"estimator": "debiased"}, 4),
        ("rsa", {"kernel": "linear"}, 3),
    ]:
        assert measure_of("test", name).fewest_with(options) == fewest


def test_a_measure_may_need_more_samples_than_its_statistic():
    measure = declared(fewest=6)
    x = data((6, 3), "float64")
    for options in ({}, {"estimator": "biased"}):
        assert measure.fewest_with(options) == 6
        assert np.isfinite(similarity(x, x**2, measure=measure, **options))
        with pytest.warns(RuntimeWarning, match="'half_cka' needs at least 6 samples, got 5"):
            assert np.isnan(similarity(x[1:], x[1:], measure=measure, **options))


@pytest.mark.parametrize("name", TRIED)
def test_options_are_checked_for_few_samples_too(name):
    x = data((1, 3), "float64")
    for option in MEASURES[name].options:
        with pytest.raises((TypeError, ValueError), match=f"`{option}` must be"):
            similarity(x, x, measure=name, **{option: "none of these"})


# Layers without a value -----------------------------------------------------------------------

OF_EQUAL_COSINES = {"cka_cosine", "rsa_pearson", "rsa_spearman"}


def constant_to(name):
    """Return a layer without a value: to a measure that centres nothing, one of zeros alone."""
    is_centring = "translation" in MEASURES[name].invariances or name in OF_EQUAL_COSINES
    return (np.ones if is_centring else np.zeros)((20, 3))


OF_ANY_LAYERS = {"gbs_table", "rsm_differences"}  # constant ones too
CENTRING = [
    name
    for name in TRIED
    if MEASURES[name].needs not in OF_ANY_LAYERS and name not in OF_NEIGHBOURS
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CENTRING)
def test_constant_layers_are_nan_and_named(name, dtype):
    fine, constant = data((20, 5), dtype), constant_to(name).astype(dtype)
    for x, y, named in (
        (fine, constant, "`y` is"),
        (constant, fine, "`x` is"),
        (constant, constant.copy(), "`x`, `y` are"),
        (constant, constant, "`x`, `y` are"),
    ):
        with pytest.warns(RuntimeWarning, match=f"similarity: {named} constant") as said:
            assert np.isnan(similarity(x, y, measure=name))
        assert len(said) == 1
        assert said[0].filename == __file__
    layers = {"a": fine, "b": constant, "c": 2 * fine}
    with pytest.warns(RuntimeWarning, match=r"similarity_matrix: `layers\['b'\]` is") as said:
        matrix = similarity_matrix(layers, measure=name)
    assert len(said) == 1
    assert said[0].filename == __file__
    assert np.isnan(matrix).tolist() == [[False, True, False], [True] * 3, [False, True, False]]
    with pytest.warns(RuntimeWarning, match=r"`other\[0\]` is"):
        assert np.isnan(similarity_matrix([fine], [constant, fine], measure=name))[0].tolist() == [
            True,
            False,
        ]


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("name", OF_NEIGHBOURS)
def test_layers_whose_samples_are_equally_near_are_nan_and_named(name, center):
    """Neighbours by the order of the samples alone tell nothing of the layer."""
    fine, alike = data((20, 3), "float64"), np.full((20, 3), 0.1)
    if not center:
        alike *= np.linspace(0.3, 5, 20)[:, None]  # in one direction
    options = {"measure": name, "center": center}
    with pytest.warns(RuntimeWarning, match=r"`layers\[1\]` is constant") as said:
        matrix = similarity_matrix([fine, alike, fine**2], k=5, **options)
    assert len(said) == 1
    assert np.isnan(matrix).tolist() == [[False, True, False], [True] * 3, [False, True, False]]


class Key:
    """A key that prints as others do."""

    def __repr__(self):
        return "Key"


@pytest.mark.parametrize("name", CENTRING)
def test_keys_that_print_alike(name):
    x, y = related(20, 4, 6)
    layers = [x, np.zeros((20, 2)), y]
    expected = quietly(similarity_matrix, layers, measure=name)
    with pytest.warns(RuntimeWarning, match=r"`layers\[Key\] \(layer 1\)` is constant"):
        actual = similarity_matrix({Key(): layer for layer in layers}, measure=name)
    assert np.array_equal(actual, expected, equal_nan=True)


@pytest.mark.parametrize("name", ["distance_correlation_debiased", "cka_rbf"])
def test_samples_equally_alike_are_constant(name):
    """As the corners of a simplex are, turned so that distances are rounded."""
    for n in (5, 17, 60):
        rng = np.random.default_rng(n)
        simplex = 3 * np.eye(n) @ ortho_group.rvs(n, random_state=rng) + rng.standard_normal(n)
        with pytest.warns(RuntimeWarning, match="`y` is constant"):
            assert np.isnan(similarity(rng.standard_normal((n, 3)), simplex, measure=name))


@pytest.mark.parametrize("name", [*OF_NEIGHBOURS, "gbs_knn"])
def test_samples_without_edges_are_said(name):
    x = data((30, 4), "float64")
    x[[2, 9]] = 0
    y = data((30, 6), "float64", seed=1)
    with pytest.warns(
        RuntimeWarning, match="similarity: of the 30 samples, 2 of `x` have no edges"
    ):
        similarity(x, y, measure=name)
    said = r"of the 30 samples, 2 of `layers\['odd'\]` have no edges"
    with pytest.warns(RuntimeWarning, match=said):
        similarity_matrix({"fine": y, "odd": x}, measure=name)


def test_rows_of_zeros_count_0_in_second_order_cosine():
    x, y = related(30, 4, 6)
    x[[2, 9]] = 0
    actual = quietly(similarity, x, y, measure="second_order_cosine")
    assert_close(actual, reference.second_order_cosine(x, y), 1e-12)
    assert_close(quietly(similarity, x, x, measure="second_order_cosine"), 28 / 30, 1e-12)


def test_polynomials_beyond_float64():
    x, y = related(20, 3, 4)
    options = {"kernel": "polynomial", "gamma": 1e300, "degree": 3}
    for method in ("pearson", "cosine"):
        with pytest.warns(RuntimeWarning, match="the RSM of `x`, `y` leaves the range of float64"):
            assert np.isnan(similarity(x, y, measure=f"rsa_{method}", **options))


# Refused arguments ----------------------------------------------------------------------------


def x_of(n=20, d=3):
    return data((n, d), "float64")


def with_nan():
    x = x_of()
    x[4, 1] = np.nan
    return x


def with_infinity():
    x = x_of().astype(np.float16)
    x[7, 0] = -np.inf
    return x


KNOWN = ", ".join(NAMES)
REFUSED = {
    "unknown": ({"measure": "ccc"}, ValueError, f"`measure` must be one of {KNOWN}, got 'ccc'"),
    "not a name": ({"measure": 3}, TypeError, "`measure` must be one of .*, got 3"),
    "no such option": (
        {"measure": "gbs", "estimator": "biased"},
        TypeError,
        "measure 'gbs' does not take `estimator`: it takes `k`, `center`, `kernel`, `precision`",
    ),
    "an option of another": (
        {"measure": "mutual_knn", "estimator": "biased"},
        TypeError,
        "measure 'mutual_knn' does not take `estimator`",
    ),
    "a fixed option": (
        {"measure": "cka_biased", "estimator": "debiased"},
        TypeError,
        "measure 'cka_biased' does not take `estimator`",
    ),
    "no options": ({"measure": "dcor", "k": 3}, TypeError, "take `k`: it takes no options"),
    "kernel": ({"kernel": "rfb"}, ValueError, "`kernel` must be one of"),
    "kernel of an RSM": (
        {"measure": "rsa_pearson", "kernel": "euclidean"},
        ValueError,
        "`kernel` must be one of .*, 'precomputed', 'distance', got 'euclidean'",
    ),
    "estimator": ({"estimator": "both"}, ValueError, "`estimator` must be one of"),
    "bandwidth": ({"measure": "cka_rbf", "bandwidth": -1}, ValueError, "`bandwidth` must be"),
    "degree": ({"measure": "rsa_pearson", "degree": 0}, ValueError, "`degree` must be"),
    "gamma": ({"measure": "rsa_spearman", "gamma": np.nan}, ValueError, "`gamma` must be"),
    "coef0": ({"measure": "rsa_cosine", "coef0": "1"}, TypeError, "`coef0` must be"),
    "precision": ({"precision": "tf32"}, ValueError, "`precision` must be 'float32'"),
    "k": ({"measure": "mutual_knn", "k": 0}, ValueError, "`k` must be an integer of at least 1"),
    "alpha": (
        {"measure": "shape_metric", "alpha": 1.5},
        ValueError,
        "`alpha` must be a number from 0 to 1, got 1.5",
    ),
    "variance": (
        {"measure": "svcca", "variance": 0},
        ValueError,
        "`variance` must be a number above 0, and at most 1, got 0",
    ),
    "a single neighbour": (
        {"measure": "cknna", "k": 1},
        ValueError,
        "`k` must be an integer of at least 2",
    ),
    "no k": (
        {"measure": "mutual_knn", "k": None},
        TypeError,
        "`k` must be an integer of at least 1, got None",
    ),
    "k not whole": ({"measure": "gbs", "k": 2.5}, TypeError, "`k` must be an integer"),
    "center": ({"measure": "second_order_cosine", "center": 1}, TypeError, "`center` must be True"),
    "threads": ({"num_threads": 0}, ValueError, "`num_threads` must be"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_options(name):
    options, error, message = REFUSED[name]
    for function, arguments in ((similarity, (x_of(), x_of())), (similarity_matrix, ([x_of()],))):
        with pytest.raises(error, match=f"^{function.__name__}: .*{message}"):
            function(*arguments, **options)


@pytest.mark.parametrize("name", TRIED)
def test_refused_layers(name):
    x = x_of()
    for y, error, message in (
        (x_of(19), ValueError, r"`{}` must have as many samples as `{}` \(20\), got 19"),
        (with_nan(), ValueError, r"`{}` must be finite, got nan at index \(4, 1\)"),
        (with_infinity(), ValueError, r"`{}` must be finite, got -inf at index \(7, 0\)"),
        (np.ones((20, 3), complex), TypeError, "`{}` must be of float16"),
        (np.ones(20), ValueError, "`{}` must be 2-D"),
        (np.ones((20, 0)), ValueError, "`{}` must have at least one row"),
    ):
        with pytest.raises(error, match="^similarity: " + message.format("y", "x")):
            similarity(x, y, measure=name)
        said = message.format(r"layers\[1\]", r"layers\[0\]")
        with pytest.raises(error, match="^similarity_matrix: " + said):
            similarity_matrix([x, y], measure=name)
        said = message.format(r"other\['y'\]", r"layers\[0\]")
        with pytest.raises(error, match="^similarity_matrix: " + said):
            similarity_matrix([x], {"y": y}, measure=name)
    with pytest.raises(ValueError, match="`layers` must have at least one layer, got none"):
        similarity_matrix([], measure=name)


@pytest.mark.parametrize("measure", ["rsa_pearson", "rsa_spearman", "cka_rbf"])
def test_a_median_of_0_is_refused(measure):
    x = x_of()
    x[:16] = x[0]
    options = {} if measure == "cka_rbf" else {"kernel": "rbf"}
    with pytest.raises(
        ValueError, match=r"similarity: `bandwidth` must be a positive .* of `y` are"
    ):
        similarity(x_of(), x, measure=measure, **options)


@pytest.mark.parametrize("name", TRIED)
def test_progress(name):
    calls = []
    layers = [data((60, d), "float64", seed=d) for d in (3, 4)]
    quiet = similarity_matrix(layers, measure=name)
    told = similarity_matrix(layers, measure=name, progress=lambda *call: calls.append(call))
    assert np.array_equal(told, quiet)
    assert calls
    assert calls[-1][0] == calls[-1][1]
    with pytest.raises(TypeError, match="similarity_matrix: `progress` must be"):
        similarity_matrix(layers, measure=name, progress=3)


# The registry ---------------------------------------------------------------------------------


def test_measures_print_as_a_table():
    table, _, key = str(MEASURES).partition("\n\n")
    header, *lines = table.splitlines()
    assert repr(MEASURES) == str(MEASURES)
    names = ["measure", "kind", "range", "invariant", "needs", "cost", "source", "what it is"]
    assert re.split("  +", header) == names
    for measure, line in zip(MEASURES.values(), lines, strict=True):
        name, kind, interval, letters, needs, *rest = re.split("  +", line)
        assert (name, kind, needs) == (measure.name, measure.kind, f"n ≥ {measure.fewest}")
        assert interval.startswith(f"{measure.range[0]:g} to ")
        assert rest == [measure.cost, measure.source, measure.summary]
        for letter, family in zip(letters, INVARIANCES, strict=True):
            assert (letter != "-") == (family in measure.invariances)
            assert letter == "-" or f"{letter} {family}" in key
        assert all(f"{alias} ({name})" in key for alias in measure.aliases)
        assert repr(measure) == f"Measure({measure.name!r}: {measure.summary})"


@pytest.mark.parametrize(("width", "columns"), [(40, 0), (80, 6), (150, 7), (400, 8)])
def test_the_table_fits_a_terminal(width, columns):
    text = table_of(MEASURES, width)
    assert max(map(len, text.splitlines())) <= width
    table = text.partition("\n\n")[0].splitlines()
    if columns:
        assert len(re.split("  +", table[0])) == columns
        assert len(table) == 1 + len(NAMES)
    else:
        assert [line for line in table if not line.startswith(" ")] == NAMES


def test_measures_of_a_kind():
    similarities, distances = (list(ig.measures(kind=k)) for k in ("similarity", "distance"))
    assert sorted(similarities + distances) == NAMES
    assert "angular_cka" in distances
    assert "cka" in similarities
    for kind, error in (("metric", ValueError), (3, TypeError)):
        with pytest.raises(error, match="measures: `kind` must be None or one of 'similarity'"):
            ig.measures(kind=kind)


def test_the_dictionary_is_a_copy():
    ig.measures().clear()
    assert list(ig.measures()) == NAMES


@pytest.mark.parametrize("name", TRIED)
def test_a_measure_is_one_file_of_its_name(name):
    measure = MEASURES[name]
    assert measure.name == name
    module = sys.modules[f"isogram._measures.{name}"]
    assert module.measure is measure
    assert module.__doc__
    assert measure.summary
    assert measure.source
    assert measure.cost
    assert pickle.loads(pickle.dumps(measure)).name == name
    for alias in (name, *measure.aliases):
        assert measure_of("similarity", alias) is measure
    x, y = related(30, 4, 6)
    for alias in measure.aliases:
        assert similarity(x, y, measure=alias) == similarity(x, y, measure=name)
    assert similarity(x, y, measure=measure) == similarity(x, y, measure=name)
    assert similarity(x, y, measure=name, **measure.options) == similarity(x, y, measure=name)


def declared(**changes):
    fields = {
        "name": "half_cka",
        "summary": "half of CKA",
        "kind": "similarity",
        "range": (-0.5, 0.5),
        "invariances": frozenset({"orthogonal"}),
        "fewest": 4,
        "needs": "cka_table",
        "options": {"kernel": "linear", "estimator": "debiased"},
        "value": lambda xp, table: table.values / 2,
        "source": "this test",
    }
    return Measure(**(fields | changes))


@pytest.fixture
def registry():
    """Leave the registry as it was."""
    names = sys.modules["isogram._measures"]._BY_NAME
    before = dict(names)
    yield
    names.clear()
    names.update(before)


def test_register_measure(registry):
    half = declared(aliases=("half",))
    assert register_measure(half) is half
    assert register_measure(half) is half  # once more changes nothing
    assert ig.measures()["half_cka"] is half
    x, y = related(30, 4, 6)
    for name in ("half_cka", "half", half):
        assert similarity(x, y, measure=name) == ig.cka(x, y) / 2
    matrix = similarity_matrix([x, y], measure="half_cka", estimator="biased")
    assert np.array_equal(matrix, ig.cka_matrix([x, y], estimator="biased") / 2)


def test_refused_measures(registry):
    for changes, message in (
        ({"name": "cka"}, "a name of its own, got 'cka', which is 'cka' already"),
        (
            {"aliases": ("dcor",)},
            "a name of its own, got 'dcor', which is 'distance_correlation' already",
        ),
        ({"name": "rv"}, "a name of its own, got 'rv', which is 'cka_biased' already"),
    ):
        with pytest.raises(ValueError, match=f"register_measure: `measure` must have {message}"):
            register_measure(declared(**changes))
    assert list(ig.measures()) == NAMES
    with pytest.raises(TypeError, match="register_measure: `measure` must be a Measure, got str"):
        register_measure("cka")
    for changes, message in (
        ({"name": "Half-CKA"}, "`name` must be a lower-case identifier, got 'Half-CKA'"),
        ({"aliases": ("a b",)}, "`name` must be a lower-case identifier, got 'a b'"),
        ({"kind": "angle"}, "`kind` must be 'similarity' or 'distance', got 'angle'"),
        ({"invariances": frozenset({"rotation"})}, "`invariances` must be of .*, got 'rotation'"),
        ({"needs": "moments_of_luck"}, "`needs` must be one of 'cka_table', .*'moments_of_luck'"),
        ({"metric": True}, "`metric` must be False for a similarity, got True"),
        ({"fixed": {"kernel": "rbf"}}, "`fixed` must not have an option, got 'kernel'"),
        ({"range": (1.0, 0.0)}, r"`range` must be \(smallest, largest\), got \(1.0, 0.0\)"),
        (
            {"options": {"kernel": "linear", "estimator": "biased", "k": 3}},
            "`options` must be of those that 'cka_table' takes, `kernel`, .*, got `k`",
        ),
        (
            {"options": {"kernel": "linear"}},
            "`options` must have `estimator`, which 'cka_table' needs, got `kernel`",
        ),
    ):
        with pytest.raises(ValueError, match=f"Measure: {message}"):
            declared(**changes)
    for changes, message in (
        ({"aliases": "half"}, "`aliases` must be a tuple of names, got 'half'"),
        ({"value": 0.5}, "`value` must be callable, got 0.5"),
    ):
        with pytest.raises(TypeError, match=f"Measure: {message}"):
            declared(**changes)


@pytest.mark.parametrize(
    ("value", "came"),
    [
        (lambda xp, table: 0.5, "float"),
        (lambda xp, table: table.values[0], r"float64 of shape \(2,\)"),
        (lambda xp, table: table.values.astype(np.float32), r"float32 of shape \(2, 2\)"),
        (lambda xp, table: table.values.tolist(), "list"),
    ],
)
def test_formulas_that_return_something_else(value, came):
    expected = r"must return a float64 array of shape \(2, 2\), got "
    with pytest.raises(
        TypeError, match=f"similarity_matrix: `value` .*half_cka.* {expected}{came}"
    ):
        similarity_matrix(related(20, 4, 6), measure=declared(value=value))


@pytest.mark.parametrize("name", TRIED)
def test_measures_cannot_be_changed(name):
    for measure in (MEASURES[name], pickle.loads(pickle.dumps(MEASURES[name]))):
        with pytest.raises(AttributeError):
            measure.name = "mine"
        for mapping in (measure.options, measure.fixed):
            with pytest.raises(TypeError):
                mapping["kernel"] = "rbf"
    options = {"kernel": "linear", "estimator": "debiased"}
    mine = declared(options=options)
    options["estimator"] = "biased"
    assert mine.options["estimator"] == "debiased"


def test_a_new_measure_is_one_file(tmp_path):
    """In a copy of the package: in measures(), both functions, and on the command line."""
    pytest.importorskip("click")
    package = Path(ig.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package, tmp_path / "isogram", copy_function=os.symlink, ignore=ignored)
    (tmp_path / "isogram" / "_measures" / "half_cka.py").write_text(
        '''
"""Half of CKA."""

from isogram._measures._measure import Measure

measure = Measure(
    name="half_cka",
    summary="half of CKA",
    kind="similarity",
    range=(-0.5, 0.5),
    invariances=frozenset({"orthogonal"}),
    fewest=4,
    needs="cka_table",
    options={"kernel": "linear", "estimator": "debiased"},
    value=lambda xp, table: table.values / 2,
    source="a test",
)
'''
    )
    (tmp_path / "isogram" / "_measures" / ".#cka.py").touch()  # an editor's, of a file that is open
    code = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import numpy as np, isogram as ig
        assert ig.__file__.startswith({str(tmp_path)!r})
        assert "half_cka" in ig.measures()
        x, y = np.random.default_rng(0).standard_normal((2, 20, 5))
        assert ig.similarity(x, y, measure="half_cka") == ig.cka(x, y) / 2
        halves = ig.similarity_matrix([x, y], measure="half_cka", kernel="rbf")
        assert np.array_equal(halves, ig.cka_matrix([x, y], kernel="rbf") / 2)
        np.savez({str(tmp_path / "a.npz")!r}, x=x, y=y)
        from click.testing import CliRunner
        from isogram.cli._commands import commands
        run = lambda *arguments: CliRunner().invoke(commands, arguments, catch_exceptions=False)
        assert "half of CKA" in run("measures").output
        file = {str(tmp_path / "a.npz")!r}
        result = run("compare", file, file, "--measure", "half_cka")
        assert result.exit_code == 0, result.output
        assert "0.500" in result.output
        print("found")
    """
    assert run_program(code) == "found"
