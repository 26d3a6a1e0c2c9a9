"""Cases of `center` that every place is to pass, host and GPU."""

import isogram as ig
import pytest
from support import ESTIMATORS, assert_close, center_tolerance, near_the_largest, oracle


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_at_the_largest_numbers(place, estimator, dtype):
    """Sums overflow where what is left does not."""
    for n in place.choose((3, 4, 5, 97), (3, 4, 5, 70)):
        k, room = near_the_largest(n, dtype)
        expected = oracle.center(k * room, estimator=estimator)
        actual = place.get(ig.center(place.put(k), estimator=estimator))
        assert_close(actual * room, expected, center_tolerance(k * room, dtype))
