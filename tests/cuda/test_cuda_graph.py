"""Graphs on a GPU, against the oracle."""

import isogram as ig
import numpy as np
import pytest
from cases.graph import *  # noqa: F403
from support import (
    DTYPES,
    assert_close,
    data,
    eps,
    oracle,
)


def graph_tolerance(dtype):
    """Cosines of a few features."""
    return 64 * eps(dtype)


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


def test_sparse_graph_goes_to_the_host(gpu):
    x = data((20, 4), "float32")
    sparse = ig.graph(gpu.put(x), k=3)
    assert_close(gpu.get(sparse.toarray()), oracle.graph(x, k=3), 1e-6)
    assert_close(sparse.to_scipy().toarray(), oracle.graph(x, k=3), 1e-6)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_precision(gpu, precision):
    x = data((40, 12), "float32")
    assert_close(gpu.get(ig.graph(gpu.put(x), precision=precision)), oracle.graph(x), 2e-2)
