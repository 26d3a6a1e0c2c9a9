"""Cases of `bandwidth` that every place is to pass, host and GPU."""

import isogram as ig
import numpy as np
import pytest
from support import DTYPES, SCALES, data, dot_tolerance, oracle


@pytest.mark.parametrize("rule", ["median", "mean"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_agreement(place, dtype, rule):
    for n, d in place.choose([(2, 1), (3, 5), (50, 33), (97, 257)], [(2, 1), (19, 5), (30, 33)]):
        x = data((n, d), dtype, seed=16)
        actual = ig.bandwidth(place.put(x), rule=rule)
        assert type(actual) is float
        assert actual == pytest.approx(
            oracle.bandwidth_of(x, rule), rel=2 * dot_tolerance(d, dtype)
        )


@pytest.mark.parametrize("rule", ["median", "mean"])
@pytest.mark.parametrize("dtype", SCALES)
def test_at_any_scale(place, dtype, rule):
    x = data((30, 8), dtype, seed=17)
    expected = oracle.bandwidth_of(x, rule)
    for scale in (2.0**-30, 1.0, 2.0**30, *SCALES[dtype]):
        actual = ig.bandwidth(place.put(x * x.dtype.type(scale)), rule=rule)
        assert actual == pytest.approx(scale * expected, rel=2 * dot_tolerance(8, dtype))


@pytest.mark.parametrize("rule", ["median", "mean"])
def test_beside_rows_far_off(place, rule):
    x = data((20, 5), "float64", seed=32)
    for scale in (1e-320, 1e-300, 1e-160, 1e150, 1e200, 1e306):
        for rows in (1, 10, 18):  # the median is that of others, of a mixture, theirs
            y = x.copy()
            y[:rows] *= scale
            differences = (y[:, None] - y[None]).astype(np.longdouble)
            squares = (differences**2).sum(axis=2)[np.triu_indices(20, 1)]
            expected = np.sqrt(np.median(squares) if rule == "median" else np.mean(squares))
            expected = max(float(expected), np.finfo(np.float64).tiny)
            assert ig.bandwidth(place.put(y), rule=rule) == pytest.approx(expected, rel=1e-13)


def test_with_an_offset(place):
    x = data((60, 30), "float32", seed=18) + np.float32(1500)
    expected = oracle.bandwidth_of(x)
    assert ig.bandwidth(place.put(x)) == pytest.approx(
        expected, rel=2 * dot_tolerance(30, x.dtype.name)
    )


def test_of_equal_rows_is_zero(place):
    assert ig.bandwidth(place.put(np.full((5, 3), 2.5))) == 0.0
