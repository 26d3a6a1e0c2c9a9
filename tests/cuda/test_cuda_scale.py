"""As many problems as a GPU is for; on the emulated one as many as it has patience for."""

import isogram as ig
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from support import assert_close, match_tolerance


def alike(rng, count, tokens, channels):
    """Return tokens that walk slowly, so that neighbours are near-duplicates."""
    steps = rng.standard_normal((count, tokens, channels), np.float32)
    return np.cumsum(steps, axis=1, dtype=np.float32)


def test_a_million_problems(gpu):
    side, rng = 17, np.random.default_rng(1)
    a, b = (alike(rng, gpu.many_problems, side, 4) for _ in range(2))
    problems = a @ b.transpose(0, 2, 1)
    columns, totals, gaps = map(gpu.get, ig.match(gpu.put(problems)))
    assert np.array_equal(np.sort(columns), np.broadcast_to(np.arange(side), columns.shape))
    matched = np.take_along_axis(problems, columns[:, :, None].astype(np.int64), axis=2)
    magnitudes = np.abs(matched).sum(axis=(1, 2), dtype=np.float64)
    best = np.array([p[linear_sum_assignment(p, maximize=True)].sum(dtype=float) for p in problems])
    assert (np.abs(totals - matched.sum(axis=(1, 2), dtype=float)) <= 1e-12 * magnitudes).all()
    assert (np.abs(totals - best) <= match_tolerance("float32") * magnitudes).all()
    assert (np.abs(gaps) <= match_tolerance("float32") * magnitudes).all()


def test_a_million_pairs(gpu):
    tokens = alike(np.random.default_rng(2), gpu.many_inputs, 49, 20)
    actual = gpu.get(ig.semantic_rsm(gpu.put(tokens)))
    assert_close(actual, ig.semantic_rsm(tokens), 1e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_a_million_pairs_of_rounded_tokens(gpu, precision):
    """Of matchings that are as good for rounded tokens, host and GPU may choose different ones."""
    tokens = alike(np.random.default_rng(2), gpu.many_inputs, 49, 20)
    losses = [np.empty(2 * [len(tokens)], np.float32) for _ in range(2)]
    expected = ig.semantic_rsm(tokens, precision=precision, loss=losses[0])
    loss = gpu.put(losses[1])
    actual = gpu.get(ig.semantic_rsm(gpu.put(tokens), precision=precision, loss=loss))
    assert_close(actual, expected, np.maximum(losses[0], gpu.get(loss)) + 1e-6)
    assert (np.abs(actual - expected) <= 1e-6).mean() > 0.999
