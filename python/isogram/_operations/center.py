"""Centring of Gram matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import ESTIMATORS, choice, threads
from isogram._arrays import Output, as_matrix
from isogram._errors import errors_of
from isogram._labels import of_matrix
from isogram._memory import PASS_OUT
from isogram._types import Array
from isogram.typing import EstimatorName

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import ArrayT, CenterOptions


@overload
def center(k: ArrayT, **options: Unpack[CenterOptions]) -> ArrayT: ...
@overload
def center(k: ArrayLike, **options: Unpack[CenterOptions]) -> NDArray[Any]: ...
def center(
    k: Array,
    *,
    estimator: EstimatorName = "biased",
    out: Array | None = None,
    num_threads: int | None = None,
) -> Array:
    """Return a Gram matrix centred in feature space.

    - biased: H k H with H = I - 11ᵀ/n, so that rows and columns sum to 0
    - debiased (U-centring): with the diagonal zeroed first, k[i, j] - R[i]/(n-2) - C[j]/(n-2) +
      S/((n-1)(n-2)) off the diagonal and 0 on it, where R, C and S are the sums of the rows, of
      the columns and of all

    Parameters
    ----------
    k : array of shape (n, n)
        Gram matrix; it need not be symmetric.
    estimator : {"biased", "debiased"}
        Which of the two; debiased needs n ≥ 3.
    out : array of shape (n, n), optional
        Where to write the result; may be `k` itself, but not overlap it in part.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    array of shape (n, n)
        In the library of `k`: for a frame of pandas a frame with its labels, unless there is an
        `out`.

    Raises
    ------
    ValueError
        Not square, too small, a NaN or infinity, whose index is named; a partly overlapping `out`.
    TypeError
        Types that are neither floats nor integers nor booleans.
    MemoryError
        A result larger than the memory, of the machine or of the GPU.

    Notes
    -----
    Types: float16, bfloat16, float32 → float64 sums → float32; float64 throughout. Integers as for
    `gram`. Cost: two passes over n² entries. Memory: the result and 16 n bytes. Sources: Gretton et
    al. 2005; Székely and Rizzo 2014; Song et al. 2012. The call does not wait for a GPU: a NaN or
    infinity gives NaN there, not an error.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> ig.center(np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    debiased = choice("center", "estimator", estimator, ESTIMATORS) == "debiased"
    workers = threads("center", num_threads)
    matrix = as_matrix("center", "k", k)
    rows, cols = matrix.shape
    if rows != cols:
        raise ValueError(f"center: `k` must be square, got shape {matrix.shape}")
    if debiased and rows < 3:
        raise ValueError(
            "center: `k` must be at least 3 x 3 for the debiased estimator, "
            f"got shape {matrix.shape}"
        )
    advice = f"{PASS_OUT}, which may be `k` itself"
    result = Output("center", out, (rows, cols), {"k": matrix}, k, advice, in_place=matrix)
    with errors_of("center"):
        result.place.center(matrix, debiased, result.array, workers)
    centred = result.give()
    return centred if type(k) is np.ndarray else of_matrix(centred, k, out)
