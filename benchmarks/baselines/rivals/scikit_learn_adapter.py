"""scikit-learn: kernels, centring, neighbours."""

from __future__ import annotations

from typing import Any

from sklearn.metrics.pairwise import laplacian_kernel, rbf_kernel
from sklearn.neighbors import kneighbors_graph
from sklearn.preprocessing import KernelCenterer


def rbf(x: Any, bandwidth: float) -> Any:
    """Return the RBF Gram matrix."""
    return rbf_kernel(x, gamma=1 / (2 * bandwidth**2))


def laplacian(x: Any, bandwidth: float) -> Any:
    """Return the Laplacian Gram matrix."""
    return laplacian_kernel(x, gamma=1 / bandwidth)


def center_in_place(k: Any) -> Any:
    """Centre k in place."""
    return KernelCenterer().fit(k).transform(k, copy=False)


def knn_graph(x: Any, k: int) -> Any:
    """Return the CSR graph of the cosine distances to each row's k nearest other rows."""
    return kneighbors_graph(x, k, mode="distance", metric="cosine", include_self=False)
