"""How well an RSM ranks pictures that share labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Ranking(NamedTuple):
    """Scores of each picture as a query among all others.

    Attributes
    ----------
    hit
        Whether the nearest other picture has the same labels.
    precision
        Average precision: the mean, over pictures with the same labels, of the share of such
        pictures among all that are as near or nearer.
    f1
        F1 between the labels of the query and those of the nearest other picture.
    """

    hit: NDArray[np.float64]
    precision: NDArray[np.float64]
    f1: NDArray[np.float64]


def ranking(rsm: NDArray[Any], labels: NDArray[np.bool_]) -> Ranking:
    """Return the scores of an RSM (n, n) of pictures with sets of labels, (n, labels)."""
    order = nearest_first(rsm)
    shared = overlap(labels)
    ranked = np.take_along_axis(shared == 1, order, axis=1)
    places = np.arange(1, order.shape[1] + 1)
    precisions = np.cumsum(ranked, axis=1) / places
    return Ranking(
        ranked[:, 0].astype(np.float64),
        (precisions * ranked).sum(axis=1) / ranked.sum(axis=1),
        np.take_along_axis(shared, order[:, :1], axis=1)[:, 0],
    )


def nearest_first(rsm: NDArray[Any]) -> NDArray[np.intp]:
    """Return, for each picture, all others from the most alike on, (n, n - 1)."""
    others = np.array(rsm, np.float64)
    np.fill_diagonal(others, np.inf)
    return np.argsort(-others, axis=1, kind="stable")[:, 1:]


def overlap(labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the F1 between the sets of labels of all pairs of pictures."""
    counts = labels.astype(np.float64)
    sizes = counts.sum(axis=1)
    return np.asarray(2 * (counts @ counts.T) / np.add.outer(sizes, sizes))
