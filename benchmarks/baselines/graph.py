"""Similarity graphs of representations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def cosine_graph(x: Array) -> Array:
    """Return the cosines of all pairs of rows, with a zero diagonal."""
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-8)
    graph = unit @ unit.T
    np.fill_diagonal(graph, 0)
    return graph


def knn_graph(x: Array, k: int, *, symmetrize: bool = True) -> Array:
    """Return the graph of the k largest cosines of each row, dense."""
    graph = cosine_graph(x)
    np.fill_diagonal(graph, -np.inf)
    nearest = np.argpartition(-graph, k, axis=1)[:, :k]
    kept = np.zeros_like(graph)
    np.put_along_axis(kept, nearest, np.take_along_axis(graph, nearest, axis=1), axis=1)
    return (kept + kept.T) / 2 if symmetrize else kept


def gbs_of(a: Array, b: Array) -> float:
    """Return the mean cosine of the rows of two graphs."""
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    products = np.einsum("ij,ij->i", a, b)
    return float(np.mean(products / np.where(norms > 0, norms, 1)))


def gbs(x: Array, y: Array) -> float:
    """Return the graph-based similarity of two representations, over their full graphs."""
    return gbs_of(cosine_graph(x), cosine_graph(y))


def motifs(x: Array, labels: Array, k: int) -> tuple[int, int, int]:
    """Return how many triangles of the k-NN graph touch one, two and three classes."""
    linked = knn_graph(x, k) != 0
    counts = [0, 0, 0]
    for i in range(len(linked)):
        for j in np.flatnonzero(linked[i, :i]):
            for m in np.flatnonzero(linked[i, :j] & linked[j, :j]):
                counts[len({labels[i], labels[j], labels[m]}) - 1] += 1
    return counts[0], counts[1], counts[2]
