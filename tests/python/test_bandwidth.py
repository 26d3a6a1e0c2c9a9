"""`bandwidth` against the oracle."""

import isogram as ig
import numpy as np
import pytest
from cases.bandwidth import *  # noqa: F403
from isogram import _core
from support import data


def test_below_the_normal_numbers(simd_level):
    """A median of denormal float64 distances counts as the smallest normal number."""
    x = data((20, 5), "float64", seed=33)
    unit = 2.0**-1040
    small = x * unit
    normal = small / unit  # of its digits
    tiny = np.finfo(np.float64).tiny
    assert ig.bandwidth(small) == ig.bandwidth(small, rule="mean") == tiny
    assert ig.bandwidth(normal) < tiny / unit
    for kernel in ("rbf", "laplacian"):
        expected = ig.gram(normal, kernel=kernel, bandwidth=tiny / unit)
        assert np.allclose(ig.gram(small, kernel=kernel), expected, rtol=0, atol=1e-15)
        assert np.allclose(ig.gram(small, kernel=kernel, bandwidth=tiny), expected, 0, 1e-15)
    tokens = small.reshape(5, 4, 5)
    expected = ig.semantic_rsm(normal.reshape(5, 4, 5), kernel="rbf")
    assert np.allclose(ig.semantic_rsm(tokens, kernel="rbf"), expected, rtol=0, atol=1e-13)


def test_of_sampled_pairs(simd_level):
    x = data((300, 20), "float64", seed=19)
    exact = ig.bandwidth(x)
    assert ig.bandwidth(x, max_pairs=300 * 299 // 2) == exact
    sampled = [ig.bandwidth(x, max_pairs=4000, seed=seed) for seed in (0, 0, 1)]
    assert sampled[0] == sampled[1]
    assert sampled[0] != sampled[2]
    assert sampled == pytest.approx([exact] * 3, rel=0.02)
    assert ig.bandwidth(x, max_pairs=4000) == sampled[0], "the default seed is 0"


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1, 2**32, 2**64 + 7, 3**200])
def test_draws_are_those_of_numpy(seed):
    words = [seed >> bit & 0xFFFFFFFF for bit in range(0, max(seed.bit_length(), 1), 32)]
    ours, theirs = _core.Pcg64(words), np.random.default_rng(seed)
    for end in (1, 2, 3, 7, 300, 2**31 + 1, 2**32 - 1, 2**32, 2**32 + 1, 3, 2**63 - 1, 5):
        drawn = np.zeros((501, 2), np.int64)[:, 1]
        ours.fill(end, drawn)
        assert np.array_equal(drawn, theirs.integers(end, size=501)), end


def test_has_the_same_bits_for_any_number_of_threads(simd_level):
    x = data((150, 40), "float32", seed=20)
    assert len({ig.bandwidth(x, num_threads=threads) for threads in (1, 2, 3, 5)}) == 1
