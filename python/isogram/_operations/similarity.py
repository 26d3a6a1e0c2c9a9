"""How alike representations are, by any measure of the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from numpy.typing import ArrayLike, NDArray

from isogram._arguments import reduction_of, threads, two_layers, two_sets
from isogram._errors import warn
from isogram._labels import giver_of_table
from isogram._measures import measure_of
from isogram._progress import Progress, reporting
from isogram._types import Array, LayersOf
from isogram.typing import LayerReductionName

if TYPE_CHECKING:
    from isogram._measures import Measure
    from isogram._overloads import ArrayT


def similarity(
    x: Array,
    y: Array,
    *,
    measure: str | Measure = "cka",
    reduce: LayerReductionName = "flatten",
    num_threads: int | None = None,
    **options: Any,
) -> float:
    """Return the similarity of two representations, or their distance, by a measure's name.

    Parameters
    ----------
    x : array of shape (n, d1)
        One representation of n samples; of more axes as `reduce` says.
    y : array of shape (n, d2)
        Another of the same samples in the same order.
    measure : str or Measure
        A name or alias of `measures()`, which describes them, or a measure that is not registered.
    reduce : {"flatten", "mean", "mean_nchw", "positions", "positions_nchw"}
        What becomes of the positions of feature maps and tokens, arrays of more than two axes:
        features of their own, one for each position and channel; their mean, with channels last or
        ("mean_nchw") second; or rows of their own, so that sample and position i of `x` is
        compared with sample and position i of `y`.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.
    **options
        Options of the measure: `measures()[name].options` has them with their defaults, and
        `cka` and `gbs` describe the options of CKA and GBS.

    Returns
    -------
    float
        NaN, with a RuntimeWarning that says why, where the measure is not defined: of a constant
        representation, or of fewer samples than `measures()[name].fewest_with(options)`.

    Raises
    ------
    ValueError
        A measure that is not known; different numbers of samples, or of positions where these are
        rows; a NaN or infinity, whose index is named; a value of an option that the measure
        refuses.
    TypeError
        An option that the measure does not take; types that are neither floats nor integers nor
        booleans.

    Notes
    -----
    "cka" and "gbs" have the bits of `cka` and `gbs`. Integers as for `gram`. RSA by Pearson's
    correlation or the cosine, and distance correlation: any type → float64 throughout, n² d
    operations for each layer, twice beyond 256 MiB of RSMs, in tiles: no n × n matrix is held. RSA
    by ranks sorts whole RSMs, one at a time. Neighbours are those of `graph(x, k=k)`. Procrustes:
    float64, n d1 d2 operations for each pair, and an SVD of at most n × n by LAPACK. Every
    measure's `source` names its paper. On a GPU errors and warnings are those of the host: the call
    waits for them.

    Positions of one sample are not independent: a test that permutes rows has to keep those of a
    sample together (its `groups`), and neighbours may be positions of the same sample. Means are of
    float64 sums, float32, or float64 of float64.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((50, 6))
    >>> round(ig.similarity(x, 3 * x + 1, measure="distance_correlation"), 6)
    1.0
    """
    function = "similarity"
    chosen = measure_of(function, measure)
    given = chosen.with_defaults(function, options)
    workers = threads(function, num_threads)
    layers = two_layers(function, x, y, reduction_of(function, reduce))
    _, host, remarks = chosen.of_layers(function, *layers, workers, None, given)
    warn(remarks, stacklevel=2)
    return float(host[0, 0])


@overload
def similarity_matrix(
    layers: LayersOf[ArrayT],
    other: LayersOf[Array] | None = None,
    *,
    measure: str | Measure = ...,
    reduce: LayerReductionName = ...,
    num_threads: int | None = ...,
    progress: Progress = ...,
    **options: Any,
) -> ArrayT: ...
@overload
def similarity_matrix(
    layers: LayersOf[ArrayLike],
    other: LayersOf[Array] | None = None,
    *,
    measure: str | Measure = ...,
    reduce: LayerReductionName = ...,
    num_threads: int | None = ...,
    progress: Progress = ...,
    **options: Any,
) -> NDArray[Any]: ...
def similarity_matrix(
    layers: LayersOf[Array],
    other: LayersOf[Array] | None = None,
    *,
    measure: str | Measure = "cka",
    reduce: LayerReductionName = "flatten",
    num_threads: int | None = None,
    progress: Progress = False,
    **options: Any,
) -> Array:
    """Return a measure of every layer with every layer, in one walk over the samples.

    result[i, j] = similarity(layers[i], layers[j]), or similarity(layers[i], other[j]).

    Parameters
    ----------
    layers, other : sequences or mappings of arrays of shape (n, d_l)
        As for `cka_matrix`.
    measure, reduce
        As for `similarity`.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total).
    **options
        Options of the measure, as for `similarity`.

    Returns
    -------
    float64 array of shape (L1, L2)
        In the library of the first layer, on a GPU if that is, with labels as for `cka_matrix`. NaN
        where the measure is not defined, with a RuntimeWarning that names the layers.

    Raises
    ------
    ValueError
        A measure that is not known; layers of fewer than two axes or of different numbers of
        samples; a NaN or infinity, whose layer and index are named; a value of an option that the
        measure refuses.
    TypeError
        An option that the measure does not take; types that are neither floats nor integers nor
        booleans.

    Notes
    -----
    As for `similarity`. RSA by ranks keeps the ranks of all layers as far as they fit into 1 GiB.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((50, 6))
    >>> ig.similarity_matrix({"conv": x, "head": 2 * x}, measure="mutual_knn", k=5)
    array([[1., 1.],
           [1., 1.]])
    """
    function = "similarity_matrix"
    chosen = measure_of(function, measure)
    given = chosen.with_defaults(function, options)
    workers = threads(function, num_threads)
    rows, cols = two_sets(function, layers, other, reduce=reduction_of(function, reduce))
    with reporting(function, progress) as report:
        values, _, remarks = chosen.of_layers(function, rows, cols, workers, report, given)
    warn(remarks, stacklevel=2)
    return giver_of_table(rows, cols)(values)
