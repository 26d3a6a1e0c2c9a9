"""How alike two RSMs are."""

from __future__ import annotations

import math
import warnings
from itertools import permutations
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import choice, threads
from isogram._arithmetic import usual_arithmetic
from isogram._arrays import as_matrix
from isogram._entries import parts_of, widened
from isogram._errors import changed_input, errors_of
from isogram._identifiers import require_same_order, require_square_labels
from isogram._place import place_of
from isogram._types import Array
from isogram.typing import RsmMethodName

if TYPE_CHECKING:
    from isogram._protocols import Place

_UNDEFINED = {
    "pearson": "the same everywhere above its diagonal",
    "spearman": "the same everywhere above its diagonal, up to rounding",
    "kendall": "the same everywhere above its diagonal, up to rounding",
    "cosine": "zero everywhere above its diagonal",
    "cka": "constant once centred",
}


_OPPOSITE = -0.25  # from here down a result may be that of similarities and distances


def compare_rsms(
    rsm_a: Array, rsm_b: Array, *, method: RsmMethodName = "pearson", num_threads: int | None = None
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
        From -1 to 1. NaN, with a RuntimeWarning that names the matrix, where one is constant. A
        RuntimeWarning where a negative result is that of similarities and distances: one matrix has
        its largest entries on the diagonal, the other zeros there and no negative entries.

    Raises
    ------
    ValueError
        Not square, of different sizes, too small, a NaN or infinity where it is read, whose index
        is named.
    TypeError
        Types that are neither floats nor integers nor booleans.

    Notes
    -----
    Ties: to spearman and kendall, entries that only rounding separates are equal, such as the
    correlations of two features, which are ±1. These are entries within 16 eps of one another and
    at least 256 eps from all others, if by chance fewer would lie there. eps is that of the
    matrix's type (2^-23 or 2^-52; 16-bit types have none, since their rounding makes ties by
    itself) times the entries' own magnitude, however large other entries are. Two kinds of matrices
    with negative entries have a scale that they show: cosines and correlations, the largest of
    which is 1, and matrices of few levels. In them eps is at least that of a quarter of the scale,
    and entries within 4 eps of 0 are 0. All other entries have their plain ranks, and so have close
    entries that stretch over more than 16 eps. The C++ header isogram/compare.hpp has all details.

    Types: any → float64 throughout. Integers as for `gram`. Cost: n², and n² log n for spearman and
    kendall. Memory: the two triangles in float64; on a GPU, for which the call waits, several
    copies of them. Sources: Kriegeskorte et al. 2008 (RSA); Knight 1966 (tau-b).

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> a = np.array([[1.0, 0.2, 0.4], [0.2, 1.0, 0.6], [0.4, 0.6, 1.0]])
    >>> round(ig.compare_rsms(a, 2 * a), 6)
    1.0
    """
    choice("compare_rsms", "method", method, get_args(RsmMethodName))
    workers = threads("compare_rsms", num_threads)
    least = 4 if method == "cka" else 3
    first = _square("rsm_a", rsm_a, least)
    second = _square("rsm_b", rsm_b, least)
    if len(first) != len(second):
        raise ValueError(
            f"compare_rsms: `rsm_b` must be of the shape of `rsm_a` {first.shape}, "
            f"got {second.shape}"
        )
    require_same_order("compare_rsms", "rsm_b", rsm_b, "rsm_a", rsm_a)
    place = place_of("compare_rsms", {"rsm_a": first, "rsm_b": second})
    with errors_of("compare_rsms"):
        result = place.compare_rsms(first, second, method, workers)
    if math.isnan(result):
        with errors_of("compare_rsms"):
            message = _why_nan(place, first, second, method, workers)
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    if method == "gbs" and (message := _zero_rows(place, first, second)):
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    if result < _OPPOSITE and (message := _opposite_kinds(place, first, second)):
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return result


@usual_arithmetic()
def _opposite_kinds(place: Place, first: NDArray[Any], second: NDArray[Any]) -> str:
    """Return the warning for similarities that are compared with distances, or nothing."""
    for (name, rsm), (other, distances) in permutations({"rsm_a": first, "rsm_b": second}.items()):
        diagonals = [place.to_host(_diagonal(place, a)) for a in (rsm, distances)]
        if not ((diagonals[0] > 0).all() and (diagonals[1] == 0).all()):
            continue
        if _extremes_above(place, rsm)[1] > diagonals[0].max():
            continue
        if _extremes_above(place, distances)[0] >= 0:
            return (
                f"compare_rsms: `{name}` looks like similarities, `{other}` like distances, whose "
                "diagonal is 0: the sign of the result is that of opposites; compare with "
                f"similarities, such as 1 - {other} or -{other}, if it is"
            )
    return ""


def _diagonal(place: Place, rsm: NDArray[Any]) -> Any:
    with place.entered():
        return widened(rsm.diagonal())


def _extremes_above(place: Place, rsm: NDArray[Any]) -> tuple[float, float]:
    """Return the least and the greatest entry above the diagonal, or 0."""
    least = most = 0.0
    with place.entered():
        for (rows,) in parts_of(rsm.shape):
            above = place.xp.triu(widened(rsm[rows]), rows.start + 1)
            least, most = min(least, float(above.min())), max(most, float(above.max()))
    return least, most


def _square(name: str, rsm: Array, least: int) -> NDArray[Any]:
    matrix = as_matrix("compare_rsms", name, rsm)
    if matrix.shape[0] != matrix.shape[1] or len(matrix) < least:
        raise ValueError(
            f"compare_rsms: `{name}` must be square and at least {least} x {least}, "
            f"got shape {matrix.shape}"
        )
    require_square_labels("compare_rsms", name, rsm)
    return matrix


def _why_nan(
    place: Place, first: NDArray[Any], second: NDArray[Any], method: str, num_threads: int
) -> str:
    # A matrix without a similarity to itself is the one without variation.
    to_blame = [
        name
        for name, rsm in (("rsm_a", first), ("rsm_b", second))
        if math.isnan(place.compare_rsms(rsm, rsm, method, num_threads))
    ]
    if not to_blame:
        raise changed_input("rsm_a")
    names = " and ".join(f"`{name}`" for name in to_blame)
    return f"compare_rsms: {method} is NaN, because {names} is {_UNDEFINED[method]}"


@usual_arithmetic()
def _zero_rows(place: Place, first: NDArray[Any], second: NDArray[Any]) -> str:
    """Return the warning for rows without an entry but 0 off the diagonal, or nothing."""
    counts = {name: _zero_row_count(place, a) for name, a in (("rsm_a", first), ("rsm_b", second))}
    listed = ", ".join(f"{count} of `{name}`" for name, count in counts.items() if count)
    if not listed:
        return ""
    return (
        f"compare_rsms: of the {len(first)} rows, {listed} are 0 off the diagonal, so these count 0"
    )


def _zero_row_count(place: Place, rsm: NDArray[Any]) -> int:
    count = 0
    with place.entered():
        suspects = np.flatnonzero(place.to_host(_may_be_zero(rsm)))
        for part in parts_of((len(suspects), len(rsm))):
            rows = suspects[part[0]]
            is_entry = place.to_host(rsm[place.xp.asarray(rows)] != 0)
            is_entry[np.arange(len(rows)), rows] = False
            count += int(np.count_nonzero(~is_entry.any(axis=1)))
    return count


def _may_be_zero(rsm: NDArray[Any]) -> Any:
    # Two columns tell nearly all rows, without another pass over the matrix.
    may_be = (rsm[:, 0] == 0) & (rsm[:, 1] == 0)
    may_be[:2] = True  # of these, one of the two entries is on the diagonal
    return may_be
