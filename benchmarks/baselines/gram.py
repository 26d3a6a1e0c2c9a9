"""Gram matrices and the bandwidth of their kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

Array = NDArray[Any]


def linear(x: Array) -> Array:
    """Return x xᵀ."""
    return x @ x.T


def squared_distances(x: Array) -> Array:
    """Return the squared Euclidean distances of all pairs of rows."""
    norms = np.einsum("ij,ij->i", x, x)
    return np.maximum(norms[:, None] + norms[None, :] - 2 * (x @ x.T), 0)


def rbf(x: Array, bandwidth: float) -> Array:
    """Return exp(-‖a - b‖² / (2 bandwidth²)) of all pairs of rows."""
    return np.exp(squared_distances(x) / (-2 * bandwidth**2))


def median_bandwidth(x: Array) -> float:
    """Return the root of the median squared distance of different rows."""
    return float(np.sqrt(np.median(pdist(x, "sqeuclidean"))))


def median_bandwidth_by_products(x: Array) -> float:
    """Return the same from products, with their rounding errors."""
    distances = squared_distances(x)
    return float(np.sqrt(np.median(distances[np.triu_indices(len(x), 1)])))
