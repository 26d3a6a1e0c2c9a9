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
