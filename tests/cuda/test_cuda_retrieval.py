"""`retrieve` of arrays on a GPU, which the host searches."""

import isogram as ig
import numpy as np
from support import data


def test_results_lie_with_the_queries(gpu):
    tokens = data((50, 4, 128), "float32")
    expected = ig.retrieve(tokens, k=3)
    found = ig.retrieve(gpu.put(tokens), k=3)
    assert type(found.indices) is type(found.scores) is type(gpu.put(tokens))
    assert np.array_equal(gpu.get(found.indices), expected.indices)
    assert np.array_equal(gpu.get(found.scores), expected.scores)
    assert found.reached == expected.reached
    listed = ig.retrieve(
        gpu.put(tokens[:4]), gpu.put(tokens), 2, candidates=gpu.put(np.tile(np.arange(5), (4, 1)))
    )
    assert gpu.get(listed.indices)[:, 0].tolist() == [0, 1, 2, 3]
