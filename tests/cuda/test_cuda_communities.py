"""Modularity and motifs of arrays on a GPU, against the oracle and the host."""

import isogram as ig
import numpy as np
import pytest
from cases.communities import *  # noqa: F403
from support import DTYPES, assert_close, data, oracle, signs


@pytest.mark.parametrize("dtype", DTYPES)
def test_modularity(gpu, dtype):
    x, labels = data((40, 5), dtype), np.arange(40) % 3
    actual = ig.modularity(gpu.put(x), labels, k=4)
    assert isinstance(actual, float)
    assert_close(actual, oracle.modularity(x, labels, k=4), 1e-5)


def test_modularity_of_nothing(gpu):
    with pytest.warns(RuntimeWarning, match="modularity: the edges of the graph weigh nothing"):
        assert np.isnan(ig.modularity(gpu.put(np.zeros((5, 2))), np.arange(5)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_motifs(gpu, dtype):
    for n, d, k in [(2, 3, 1), (40, 5, 4), (53, 20, 7), (20, 4, 19)]:
        x, labels = data((n, d), dtype), np.arange(n) % 3
        actual = ig.motifs(gpu.put(x), labels, k=k)
        assert isinstance(actual, ig.Motifs)
        assert all(type(count) is int for count in actual)
        assert actual == oracle.motifs(x, labels, k=k)


def test_on_the_graph_of_the_host(gpu):
    """The same edges of the same weights: the same bits."""
    x, labels = signs(60), np.array(["cat", "dog", "emu"])[np.arange(60) % 3]
    assert ig.modularity(gpu.put(x), labels, k=6) == ig.modularity(x, labels, k=6)
