"""Graphs whose nodes are samples and whose edges are cosines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import flag, neighbours_or_all, precision_of, threads
from isogram._arrays import Output, as_layer, giver, lying_with, to_host
from isogram._entries import parts_of
from isogram._errors import errors_of
from isogram._labels import of_samples
from isogram._memory import check_memory
from isogram._place import place_of
from isogram._types import Array
from isogram.typing import PrecisionName

if TYPE_CHECKING:
    from typing import Unpack

    from scipy.sparse import csr_array

    from isogram._overloads import ArrayT, GraphOptions

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
    center: bool = False,
    symmetrize: bool = True,
    precision: PrecisionName = "float32",
    num_threads: int | None = None,
) -> Array | Csr:
    """Return the cosine graph of the samples: dense, or of each sample's `k` nearest.

    A[i, j] = ⟨x[i], x[j]⟩ / (‖x[i]‖ ‖x[j]‖), 0 on the diagonal and where a row is zero. With `k`,
    the k largest entries of every row off the diagonal (of equal ones the smaller column) as
    directed edges W, and then (W + Wᵀ)/2: a mutual edge keeps its weight, a one-sided one gets
    half. So every sample has its k nearest *others*, even if their cosines are negative; `gbs` says
    how the graph of the paper's code differs.

    Parameters
    ----------
    x : array of shape (n, d)
        Samples in rows; of more axes all but the first are flattened.
    k : int, optional
        Neighbours of each sample, 1 to n - 1; by default all, as a dense matrix.
    center : bool
        Subtract the columns' means from `x` first.
    symmetrize : bool
        True returns (W + Wᵀ)/2, False W. Ignored for a dense graph.
    precision : {"float32", "tf32", "bfloat16"}
        As for `gram`.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    array of shape (n, n), or Csr
        In the library of `x`; the dense one is exactly symmetric, and of a frame of pandas a frame.

    Raises
    ------
    ValueError
        `k` out of range, fewer than two samples, a NaN or infinity, whose index is named.
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
    flag("graph", "center", center)
    flag("graph", "symmetrize", symmetrize)
    workers = threads("graph", num_threads)
    rows = as_layer("graph", "x", x)
    neighbours = neighbours_or_all("graph", "x", k, len(rows))
    inputs = {"x": rows}
    place = place_of("graph", inputs)
    precision = precision_of("graph", precision, place, [rows])
    if k is None:
        result = Output("graph", None, (len(rows), len(rows)), inputs, x, _ADVICE)
        with errors_of("graph"):
            place.dense_graph(rows, center, result.array, precision, workers)
        return of_samples(result.give(), x)
    with errors_of("graph"):
        parts = place.knn_graph(rows, neighbours, center, symmetrize, precision, workers)
    give = giver(x)
    indptr, indices, data = (give(part) for part in parts)
    return Csr(indptr, indices, data, (len(rows), len(rows)))
