"""Graphs whose nodes are samples, and graph-based similarity (GBS)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import (
    Layers,
    first_layer,
    flag,
    integer,
    layers_of,
    precision_of,
    same_samples,
    threads,
)
from isogram._arrays import (
    Array,
    Output,
    as_matrix,
    giver,
    lying_with,
    parts_of,
    result_dtype,
    to_host,
)
from isogram._backend import device_of
from isogram._device import graph as on_gpu
from isogram._device.results import fetched
from isogram._memory import check_memory
from isogram._progress import Progress, all_done, reporting

if TYPE_CHECKING:
    from scipy.sparse import csr_array

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


class Motifs(NamedTuple):
    """Triangles of a graph by how many classes they touch."""

    one: int
    two: int
    three: int


@overload
def graph(
    x: Array,
    *,
    k: None = None,
    center: bool = ...,
    symmetrize: bool = ...,
    precision: str = ...,
    num_threads: int | None = ...,
) -> Array: ...
@overload
def graph(
    x: Array,
    *,
    k: int,
    center: bool = ...,
    symmetrize: bool = ...,
    precision: str = ...,
    num_threads: int | None = ...,
) -> Csr: ...
def graph(
    x: Array,
    *,
    k: int | None = None,
    center: bool = False,
    symmetrize: bool = True,
    precision: str = "float32",
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
        Samples in rows.
    k : int, optional
        Neighbours of each sample, 1 to n - 1; by default all, as a dense matrix.
    center : bool
        Subtract the columns' means from `x` first.
    symmetrize : bool
        Whether to return (W + Wᵀ)/2 or W; says nothing about a dense graph.
    precision : {"float32", "tf32", "bfloat16"}
        As for `gram`, on a GPU.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    array of shape (n, n), or Csr
        In the library of `x`; the dense one is exactly symmetric.

    Raises
    ------
    ValueError
        `k` out of range, fewer than two samples, a NaN or infinity, whose index is named.
    TypeError
        Integers and other types that are not floats.
    MemoryError
        A dense result larger than the machine's memory.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32 → float32; float64 throughout. Norms are float64;
    only a row of zeros has no direction: rows of tiny norm are scaled, not clamped. Where float32
    could confuse neighbours (a massive channel or a common offset makes all cosines nearly 1), they
    are ranked again in float64, by the differences of unit rows: the neighbours are those of
    `graph(x.astype("float64"), k=k)`. Cost: n²·d/2 multiply-adds; with `k`, as many again in
    float64 where that is so for most rows, and n·d for each row whose k-th and next cosines are
    equal even then. Memory: one packed copy of `x`, or half an n × n matrix where that is smaller.
    On a GPU nothing waits for the dense graph, in which a NaN or infinity gives NaN; the sparse one
    takes a float64 copy of `x` besides, waits once, to learn how many edges there are, and has the
    neighbours of rounded products where `precision` asks for those. Source: Chen et al. 2021,
    arXiv:2111.11165, where the norm is clamped at 1e-8.

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
    rows = as_matrix("graph", "x", x)
    neighbours = _neighbours("graph", "x", k, len(rows))
    device = device_of("graph", {"x": rows})
    rounding = precision_of("graph", precision, device, [rows])
    if k is None:
        result = Output("graph", None, (len(rows), len(rows)), {"x": rows}, x, _ADVICE)
        if device:
            with device.entered():
                on_gpu.dense_graph(device, rows, center, result.array, rounding)
        else:
            _core.dense_graph(rows, center, result.array, workers)
        return result.give()
    parts: Any
    if device:
        with device.entered():
            queued = on_gpu.knn_graph(
                device, rows, neighbours, center, symmetrize, rounding, result_dtype(rows)
            )
            parts = on_gpu.fetched_graph(device, "graph", {"x": rows}, queued)
    else:
        parts = _core.knn_graph(rows, neighbours, center, symmetrize, workers)
    give = giver(x)
    indptr, indices, data = (give(part) for part in parts)
    return Csr(indptr, indices, data, (len(rows), len(rows)))


def gbs(
    x: Array,
    y: Array,
    *,
    k: int | None = None,
    center: bool = False,
    precision: str = "float32",
    num_threads: int | None = None,
) -> float:
    """Return the graph-based similarity of two representations.

    GBS = (1/n) Σ_i cos(A[i, :], B[i, :]) with A and B the graphs of `x` and `y`, see `graph`; a
    zero row gives 0, with a RuntimeWarning. At most 1; invariant to orthogonal maps, to a positive
    scale of every sample, to isotropic scaling, and with `center` to translation.

    **Which graph to trust when.** The uncentred full graph, the paper's first, saturates where
    features share a mean, as after a ReLU: every cosine is then large, all rows look alike, and two
    *independent* Gaussian representations with mean 1 (n = 300, d = 64) score 0.979. The same pair
    scores 0.008 with `center=True` and 0.019 with `k=5`. So compare absolute values only with
    `center=True` or a small `k`, and trust the uncentred full graph for rankings of layers whose
    features have little common mean, or to reproduce the paper. The k-NN graph sees the local
    neighbourhoods alone; the centred full graph sees all distances.

    **The paper's k-NN graph.** Its code takes the k largest entries of a row whose diagonal is 0,
    so that a sample prefers itself, an edge of weight 0, to a neighbour of negative cosine. Here
    the k are *other* samples. The numbers differ where samples have fewer than k cosines above 0,
    as those of centred or few features may; after a ReLU they are the same. The last example gives
    theirs.

    Parameters
    ----------
    x : array of shape (n, d1)
        One representation of n samples.
    y : array of shape (n, d2)
        Another of the same samples in the same order.
    k : int, optional
        Compare the symmetrised graphs of the k nearest neighbours, 1 to n - 1; by default the full
        graphs.
    center : bool
        Subtract the columns' means from both first.
    precision : {"float32", "tf32", "bfloat16"}
        As for `gram`, on a GPU.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    float
        From -1 to 1. A sample without edges counts 0, also if `x` and `y` are the same, and a
        RuntimeWarning says how many there are: rows of zeros, or orthogonal to all others, as all
        rows of the identity are.

    Raises
    ------
    ValueError
        Different numbers of samples, fewer than two, `k` out of range, a NaN or infinity, whose
        index is named.
    TypeError
        Integers and other types that are not floats.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32 cosines → float64 sums; any float64 input → float64
    throughout. Cost: n²(d1 + d2)/2. Memory: one packed copy of the inputs, or half an n × n matrix
    where that is smaller. The result of a GPU is waited for, once. Source: Chen et al. 2021,
    arXiv:2111.11165.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((50, 6))
    >>> round(ig.gbs(x, 2 * x), 6)
    1.0

    As the paper's code, which drops a sample's last edge if that is negative:

    >>> def papers_graph(x, k):
    ...     edges = ig.graph(x, k=k, symmetrize=False).toarray()
    ...     edges[np.arange(len(x)), edges.argmin(axis=1)] = 0
    ...     return (edges + edges.T) / 2
    >>> y = np.random.default_rng(1).standard_normal((50, 6))
    >>> a, b = papers_graph(x, 30), papers_graph(y, 30)
    >>> bool(abs(ig.compare_rsms(a, b, method="gbs") - ig.gbs(x, y, k=30)) > 0.001)
    True
    """
    flag("gbs", "center", center)
    workers = threads("gbs", num_threads)
    first, second = as_matrix("gbs", "x", x), as_matrix("gbs", "y", y)
    same_samples("gbs", "y", second, "x", len(first))
    neighbours = _neighbours("gbs", "x", k, len(first))
    inputs = {"x": first, "y": second}
    device = device_of("gbs", inputs)
    rounding = precision_of("gbs", precision, device, inputs.values())
    if device:
        with device.entered():
            queued = on_gpu.gbs_table(device, [first], [second], neighbours, center, rounding)
            table, [isolated_x], [isolated_y] = fetched(device, "gbs", inputs, *queued)
    else:
        table, [isolated_x], [isolated_y] = _core.gbs_table(
            "gbs",
            [first],
            [second],
            names_x=["x"],
            names_y=["y"],
            k=neighbours,
            center=center,
            num_threads=workers,
            progress=None,
        )
    if isolated_x or isolated_y:
        message = _isolated("gbs", {"x": isolated_x, "y": isolated_y}, len(first))
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return float(table[0, 0])


def gbs_matrix(
    layers: Sequence[Array] | Mapping[Any, Array],
    other: Sequence[Array] | Mapping[Any, Array] | None = None,
    *,
    k: int | None = None,
    center: bool = False,
    precision: str = "float32",
    num_threads: int | None = None,
    progress: Progress = False,
) -> Array:
    """Return the graph-based similarity of every layer with every layer, in one pass.

    result[i, j] = gbs(layers[i], layers[j]), or gbs(layers[i], other[j]): see `gbs` for the
    formula, and for which graph to trust when.

    Parameters
    ----------
    layers : sequence or mapping of arrays of shape (n, d_l)
        Representations of the same n samples, in the same order.
    other : sequence or mapping of arrays of shape (n, d_l), optional
        Those of another model; by default `layers` again.
    k, center, precision
        As for `gbs`.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in pairs of layers,
        the first time when all layers are packed: long rows are multiplied before that.

    Returns
    -------
    float64 array of shape (L1, L2)
        In the library of the first layer. Samples without edges count 0, with a RuntimeWarning, as
        for `gbs`.

    Raises
    ------
    ValueError
        Layers of other than two dimensions or of different numbers of samples, fewer than two
        samples, `k` out of range, a NaN or infinity, whose layer and index are named.
    TypeError
        Integers and other types that are not floats.

    Notes
    -----
    Types and source as for `gbs`; float64 throughout if any layer is float64. Cost: n²·d_l/2 per
    layer, and n² per pair of layers. Memory: one packed copy of the layers and n sums per pair, or
    of each layer half an n × n matrix where that is smaller. On a GPU nothing waits: a NaN or
    infinity in a layer gives NaN in its row and column, samples without edges come without a
    warning; progress is reported once, when all is queued.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((50, 6))
    >>> ig.gbs_matrix([x, 2 * x], center=True).round(6)
    array([[1., 1.],
           [1., 1.]])
    """
    flag("gbs_matrix", "center", center)
    workers = threads("gbs_matrix", num_threads)
    rows = layers_of("gbs_matrix", "layers", layers)
    cols: Layers | None = None
    if other is not None:
        cols = layers_of("gbs_matrix", "other", other)
        same_samples("gbs_matrix", cols.names[0], cols.arrays[0], rows.names[0], rows.samples)
    neighbours = _neighbours("gbs_matrix", rows.names[0], k, rows.samples)
    of_x, of_y = rows.arrays, None if cols is None else cols.arrays
    everything = rows.named | ({} if cols is None else cols.named)
    device = device_of("gbs_matrix", everything)
    rounding = precision_of("gbs_matrix", precision, device, everything.values())
    names_y = [] if cols is None else cols.names
    table: Any
    isolated: dict[str, int] = {}
    with reporting("gbs_matrix", progress) as report:
        if device:
            with device.entered():
                table = on_gpu.gbs_table(device, of_x, of_y, neighbours, center, rounding).gbs
            all_done(report, table.size)
        else:
            table, isolated_x, isolated_y = _core.gbs_table(
                "gbs_matrix",
                of_x,
                of_y,
                names_x=rows.names,
                names_y=names_y,
                k=neighbours,
                center=center,
                num_threads=workers,
                progress=report,
            )
            isolated = dict(zip(rows.names + names_y, isolated_x + isolated_y, strict=False))
    if any(isolated.values()):
        message = _isolated("gbs_matrix", isolated, rows.samples)
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return giver(first_layer(layers))(table)


def modularity(x: Array, labels: Any, *, k: int = 3, num_threads: int | None = None) -> float:
    """Return how well classes are separate communities of the k-NN cosine graph.

    Newman's Q = Σ_c [L_c/m - (k_c/2m)²] on the symmetrised graph of `graph(x, k=k)`, weighted: L_c
    is the weight of the edges inside class c, k_c the weighted degree of its nodes, m the weight of
    all edges. Edges go to the k nearest *other* samples, also where their cosines are negative;
    `gbs` says how the graph of the paper's code differs.

    Parameters
    ----------
    x : array of shape (n, d)
        Samples in rows.
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
        RuntimeWarning, where the edges weigh nothing in all.

    Raises
    ------
    ValueError
        A wrong number of labels, `k` out of range, a NaN or infinity, whose index is named.
    TypeError
        Integers and other types that are not floats.

    Notes
    -----
    Types as for `graph`, sums in float64. Cost: n²·d/2 multiply-adds. Memory: as for `graph` and
    the sparse graph, which a GPU passes on to the host. Source: Lu et al. 2022, arXiv:2111.12485.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> round(ig.modularity(x, ["cat", "cat", "dog", "dog"], k=1), 6)
    0.5
    """
    workers = threads("modularity", num_threads)
    rows = as_matrix("modularity", "x", x)
    classes = _classes("modularity", labels, len(rows))
    neighbours = _neighbours("modularity", "x", k, len(rows))
    device = device_of("modularity", {"x": rows})
    if device:
        with device.entered():
            result = on_gpu.modularity(device, rows, classes, neighbours)
    else:
        result = _core.modularity(rows, classes, neighbours, workers)
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
    x : array of shape (n, d)
        Samples in rows.
    labels : sequence of n labels
        The class of each sample: integers, or anything that `numpy.unique` sorts.
    k : int
        Neighbours of each sample, 1 to n - 1.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    Motifs
        Named tuple (one, two, three) of ints.

    Raises
    ------
    ValueError
        A wrong number of labels, `k` out of range, a NaN or infinity, whose index is named.
    TypeError
        Integers and other types that are not floats; arrays on a GPU.

    Notes
    -----
    Types as for `graph`. Cost: n²·d/2 multiply-adds. Memory: as for `graph` and the sparse graph.
    Source: Chen et al. 2021, arXiv:2111.11165.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> ig.motifs(np.eye(4, 3) + 1.0, [0, 0, 0, 1], k=3)
    Motifs(one=1, two=3, three=0)
    """
    workers = threads("motifs", num_threads)
    rows = as_matrix("motifs", "x", x, on_gpu=False)
    classes = _classes("motifs", labels, len(rows))
    neighbours = _neighbours("motifs", "x", k, len(rows))
    return Motifs(*_core.motifs(rows, classes, neighbours, workers))


def _isolated(function: str, counts: Mapping[str, int], n: int) -> str:
    """Return the warning for graphs some of whose nodes have no edges; `counts` by layer."""
    listed = ", ".join(f"{count} of `{name}`" for name, count in counts.items() if count)
    return (
        f"{function}: of the {n} samples, {listed} have no edges of weight other than 0, so these "
        "count 0: they are rows of zeros, or equal to the mean that is subtracted, or orthogonal "
        "to all that they are joined to"
    )


def _neighbours(function: str, name: str, k: Any, n: int) -> int:
    """Return `k` for the core, where 0 stands for the full graph."""
    if n < 2:
        raise ValueError(f"{function}: `{name}` must have at least 2 samples, got {n}")
    if k is None:
        return 0
    return integer(function, "k", k, 1, n - 1, f" (one less than the {n} samples)")


def _classes(function: str, labels: Any, n: int) -> NDArray[np.int64]:
    """Return the labels as numbers of classes."""
    array = np.asarray(labels)
    if array.shape != (n,):
        raise ValueError(
            f"{function}: `labels` must be 1-D with one label for each of the {n} samples, "
            f"got shape {array.shape}"
        )
    try:
        return np.unique(array, return_inverse=True)[1].astype(np.int64)
    except TypeError as error:
        raise TypeError(
            f"{function}: `labels` must be of one sortable type, got {array.dtype}: {error}"
        ) from None
