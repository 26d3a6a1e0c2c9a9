"""`semantic_matching` against SciPy."""

import isogram as ig
import numpy as np
import pytest
from cases.semantic_matching import *  # noqa: F403
from cases.semantic_matching import check_pair
from support import data


def test_same_bits_for_any_number_of_threads(simd_level):
    tokens = data((6, 40, 8), "float32")
    pairs = np.triu_indices(6, 1)
    one, *more = (ig.semantic_matching(tokens, pairs=pairs, num_threads=t) for t in (1, 2, 5))
    for other in more:
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_batches_are_matched_as_single_pairs(monkeypatch):
    tokens = [data((s, 4), "float64", s) for s in (5, 9, 5, 9, 5)]
    pairs = np.triu_indices(5)
    at_once = ig.semantic_matching(tokens, pairs=pairs)
    reports = []
    monkeypatch.setattr("isogram._operations.semantic_matching._HELD", 1)
    one_by_one = ig.semantic_matching(
        tokens, pairs=pairs, progress=lambda done, total: reports.append((done, total))
    )
    assert all(np.array_equal(a, b) for a, b in zip(at_once, one_by_one, strict=True))
    assert reports == [(k + 1, 15) for k in range(15)]


def test_progress_in_pairs():
    reports = []
    ig.semantic_matching(
        data((4, 5, 2), "float32"),
        pairs=([0, 1, 2], [3, 3, 3]),
        progress=lambda done, total: reports.append((done, total)),
    )
    assert reports == [(3, 3)]


def test_the_order_of_tokens_is_not_seen():
    words = data((7, 5), "float32")
    order = np.random.default_rng(0).permutation(7)
    found = ig.semantic_matching(words, words[order])
    assert np.array_equal(order[found.columns], np.arange(7))
    assert found.total == pytest.approx(1)


def test_libraries():
    """Results are of the caller's library."""
    torch = pytest.importorskip("torch")
    a, b = data((5, 3), "float32", 1), data((6, 3), "float32", 2)
    found = ig.semantic_matching(torch.from_numpy(a), torch.from_numpy(b))
    assert found.columns.dtype == torch.int32
    assert found.contributions.dtype == torch.float64
    numbers = [x if isinstance(x, float) else x.numpy() for x in found]
    check_pair(numbers, a.astype(float), b.astype(float), "cosine")
    listed = ig.semantic_matching(a.tolist(), b.tolist())
    assert isinstance(listed.columns, np.ndarray)
    pairs = (torch.tensor([0]), torch.tensor([1]))
    stacked = torch.from_numpy(np.stack([a, b[:5]]))
    of_pairs = ig.semantic_matching(stacked, pairs=pairs, mask=torch.ones(2, 5, dtype=torch.bool))
    assert all(isinstance(x, torch.Tensor) for x in of_pairs)
