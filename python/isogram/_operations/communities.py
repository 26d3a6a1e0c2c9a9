"""How far classes are communities of a graph: modularity and motifs."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import neighbours_of, number, threads
from isogram._arithmetic import usual_arithmetic
from isogram._arrays import as_layer, on_host, to_host
from isogram._errors import errors_of
from isogram._host.communities import modularity_of_graph
from isogram._identifiers import require_same_order
from isogram._operations.graph import Csr
from isogram._place import place_of
from isogram._statistics.rsm_entries import scaled
from isogram._types import Array


class Motifs(NamedTuple):
    """Triangles of a graph by how many classes they touch."""

    one: int
    two: int
    three: int


def modularity(
    x: Any,
    labels: Any,
    *,
    k: int = 3,
    resolution: float = 1.0,
    num_threads: int | None = None,
) -> float:
    """Return how well classes are separate communities of the k-NN cosine graph, or of a graph.

    Newman's Q = Σ_c [L_c/m - γ (k_c/2m)²], weighted: L_c is the weight of the edges inside class c,
    k_c the weighted degree of its nodes, m the weight of all edges, γ the resolution; with
    adjacency A the same as Σ_ij (A_ij - γ k_i k_j / 2m) δ(c_i, c_j) / 2m. Of samples the graph is
    the symmetrised one of `graph(x, k=k)`. Edges go to the k nearest *other* samples, also where
    their cosines are negative; `gbs` says how the graph of the paper's code differs.

    Parameters
    ----------
    x : array of shape (n, d), or a graph
        Samples in rows; of more axes all but the first are flattened. Or a symmetric graph of n
        nodes: a `Csr`, as `graph` returns with `k`, or a sparse array or matrix of SciPy.
    labels : sequence of n labels
        The class of each sample: integers, or anything that `numpy.unique` sorts.
    k : int
        Neighbours of each sample, 1 to n - 1. Ignored for a graph, which has its edges.
    resolution : float
        At least 0. Larger ones favour smaller classes.
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
        A wrong number of labels, `k` out of range, a NaN or infinity, whose index is named; a graph
        that is not symmetric; a negative resolution.
    TypeError
        Types that are neither floats nor integers nor booleans.

    Notes
    -----
    Types as for `graph`, sums in float64. Cost: n²·d/2 multiply-adds. Memory: as for `graph`, and
    the sparse graph, which a GPU copies to the host. A given graph takes a pass over its edges and
    a sort of them, to see that it is symmetric, in the memory of the host. Sources: Lu et al. 2022,
    arXiv:2111.12485; of the resolution Reichardt & Bornholdt 2006.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> round(ig.modularity(x, ["cat", "cat", "dog", "dog"], k=1), 6)
    0.5
    >>> round(ig.modularity(ig.graph(x, k=1), [0, 0, 1, 1], resolution=0.5), 6)
    0.75
    """
    workers = threads("modularity", num_threads)
    expected = "a finite number of at least 0"
    gamma = number("modularity", "resolution", resolution, expected)
    if gamma < 0:
        raise ValueError(f"modularity: `resolution` must be {expected}, got {resolution!r}")
    if isinstance(x, Csr) or hasattr(x, "tocsr"):
        given = _given_graph("modularity", x)
        classes = _classes("modularity", labels, x, given.shape[0])
        with errors_of("modularity"):
            result = modularity_of_graph(given.indptr, given.indices, given.data, classes, gamma)
    else:
        rows = as_layer("modularity", "x", x)
        classes = _classes("modularity", labels, x, len(rows))
        neighbours = neighbours_of("modularity", "x", k, len(rows))
        place = place_of("modularity", {"x": rows})
        with errors_of("modularity"):
            result = place.modularity(rows, classes, neighbours, gamma, workers)
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


@usual_arithmetic()
def _given_graph(function: str, x: Any) -> Csr:
    """Return a graph of the caller in host memory, in order; raise unless it is symmetric."""
    if not isinstance(x, Csr):
        x = x.tocsr(copy=True)
        x.sum_duplicates()
        x.eliminate_zeros()
    indptr, indices, data = (to_host(part) for part in (x.indptr, x.indices, x.data))
    n = len(indptr) - 1
    if x.shape != (n, n) or n < 1 or data.dtype.kind not in "bfiu":
        raise ValueError(
            f"{function}: `x` must be a square graph of real weights with at least one node, got "
            f"{data.dtype} of shape {x.shape}"
        )
    starts = _rows_of_entries(indptr, indices, data)
    if starts is None:
        raise ValueError(
            f"{function}: `x` must have rows as those of `graph`, each with columns that ascend "
            f"from 0 or more to at most {n - 1}, got others: pass x.to_scipy(), whose columns may "
            "stand in any order"
        )
    data = data.astype(np.float32 if data.dtype == np.float32 else np.float64, copy=False)
    for entry in np.flatnonzero(~np.isfinite(data))[:1]:
        index = int(starts[entry]), int(indices[entry])
        raise ValueError(
            f"{function}: `x` must have finite weights, got {data[entry]} at index {index}"
        )
    if not _is_symmetric(starts, indices.astype(np.int64), data):
        raise ValueError(
            f"{function}: `x` must be a symmetric graph, got one that is not: take graph(..., "
            "symmetrize=True), or (x + x.T) / 2"
        )
    if data.dtype == np.float64 and data.size:
        data = scaled(np, data)  # whose sum might overflow; modularity is the same
    return Csr(indptr.astype(np.int64), indices.astype(np.int32), data, (n, n))


def _rows_of_entries(
    indptr: NDArray[Any], indices: NDArray[Any], data: NDArray[Any]
) -> NDArray[np.int64] | None:
    """Return the row of each entry; None unless rows are compressed, and their columns ascend."""
    n = len(indptr) - 1
    if indptr.dtype.kind not in "iu" or indices.dtype.kind not in "iu" or indices.ndim != 1:
        return None
    begins, ends = indptr[:-1].astype(np.int64), indptr[1:].astype(np.int64)
    if indptr[0] != 0 or (ends < begins).any() or not indptr[-1] == len(indices) == data.size:
        return None
    rows, columns = np.repeat(np.arange(n), ends - begins), indices.astype(np.int64)
    is_inside = ((columns >= 0) & (columns < n)).all()
    return rows if is_inside and (np.diff(rows * n + columns) > 0).all() else None


def _is_symmetric(rows: NDArray[np.int64], cols: NDArray[np.int64], data: NDArray[Any]) -> bool:
    """Whether entries, in the order of rows and columns, are those of a symmetric matrix."""
    order = np.lexsort((rows, cols))
    return (
        np.array_equal(cols[order], rows)
        and np.array_equal(rows[order], cols)
        and np.array_equal(data[order], data)
    )


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
