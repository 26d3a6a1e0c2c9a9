"""`modularity` and `motifs` against the oracle."""

import isogram as ig
import numpy as np
import pytest
from cases.communities import *  # noqa: F403
from support import (
    DTYPES,
    cosine_tolerance,
    data,
    oracle,
)


def clusters(n, d, dtype, classes=4):
    """Noisy clusters with separated neighbours, and their labels."""
    labels = np.arange(n) % classes
    for seed in range(1000):
        rng = np.random.default_rng([seed, n, d])
        x = 1.5 * rng.standard_normal((classes, d))[labels] + rng.standard_normal((n, d))
        x = x.astype(DTYPES[dtype])
        cosines = oracle.gram(x, kernel="cosine")
        np.fill_diagonal(cosines, -np.inf)
        falling = -np.sort(-cosines, axis=1)[:, :7]
        if np.diff(-falling, axis=1).min() > 1e-6:
            return x, labels
    raise AssertionError("no separated data found")


@pytest.mark.parametrize("dtype", DTYPES)
def test_modularity_and_motifs(simd_level, dtype):
    for n, d in [(9, 3), (48, 20), (97, 65)]:
        x, labels = clusters(n, d, dtype)
        assert ig.modularity(x, labels) == pytest.approx(
            oracle.modularity(x, labels), abs=4 * cosine_tolerance(d, dtype)
        )
        found = ig.motifs(x, labels)
        assert isinstance(found, ig.Motifs)
        assert found == oracle.motifs(x, labels)
        assert (found.one, found.two, found.three) == tuple(found)
        for k in (1, 2, 4):
            expected = oracle.modularity(x, labels, k=k)
            assert ig.modularity(x, labels, k=k) == pytest.approx(
                expected, abs=4 * cosine_tolerance(d, dtype)
            )
            assert ig.motifs(x, labels, k=k) == oracle.motifs(x, labels, k=k)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("resolution", [0, 0.3, 1.0, 2.5])
def test_resolution_and_given_graphs(dtype, resolution):
    sparse = pytest.importorskip("scipy.sparse")
    x, labels = clusters(48, 20, dtype)
    graph = ig.graph(x, k=4)
    expected = oracle.modularity_of_graph(oracle.graph(x, k=4), labels, resolution)
    of_samples = ig.modularity(x, labels, k=4, resolution=resolution)
    assert of_samples == pytest.approx(expected, abs=4 * cosine_tolerance(20, dtype))
    given = graph.to_scipy()
    weights = graph.toarray()
    unordered = sparse.coo_array(weights)
    for a in (graph, given, given.tocsc(), unordered, sparse.csr_matrix(weights)):
        assert ig.modularity(a, labels, resolution=resolution) == of_samples
    loops = np.eye(48) * 0.5 + (weights > 0)
    expected = oracle.modularity_of_graph(loops, labels, resolution)
    actual = ig.modularity(sparse.csr_array(loops), labels, resolution=resolution)
    assert actual == pytest.approx(expected, abs=1e-13)
    whole = sparse.csr_array((weights > 0).astype(int))
    expected = oracle.modularity_of_graph(whole.toarray(), labels, resolution)
    assert ig.modularity(whole, labels, resolution=resolution) == pytest.approx(expected, abs=1e-13)


def test_refused_graphs_and_resolutions():
    sparse = pytest.importorskip("scipy.sparse")
    x, labels = clusters(12, 3, "float64")
    graph = ig.graph(x, k=2)
    one_sided = ig.graph(x, k=2, symmetrize=False)
    nan = graph.to_scipy() * np.nan
    for a, options, error, message in (
        (one_sided, {}, ValueError, "`x` must be a symmetric graph"),
        (sparse.csr_array(np.triu(np.ones((12, 12)))), {}, ValueError, "`x` must be a symmetric"),
        (sparse.csr_array(np.ones((12, 11))), {}, ValueError, "`x` must be a square graph"),
        (nan, {}, ValueError, r"`x` must have finite weights, got nan at index \(0, \d\)"),
        (graph, {"resolution": -1}, ValueError, "`resolution` must be a finite .* at least 0"),
        (x, {"resolution": -0.5}, ValueError, "`resolution` must be a finite .* at least 0"),
        (x, {"resolution": np.inf}, ValueError, "`resolution` must be a finite number"),
        (x, {"resolution": "1"}, TypeError, "`resolution` must be a finite number"),
    ):
        with pytest.raises(error, match=f"^modularity: {message}"):
            ig.modularity(a, labels, **options)
    with pytest.raises(ValueError, match="modularity: `labels` must be 1-D with one label for"):
        ig.modularity(graph, labels[1:])


@pytest.mark.parametrize(
    ("indptr", "indices", "data"),
    [
        ([0, 2, 3, 4], [2, 1, 0, 0], [1.0, 1.0, 1.0, 1.0]),  # columns that fall
        ([0, 2, 4, 4], [1, 1, 0, 0], [1.0, 1.0, 1.0, 1.0]),  # twice
        ([0, 1, 2, 2], [3, 0], [1.0, 1.0]),
        ([0, 1, 2, 2], [-1, 0], [1.0, 1.0]),
        ([0, 1, 2, 2], [1.0, 0.0], [1.0, 1.0]),
        ([0, 2, 1, 2], [1, 0], [1.0, 1.0]),
        ([1, 1, 2, 2], [1, 0], [1.0, 1.0]),
        ([0, 1, 2, 3], [1, 0], [1.0, 1.0]),
        ([0, 1, 2, 2], [1, 0], [1.0]),
    ],
)
def test_refused_rows_of_graphs(indptr, indices, data):
    graph = ig.Csr(np.array(indptr), np.array(indices), np.array(data), (3, 3))
    with pytest.raises(ValueError, match=r"^modularity: `x` must have rows as those of `graph`"):
        ig.modularity(graph, [0, 0, 1])


@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (2,), None])
def test_refused_shapes_of_graphs(shape):
    graph = ig.Csr(np.array([0, 1, 2]), np.array([1, 0]), np.array([1.0, 1.0]), shape)
    with pytest.raises(ValueError, match=r"^modularity: `x` must be a square graph"):
        ig.modularity(graph, [0, 0])


def test_sparse_graphs_as_scipy_keeps_them():
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.array([[0.0, 2.0, 0.0], [2.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    expected = ig.modularity(sparse.csr_array(dense), [0, 0, 1])
    with_zero = sparse.csr_array(dense)
    with_zero.data[with_zero.data == 1.0] = 0.0
    without = sparse.csr_array(np.where(dense == 1, 0, dense))
    assert ig.modularity(with_zero, [0, 0, 1]) == ig.modularity(without, [0, 0, 1])
    one_zero = sparse.csr_array(
        ([0.0, 2.0, 2.0], ([0, 0, 1], [2, 1, 0])), shape=(3, 3)
    )  # stored on one side only
    assert ig.modularity(one_zero, [0, 0, 1]) == ig.modularity(without, [0, 0, 1])
    for power in (-1000, 1022):  # whose sum is beyond the range
        scaled = sparse.csc_array(np.ldexp(dense, power))
        assert ig.modularity(scaled, [0, 0, 1]) == expected
    for empty in (sparse.csr_array((0, 0)), sparse.coo_array(np.ones(3))):
        with pytest.raises(ValueError, match=r"^modularity: `x` must be a square graph"):
            ig.modularity(empty, [])


@pytest.mark.parametrize(
    "relabel",
    [
        lambda labels: labels * 1000 - 7,
        lambda labels: labels.astype(np.uint8),
        lambda labels: np.array(["cat", "dog", "emu", "fox"])[labels],
        lambda labels: labels.tolist(),
        lambda labels: labels[::-1][::-1],
    ],
    ids=["sparse", "uint8", "strings", "list", "view"],
)
def test_labels_are_only_names(simd_level, relabel):
    x, labels = clusters(48, 20, "float64")
    assert ig.modularity(x, relabel(labels)) == ig.modularity(x, labels)
    assert ig.motifs(x, relabel(labels)) == ig.motifs(x, labels)


def test_same_bits_for_any_number_of_threads(simd_level):
    x, labels = data((193, 64), "float32"), np.arange(193) % 4
    assert len({ig.modularity(x, labels, num_threads=t) for t in (1, 2, 3, 5)}) == 1
    assert len({ig.motifs(x, labels, num_threads=t) for t in (1, 2, 3, 5)}) == 1
