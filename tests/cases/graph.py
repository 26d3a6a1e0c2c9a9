"""Cases of `graph` that every place is to pass, host and GPU."""

import isogram as ig
import numpy as np
import pytest
from support import (
    ALIKE,
    DTYPES,
    EDGE_FEATURES,
    EDGE_ROWS,
    assert_close,
    assert_neighbours_of_rows_nearly_alike,
    cosine_tolerance,
    data,
    on_a_grid,
    oracle,
    result_dtype,
)


def directed(place, x, k, **parameters):
    """Columns of the directed graph, a row per sample."""
    graph = ig.graph(place.put(x), k=k, symmetrize=False, **parameters)
    return np.asarray(place.get(graph.indices)).reshape(len(x), k)


SHAPES = [(n, 7) for n in EDGE_ROWS if n > 1] + [(49, d) for d in EDGE_FEATURES]


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dense(place, dtype, center):
    for n, d in place.choose(SHAPES, [(2, 1), (24, 3), (53, 20)]):
        x = data((n, d), dtype)
        with place.without_waiting():
            result = ig.graph(place.put(x), center=center)
        actual = place.get(result)
        assert type(actual) is np.ndarray
        assert actual.dtype == result_dtype(dtype)
        expected = oracle.graph(x, center=center)
        assert_close(actual, expected, cosine_tolerance(d, dtype), f"{n} x {d}")
        assert np.array_equal(actual, actual.T)
        assert (np.diag(actual) == 0).all()


@pytest.mark.parametrize("offset", [1e4, 1e7, 1e10, 1e12])
def test_an_offset_of_centred_features_costs_nothing(place, offset):
    """The mean has more digits than float64 where features are far from zero."""
    for n, d in place.choose(((7, 3), (40, 30), (130, 70)), ((7, 3), (40, 30))):
        x = on_a_grid(n, d, 1)
        far = x + offset
        assert np.array_equal(far - offset, x)
        expected = oracle.graph(x, center=True)
        assert_close(place.get(ig.graph(place.put(far), center=True)), expected, 1e-14 * np.sqrt(d))
        nearest = ig.graph(place.put(far), k=3, center=True)
        assert_close(
            place.get(nearest.toarray()), oracle.graph(x, k=3, center=True), 1e-14 * np.sqrt(d)
        )


@pytest.mark.parametrize("change", ALIKE)
@pytest.mark.parametrize("dtype", DTYPES)
def test_neighbours_of_rows_nearly_alike(place, dtype, change):
    def neighbours_of(x, k, center):
        return directed(place, x, k, center=center)

    shapes = place.choose(
        [(150, 64, 10), (97, 7, 1), (60, 300, 55), (40, 2000, 5)],
        [(50, 40, 10), (33, 7, 1), (30, 9, 27)],
    )
    sizes = place.choose((100, 1e4, 1e6, 1e8), (100, 1e4, 1e8))
    assert_neighbours_of_rows_nearly_alike(neighbours_of, change, dtype, sizes, shapes)


# Other metrics ------------------------------------------------------------------------------------


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_correlations(place, dtype, center):
    for n, d, k in place.choose([(2, 3, 1), (49, 64, 5), (97, 257, 3)], [(24, 7, 3), (53, 20, 5)]):
        x = data((n, d), dtype, 5) + 1
        dense = place.get(ig.graph(place.put(x), metric="correlation", center=center))
        expected = oracle.graph(x, metric="correlation", center=center)
        assert_close(dense, expected, 2 * cosine_tolerance(d, dtype), f"{n} x {d}")
        assert np.array_equal(dense, dense.T)
        found = directed(place, x, k, metric="correlation", center=center)
        assert np.array_equal(found, _nearest_of(expected, k))


def _nearest_of(graph, k):
    graph = graph - 3 * np.eye(len(graph))
    return np.sort(np.argsort(-graph, axis=1, kind="stable")[:, :k], axis=1)


def test_constant_rows_have_no_correlation(place):
    x = data((20, 9), "float64", 1)
    x[[3, 11]] = [[2.5], [0.1]]
    dense = place.get(ig.graph(place.put(x), metric="correlation"))
    assert (dense[[3, 11]] == 0).all()
    assert directed(place, x, 2, metric="correlation")[3].tolist() == [0, 1]


@pytest.mark.parametrize("offset", [1e4, 1e8])
def test_correlations_are_ranked_where_rows_have_a_common_offset(place, offset):
    x = on_a_grid(40, 30, 2)
    expected = directed(place, x, 4, metric="correlation")
    assert np.array_equal(directed(place, x + offset, 4, metric="correlation"), expected)
    # As float32, where only their differences tell them apart.
    narrow = (x + 1e4).astype(np.float32)
    exact = directed(place, narrow.astype(np.float64), 4, metric="correlation")
    assert np.array_equal(directed(place, narrow, 4, metric="correlation"), exact)


@pytest.mark.parametrize("symmetrize", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_distances(place, dtype, symmetrize):
    for n, d, k in place.choose(
        [(2, 3, 1), (5, 2, 4), (97, 257, 3), (300, 20, 40)], [(2, 3, 1), (33, 7, 5)]
    ):
        x = data((n, d), dtype, 4)
        graph = ig.graph(place.put(x), k=k, metric="euclidean", symmetrize=symmetrize)
        assert place.get(graph.data).dtype == result_dtype(dtype)
        actual = place.get(graph.toarray())
        expected = oracle.distance_graph(x, k=k, symmetrize=symmetrize)
        assert_close(actual, expected, 4 * np.finfo(actual.dtype).eps * expected.max(), f"{n}")
        assert np.array_equal(actual != 0, expected != 0)
        if symmetrize:
            assert np.array_equal(actual, actual.T)


def test_of_equal_distances_the_smaller_column(place):
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0], [0.0, 0.0]])
    found = directed(place, x, 3, metric="euclidean")
    assert found[0].tolist() == [1, 2, 5]
    assert found[1].tolist() == [0, 2, 5]
    copies = np.ones((9, 4))
    assert directed(place, copies, 2, metric="euclidean").tolist() == [
        [1, 2],
        [0, 2],
        *[[0, 1]] * 7,
    ]


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1.0, 1e200])
def test_distances_far_from_the_origin_and_of_any_size(place, scale):
    x = on_a_grid(60, 8, 3)
    expected = oracle.distance_graph(x, k=5)
    graph = ig.graph(place.put((x + 1e6) * scale), k=5, metric="euclidean")
    actual = place.get(graph.toarray()) / scale
    assert np.array_equal(actual != 0, expected != 0)
    assert_close(actual, expected, 1e-8 * expected.max(), scale)


def test_distances_beyond_float32_are_infinite(place):
    x = np.array([[3e38, 0.0], [-3e38, 0.0], [3e38, 1e30]], np.float32)
    with pytest.warns(RuntimeWarning, match="^graph: "):
        graph = ig.graph(place.put(x), k=1, metric="euclidean")
    assert np.isinf(place.get(graph.toarray())[1, 0])


def test_tiles_of_distances_do_not_show(place, monkeypatch):
    x = on_a_grid(50, 6, 5)
    whole = ig.graph(place.put(x), k=7, metric="euclidean")
    monkeypatch.setattr("isogram._operations.graph.EDGE", 6)
    tiled = ig.graph(place.put(x), k=7, metric="euclidean")
    for name in ("indptr", "indices", "data"):
        assert np.array_equal(place.get(getattr(tiled, name)), place.get(getattr(whole, name)))


def test_a_dense_matrix_of_distances_is_refused(place):
    with pytest.raises(ValueError, match=r"^graph: `k` must be given .* rdm\(x, metric='euclid"):
        ig.graph(place.put(np.ones((3, 2))), metric="euclidean")
