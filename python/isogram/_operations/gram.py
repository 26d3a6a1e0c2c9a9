"""Gram matrices."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import kernel_of, precision_of, rows_of_gram, threads
from isogram._arrays import Output
from isogram._bandwidth import resolved_bandwidth
from isogram._errors import beyond_range, errors_of
from isogram._labels import of_samples
from isogram._memory import PASS_OUT
from isogram._operations.plan import run_to
from isogram._types import Array
from isogram._walk.matrices import is_on_disk
from isogram.typing import BandwidthLike, KernelName, PrecisionName

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import ArrayT, GramOptions

_ADVICE = f"{PASS_OUT}, or use cka_matrix or gbs, which hold no n x n matrix"


@overload
def gram(x: ArrayT, y: Array | None = None, **options: Unpack[GramOptions]) -> ArrayT: ...
@overload
def gram(x: ArrayLike, y: Array | None = None, **options: Unpack[GramOptions]) -> NDArray[Any]: ...
def gram(
    x: Array,
    y: Array | None = None,
    *,
    kernel: KernelName = "linear",
    bandwidth: BandwidthLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    precision: PrecisionName = "float32",
    out: Array | None = None,
    num_threads: int | None = None,
) -> Array:
    """Return the Gram matrix of the rows of `x`, or of those of `x` with those of `y`.

    K[i, j] = k(x[i], y[j]) with k(a, b) one of

    - linear: ⟨a, b⟩
    - cosine: ⟨a, b⟩ / (‖a‖ ‖b‖); 0 where a row is zero
    - correlation: the cosine of rows less their own mean; 0 where a row is constant
    - rbf: exp(-‖a - b‖² / (2 bandwidth²)), of Euclidean distances
    - laplacian: exp(-‖a - b‖₁ / bandwidth), of the sum of |a_c - b_c|, as in scikit-learn
    - laplacian_l2: exp(-‖a - b‖ / bandwidth), of Euclidean distances, as in kernel tests
    - polynomial: (gamma ⟨a, b⟩ + coef0)^degree

    Parameters
    ----------
    x : array of shape (n, d)
        Samples in rows, and not more axes: of maps, a matrix for each might be meant. NumPy, CuPy,
        PyTorch, JAX or any library that speaks DLPack, in the memory of the host or of a CUDA GPU.
    y : array of shape (m, d), optional
        Other samples; by default those of `x`.
    kernel : str
        One of the names above.
    bandwidth : float, "median" or ("median", float)
        Of rbf and the Laplacians, in the features' own unit; "median" is `bandwidth(x)`, of `x`
        alone, and ("median", 0.5) half of that.
    gamma : float, optional
        Of polynomial; by default 1 / d.
    degree : int
        Of polynomial, at least 1.
    coef0 : float
        Of polynomial.
    precision : {"float32", "tf32", "bfloat16"}
        On a GPU only: what matrix products round float32 to, for speed. Their sums and all else
        stay float32.
    out : array of shape (n, n) or (n, m), or path, optional
        Where to write the result: an array of its type, any strides, not overlapping the inputs; or
        a path that ends in .npy or .zarr, or a Zarr array, for which the result is computed tile by
        tile and the same call goes on after an interruption: `Plan.run`.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    array of shape (n, n) or (n, m)
        In the library of `x`: for a frame of pandas a frame, whose labels are the indices of `x`
        and `y`, unless there is an `out`; at a path, a memory map or a Zarr array. Of one set:
        exactly symmetric, and its diagonal is exactly 1 for cosine, correlation (rows of 0 apart),
        rbf and the Laplacians.

    Raises
    ------
    ValueError
        A NaN or infinity, whose index is named; integers beyond 2^53; a wrong shape; "median" where
        the median is 0.
    TypeError
        Types that are neither floats nor integers nor booleans.
    MemoryError
        A result larger than the memory, of the machine or of the GPU.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32 → float32; any float64 input → float64 throughout.
    Booleans and integers of 8 or 16 bits count as float32, others as float64, without a change of
    values; a copy of them is made, and the call waits for a GPU to learn whether those of 64 bits
    are small enough. Norms, means and shifts are float64. Euclidean distances are taken after a
    common shift, and pair by pair where they would cancel or overflow; L1 distances from the
    features as they are. Entries of linear and polynomial beyond the type are infinite, with a
    RuntimeWarning. Cost: n·m·d multiply-adds, half of that for one set. Memory: the result, and one
    packed copy of the inputs, or a second result where that is smaller. The call does not wait for
    a GPU, and so cannot raise: a NaN or infinity gives NaN in its rows and columns, a median of 0
    gives NaN throughout, and infinite entries come without a warning.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.array([[1.0, 0.0], [3.0, 4.0]])
    >>> ig.gram(x)
    array([[ 1.,  3.],
           [ 3., 25.]])
    >>> ig.gram(x, kernel="cosine")
    array([[1. , 0.6],
           [0.6, 1. ]])
    """
    if is_on_disk(out):
        return run_to(
            "gram",
            x,
            y,
            out=out,
            refused={"precision": None if precision == "float32" else precision},
            num_threads=num_threads,
            kernel=kernel,
            bandwidth=bandwidth,
            gamma=gamma,
            degree=degree,
            coef0=coef0,
        )
    options = kernel_of("gram", kernel, bandwidth, gamma, degree, coef0, of_layers=False)
    workers = threads("gram", num_threads)
    inputs = rows_of_gram("gram", x, y)
    rows, cols = inputs["x"], inputs.get("y")
    shape = (len(rows), len(rows if cols is None else cols))
    result = Output("gram", out, shape, inputs, x, _ADVICE)
    place = result.place
    precision = precision_of("gram", precision, place, inputs.values())
    width = resolved_bandwidth(place, "gram", "x", rows, options, workers)
    with errors_of("gram"):
        is_finite = place.gram(rows, cols, options, width, result.array, precision, workers)
    if not is_finite:
        warnings.warn(beyond_range("gram", result.array.dtype), RuntimeWarning, stacklevel=2)
    matrix = result.give()
    return matrix if type(x) is np.ndarray else of_samples(matrix, x, y, out)
