"""HSIC and centred kernel alignment (CKA)."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import kernel_of, layers_like, threads, two_layers, two_sets
from isogram._errors import warn
from isogram._labels import giver_of_table
from isogram._progress import Progress, reporting
from isogram._statistics.cka_table import CkaTable, overflow, remarks, table_of, too_small
from isogram._statistics.layer_pairs import LayerPairs, TooFewSamples
from isogram._statistics.partial_cka import partial_cka
from isogram._types import Array, Kernel, Layers, LayersOf
from isogram.typing import BandwidthsLike, EstimatorName, LayerKernelName, PrecisionName

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import ArrayT, CkaMatrixOptions


def hsic(
    x: Array,
    y: Array,
    *,
    kernel: LayerKernelName = "linear",
    estimator: EstimatorName = "debiased",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    precision: PrecisionName = "float32",
    num_threads: int | None = None,
) -> float:
    """Return the Hilbert-Schmidt independence criterion of two representations.

    With the Gram matrices K of `x` and L of `y`:

    - biased: tr(K H L H) / (n-1)²
    - debiased: [Σ K∘L + 1ᵀK1 · 1ᵀL1 / ((n-1)(n-2)) - 2 · 1ᵀKL1 / (n-2)] / (n(n-3)), with zeroed
      diagonals; it may be negative

    Parameters
    ----------
    x : array of shape (n, d1)
        One representation of n samples; of more axes all but the first are flattened.
    y : array of shape (n, d2)
        Another of the same samples in the same order. Where both have an index (pandas, xarray) or
        identifiers (`isogram.io`), these have to be equal.
    kernel, bandwidth, gamma, degree, coef0
        As for `gram`; "median" is taken of each representation for itself. A pair of bandwidths is
        of `x` and of `y`, such as (1.0, 2.0) or (("median", 0.5), 2.0); but ("median", 0.5) is half
        the median of each. With kernel "precomputed" `x` and `y` are K and L themselves, of shape
        (n, n). They must be symmetric, but for rounding: up to √eps of their type times the largest
        entry. Entries that differ from their mirror images count with the mean of both.
    estimator : {"debiased", "biased"}
        One of the two formulas.
    precision, num_threads
        As for `gram`.

    Returns
    -------
    float
        In units of K times L. Exactly 0 where `x` or `y` is constant. Where one of them may be, as
        far as float64 can tell (or has rows 1e145 apart or more), 0 unless it is more than the
        rounding of its own sums. NaN for fewer than 2 (debiased: 4) samples and infinite beyond the
        range of float64, both with a RuntimeWarning.

    Raises
    ------
    ValueError
        Different numbers of samples, rows that an index says are others or in another order, a NaN
        or infinity, whose index is named; a Gram matrix that is not square, or not symmetric, with
        the first pair of entries.
    TypeError
        Types that are neither floats nor integers nor booleans.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32 tiles → float64 sums. Float64 throughout for any
    float64 input, for the polynomial kernel, and where float32 cannot tell a layer from a constant
    one. Integers as for `gram`. The linear, cosine and correlation kernels first subtract a vector
    amid most rows (for the latter two, rows of unit norm) from all rows. That changes no HSIC, and
    so neither an offset nor one sample of huge norm costs digits. Cost: n²(d1 + d2) operations; for
    the linear kernel n·d1·d2 where that is less, which a GPU takes in float64. Memory: one packed
    copy of the inputs, or half an n × n matrix where that is smaller; on a GPU tiles of at most one
    GiB. The call waits for a GPU once. Gram matrices that are given are read twice where they lie,
    in float64 whatever their type; on a GPU one that rounding makes asymmetric is copied.
    Sources: Gretton et al. 2005 (biased), Song et al. 2012 (debiased).

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> round(ig.hsic(x, x, estimator="biased"), 6)
    2.777778
    """
    pairs = LayerPairs.of("hsic", *two_layers("hsic", x, y), threads("hsic", num_threads), None)
    options = kernel_of("hsic", kernel, bandwidth, gamma, degree, coef0)
    table = _table(pairs, options, estimator, precision)
    if table is None:
        return float("nan")
    _, overflowed = table.undefined_layers()
    if overflowed:
        warnings.warn(overflow("hsic", overflowed), RuntimeWarning, stacklevel=2)
    result = float(table.hsic[0, 0])
    if math.isinf(result):
        message = (
            f"hsic: HSIC leaves the range of float64: the result is {result}; scale `x` or `y`"
        )
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return result


def cka(
    x: Array,
    y: Array,
    *,
    kernel: LayerKernelName = "linear",
    estimator: EstimatorName = "debiased",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    precision: PrecisionName = "float32",
    given: LayersOf[Array] | None = None,
    num_threads: int | None = None,
) -> float:
    """Return the centred kernel alignment of two representations, a similarity of at most 1.

    CKA(x, y) = HSIC(x, y) / sqrt(HSIC(x, x) · HSIC(y, y)), with the same estimator in all three.
    No epsilon is added. Debiased CKA may be negative. Both estimators are inner products of centred
    Gram matrices, so only rounding can leave [-1, 1]: CKA is clamped there, and cka(x, x) is 1.

    Parameters
    ----------
    x, y : arrays of shape (n, d1) and (n, d2)
        As for `hsic`.
    kernel, bandwidth, gamma, degree, coef0
        As for `gram`; pairs of bandwidths, and Gram matrices with "precomputed", as for `hsic`.
    estimator : {"debiased", "biased"}
        Of HSIC. Biased CKA nears 1 where features outnumber samples, whatever the data.
    precision, num_threads
        As for `gram`.
    given : sequence or mapping of arrays of shape (n, d0), optional
        Partial, or deconfounded, CKA, given what is alike in these, such as the networks' inputs:
        dK = K - Σ α̂ K0 and dL in the place of K and L, with α̂ by least squares. Where K0 depend on
        each other but for rounding of their type, a RuntimeWarning says so.

    Returns
    -------
    float
        NaN, with a RuntimeWarning that says why, where a representation is constant as far as
        float64 can tell, or for fewer than 2 (debiased: 4) samples; where nothing is left of a Gram
        matrix without those of `given`.

    Raises
    ------
    ValueError, TypeError
        As for `hsic`.

    Notes
    -----
    Types, cost and memory as for `hsic`. With `given`, K, L and K0 are centred as the estimator
    centres them, and then regressed: CKA is the partial correlation of centred Gram matrices, in
    closed form from the CKA of all pairs of `x`, `y` and `given`, as the partial distance
    correlation of Székely & Rizzo 2014 is. Cui et al. 2022 (arXiv:2202.00095) do the same with the
    biased estimator; their code then sets negative eigenvalues of dK and dL to 0, as is not done
    here. Sources: Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited";
    debiased: Nguyen et al. 2021.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((50, 6))
    >>> round(ig.cka(x, 3 * x + 1), 6)
    1.0
    """
    pairs = LayerPairs.of("cka", *two_layers("cka", x, y), threads("cka", num_threads), None)
    options = kernel_of("cka", kernel, bandwidth, gamma, degree, coef0)
    if given is not None:
        controls = layers_like("cka", "given", given, pairs.x)
        values = _partial(pairs, controls, options, estimator, precision)
        return float(values[0, 0])
    table = _table(pairs, options, estimator, precision)
    if table is None:
        return float("nan")
    warn(remarks("cka", table), stacklevel=2)
    value: float = table.cka.item()
    return value


@overload
def cka_matrix(
    layers: LayersOf[ArrayT],
    other: LayersOf[Array] | None = None,
    **options: Unpack[CkaMatrixOptions],
) -> ArrayT: ...
@overload
def cka_matrix(
    layers: LayersOf[ArrayLike],
    other: LayersOf[Array] | None = None,
    **options: Unpack[CkaMatrixOptions],
) -> NDArray[Any]: ...
def cka_matrix(
    layers: LayersOf[Array],
    other: LayersOf[Array] | None = None,
    *,
    kernel: LayerKernelName = "linear",
    estimator: EstimatorName = "debiased",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    precision: PrecisionName = "float32",
    given: LayersOf[Array] | None = None,
    num_threads: int | None = None,
    progress: Progress = False,
) -> Array:
    """Return the CKA of every layer with every layer, in one pass over the samples.

    result[i, j] = cka(layers[i], layers[j]), or cka(layers[i], other[j]).

    Parameters
    ----------
    layers : sequence or mapping of arrays of shape (n, d_l)
        Representations of the same n samples, in the same order; of more axes all but the first are
        flattened. Pairs of a name and an array are a mapping, a generator is a sequence.
    other : sequence or mapping of arrays of shape (n, d_l), optional
        Those of another model; by default `layers` again.
    kernel, bandwidth, gamma, degree, coef0
        As for `gram`; "median" is taken of each layer for itself. A pair of bandwidths, as for
        `hsic`, is of all `layers` and of all of `other`; with "precomputed" all are Gram matrices.
    estimator : {"debiased", "biased"}
        As for `cka`.
    precision, num_threads
        As for `gram`.
    given : sequence or mapping of arrays of shape (n, d0), optional
        Partial CKA given these, as for `cka`.
    progress : bool or callable
        True draws a bar with tqdm; a callable is called with (done, total), in pairs of layers.
        The first call comes once all layers are packed, and those of long rows multiplied.

    Returns
    -------
    float64 array of shape (L1, L2)
        In the library of the first layer, on a GPU if that is: for a frame of pandas a frame, with
        the keys of the layers, or their numbers, as labels. NaN in the rows and columns of constant
        layers, with a RuntimeWarning that names them; NaN throughout for fewer than 2 (debiased: 4)
        samples.

    Raises
    ------
    ValueError, TypeError
        As for `hsic`, with the name of the layer; layers of fewer than two axes.

    Notes
    -----
    Types, sources as for `cka`; float64 throughout if any layer is float64. Cost: n²·d_l operations
    per layer and n² per pair of layers; for the linear kernel n·d_k·d_l per pair where that is
    less. Memory: one packed copy of the layers; for a layer of long rows half an n × n matrix in
    its place where that is smaller. More than 6144 samples are taken in blocks of 6144 × 6144,
    unless features are multiplied. With `given`, all layers of the three arguments are compared
    with each other. `isogram.plan` computes the same tile by tile. On a GPU as for
    `hsic`; progress is reported once, when all is done.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((50, 6))
    >>> ig.cka_matrix({"conv": x, "head": 2 * x}).round(6)
    array([[1., 1.],
           [1., 1.]])
    """
    workers = threads("cka_matrix", num_threads)
    rows, cols = two_sets("cka_matrix", layers, other)
    options = kernel_of("cka_matrix", kernel, bandwidth, gamma, degree, coef0)
    give = giver_of_table(rows, cols)
    controls = None if given is None else layers_like("cka_matrix", "given", given, rows)
    with reporting("cka_matrix", progress) as report:
        pairs = LayerPairs.of("cka_matrix", rows, cols, workers, report)
        if controls is not None:
            values = _partial(pairs, controls, options, estimator, precision)
            with pairs.place.entered():
                return give(pairs.place.xp.asarray(values))
        table = _table(pairs, options, estimator, precision)
    if table is None:
        with pairs.place.entered():
            return give(pairs.place.xp.full(pairs.shape, np.nan))
    warn(remarks("cka_matrix", table), stacklevel=2)
    return give(table.values)


def _table(pairs: LayerPairs, kernel: Kernel, estimator: str, precision: str) -> CkaTable | None:
    """Return the table; for too few samples None, with a warning to the caller's caller."""
    try:
        return table_of(pairs, kernel, estimator, precision)
    except TooFewSamples:
        message = too_small(pairs.function, estimator, pairs.x.samples)
        warnings.warn(message, RuntimeWarning, stacklevel=3)
        return None


def _partial(
    pairs: LayerPairs, given: Layers, kernel: Kernel, estimator: str, precision: str
) -> NDArray[np.float64]:
    """Return partial CKA; for too few samples NaN, with a warning to the caller's caller."""
    try:
        found = partial_cka(pairs, given, kernel, estimator, precision)
    except TooFewSamples:
        message = too_small(pairs.function, estimator, pairs.x.samples)
        warnings.warn(message, RuntimeWarning, stacklevel=3)
        return np.full(pairs.shape, np.nan)
    warn(found.remarks, stacklevel=3)
    return found.values
