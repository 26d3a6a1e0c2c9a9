"""Products of centred RSMs as a value: parts that add up, and what counts as 0."""

import isogram as ig
import numpy as np
import pytest
from isogram._host.rsm_tiles import HostRsmTiles
from isogram._place import HOST
from isogram._statistics.centred_products import (
    CentredProducts,
    CentredRsms,
    cosine,
    known_squares,
    rsm_kernel,
)
from isogram._statistics.layer_pairs import LayerPairs
from isogram._types import Layers
from support import assert_close, data

CENTRINGS = ("none", "mean", "double", "debiased")


def rsms_of(x, y, centring):
    """Return the centred RSMs of the layers of `x` and `y`, of which None is `x` again."""
    of_x, of_y = (Layers([str(i) for i in range(len(a))], a) for a in (x, y or x))
    pairs = LayerPairs("similarity", HOST, of_x, of_y if y else None, of_y.names, 1, None)
    kernel = rsm_kernel("similarity", "distance", "median", None, 3, 0.0)
    layers = pairs.layers
    rsms = HOST.rsm_tiles(layers, kernel, [1.0] * len(layers.names), 1)
    return CentredRsms(pairs, rsms, centring)


def merged(parts):
    first, *others = parts
    for other in others:
        first = first.merge(other)
    return first


@pytest.mark.parametrize("two_sets", [False, True])
@pytest.mark.parametrize("centring", CENTRINGS)
def test_parts_add_up(monkeypatch, centring, two_sets):
    """Computed in any order and merged in that of the tiles, they have the bits of the whole."""
    monkeypatch.setattr(HostRsmTiles, "edge", 13)
    layers = [data((50, d), "float64", seed=d) for d in (3, 6, 20)]
    x, y = (layers[:1], layers[1:]) if two_sets else (layers, None)
    whole = rsms_of(x, y, centring).products()
    rsms = rsms_of(x, y, centring)
    order = np.random.default_rng(0).permutation(len(rsms.tiles))
    parts = {k: rsms.part(rsms.tiles[k]) for k in order}
    for a, b in zip(merged([parts[k] for k in range(len(order))]), whole, strict=True):
        assert np.array_equal(a, b)
    for a, b in zip(merged(parts.values()), whole, strict=True):
        assert_close(a, b, 1e-13 * np.abs(b).max())
    monkeypatch.setattr(HostRsmTiles, "edge", 50)
    for a, b in zip(rsms_of(x, y, centring).products(), whole, strict=True):
        assert_close(a, b, 1e-12 * np.abs(b).max())


def test_the_formula():
    layers = [data((50, d), "float64", seed=d) for d in (3, 6)]
    actual = cosine(np, rsms_of(layers, None, "debiased").products())
    expected = ig.similarity_matrix(layers, measure="distance_correlation_debiased")
    assert np.array_equal(actual, expected)


def test_what_may_be_rounding_is_zero():
    squares = np.array([4.0, 2.0, np.inf, np.nan])
    rounding = np.array([3.0, 2.0, 1.0, 1.0])
    one = np.ones(1)
    s = CentredProducts(np.ones((4, 1)), squares, one, rounding, 0 * one)
    of_x, of_y = known_squares(np, s)
    assert of_x.tolist() == [4.0, 0.0, 0.0, 0.0]
    assert of_y.tolist() == [1.0]
    assert cosine(np, s)[0, 0] == 0.5
    assert np.isnan(cosine(np, s)[1:]).all()
