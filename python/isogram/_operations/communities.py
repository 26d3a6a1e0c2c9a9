"""How far classes are communities of the k-NN cosine graph: modularity and motifs."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import neighbours_of, threads
from isogram._arrays import as_layer, on_host
from isogram._errors import errors_of
from isogram._identifiers import require_same_order
from isogram._place import place_of
from isogram._types import Array


class Motifs(NamedTuple):
    """Triangles of a graph by how many classes they touch."""

    one: int
    two: int
    three: int


def modularity(x: Array, labels: Any, *, k: int = 3, num_threads: int | None = None) -> float:
    """Return how well classes are separate communities of the k-NN cosine graph.

    Newman's Q = Σ_c [L_c/m - (k_c/2m)²] on the symmetrised graph of `graph(x, k=k)`, weighted: L_c
    is the weight of the edges inside class c, k_c the weighted degree of its nodes, m the weight of
    all edges. Edges go to the k nearest *other* samples, also where their cosines are negative;
    `gbs` says how the graph of the paper's code differs.

    Parameters
    ----------
    x : array of shape (n, d)
        Samples in rows; of more axes all but the first are flattened.
    labels : sequence of n labels
        The class of each sample: integers, or anything that `numpy.unique` sorts.
    k : int
        Neighbours of each sample, 1 to n - 1.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    float
        Higher for purer neighbourhoods, at most 1 where no weight is negative; NaN, with a
        RuntimeWarning, if the edge weights sum to zero.

    Raises
    ------
    ValueError
        A wrong number of labels, `k` out of range, a NaN or infinity, whose index is named.
    TypeError
        Types that are neither floats nor integers nor booleans.

    Notes
    -----
    Types as for `graph`, sums in float64. Cost: n²·d/2 multiply-adds. Memory: as for `graph`, and
    the sparse graph, which a GPU copies to the host. Source: Lu et al. 2022, arXiv:2111.12485.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> round(ig.modularity(x, ["cat", "cat", "dog", "dog"], k=1), 6)
    0.5
    """
    workers = threads("modularity", num_threads)
    rows = as_layer("modularity", "x", x)
    classes = _classes("modularity", labels, x, len(rows))
    neighbours = neighbours_of("modularity", "x", k, len(rows))
    place = place_of("modularity", {"x": rows})
    with errors_of("modularity"):
        result = place.modularity(rows, classes, neighbours, workers)
    if math.isnan(result):
        warnings.warn(
            "modularity: the edges of the graph weigh nothing in all: the result is NaN",
            RuntimeWarning,
            stacklevel=2,
        )
    return result


def motifs(x: Array, labels: Any, *, k: int = 5, num_threads: int | None = None) -> Motifs:
    """Count the triangles of the k-NN cosine graph by how many classes they touch.

    The graph is undirected: i and j are joined where either is among the k nearest of the other,
    whatever the sign of their cosine; `gbs` says how the graph of the paper's code differs.

    Parameters
    ----------
    x, labels, k, num_threads
        As for `modularity`.

    Returns
    -------
    Motifs
        Named tuple (one, two, three) of ints.

    Raises
    ------
    ValueError, TypeError
        As for `modularity`.

    Notes
    -----
    Types as for `graph`. Cost: n²·d/2 multiply-adds, and O(edges^1.5) on the host. Memory: as for
    `graph`, and the sparse graph, which a GPU copies to the host. Source: Chen et al. 2021,
    arXiv:2111.11165.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> ig.motifs(np.eye(4, 3) + 1.0, [0, 0, 0, 1], k=3)
    Motifs(one=1, two=3, three=0)
    """
    workers = threads("motifs", num_threads)
    rows = as_layer("motifs", "x", x)
    classes = _classes("motifs", labels, x, len(rows))
    neighbours = neighbours_of("motifs", "x", k, len(rows))
    place = place_of("motifs", {"x": rows})
    with errors_of("motifs"):
        return Motifs(*place.motifs(rows, classes, neighbours, workers))


def _classes(function: str, labels: Any, x: Array, n: int) -> NDArray[np.int64]:
    """Return the labels of the rows of `x` as numbers of classes."""
    array = on_host(function, "labels", labels)
    if array.shape != (n,):
        raise ValueError(
            f"{function}: `labels` must be 1-D with one label for each of the {n} samples, "
            f"got shape {array.shape}"
        )
    require_same_order(function, "labels", labels, "x", x)
    try:
        return np.unique(array, return_inverse=True)[1].astype(np.int64)
    except TypeError as error:
        raise TypeError(
            f"{function}: `labels` must be of one sortable type, got {array.dtype}: {error}"
        ) from None
