"""Cases of `gbs` that every place is to pass, host and GPU."""

import isogram as ig
import numpy as np
import pytest
from support import (
    ALIKE,
    DTYPES,
    alike,
    assert_close,
    cosine_tolerance,
    data,
    on_a_grid,
    oracle,
    separated,
)


@pytest.mark.parametrize("k", [None, 1, 5])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gbs(place, dtype, center, k):
    shapes = place.choose([(7, 3, 5), (49, 64, 7), (97, 257, 30)], [(7, 3, 5), (45, 12, 7)])
    for n, d1, d2 in shapes:
        ks = (k or n,)
        x, y = separated(n, d1, dtype, ks, center), separated(n, d2, dtype, ks, center)
        actual = ig.gbs(place.put(x), place.put(y), k=k, center=center)
        assert type(actual) is float
        expected = oracle.gbs(x, y, k=k, center=center)
        assert_close(actual, expected, 2 * cosine_tolerance(257, dtype), f"{n}, {d1}, {d2}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("k", [None, 3])
def test_graphs_of_the_largest_numbers(place, k, center, dtype):
    """Neither means nor differences overflow."""
    x, y = (data((40, 9), dtype, seed) for seed in (7, 8))
    largest = np.finfo(dtype).maxexp - np.frexp(np.abs(x).max())[1]
    large = np.ldexp(x, largest)
    expected = oracle.gbs(x, y, k=k, center=center)
    actual = ig.gbs(place.put(large), place.put(y), k=k, center=center)
    assert_close(actual, expected, 1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("offset", [1e4, 1e7, 1e10, 1e12])
def test_an_offset_of_centred_features_costs_nothing(place, offset):
    """The mean has more digits than float64 where features are far from zero."""
    for n, d in place.choose(((7, 3), (40, 30), (130, 70)), ((7, 3), (40, 30))):
        x, y = (on_a_grid(n, d, seed) for seed in (1, 2))
        assert np.array_equal((x + offset) - offset, x)
        far, other = place.put(x + offset), place.put(y - 3 * offset)
        for k in (None, 3):
            expected = oracle.gbs(x, y, k=k, center=True)
            assert_close(ig.gbs(far, other, k=k, center=True), expected, 1e-13)


@pytest.mark.parametrize("change", ALIKE)
def test_rows_nearly_alike(place, change):
    """The float32 graph is the float64 graph of the same numbers, so is the similarity."""
    shape = place.choose((150, 64), (60, 30))
    for size in (1e3, 1e4, 1e6):
        x, y = (alike(change, size, shape, "float32", seed) for seed in (0, 1))
        y += (x - x.mean(axis=0)) / 2
        wide, other = x.astype(np.float64), y.astype(np.float64)
        for k in (3, 10):
            for center in (False, True):
                expected = ig.gbs(wide, other, k=k, center=center)
                actual = ig.gbs(place.put(x), place.put(y), k=k, center=center)
                assert_close(actual, expected, 1e-6)
