"""Cases of `modularity` and `motifs` that every place is to pass, host and GPU."""

import isogram as ig
import numpy as np
import pytest
from support import ALIKE, DTYPES, LAYOUTS, alike, assert_close, oracle, signs


@pytest.mark.parametrize("change", ALIKE)
def test_rows_nearly_alike(place, change):
    """The float32 graph is the float64 graph of the same numbers, so are the measures on it."""
    n, d = place.choose((150, 64), (60, 30))
    labels = np.arange(n) % 4
    for size in (1e3, 1e4, 1e6):
        x = alike(change, size, (n, d), "float32")
        wide = x.astype(np.float64)
        for k in (3, 10):
            assert ig.motifs(place.put(x), labels, k=k) == ig.motifs(wide, labels, k=k)
            expected = ig.modularity(wide, labels, k=k)
            assert_close(ig.modularity(place.put(x), labels, k=k), expected, 1e-6)


def test_motifs_with_ties(place):
    x, labels = signs(60), np.arange(60) % 3
    for k in (1, 6, 20):
        assert ig.motifs(place.put(x), labels, k=k) == oracle.motifs(x, labels, k=k)
        actual = ig.modularity(place.put(x), labels, k=k)
        assert actual == pytest.approx(oracle.modularity(x, labels, k=k))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_order(place, dtype, layout):
    x, labels = signs(40), np.arange(40) % 3
    a = LAYOUTS[layout](x.astype(DTYPES[dtype]))
    assert ig.motifs(place.put(a), labels) == oracle.motifs(x, labels)
    assert_close(ig.modularity(place.put(a), labels), oracle.modularity(x, labels), 1e-5)
