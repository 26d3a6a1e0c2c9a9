"""How alike two RSMs are."""

from __future__ import annotations

import math
import warnings
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _core
from isogram._arguments import choice, threads
from isogram._arithmetic import usual_arithmetic
from isogram._arrays import Array, as_matrix, parts_of
from isogram._backend import device_of
from isogram._device import compare as on_gpu
from isogram._device.results import fetched
from isogram._errors import input_changed

_METHODS = ("pearson", "spearman", "kendall", "cosine", "cka", "gbs")
_UNDEFINED = {
    "pearson": "the same everywhere above its diagonal",
    "spearman": "the same everywhere above its diagonal, up to rounding",
    "kendall": "the same everywhere above its diagonal, up to rounding",
    "cosine": "zero everywhere above its diagonal",
    "cka": "constant once centred",
}


def compare_rsms(
    rsm_a: Array, rsm_b: Array, *, method: str = "pearson", num_threads: int | None = None
) -> float:
    """Return how alike two representational similarity matrices are.

    - pearson, spearman, kendall (tau-b), cosine: of the entries above the diagonals; entries on and
      below the diagonal are ignored, even if the matrix is not symmetric
    - cka: debiased CKA with the two as Gram matrices, whose diagonals are not read
    - gbs: the mean cosine of their rows, with zeros for the diagonals, which are not read

    Parameters
    ----------
    rsm_a, rsm_b : arrays of shape (n, n)
        Of the same n ≥ 3 samples (cka: n ≥ 4), in the same order.
    method : str
        One of the names above.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    float
        From -1 to 1. NaN, with a RuntimeWarning that names the matrix, where one is constant.

    Raises
    ------
    ValueError
        Not square, of different sizes, too small, a NaN or infinity where it is read, whose index
        is named.
    TypeError
        Integers and other types that are not floats.

    Notes
    -----
    Ranks (spearman, kendall) take for ties what only rounding separates, such as the correlations
    of two features, which are ±1: entries within 16 eps of one another and 256 eps from all others,
    where chance would not put so many. eps is that of the matrix's type (2^-23, 2^-52; none for
    16-bit types, whose rounding makes ties by itself) times the entries' own magnitude: no other
    entry counts, however large. Two kinds of matrices with negative entries show the scale of the
    sums that they hold, and there eps is at least that of a quarter of it, and entries within 4 eps
    of 0 are 0: cosines and correlations, the largest of which is 1, and entries on few levels. All
    else has its plain ranks, as have close values that go on for longer than 16 eps. The C++ header
    isogram/compare.hpp says it to the last detail.

    Types: any → float64 throughout. Cost: n², and n² log n for spearman and kendall. Memory: the
    two triangles in float64; on a GPU, whose answer is waited for, some such copies. Sources:
    Kriegeskorte et al. 2008 (RSA); Knight 1966 (tau-b).

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> a = np.array([[1.0, 0.2, 0.4], [0.2, 1.0, 0.6], [0.4, 0.6, 1.0]])
    >>> round(ig.compare_rsms(a, 2 * a), 6)
    1.0
    """
    choice("compare_rsms", "method", method, _METHODS)
    workers = threads("compare_rsms", num_threads)
    least = 4 if method == "cka" else 3
    first = _square("rsm_a", rsm_a, least)
    second = _square("rsm_b", rsm_b, least)
    if len(first) != len(second):
        raise ValueError(
            f"compare_rsms: `rsm_b` must be of the shape of `rsm_a` {first.shape}, "
            f"got {second.shape}"
        )
    result = _similarity(first, second, method, workers)
    if math.isnan(result):
        warnings.warn(_why_nan(first, second, method, workers), RuntimeWarning, stacklevel=2)
    if method == "gbs" and (message := _zero_rows(first, second)):
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return result


def _similarity(a: NDArray[Any], b: NDArray[Any], method: str, workers: int) -> float:
    inputs = {"rsm_a": a, "rsm_b": b}
    device = device_of("compare_rsms", inputs)
    if device is None:
        return _core.compare(a, b, method, workers)
    with device.entered():
        queued = on_gpu.compare(device, a, b, method)
        part = "off_diagonal" if method in ("cka", "gbs") else "above_diagonal"
        return float(fetched(device, "compare_rsms", inputs, queued, part=part)[0])


def _square(name: str, rsm: Array, least: int) -> NDArray[Any]:
    matrix = as_matrix("compare_rsms", name, rsm)
    if matrix.shape[0] != matrix.shape[1] or len(matrix) < least:
        raise ValueError(
            f"compare_rsms: `{name}` must be square and at least {least} x {least}, "
            f"got shape {matrix.shape}"
        )
    return matrix


def _why_nan(first: NDArray[Any], second: NDArray[Any], method: str, workers: int) -> str:
    # A matrix without a similarity to itself is the one without variation.
    named = (("rsm_a", first), ("rsm_b", second))
    to_blame = [n for n, rsm in named if math.isnan(_similarity(rsm, rsm, method, workers))]
    if not to_blame:
        raise input_changed("compare_rsms", "rsm_a")
    names = " and ".join(f"`{name}`" for name in to_blame)
    return f"compare_rsms: {method} is NaN, because {names} is {_UNDEFINED[method]}"


@usual_arithmetic()
def _zero_rows(first: NDArray[Any], second: NDArray[Any]) -> str:
    """Return the warning for rows without an entry but 0 off the diagonal, or nothing."""
    counts = {name: _zero_row_count(a) for name, a in (("rsm_a", first), ("rsm_b", second))}
    listed = ", ".join(f"{count} of `{name}`" for name, count in counts.items() if count)
    if not listed:
        return ""
    return (
        f"compare_rsms: of the {len(first)} rows, {listed} are 0 off the diagonal, so these count 0"
    )


def _zero_row_count(rsm: NDArray[Any]) -> int:
    device = device_of("compare_rsms", {"rsm": rsm})
    xp, on_host = (device.xp, device.to_host) if device else (np, np.asarray)
    count = 0
    with device.entered() if device else nullcontext():
        suspects = np.flatnonzero(on_host(_may_be_zero(rsm)))
        for part in parts_of((len(suspects), len(rsm))):
            rows = suspects[part[0]]
            is_entry = on_host(rsm[xp.asarray(rows)] != 0)
            is_entry[np.arange(len(rows)), rows] = False
            count += int(np.count_nonzero(~is_entry.any(axis=1)))
    return count


def _may_be_zero(rsm: NDArray[Any]) -> Any:
    # Two columns tell nearly all rows, without another pass over the matrix.
    may_be = (rsm[:, 0] == 0) & (rsm[:, 1] == 0)
    may_be[:2] = True  # of these, one of the two entries is on the diagonal
    return may_be
