"""Graph-based similarity (GBS): how alike the cosine graphs of two representations are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from numpy.typing import ArrayLike, NDArray

from isogram._arguments import neighbours_or_all, threads, two_layers, two_sets
from isogram._errors import warn
from isogram._labels import giver_of_table
from isogram._progress import Progress, reporting
from isogram._statistics.gbs_table import table_of
from isogram._statistics.layer_pairs import LayerPairs
from isogram._types import Array, LayersOf
from isogram.typing import GraphKernelName, PrecisionName

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import ArrayT, GbsMatrixOptions


def gbs(
    x: Array,
    y: Array,
    *,
    k: int | None = None,
    center: bool = False,
    kernel: GraphKernelName = "cosine",
    precision: PrecisionName = "float32",
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
    as those of centred or few features may; after a ReLU they agree. The last example computes the
    paper's.

    Parameters
    ----------
    x, y : arrays of shape (n, d1) and (n, d2)
        As for `hsic`.
    k : int, optional
        Compare the symmetrised graphs of the k nearest neighbours, 1 to n - 1; by default the full
        graphs.
    center : bool
        Subtract the columns' means from both first.
    kernel : {"cosine", "precomputed"}
        "precomputed": `x` and `y` are Gram matrices K of shape (n, n), as for `hsic`, whose cosines
        are K[i, j] / sqrt(K[i, i] K[j, j]); with `center` those of H K H, H = I - 11ᵀ/n.
    precision, num_threads
        As for `gram`.

    Returns
    -------
    float
        From -1 to 1. A sample without edges counts 0, even if `x` and `y` are the same, and a
        RuntimeWarning says how many samples have none: their rows are zero, or orthogonal to all
        others, as those of the identity matrix are.

    Raises
    ------
    ValueError, TypeError
        As for `hsic`; fewer than two samples, `k` out of range, a Gram matrix with a negative
        diagonal entry, or with 0 on the diagonal of a row that has other entries.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32 cosines → float64 sums; any float64 input → float64
    throughout. Integers as for `gram`. Cost: n²(d1 + d2)/2. Memory: one packed copy of the inputs,
    or half an n × n matrix where that is smaller. The call waits for a GPU once. Gram matrices that
    are given are read as for `hsic`, in float64. Source: Chen et al. 2021, arXiv:2111.11165.

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
    pairs = LayerPairs.of("gbs", *two_layers("gbs", x, y), threads("gbs", num_threads), None)
    neighbours = neighbours_or_all("gbs", "x", k, pairs.x.samples)
    table, remarks = table_of(pairs, neighbours, center, kernel, precision, wait=True)
    result = pairs.place.to_host(table.values)
    warn(remarks(result), stacklevel=2)
    return float(result[0, 0])


@overload
def gbs_matrix(
    layers: LayersOf[ArrayT],
    other: LayersOf[Array] | None = None,
    **options: Unpack[GbsMatrixOptions],
) -> ArrayT: ...
@overload
def gbs_matrix(
    layers: LayersOf[ArrayLike],
    other: LayersOf[Array] | None = None,
    **options: Unpack[GbsMatrixOptions],
) -> NDArray[Any]: ...
def gbs_matrix(
    layers: LayersOf[Array],
    other: LayersOf[Array] | None = None,
    *,
    k: int | None = None,
    center: bool = False,
    kernel: GraphKernelName = "cosine",
    precision: PrecisionName = "float32",
    num_threads: int | None = None,
    progress: Progress = False,
) -> Array:
    """Return the graph-based similarity of every layer with every layer, in one pass.

    result[i, j] = gbs(layers[i], layers[j]), or gbs(layers[i], other[j]): see `gbs` for the
    formula, and for which graph to trust when.

    Parameters
    ----------
    layers, other : sequences or mappings of arrays of shape (n, d_l)
        As for `cka_matrix`.
    k, center, kernel
        As for `gbs`.
    precision, num_threads
        As for `gram`.
    progress : bool or callable
        As for `cka_matrix`.

    Returns
    -------
    float64 array of shape (L1, L2)
        In the library of the first layer, with labels as for `cka_matrix`. Samples without edges
        count 0, with a RuntimeWarning, as for `gbs`.

    Raises
    ------
    ValueError, TypeError
        As for `gbs`, with the name of the layer; layers of fewer than two axes.

    Notes
    -----
    Types and source as for `gbs`; float64 throughout if any layer is float64. Cost: n²·d_l/2 per
    layer, and n² per pair of layers. Memory: n sums per pair of layers, and one packed copy of the
    layers, or half an n × n matrix for each where that is smaller. The call does not wait for a
    GPU: a NaN or infinity in a layer gives NaN in its row and column, samples without edges come
    without a warning, and progress is reported once, when all is queued.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((50, 6))
    >>> ig.gbs_matrix([x, 2 * x], center=True).round(6)
    array([[1., 1.],
           [1., 1.]])
    """
    workers = threads("gbs_matrix", num_threads)
    rows, cols = two_sets("gbs_matrix", layers, other)
    neighbours = neighbours_or_all("gbs_matrix", rows.names[0], k, rows.samples)
    with reporting("gbs_matrix", progress) as report:
        pairs = LayerPairs.of("gbs_matrix", rows, cols, workers, report)
        table, remarks = table_of(pairs, neighbours, center, kernel, precision, wait=False)
    warn(remarks(table.values), stacklevel=2)
    return giver_of_table(rows, cols)(table.values)
