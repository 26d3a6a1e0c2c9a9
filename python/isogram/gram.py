"""Gram matrices, and the rule that chooses a bandwidth."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

# Not when first asked for: NumPy would import it then, which a signal handler that calls isogram
# may interrupt half way.
from numpy.random import default_rng
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import (
    Kernel,
    choice,
    integer,
    kernel_of,
    precision_of,
    threads,
)
from isogram._arithmetic import usual_arithmetic
from isogram._arrays import Array, Output, as_matrix, parts_of
from isogram._backend import device_of
from isogram._device import gram as on_gpu
from isogram._device.results import fetched
from isogram._errors import input_changed
from isogram._memory import FEWER_SAMPLES, PASS_OUT, check_memory
from isogram._scaling import root_mean_square, scaled_bandwidth

_MAX_PAIRS = 524_288
_ADVICE = f"{PASS_OUT}, or use cka_matrix or gbs, which hold no n x n matrix"


def gram(
    x: Array,
    y: Array | None = None,
    *,
    kernel: str = "linear",
    bandwidth: float | str = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
    precision: str = "float32",
    out: Array | None = None,
    num_threads: int | None = None,
) -> Array:
    """Return the Gram matrix of the rows of `x`, or of those of `x` with those of `y`.

    K[i, j] = k(x[i], y[j]) with k(a, b) one of

    - linear: ⟨a, b⟩
    - cosine: ⟨a, b⟩ / (‖a‖ ‖b‖); 0 where a row is zero
    - correlation: the cosine of rows less their own mean; 0 where a row is constant
    - rbf: exp(-‖a - b‖² / (2 bandwidth²))
    - laplacian: exp(-‖a - b‖₁ / bandwidth)
    - polynomial: (gamma ⟨a, b⟩ + coef0)^degree

    Parameters
    ----------
    x : array of shape (n, d)
        Samples in rows. NumPy, CuPy, PyTorch, JAX or any library that speaks DLPack, in the memory
        of the host or of a CUDA GPU.
    y : array of shape (m, d), optional
        Other samples; by default those of `x`.
    kernel : str
        One of the names above.
    bandwidth : float or "median"
        Of rbf and laplacian, in the features' own unit; "median" is `bandwidth(x)`, of `x` alone.
    gamma : float, optional
        Of polynomial; by default 1 / d.
    degree : int
        Of polynomial, at least 1.
    coef0 : float
        Of polynomial.
    precision : {"float32", "tf32", "bfloat16"}
        On a GPU, what matrix products may round float32 to, for speed; in float32 all the same
        are sums, and all else.
    out : array of shape (n, n) or (n, m), optional
        Where to write the result: of its very type, any strides, apart from the inputs.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    array of shape (n, n) or (n, m)
        In the library of `x`. Of one set: exactly symmetric, and its diagonal is exactly 1 for
        cosine, correlation (rows of 0 apart), rbf and laplacian.

    Raises
    ------
    ValueError
        A NaN or infinity, whose index is named; a wrong shape; "median" where the median is 0.
    TypeError
        Integers and other types that are not floats.
    MemoryError
        A result larger than the memory, of the machine or of the GPU.

    Notes
    -----
    Types: float16, bfloat16, float32 → float32 → float32; any float64 input → float64 throughout.
    Norms, means and shifts are float64. Euclidean distances are taken after a common shift, and
    pair by pair where they would cancel or overflow; L1 distances from the features as they are.
    Entries of linear and polynomial beyond the type are infinite, with a RuntimeWarning. Cost:
    n·m·d multiply-adds, half of that for one set. Memory: the result, and one packed copy of the
    inputs or where that is smaller another result. On a GPU nothing waits: a NaN or infinity gives
    NaN in its rows and columns, a median of 0 NaN throughout, and neither an error; infinite
    entries come without a warning.

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
    options = kernel_of("gram", kernel, bandwidth, gamma, degree, coef0)
    workers = threads("gram", num_threads)
    inputs = {"x": as_matrix("gram", "x", x)}
    if y is not None:
        inputs["y"] = as_matrix("gram", "y", y)
        if inputs["y"].shape[1] != inputs["x"].shape[1]:
            raise ValueError(
                "gram: `y` must have as many features as `x` "
                f"({inputs['x'].shape[1]}), got {inputs['y'].shape[1]}"
            )
    rows, cols = inputs["x"], inputs.get("y")
    shape = (len(rows), len(rows if cols is None else cols))
    result = Output("gram", out, shape, inputs, x, _ADVICE)
    device = result.device
    rounding = precision_of("gram", precision, device, inputs.values())
    width = resolved_bandwidth("gram", "x", rows, options, workers)
    if device:
        with device.entered():
            on_gpu.gram(device, rows, cols, options, width, result.array, rounding)
    else:
        is_finite = _core.gram(
            "gram",
            rows,
            cols,
            options.name,
            width,
            options.gamma,
            options.degree,
            options.coef0,
            result.array,
            workers,
        )
        if not is_finite:
            warnings.warn(beyond_range("gram", result.array.dtype), RuntimeWarning, stacklevel=2)
    return result.give()


def bandwidth(
    x: Array,
    *,
    rule: str = "median",
    max_pairs: int = _MAX_PAIRS,
    seed: int = 0,
    num_threads: int | None = None,
) -> float:
    """Return a bandwidth for `x`: the root of the median (or mean) squared distance of its rows.

    sqrt(median over i < j of ‖x[i] - x[j]‖²); with rule "mean", the mean in its place.

    Parameters
    ----------
    x : array of shape (n, d)
        At least two samples in rows.
    rule : {"median", "mean"}
        What is taken of the squared distances.
    max_pairs : int
        Of more pairs than this, so many are drawn at random, with replacement.
    seed : int
        Of that draw.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    float
        In the unit of the features; 0 where the median distance is.

    Raises
    ------
    ValueError
        Fewer than two samples, a NaN or infinity, whose index is named.
    TypeError
        Integers and other types that are not floats.
    MemoryError
        More pairs than fit in the machine's memory.

    Notes
    -----
    Types: any → float64 differences and sums. Cost: d operations per pair. Memory: 8 bytes per
    pair, 24 for drawn ones. A GPU is waited for, once. Source of the median rule: Gretton et al.
    2012, "A kernel two-sample test".

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> ig.bandwidth(np.array([[0.0], [1.0], [3.0]]))
    2.0
    """
    choice("bandwidth", "rule", rule, ("median", "mean"))
    integer("bandwidth", "max_pairs", max_pairs, 1)
    integer("bandwidth", "seed", seed, 0)
    workers = threads("bandwidth", num_threads)
    rows = as_matrix("bandwidth", "x", x)
    pairs = _pairs("bandwidth", "x", rows, rule, max_pairs, seed)
    device = device_of("bandwidth", {"x": rows})
    if device is None:
        return _bandwidth("bandwidth", "x", rows, pairs, workers, rule)
    with device.entered():
        result = on_gpu.bandwidth(device, rows, pairs, rule)
        return float(fetched(device, "bandwidth", {"x": rows}, result)[0][0])


def resolved_bandwidth(
    function: str,
    name: str,
    x: NDArray[Any],
    kernel: Kernel,
    workers: int,
    *,
    allow_constant: bool = False,
) -> Any:
    """Return the bandwidth that a kernel asks for; a median of 0 is an error.

    With `allow_constant`, constant rows get 1: their Gram is constant with any bandwidth. On a GPU
    a median comes as an array, and is NaN where it would be an error.
    """
    if not kernel.needs_median:
        return 1.0 if kernel.bandwidth is None else kernel.bandwidth
    pairs = _pairs(function, name, x)
    if device := device_of(function, {name: x}):
        with device.entered():
            return on_gpu.median_bandwidth(device, x, pairs, allow_constant=allow_constant)
    median = _bandwidth(function, name, x, pairs, workers)
    if median > 0:
        return median
    if allow_constant and _is_constant(function, name, x, workers):
        return 1.0
    raise zero_median(function, f"pairs of rows of `{name}`")


def beyond_range(function: str, dtype: np.dtype[Any]) -> str:
    """Return the warning for products that their type cannot hold."""
    advice = "scale the features down" + ("" if dtype == np.float64 else ", or pass float64")
    return f"{function}: some entries are beyond the range of {dtype}, and infinite: {advice}"


def zero_median(function: str, pairs: str) -> ValueError:
    """Return the error for a median bandwidth of 0."""
    return ValueError(
        f"{function}: `bandwidth` must be a positive number here, got 'median', which is 0: at "
        f"least half of the {pairs} are equal"
    )


def _pairs(
    function: str,
    name: str,
    x: NDArray[Any],
    rule: str = "median",
    max_pairs: int = _MAX_PAIRS,
    seed: int = 0,
) -> NDArray[np.int64] | None:
    """Return the pairs of rows that a bandwidth is taken of, or None for all."""
    n = len(x)
    if n < 2:
        raise ValueError(
            f"{function}: `{name}` must have at least 2 rows for a bandwidth by the {rule}, got {n}"
        )
    count = n * (n - 1) // 2
    advice = f"ask for fewer `max_pairs`, or {FEWER_SAMPLES}"
    check_memory(function, (min(count, max_pairs), 1), np.dtype(np.float64), advice)
    return _drawn_pairs(n, max_pairs, seed) if count > max_pairs else None


@usual_arithmetic()
def _bandwidth(
    function: str,
    name: str,
    x: NDArray[Any],
    pairs: NDArray[np.int64] | None,
    workers: int,
    rule: str = "median",
) -> float:
    distances = _core.distances(function, name, x, pairs, workers)
    if rule == "mean":
        root = root_mean_square(distances)
    else:
        root = _core.root_median_square(function, distances, workers)
    if math.isnan(root):
        raise input_changed(function, name)
    return scaled_bandwidth(root, 0) if root > 0 else 0.0


def _drawn_pairs(n: int, count: int, seed: int) -> NDArray[np.int64]:
    """Return uniform pairs of different rows, in either order."""
    rng = default_rng(seed)
    pairs = np.empty((count, 2), np.int64)
    for column, end in enumerate((n, n - 1)):
        for part in parts_of((count,)):
            drawn = pairs[part][:, column]
            drawn[...] = rng.integers(end, size=len(drawn))
    for part in parts_of((count,)):
        first, second = pairs[part].T
        second += second >= first
    return pairs


def _is_constant(function: str, name: str, x: NDArray[Any], workers: int) -> bool:
    """Whether all rows are equal (a single one is)."""
    pairs = np.zeros((len(x) - 1, 2), np.int64)
    pairs[:, 1] = np.arange(1, len(x))
    return not _core.distances(function, name, x, pairs, workers).any()
