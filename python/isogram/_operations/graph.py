"""Graphs whose nodes are samples and whose edges are cosines, correlations or distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import choice, flag, neighbours_or_all, precision_of, threads
from isogram._arrays import Output, as_layer, giver, lying_with, to_host
from isogram._entries import parts_of, result_dtype
from isogram._errors import errors_of, remarks_on_range, warn
from isogram._labels import of_samples
from isogram._memory import check_memory
from isogram._place import place_of
from isogram._statistics.distant_neighbours import DISTANCE, EDGE, DistantNeighbours, graph_of
from isogram._statistics.neighbours import MergedNeighbours
from isogram._types import Array, Layers
from isogram._walk.run import HostWorker, run
from isogram._walk.tiles import upper_tiles
from isogram.typing import GraphMetricName, PrecisionName

if TYPE_CHECKING:
    from typing import Unpack

    from scipy.sparse import csr_array

    from isogram._overloads import ArrayT, GraphOptions
    from isogram._protocols import Place

_ADVICE = "pass `k` for a sparse graph, or use gbs, which holds no n x n matrix"


@dataclass(frozen=True, eq=False, repr=False)
class Csr:
    """A sparse square matrix in compressed rows.

    The columns of row i are `indices[indptr[i]:indptr[i + 1]]`, ascending, and its entries are the
    same slice of `data`.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> graph = ig.graph(np.array([[1.0, 0.0], [4.0, 3.0], [0.0, 1.0]]), k=1)
    >>> graph.toarray()
    array([[0. , 0.8, 0. ],
           [0.8, 0. , 0.3],
           [0. , 0.3, 0. ]])
    """

    indptr: Array  # int64, n + 1
    indices: Array  # int32, one per entry
    data: Array  # float32 or float64, one per entry
    shape: tuple[int, int]

    def __repr__(self) -> str:
        """Return the shape and the number of entries: the arrays themselves fill screens."""
        return f"Csr(shape={self.shape}, entries={len(self.indices)}, dtype={self.data.dtype})"

    def toarray(self) -> Array:
        """Return the dense (n, n) matrix."""
        indptr, indices, data = (to_host(a) for a in (self.indptr, self.indices, self.data))
        check_memory("toarray", self.shape, data.dtype, "use to_scipy")
        dense = np.empty(self.shape, data.dtype)
        for (rows,) in parts_of(self.shape):
            begins = indptr[rows.start : rows.stop + 1]
            edges = slice(begins[0], begins[-1])
            row_of_edge = np.repeat(np.arange(len(begins) - 1), np.diff(begins))
            dense[rows] = 0
            dense[rows][row_of_edge, indices[edges]] = data[edges]
        return lying_with(self.data, dense)

    def to_scipy(self) -> csr_array:
        """Return a `scipy.sparse.csr_array`, on the same memory if that is the host's."""
        try:
            from scipy.sparse import csr_array
        except ImportError as error:
            raise ImportError("to_scipy: SciPy is not installed: pip install scipy") from error
        # SciPy wants both index arrays of one type, and copies neither when they are.
        indices, indptr = to_host(self.indices), to_host(self.indptr)
        if indptr[-1] <= np.iinfo(np.int32).max:
            indptr = indptr.astype(np.int32)
        return csr_array((to_host(self.data), indices, indptr), shape=self.shape)


@overload
def graph(x: ArrayT, *, k: None = None, **options: Unpack[GraphOptions]) -> ArrayT: ...
@overload
def graph(x: ArrayLike, *, k: None = None, **options: Unpack[GraphOptions]) -> NDArray[Any]: ...
@overload
def graph(x: Array, *, k: int, **options: Unpack[GraphOptions]) -> Csr: ...
@overload
def graph(x: Array, *, k: int | None, **options: Unpack[GraphOptions]) -> Array: ...
def graph(
    x: Array,
    *,
    k: int | None = None,
    metric: GraphMetricName = "cosine",
    center: bool = False,
    symmetrize: bool = True,
    precision: PrecisionName = "float32",
    num_threads: int | None = None,
) -> Array | Csr:
    """Return the graph of the samples by cosine: dense, or of each sample's `k` nearest.

    A[i, j] = ⟨x[i], x[j]⟩ / (‖x[i]‖ ‖x[j]‖), 0 on the diagonal and where a row is zero. With `k`,
    the k largest entries of every row off the diagonal (of equal ones the smaller column) as
    directed edges W, and then (W + Wᵀ)/2: a mutual edge keeps its weight, a one-sided one gets
    half. So every sample has its k nearest *others*, even if their cosines are negative; `gbs` says
    how the graph of the paper's code differs. Other metrics:

    - correlation: the cosines of rows less their own mean; 0 where a row is constant
    - euclidean: edges to the k smallest distances ‖x[i] - x[j]‖ (of equal ones the smaller column),
      which they have as weights, so that heavy edges join what is far; symmetrised, an edge of
      either direction is in the graph, with its distance. Distances that are equal but for
      rounding, as of small integers, are in no order. The dense matrix is
      `rdm(x, metric="euclidean")`.

    Parameters
    ----------
    x : array of shape (n, d)
        Samples in rows; of more axes all but the first are flattened.
    k : int, optional
        Neighbours of each sample, 1 to n - 1; by default all, as a dense matrix.
    metric : {"cosine", "correlation", "euclidean"}
        What makes samples near, and what edges weigh; "euclidean" needs a `k`.
    center : bool
        Subtract the columns' means from `x` first; distances do not change.
    symmetrize : bool
        True returns (W + Wᵀ)/2, or all edges of distances in both directions; False W. Ignored for
        a dense graph.
    precision : {"float32", "tf32", "bfloat16"}
        As for `gram`; of cosines and correlations.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    array of shape (n, n), or Csr
        In the library of `x`; the dense one is exactly symmetric, and of a frame of pandas a frame.

    Raises
    ------
    ValueError
        `k` out of range, or None for distances; fewer than two samples, a NaN or infinity, whose
        index is named.
    TypeError
        Types that are neither floats nor integers nor booleans.
    MemoryError
        A dense result larger than the machine's memory.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32 → float32; float64 throughout. Integers as for
    `gram`. Norms are float64, and tiny norms are not clamped: only a row of zeros has no direction.
    Where float32 could confuse neighbours (a massive channel or a common offset makes all cosines
    nearly 1), they are ranked again in float64, by the differences of unit rows: the neighbours are
    those of `graph(x.astype("float64"), k=k)`. Cost: n²·d/2 multiply-adds; with `k`, as many again
    in float64 where most rows are ranked again, and n·d for each row whose k-th and next cosines
    are equal even in float64. Memory: one packed copy of `x`, or half an n × n matrix where that is
    smaller. The call does not wait for a GPU where the graph is dense: a NaN or infinity gives NaN.
    For a sparse graph it waits once, to learn how many edges there are, and the GPU holds a float64
    copy of `x` as well; with a lower `precision` the neighbours are those of rounded products.

    Distances are float64 of any type, by ‖a‖² + ‖b‖² - 2⟨a, b⟩ less the mean row or, where that
    cancels and on a GPU, by differences; weights are rounded to the type of other graphs. Cost: n²
    distances of d float64 multiply-adds. Memory: tiles of 2,048 × 2,048 distances.
    Source: Chen et al. 2021, arXiv:2111.11165, where the norm is clamped at 1e-8.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> ig.graph(np.array([[1.0, 0.0], [4.0, 3.0], [0.0, 1.0]]))
    array([[0. , 0.8, 0. ],
           [0.8, 0. , 0.6],
           [0. , 0.6, 0. ]])
    """
    choice("graph", "metric", metric, get_args(GraphMetricName))
    flag("graph", "center", center)
    flag("graph", "symmetrize", symmetrize)
    workers = threads("graph", num_threads)
    rows = as_layer("graph", "x", x)
    neighbours = neighbours_or_all("graph", "x", k, len(rows))
    require_sparse(metric, k)
    inputs = {"x": rows}
    place = place_of("graph", inputs)
    precision = precision_of("graph", precision, place, [rows])
    if k is None:
        result = Output("graph", None, (len(rows), len(rows)), inputs, x, _ADVICE)
        with errors_of("graph"):
            place.dense_graph(rows, metric, center, result.array, precision, workers)
        return of_samples(result.give(), x)
    with errors_of("graph"), place.entered():
        if metric == "euclidean":
            parts = _distance_graph(place, rows, neighbours, symmetrize, workers)
            warn(remarks_on_range("graph", parts[2]), stacklevel=2)
        else:
            parts = place.knn_graph(
                rows, neighbours, metric, center, symmetrize, precision, workers
            )
    give = giver(x)
    indptr, indices, data = (give(part) for part in parts)
    return Csr(indptr, indices, data, (len(rows), len(rows)))


def require_sparse(metric: str, k: int | None) -> None:
    """Raise ValueError for a dense matrix of distances."""
    if metric == "euclidean" and k is None:
        raise ValueError(
            "graph: `k` must be given for metric 'euclidean', got None: the dense matrix is "
            "rdm(x, metric='euclidean')"
        )


def _distance_graph(
    place: Place, x: Array, k: int, symmetrize: bool, num_threads: int
) -> tuple[Array, Array, Array]:
    xp, layers = place.xp, Layers(["x"], [x])
    place.require_finite(layers)
    distances = place.rsm_tiles(layers, DISTANCE, [1.0], num_threads)
    search = DistantNeighbours(xp, distances, k, tuple(upper_tiles(len(x), EDGE)))
    found = run(search, [HostWorker(search.compute)], MergedNeighbours(xp))
    weights = in_own_unit(xp, found.weights, distances.exponents[0], result_dtype(x))
    return graph_of(xp, found.indices, weights, symmetrize)


def in_own_unit(xp: Any, distances: Array, exponent: Any, dtype: np.dtype[Any]) -> Array:
    """Return distances times 2^exponent; infinite where they are beyond `dtype`."""
    with np.errstate(over="ignore"):
        return xp.ldexp(distances, exponent).astype(dtype)
