"""Similarity of graphs on a GPU, against the oracle."""

import isogram as ig
import numpy as np
import pytest
from support import ALIKE, DTYPES, alike, assert_close, data, eps, on_a_grid, oracle


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("k", [None, 1, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gbs(gpu, dtype, k, center):
    x, y = data((45, 12), dtype), data((45, 7), dtype, seed=1)
    expected = oracle.gbs(x, y, k=k, center=center)
    actual = ig.gbs(gpu.put(x), gpu.put(y), k=k, center=center)
    assert isinstance(actual, float)
    assert_close(actual, expected, 64 * eps(dtype))


@pytest.mark.parametrize("k", [None, 3])
def test_gbs_matrix(gpu, k):
    layers = [
        data((40, d), dtype) for d, dtype in [(5, "float32"), (9, "float16"), (30, "float32")]
    ]
    layers[1][7] = 0  # a zero row
    on_gpu = [gpu.put(x) for x in layers]
    with gpu.without_waiting():
        one = ig.gbs_matrix(on_gpu, k=k)
        two = ig.gbs_matrix(on_gpu[:2], on_gpu[1:], k=k)
    expected = oracle.gbs_matrix(layers, k=k)
    assert_close(gpu.get(one), expected, 1e-5)
    assert np.array_equal(gpu.get(one), gpu.get(one).T)
    assert_close(gpu.get(two), expected[:2, 1:], 1e-5)


@pytest.mark.parametrize("k", [2, 10])
def test_a_matrix_of_sparse_graphs_is_symmetric(gpu, k):
    layers = [gpu.put(data((70, d), "float64", seed=d)) for d in (5, 9, 20)]
    matrix = gpu.get(ig.gbs_matrix(layers, k=k))
    assert np.array_equal(matrix, matrix.T)


def test_gbs_of_more_rows_than_fit_together(gpu):
    """The emulated GPU has too little memory for all sums at once, and takes strips of rows."""
    layers = [data((45, d), "float32", seed=d) for d in (5, 9, 30, 7, 12)]
    on_gpu = [gpu.put(x) for x in layers]
    one = gpu.get(ig.gbs_matrix(on_gpu))
    two = gpu.get(ig.gbs_matrix(on_gpu[:4], on_gpu[1:]))
    expected = oracle.gbs_matrix(layers)
    assert_close(one, expected, 1e-5)
    assert np.array_equal(one, one.T)
    assert_close(two, expected[:4, 1:], 1e-5)


@pytest.mark.parametrize("k", [None, 3])
def test_samples_without_edges_are_said(gpu, k):
    x = data((30, 5), "float32")
    x[[4, 20]] = 0
    with pytest.warns(RuntimeWarning, match="gbs: of the 30 samples, 2 of `x`, 2 of `y` have no"):
        assert_close(ig.gbs(gpu.put(x), gpu.put(x), k=k), 28 / 30, 1e-12)
    said = "gbs: of the 5 samples, 5 of `y` have no edges"
    with pytest.warns(RuntimeWarning, match=said):
        assert ig.gbs(gpu.put(data((5, 3), "float64")), gpu.put(np.eye(5)), k=k) == 0


@pytest.mark.parametrize("k", [None, 3])
def test_not_finite_layer_is_nan(gpu, k):
    x, y = data((30, 5), "float32"), data((30, 5), "float32", seed=1)
    y[4, 2] = np.nan
    matrix = gpu.get(ig.gbs_matrix([gpu.put(x), gpu.put(y)], k=k))
    assert np.isnan(matrix).tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize("size", [1e3, 1e4, 1e6])
def test_rows_nearly_alike(gpu, size):
    x, y = (alike(ALIKE[0], size, (60, 30), "float32", seed) for seed in (0, 1))
    wide, other = x.astype(np.float64), y.astype(np.float64)
    for k in (3, 10):
        assert_close(ig.gbs(gpu.put(x), gpu.put(y), k=k), ig.gbs(wide, other, k=k), 1e-6)


@pytest.mark.parametrize("offset", [1e4, 1e7, 1e10, 1e12])
def test_an_offset_of_centred_features_costs_nothing(gpu, offset):
    for n, d in ((7, 3), (40, 30)):
        x, y = (on_a_grid(n, d, seed) for seed in (1, 2))
        far, other = gpu.put(x + offset), gpu.put(y - 3 * offset)
        for k in (None, 3):
            expected = oracle.gbs(x, y, k=k, center=True)
            assert_close(ig.gbs(far, other, k=k, center=True), expected, 1e-13)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_precision(gpu, precision):
    x, y = data((40, 12), "float32"), data((40, 7), "float32", seed=1)
    actual = ig.gbs(gpu.put(x), gpu.put(y), precision=precision)
    assert_close(actual, oracle.gbs(x, y), 2e-2)
    assert gpu.get(ig.gbs_matrix([gpu.put(x)], precision=precision)).shape == (1, 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("k", [None, 3])
def test_graphs_of_the_largest_numbers(gpu, k, center, dtype):
    """Neither means nor differences overflow."""
    x, y = (data((40, 9), dtype, seed) for seed in (7, 8))
    largest = np.finfo(dtype).maxexp - np.frexp(np.abs(x).max())[1]
    large = np.ldexp(x, largest)
    expected = oracle.gbs(x, y, k=k, center=center)
    actual = ig.gbs(gpu.put(large), gpu.put(y), k=k, center=center)
    assert_close(actual, expected, 1e-5 if dtype == "float32" else 1e-12)
