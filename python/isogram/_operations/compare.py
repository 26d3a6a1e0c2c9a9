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
from isogram._arrays import as_input
from isogram._entries import parts_of, widened
from isogram._errors import changed_input, errors_of
from isogram._identifiers import require_same_order, require_square_labels
from isogram._place import place_of
from isogram._types import Array
from isogram.typing import MeasureKind, RsmMethodName

if TYPE_CHECKING:
    from isogram._protocols import Place

_UNDEFINED = {
    "pearson": "the same everywhere above its diagonal",
    "spearman": "the same everywhere above its diagonal, up to rounding",
    "kendall": "the same everywhere above its diagonal, up to rounding",
    "cosine": "zero everywhere above its diagonal",
    "cka": "constant once centred",
}


_KINDS: tuple[MeasureKind, ...] = get_args(MeasureKind)
_FROM_ZERO = ("cosine", "gbs")  # to which an offset counts, so that a negative RSM is no opposite
_OPPOSITE = -0.25  # from here down a result may be that of similarities and distances


def compare_rsms(
    rsm_a: Array,
    rsm_b: Array,
    *,
    method: RsmMethodName = "pearson",
    kinds: tuple[MeasureKind, MeasureKind] | None = None,
    num_threads: int | None = None,
) -> float:
    """Return how alike two representational similarity matrices are.

    - pearson, spearman, kendall (tau-b, also kendall_b), cosine: of the m entries above the
      diagonals; entries on and below the diagonal are ignored, even if the matrix is not symmetric
    - kendall_a (tau-a): concordant less discordant pairs of entries, over all m(m - 1)/2
    - rho_a: the mean of Spearman's correlations over all orders of ties, 12 Σ r s / (m³ - m) -
      3(m + 1)/(m - 1) with the mean ranks r and s
    - cka: debiased CKA with the two as Gram matrices, whose diagonals are not read
    - gbs: the mean cosine of their rows, with zeros for the diagonals, which are not read

    Parameters
    ----------
    rsm_a, rsm_b : arrays of shape (n, n), or condensed (n(n - 1)/2,)
        Of the same n ≥ 3 samples (cka: n ≥ 4), in the same order. Condensed ones have the entries
        above the diagonal row by row, as of SciPy's `pdist`. Pairs that are NaN in both are left
        out (not of cka and gbs).
    method : str
        One of the names above. With ties, as of models of few levels, prefer rho_a or kendall_a:
        to the others a model with ties may be better than the true one.
    kinds : pair of {"similarity", "distance"}, optional
        What the two are. Of different kinds, the second is negated, which cosine and gbs refuse.
        By default they are compared as they are.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    float
        From -1 to 1. NaN, with a RuntimeWarning that names the matrix, where one is constant;
        kendall_a and rho_a are 0 there. Without `kinds`, a RuntimeWarning where a negative result
        is that of similarities and distances: one matrix has its largest entries on the diagonal,
        the other zeros there and no negative entries.

    Raises
    ------
    ValueError
        Neither square nor condensed, of different sizes, too small, an infinity where it is read
        or a pair that is NaN in one alone (cka and gbs: a NaN), whose index is named; fewer than
        three pairs that are not NaN.
    TypeError
        Types that are neither floats nor integers nor booleans.

    Notes
    -----
    Ties: to methods of ranks, entries that only rounding separates are equal, such as the
    correlations of two features, which are ±1. These are entries within 16 eps of one another and
    at least 256 eps from all others, if by chance fewer would lie there. eps is that of the
    matrix's type (2^-23 or 2^-52; 16-bit types have none, since their rounding makes ties by
    itself) times the entries' own magnitude, however large other entries are. Two kinds of matrices
    with negative entries have a scale that they show: cosines and correlations, the largest of
    which is 1, and matrices of few levels. In them eps is at least that of a quarter of the scale,
    and entries within 4 eps of 0 are 0. All other entries have their plain ranks, and so have close
    entries that stretch over more than 16 eps. The C++ header isogram/compare.hpp has all details.

    Types: any → float64 throughout. Integers as for `gram`. Cost: n², and n² log n for ranks.
    Memory: the two triangles in float64, and squares of condensed RSMs; on a GPU, for which the
    call waits, several copies of them. Sources: Kriegeskorte et al. 2008 (RSA); Knight 1966
    (tau-b); Nili et al. 2014 (tau-a); Schütt et al. 2023, eLife 12, e82566 (rho-a).

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> a = np.array([[1.0, 0.2, 0.4], [0.2, 1.0, 0.6], [0.4, 0.6, 1.0]])
    >>> round(ig.compare_rsms(a, 2 * a), 6)
    1.0
    """
    choice("compare_rsms", "method", method, get_args(RsmMethodName))
    are_opposites = _are_opposites("compare_rsms", method, kinds)
    workers = threads("compare_rsms", num_threads)
    least = 4 if method == "cka" else 3
    first = square_rsm("compare_rsms", "rsm_a", rsm_a, least)
    second = square_rsm("compare_rsms", "rsm_b", rsm_b, least)
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
    if kinds is not None:
        return -result if are_opposites else result
    if result < _OPPOSITE and (message := _opposite_kinds(place, first, second)):
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return result


def _are_opposites(function: str, method: str, kinds: object) -> bool:
    """Check the kinds of two RSMs; return whether they are a similarity and a distance."""
    if kinds is None:
        return False
    if not (isinstance(kinds, tuple | list) and len(kinds) == 2):
        raise TypeError(
            f"{function}: `kinds` must be None or a pair of 'similarity' and 'distance', "
            f"got {kinds!r}"
        )
    first, second = (choice(function, "kinds", kind, _KINDS) for kind in kinds)
    if first != second and method in _FROM_ZERO:
        raise ValueError(
            f"{function}: `kinds` must be the same for method {method!r}, to which an offset "
            f"counts, got {kinds!r}: make similarities of the distances, such as 1 - rsm"
        )
    return first != second


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
                f"similarities, such as 1 - {other} or -{other}, if it is, or say the `kinds`"
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
            above = place.xp.where(place.xp.isnan(above), 0, above)
            least, most = min(least, float(above.min())), max(most, float(above.max()))
    return least, most


def square_rsm(function: str, name: str, rsm: Array, least: int) -> NDArray[Any]:
    """Check an RSM, and return it as a matrix; of a condensed one the diagonal is 0."""
    array = as_input(function, name, rsm, 1, 2, on_gpu=True)
    samples = len(array) if array.ndim == 2 else _samples_of_pairs(len(array))
    is_whole = array.shape in ((samples, samples), (samples * (samples - 1) // 2,))
    if not is_whole or samples < least:
        raise ValueError(
            f"{function}: `{name}` must be square and at least {least} x {least}, or the "
            f"n(n - 1)/2 entries above the diagonal of such a matrix, got shape {array.shape}"
        )
    if array.ndim == 1:
        return _square_of(place_of(function, {name: array}), array, samples)
    require_square_labels(function, name, rsm)
    return array


def _samples_of_pairs(pairs: int) -> int:
    """Return the n of n(n - 1)/2 pairs, rounded down."""
    return (1 + math.isqrt(1 + 8 * pairs)) // 2


def _square_of(place: Place, condensed: NDArray[Any], samples: int) -> NDArray[Any]:
    with place.entered():
        square: NDArray[Any] = place.xp.zeros((samples, samples), condensed.dtype)
        rows, cols = place.xp.triu_indices(samples, 1)
        square[rows, cols] = square[cols, rows] = condensed
    return square


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
