"""`bandwidth` on a GPU, against the oracle and the host."""

import isogram as ig
import pytest
from cases.bandwidth import *  # noqa: F403
from support import DTYPES, data


@pytest.mark.parametrize("dtype", DTYPES)
def test_of_drawn_pairs_is_that_of_the_host(gpu, dtype):
    x = data((40, 3), dtype)
    parameters = {"max_pairs": 50, "seed": 3}
    expected = ig.bandwidth(x, **parameters)
    assert ig.bandwidth(gpu.put(x), **parameters) == pytest.approx(expected, rel=1e-13)
