"""dcor: distance correlation and its test; U-centred products, whose ratio is debiased CKA."""

from __future__ import annotations

from typing import Any

import dcor
import numpy as np


def debiased(k: Any, m: Any) -> float:
    """Return the debiased CKA of two Gram matrices, whose diagonals are zeroed first."""
    a, b = (np.array(gram, dtype=np.float64) for gram in (k, m))
    np.fill_diagonal(a, 0)
    np.fill_diagonal(b, 0)
    a, b = dcor.u_centered(a), dcor.u_centered(b)
    norms = dcor.u_product(a, a) * dcor.u_product(b, b)
    return float(dcor.u_product(a, b) / np.sqrt(norms))


def distance_correlation(x: Any, y: Any) -> float:
    """Return the distance correlation of two layers."""
    return float(dcor.distance_correlation(x.astype(np.float64), y.astype(np.float64)))


def distance_test(x: Any, y: Any, permutations: int) -> float:
    """Return the distance correlation of two layers, once it is tested by permutations."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    dcor.independence.distance_covariance_test(x, y, num_resamples=permutations, random_state=0)
    return float(dcor.distance_correlation(x, y))
