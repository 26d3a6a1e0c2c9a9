"""`jsd` against the oracle."""

import isogram as ig
import numpy as np
import pytest
from cases.jsd import *  # noqa: F403
from cases.jsd import probabilities
from hypothesis import given
from hypothesis import strategies as st
from support import DTYPES, LAYOUTS, assert_close, eps, oracle


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_order_and_out(simd_level, dtype, layout):
    arrange = LAYOUTS[layout]
    p, q = (probabilities(n, 12, dtype, seed=n, concentration=2.0) for n in (15, 9))
    for arguments in ((p,), (p, q)):
        expected = oracle.jsd(*arguments)
        actual = ig.jsd(*map(arrange, arguments))
        assert_close(actual, expected, 16 * eps(dtype))
        out = arrange(np.zeros_like(actual))
        assert ig.jsd(*arguments, out=out) is out
        assert np.array_equal(out, actual)


@pytest.mark.parametrize("value", [-1e-9, -5e-324, -0.25])
def test_names_a_negative_value(value):
    """As it is, not rounded to 0; float32 by its float64 value."""
    p = np.full((3, 4), 0.25)
    p[2, 1] = value
    with pytest.raises(
        ValueError, match=r"must not be negative, got .* at index \(2, 1\)"
    ) as raised:
        ig.jsd(p)
    text = str(raised.value).partition(" at index ")[0]
    assert float(text.rpartition(" ")[2]) == value


def test_of_more_classes_than_are_taken_at_a_time(simd_level):
    rng = np.random.default_rng(0)
    p = rng.random((3, 600_001))
    p /= p.sum(axis=1, keepdims=True)
    assert_close(ig.jsd(p), oracle.jsd(p), 1e-13)
    p[1, 400_000] = np.nan
    with pytest.raises(ValueError, match=r"got nan at index \(1, 400000\)"):
        ig.jsd(p)
    p[1, 400_000] = -1e-9
    with pytest.raises(ValueError, match=r"got -1e-09 at index \(1, 400000\)"):
        ig.jsd(p)


def test_has_the_same_bits_for_any_number_of_threads(simd_level):
    p = probabilities(97, 65, "float32")
    one, *more = (ig.jsd(p, num_threads=t) for t in (1, 2, 3, 5))
    assert all(np.array_equal(one, other) for other in more)


@given(n=st.integers(1, 12), d=st.integers(1, 20), seed=st.integers(0, 2**31))
def test_is_bounded_and_ignores_the_order_of_classes(n, d, seed):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(d, 0.5), n)
    actual = ig.jsd(p)
    assert actual.min() >= 0
    assert actual.max() <= 1
    assert_close(ig.jsd(p[:, rng.permutation(d)]), actual, 1e-14)
