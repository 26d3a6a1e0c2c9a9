"""Semantic representational similarity matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks.baselines.match import greedy as greedy_total

Array = NDArray[Any]

BLOCK_BYTES = 4 << 20  # of affinities at once: they stay in the cache


def spatial_cosine(tokens: Array) -> Array:
    """Return the cosines of whole inputs, position by position."""
    flat = tokens.reshape(len(tokens), -1)
    norms = np.linalg.norm(flat, axis=1)
    return flat @ flat.T / np.outer(norms, norms)


def semantic_cosine(tokens: Array) -> Array:
    """Return the semantic RSM: blocks of affinities by one product, then a loop over SciPy."""
    n, s, c = tokens.shape
    block = max(1, BLOCK_BYTES // (s * s * tokens.itemsize))
    norms = np.linalg.norm(tokens.reshape(n, -1), axis=1)
    result = np.eye(n, dtype=tokens.dtype)
    for i in range(n):
        for begin in range(i + 1, n, block):
            others = tokens[begin : min(begin + block, n)]
            affinities = (tokens[i] @ others.reshape(-1, c).T).reshape(s, len(others), s)
            for offset in range(len(others)):
                affinity = affinities[:, offset]
                rows, columns = linear_sum_assignment(affinity, maximize=True)
                j = begin + offset
                result[i, j] = affinity[rows, columns].sum() / (norms[i] * norms[j])
                result[j, i] = result[i, j]
    return result


def window_total(a: Array, b: Array, window: int) -> float:
    """Return the sum over exact matchings of windows of tokens sorted by norm."""
    a = a[np.argsort(-np.linalg.norm(a, axis=1), kind="stable")]
    b = b[np.argsort(-np.linalg.norm(b, axis=1), kind="stable")]
    total = 0.0
    for begin in range(0, len(a), window):
        affinity = a[begin : begin + window] @ b[begin : begin + window].T
        total += affinity[linear_sum_assignment(affinity, maximize=True)].sum()
    return total


def topk_total(a: Array, b: Array, topk: int) -> float:
    """Return the sum over the largest tokens matched exactly and the others greedily."""
    a = a[np.argsort(-np.linalg.norm(a, axis=1), kind="stable")]
    b = b[np.argsort(-np.linalg.norm(b, axis=1), kind="stable")]
    return window_total(a[:topk], b[:topk], topk) + greedy_total(a[topk:] @ b[topk:].T)
