"""Measures of layers by their names, as NumPy and SciPy users write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

Array = NDArray[Any]


def distance_correlation(x: Array, y: Array) -> float:
    """Return the distance correlation."""
    a, b = (_centred(cdist(layer, layer)) for layer in (x, y))
    return float(np.sqrt((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean())))


def _centred(a: Array) -> Array:
    return a - a.mean(axis=0) - a.mean(axis=1)[:, np.newaxis] + a.mean()


def rsa_pearson(x: Array, y: Array) -> float:
    """Return Pearson's correlation of RSMs of correlations."""
    return float(np.corrcoef(*_triangles(x, y))[0, 1])


def rsa_spearman(x: Array, y: Array) -> float:
    """Return Spearman's correlation of RSMs of correlations."""
    return float(stats.spearmanr(*_triangles(x, y)).statistic)


def _triangles(x: Array, y: Array) -> tuple[Array, Array]:
    upper = np.triu_indices(len(x), k=1)
    return np.corrcoef(x)[upper], np.corrcoef(y)[upper]


def procrustes(x: Array, y: Array) -> float:
    """Return the angle up to rotation and reflection."""
    a, b = (layer - layer.mean(axis=0) for layer in (x, y))
    nuclear = np.linalg.svd(a.T @ b, compute_uv=False).sum()
    return float(np.arccos(nuclear / (np.linalg.norm(a) * np.linalg.norm(b))))


def procrustes_as_netrep(x: Array, y: Array) -> float:
    """Return the same angle as netrep's LinearMetric(alpha=1) does: of layers that are turned."""
    a, b = (layer - layer.mean(axis=0) for layer in (x, y))
    u, _, v = np.linalg.svd(a.T @ b)
    a, b = a @ u, b @ v.T
    return float(np.arccos((a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b))))


def cca(x: Array, y: Array) -> float:
    """Return the mean canonical correlation, by SVDs: layers may have dependent features."""
    a, b = (_directions(layer - layer.mean(axis=0)) for layer in (x, y))
    return float(np.linalg.svd(a.T @ b, compute_uv=False).mean())


def _directions(x: Array) -> Array:
    u, values, _ = np.linalg.svd(x, full_matrices=False)
    return u[:, values > max(x.shape) * np.finfo(x.dtype).eps * values[0]]


def correlation_match(x: Array, y: Array) -> float:
    """Return the mean correlation of features matched one to one, constant ones left out."""
    with np.errstate(invalid="ignore"):
        correlations = np.corrcoef(x.T, y.T)[: x.shape[1], x.shape[1] :]
    rows, cols = (x.std(axis=0) > 0), (y.std(axis=0) > 0)
    correlations = correlations[rows][:, cols]
    return float(correlations[linear_sum_assignment(correlations, maximize=True)].mean())


def correlation_matches(layers: Sequence[Array]) -> Array:
    """Return the correlation match of all pairs of layers."""
    return _of_pairs(layers, correlation_match)


def correlation_matches_of_standardized(layers: Sequence[Array]) -> Array:
    """Return the same with a quarter of the products: `np.corrcoef` correlates x with x too."""
    return _of_pairs([_standardized(layer) for layer in layers], _mean_of_best)


def _of_pairs(layers: Sequence[Array], measure: Callable[[Array, Array], float]) -> Array:
    result = np.eye(len(layers))
    for i, j in combinations(range(len(layers)), 2):
        result[i, j] = result[j, i] = measure(layers[i], layers[j])
    return result


def _standardized(x: Array) -> Array:
    centred = x - x.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    return centred[:, norms > 0] / norms[norms > 0]


def _mean_of_best(x: Array, y: Array) -> float:
    correlations = x.T @ y
    return float(correlations[linear_sum_assignment(correlations, maximize=True)].mean())


def mutual_knn(x: Array, y: Array, k: int = 10) -> float:
    """Return the share of the k nearest neighbours that samples have in both."""
    near = [_neighbours(layer, k) for layer in (x, y)]
    return float(np.mean([len(set(a) & set(b)) for a, b in zip(*near, strict=True)]) / k)


def _neighbours(x: Array, k: int) -> Array:
    units = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argpartition(-cosines, k, axis=1)[:, :k]
