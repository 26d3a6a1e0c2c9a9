"""How alike two RSMs are, and the divergences of predicted probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[Any]


def upper_triangle(rsm: Array) -> Array:
    """Return the entries above the diagonal."""
    return rsm[np.triu_indices_from(rsm, k=1)]


def pearson(a: Array, b: Array) -> float:
    """Return Pearson's correlation of the upper triangles."""
    return float(np.corrcoef(upper_triangle(a), upper_triangle(b))[0, 1])


def spearman(a: Array, b: Array) -> float:
    """Return Spearman's rank correlation of the upper triangles."""
    return float(stats.spearmanr(upper_triangle(a), upper_triangle(b)).statistic)


def kendall(a: Array, b: Array) -> float:
    """Return Kendall's tau-b of the upper triangles."""
    return float(stats.kendalltau(upper_triangle(a), upper_triangle(b)).statistic)


def cosine(a: Array, b: Array) -> float:
    """Return the cosine of the upper triangles."""
    first, second = upper_triangle(a), upper_triangle(b)
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def jsd(probabilities: Array) -> Array:
    """Return the Jensen–Shannon divergences in bits of all pairs of rows."""
    n = len(probabilities)
    p = probabilities.astype(np.float64)
    result = np.zeros((n, n))
    for i in range(n):
        mean = (p[i] + p) / 2
        result[i] = (entropy_terms(p[i]) + entropy_terms(p)) / 2 - entropy_terms(mean)
    return result


def entropy_terms(p: Array) -> Array:
    """Return Σ p log2 p over the last axis, with 0 log 0 = 0."""
    return np.sum(p * np.log2(np.where(p > 0, p, 1)), axis=-1)
