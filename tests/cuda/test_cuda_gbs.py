"""Similarity of graphs on a GPU, against the oracle."""

import isogram as ig
import numpy as np
import pytest
from cases.gbs import *  # noqa: F403
from support import assert_close, data, oracle


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


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_precision(gpu, precision):
    x, y = data((40, 12), "float32"), data((40, 7), "float32", seed=1)
    actual = ig.gbs(gpu.put(x), gpu.put(y), precision=precision)
    assert_close(actual, oracle.gbs(x, y), 2e-2)
    assert gpu.get(ig.gbs_matrix([gpu.put(x)], precision=precision)).shape == (1, 1)
