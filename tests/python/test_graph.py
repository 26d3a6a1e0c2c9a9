"""`graph` against the oracle."""

import dataclasses

import isogram as ig
import numpy as np
import pytest
from cases.graph import *  # noqa: F403
from support import (
    ALIKE,
    DTYPES,
    LAYOUTS,
    alike,
    assert_close,
    cosine_tolerance,
    data,
    oracle,
    result_dtype,
    separated,
    signs,
)

# Graphs -------------------------------------------------------------------------------------


def check_csr(csr, n, dtype):
    """The form of a CSR graph: types, sorted rows, no diagonal."""
    assert isinstance(csr, ig.Csr)
    assert csr.shape == (n, n)
    assert (csr.indptr.dtype, csr.indices.dtype) == (np.int64, np.int32)
    assert csr.data.dtype == result_dtype(dtype)
    assert csr.indptr.shape == (n + 1,)
    assert csr.indptr[0] == 0
    assert csr.indptr[-1] == len(csr.indices) == len(csr.data)
    for i in range(n):
        row = csr.indices[csr.indptr[i] : csr.indptr[i + 1]]
        assert (np.diff(row) > 0).all()
        assert i not in row


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("symmetrize", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_nearest_neighbours(simd_level, dtype, symmetrize, center):
    for n, d, k in [(2, 3, 1), (5, 2, 4), (48, 7, 1), (49, 64, 5), (97, 257, 3), (60, 20, 59)]:
        x = separated(n, d, dtype, (k,), center)
        csr = ig.graph(x, k=k, center=center, symmetrize=symmetrize)
        check_csr(csr, n, dtype)
        expected = oracle.graph(x, k=k, center=center, symmetrize=symmetrize)
        dense = csr.toarray()
        assert dense.dtype == csr.data.dtype
        assert_close(dense, expected, cosine_tolerance(d, dtype), f"{n} x {d}, k = {k}")
        assert np.array_equal(dense != 0, expected != 0)
        assert np.array_equal(csr.to_scipy().toarray(), dense)
        if symmetrize:
            assert np.array_equal(dense, dense.T)
        else:
            assert (np.diff(csr.indptr) == k).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_ties_go_to_the_smaller_index(simd_level, dtype):
    for n, k in [(5, 2), (49, 1), (97, 7), (97, 48), (200, 10)]:
        x = signs(n)
        for symmetrize in (False, True):
            csr = ig.graph(x.astype(DTYPES[dtype]), k=k, symmetrize=symmetrize)
            check_csr(csr, n, dtype)
            assert np.array_equal(csr.toarray(), oracle.graph(x, k=k, symmetrize=symmetrize))
        directed = ig.graph(x.astype(DTYPES[dtype]), k=k, symmetrize=False)
        chosen = np.sort(oracle.neighbours(x, k), axis=1)
        assert np.array_equal(directed.indices.reshape(n, k), chosen)


def test_zero_rows(simd_level):
    x = signs(30)
    x[[4, 17]] = 0
    assert np.array_equal(ig.graph(x), oracle.graph(x))
    directed = ig.graph(x, k=3, symmetrize=False)
    assert directed.indices[4 * 3 : 5 * 3].tolist() == [0, 1, 2]
    assert np.array_equal(directed.toarray(), oracle.graph(x, k=3, symmetrize=False))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_order(simd_level, dtype, layout):
    arrange = LAYOUTS[layout]
    x = signs(40)
    a = arrange(x.astype(DTYPES[dtype]))
    assert np.array_equal(ig.graph(a), oracle.graph(x))
    assert np.array_equal(ig.graph(a, k=4).toarray(), oracle.graph(x, k=4))


# Neighbours that float32 cannot tell apart ----------------------------------------------------


def directed(x, k, center=False):
    """Columns of the directed graph, a row per sample."""
    graph = ig.graph(x, k=k, center=center, symmetrize=False)
    return np.asarray(graph.indices).reshape(len(x), k)


@pytest.mark.parametrize("change", ALIKE)
def test_weights_of_rows_nearly_alike(simd_level, change):
    for size in (1e3, 1e4, 1e6):
        x = alike(change, size, (150, 64), "float32")
        close = ig.graph(x, k=10, symmetrize=False)
        cosines = oracle.gram(x, kernel="cosine")[np.arange(150).repeat(10), close.indices]
        assert_close(close.data, cosines, 1e-6)


def families_of_ties(rng, n, d):
    """Rows many of whose cosines are equal."""
    yield rng.integers(0, 3, (n, d))
    yield rng.choice([-1, 0, 1], (n, d))
    yield rng.random((n, d)) < 0.05  # zero rows among them
    yield rng.standard_normal((n // 4 + 1, d)).repeat(4, axis=0)[:n]
    yield np.eye(d)[rng.integers(0, d, n)]
    yield rng.integers(0, 2, (n, d)) * rng.choice([0, 1], (n, 1))


def test_neighbours_do_not_depend_on_the_type(simd_level):
    rng = np.random.default_rng(0)
    for n, d, k in [(9, 1, 2), (60, 9, 5), (120, 40, 1), (130, 200, 20), (30, 900, 4)]:
        for x in families_of_ties(rng, n, d):
            for center in (False, True):
                close = directed(x.astype(np.float32), k, center)
                assert np.array_equal(close, directed(x.astype(np.float64), k, center))


def test_nearly_alike_with_any_number_of_threads(simd_level):
    for x in (
        alike(ALIKE[0], 1e4, (200, 30), "float32"),
        alike(ALIKE[0], 300, (200, 30), "float32"),
    ):
        one, *more = (ig.graph(x, k=7, num_threads=t) for t in (1, 2, 5))
        for other in more:
            assert np.array_equal(one.indices, other.indices)
            assert np.array_equal(one.data, other.data)


def test_csr_is_frozen():
    csr = ig.graph(signs(10), k=2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        csr.data = None


@pytest.mark.parametrize("k", [None, 5])
def test_same_bits_for_any_number_of_threads(simd_level, k):
    x = data((193, 257), "float32")
    one, *more = (ig.graph(x, k=k, num_threads=t) for t in (1, 2, 3, 5))
    for other in more:
        if k is None:
            assert np.array_equal(one, other)
        else:
            assert np.array_equal(one.indices, other.indices)
            assert np.array_equal(one.data, other.data)
