"""Graphs and their similarity on a GPU, against the oracle."""

import isogram as ig
import numpy as np
import pytest
from support import (
    ALIKE,
    DTYPES,
    alike,
    assert_close,
    assert_neighbours_of_rows_nearly_alike,
    data,
    eps,
    on_a_grid,
    oracle,
)


def graph_tolerance(dtype):
    """Cosines of a few features."""
    return 64 * eps(dtype)


@pytest.mark.parametrize("offset", [1e4, 1e7, 1e10, 1e12])
def test_an_offset_of_centred_features_costs_nothing(gpu, offset):
    for n, d in ((7, 3), (40, 30)):
        x, y = (on_a_grid(n, d, seed) for seed in (1, 2))
        far, other = gpu.put(x + offset), gpu.put(y - 3 * offset)
        actual = gpu.get(ig.graph(far, center=True))
        assert_close(actual, oracle.graph(x, center=True), 1e-14 * np.sqrt(d))
        for k in (None, 3):
            expected = oracle.gbs(x, y, k=k, center=True)
            assert_close(ig.gbs(far, other, k=k, center=True), expected, 1e-13)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dense_graph(gpu, dtype, center):
    for n, d in [(2, 1), (24, 3), (53, 20)]:
        x = data((n, d), dtype)
        with gpu.without_waiting():
            result = ig.graph(gpu.put(x), center=center)
        actual = gpu.get(result)
        assert_close(actual, oracle.graph(x, center=center), graph_tolerance(dtype))
        assert np.array_equal(actual, actual.T)


def dense(gpu, sparse):
    """Return a Csr of the GPU as a dense matrix, by hand."""
    indptr, indices, values = (gpu.get(a) for a in (sparse.indptr, sparse.indices, sparse.data))
    assert (indptr.dtype, indices.dtype) == (np.int64, np.int32)
    assert len(indices) == len(values) == indptr[-1]
    matrix = np.zeros(sparse.shape)
    for i in range(len(matrix)):
        row = indices[indptr[i] : indptr[i + 1]]
        assert (np.diff(row) > 0).all()
        matrix[i, row] = values[indptr[i] : indptr[i + 1]]
    return matrix


@pytest.mark.parametrize("symmetrize", [False, True])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_nearest(gpu, dtype, center, symmetrize):
    for n, k in [(2, 1), (30, 1), (53, 5), (40, 39)]:
        x = data((n, 7), dtype)
        parameters = {"k": k, "center": center, "symmetrize": symmetrize}
        actual = dense(gpu, ig.graph(gpu.put(x), **parameters))
        assert_close(actual, oracle.graph(x, **parameters), graph_tolerance(dtype), f"{n}, {k}")


def test_ties_go_to_the_smaller_index(gpu):
    x = np.where(data((50, 4), "float32") > 0, np.float32(1), np.float32(-1))  # exact cosines
    actual = dense(gpu, ig.graph(gpu.put(x), k=4, symmetrize=False))
    assert_close(actual, oracle.graph(x, k=4, symmetrize=False), 1e-6)


def directed(gpu, x, k, **parameters):
    """Columns of the directed graph, a row per sample."""
    graph = ig.graph(gpu.put(x), k=k, symmetrize=False, **parameters)
    return gpu.get(graph.indices).reshape(len(x), k)


@pytest.mark.parametrize("change", ALIKE)
@pytest.mark.parametrize("dtype", DTYPES)
def test_neighbours_of_rows_nearly_alike(gpu, dtype, change):
    def neighbours_of(x, k, center):
        return directed(gpu, x, k, center=center)

    shapes = [(50, 40, 10), (33, 7, 1), (30, 9, 27)]
    assert_neighbours_of_rows_nearly_alike(neighbours_of, change, dtype, (100, 1e4, 1e8), shapes)


def test_neighbours_do_not_depend_on_the_type(gpu):
    rng = np.random.default_rng(0)
    for x in (
        rng.integers(0, 3, (60, 9)),
        rng.random((60, 30)) < 0.1,  # zero rows among them
        rng.standard_normal((15, 8)).repeat(4, axis=0),
        np.eye(9)[rng.integers(0, 9, 50)],
    ):
        for k in (2, 8, 20):
            wide = directed(gpu, x.astype(np.float64), k)
            assert np.array_equal(directed(gpu, x.astype(np.float32), k), wide)


@pytest.mark.parametrize("size", [1e3, 1e4, 1e6])
def test_measures_of_rows_nearly_alike(gpu, size):
    x, y = (alike(ALIKE[0], size, (60, 30), "float32", seed) for seed in (0, 1))
    wide, other, labels = x.astype(np.float64), y.astype(np.float64), np.arange(60) % 3
    for k in (3, 10):
        assert_close(ig.gbs(gpu.put(x), gpu.put(y), k=k), ig.gbs(wide, other, k=k), 1e-6)
        expected = ig.modularity(wide, labels, k=k)
        assert_close(ig.modularity(gpu.put(x), labels, k=k), expected, 1e-6)


def test_sparse_graph_goes_to_the_host(gpu):
    x = data((20, 4), "float32")
    sparse = ig.graph(gpu.put(x), k=3)
    assert_close(gpu.get(sparse.toarray()), oracle.graph(x, k=3), 1e-6)
    assert_close(sparse.to_scipy().toarray(), oracle.graph(x, k=3), 1e-6)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("k", [None, 1, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gbs(gpu, dtype, k, center):
    x, y = data((45, 12), dtype), data((45, 7), dtype, seed=1)
    expected = oracle.gbs(x, y, k=k, center=center)
    actual = ig.gbs(gpu.put(x), gpu.put(y), k=k, center=center)
    assert isinstance(actual, float)
    assert_close(actual, expected, graph_tolerance(dtype))


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


@pytest.mark.parametrize("dtype", DTYPES)
def test_modularity(gpu, dtype):
    x, labels = data((40, 5), dtype), np.arange(40) % 3
    actual = ig.modularity(gpu.put(x), labels, k=4)
    assert isinstance(actual, float)
    assert_close(actual, oracle.modularity(x, labels, k=4), 1e-5)


def test_modularity_of_nothing(gpu):
    with pytest.warns(RuntimeWarning, match="modularity: the edges of the graph weigh nothing"):
        assert np.isnan(ig.modularity(gpu.put(np.zeros((5, 2))), np.arange(5)))


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_precision(gpu, precision):
    x, y = data((40, 12), "float32"), data((40, 7), "float32", seed=1)
    assert_close(gpu.get(ig.graph(gpu.put(x), precision=precision)), oracle.graph(x), 2e-2)
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
