"""`bandwidth` on a GPU, against the oracle and the host."""

import isogram as ig
import pytest
from support import DTYPES, data, oracle


@pytest.mark.parametrize("scale", [2.0**-664, 2.0**-30, 1.0, 2.0**30, 2.0**664])
@pytest.mark.parametrize("rule", ["median", "mean"])
def test_agreement(gpu, rule, scale):
    x = data((19, 5), "float64")
    expected = scale * oracle.bandwidth_of(x, rule)
    actual = ig.bandwidth(gpu.put(scale * x), rule=rule)
    assert isinstance(actual, float)
    assert actual == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("rule", ["median", "mean"])
def test_beside_rows_far_off(gpu, rule):
    x = data((20, 5), "float64", seed=32)
    for scale in (1e-300, 1e-160, 1e150, 1e200, 1e306):
        for rows in (1, 10, 18):
            y = x.copy()
            y[:rows] *= scale
            expected = ig.bandwidth(y, rule=rule)
            assert ig.bandwidth(gpu.put(y), rule=rule) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_of_drawn_pairs_is_that_of_the_host(gpu, dtype):
    x = data((40, 3), dtype)
    parameters = {"max_pairs": 50, "seed": 3}
    expected = ig.bandwidth(x, **parameters)
    assert ig.bandwidth(gpu.put(x), **parameters) == pytest.approx(expected, rel=1e-13)
