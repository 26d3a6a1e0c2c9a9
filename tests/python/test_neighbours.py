"""Nearest neighbours as a value: parts merge, and a walk over them finds those of one call."""

import isogram as ig
import numpy as np
import pytest
from isogram._arrays import as_matrix
from isogram._host import nearest as host
from isogram._place import HOST
from isogram._statistics.neighbours import MergedNeighbours, Neighbours
from support import DTYPES, data, signs


def near(indices, closeness):
    closeness = np.array(closeness, float)
    return Neighbours(np.array(indices, np.int32), closeness / 2, closeness)


def sorted_rows(found):
    """Return the rows as sets, in the order of their indices."""
    order = np.argsort(found.indices, axis=1)
    return [np.take_along_axis(values, order, axis=1) for values in found]


def test_the_nearest_are_kept():
    a = near([[4, 7, 1]], [[0.9, 0.1, 0.5]])
    b = near([[8, 2, 3]], [[0.7, 0.2, 0.6]])
    for merged in (a.merge(np, b), b.merge(np, a)):
        indices, cosines, closeness = sorted_rows(merged)
        assert indices.tolist() == [[3, 4, 8]]
        assert closeness.tolist() == [[0.6, 0.9, 0.7]]
        assert np.array_equal(cosines, closeness / 2)


def test_ties_go_to_the_smaller_index():
    a = near([[9, 1]], [[0.5, 0.5]])
    b = near([[0, 3]], [[0.5, 0.5]])
    for merged in (a.merge(np, b), b.merge(np, a)):
        assert sorted_rows(merged)[0].tolist() == [[0, 1]]


def test_places_without_a_neighbour():
    a = near([[5, -1, -1]], [[-0.5, np.nan, np.nan]])
    b = near([[-1, 2, -1]], [[np.nan, -0.9, np.nan]])
    assert sorted_rows(a.merge(np, b))[0].tolist() == [[-1, 2, 5]]
    c = near([[7, 8, 9]], [[-0.6, 0.1, 0.2]])
    for merged in (a.merge(np, b).merge(np, c), c.merge(np, b).merge(np, a)):
        assert sorted_rows(merged)[0].tolist() == [[5, 8, 9]]


def features(kind, dtype):
    x = data((300, 12), "float64")
    if kind == "signs":  # nothing but ties
        return signs(300).astype(dtype)
    if kind == "massive channel":  # cosines that float32 cannot tell apart
        x[:, 3] += 3000
    if kind == "equal":
        x[1::2] = x[::2]
        x[7] = 0
    return x.astype(dtype)


@pytest.mark.parametrize("k", [1, 10, 120])
@pytest.mark.parametrize("kind", ["ordinary", "signs", "massive channel", "equal"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_walk_in_any_order_has_the_bits_of_one_call(simd_level, monkeypatch, dtype, kind, k):
    x = features(kind, DTYPES[dtype])
    whole = [np.asarray(a) for a in HOST.nearest(as_matrix("graph", "x", x), k, False, 1, None)]
    monkeypatch.setattr(host, "_EDGE", 70)
    tiles = host._NeighbourTiles(as_matrix("graph", "x", x), k, False, 1)
    parts = {tile: tiles.compute(tile, None) for tile in tiles.tiles}
    assert len(parts) == 15
    found = []
    for seed in range(3):
        sink = MergedNeighbours(np)
        for place in np.random.default_rng(seed).permutation(len(tiles.tiles)):
            tile = tiles.tiles[place]
            assert not sink.has(tile)
            sink.put(tile, parts[tile])
            assert sink.has(tile)
        found.append(sorted_rows(sink.result()))
    for one in found:
        for a, b in zip(one, found[0], strict=True):
            assert np.array_equal(a, b)
        assert np.array_equal(one[0], whole[0])


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("name", ["mutual_knn", "second_order_cosine"])
def test_measures_of_more_samples_than_a_tile(monkeypatch, name, center):
    layers = [np.round(8 * data((200, d), "float32", seed=d)) for d in (5, 9)]
    layers[1][100:] = -layers[1][:100]  # the mean is 0
    layers[1][[3, 103]] = 0
    calls = []

    def computed(edge):
        monkeypatch.setattr(host, "_EDGE", edge)
        with pytest.warns(RuntimeWarning, match=r"2 of `layers\[1\]` have no edges") as said:
            values = ig.similarity_matrix(
                layers, measure=name, center=center, progress=lambda *call: calls.append(call)
            )
        return values, [str(one.message) for one in said]

    whole, warned = computed(200)
    assert calls == [(1, 2), (2, 2)]
    calls.clear()
    walked, warned_again = computed(60)
    assert np.array_equal(walked, whole)
    assert warned_again == warned
    pairs = 200 * 199 // 2
    assert all(total == 2 * pairs for _, total in calls)
    assert sorted(calls) == calls
    assert calls[-1] == (2 * pairs, 2 * pairs)
    assert len(calls) >= 20
