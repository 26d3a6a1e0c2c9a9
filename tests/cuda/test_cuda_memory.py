"""Nothing n × n is held unless it is the result."""

import isogram as ig
import pytest
from support import data


@pytest.mark.parametrize(
    "measure",
    [
        lambda x, y: ig.cka_matrix([x, y], kernel="rbf", bandwidth=2.0),
        lambda x, y: ig.cka_matrix([x], [y], kernel="cosine"),
        lambda x, y: ig.gbs_matrix([x, y]),
        lambda x, y: ig.gbs(x, y, k=4),
        lambda x, _: ig.graph(x, k=4),
    ],
    ids=["rbf", "cosine", "gbs", "gbs of neighbours", "neighbours"],
)
def test_memory_grows_with_tiles(gpu, measure):
    n = gpu.many_rows
    x, y = (gpu.put(data((n, 4), "float32", seed=seed)) for seed in (0, 1))
    measure(x[:50], y[:50])  # libraries take what they need for themselves
    with gpu.holding_less_than(4 * n * n):
        measure(x, y)
