"""How alike two RSMs are."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from isogram._arguments import choice, threads
from isogram._errors import changed_input, errors_of
from isogram._identifiers import require_same_order
from isogram._loading import loaded
from isogram._place import place_of
from isogram._rsms import (
    METHODS,
    OPPOSITE,
    WHITENED,
    Rsms,
    are_opposites,
    checked_rsm,
    fewest_samples,
    given_rsms,
    noise_of,
    opposite_kinds,
    squared,
    undefined,
    zero_rows,
)
from isogram._types import Array, Layers, LayersOf
from isogram.typing import MeasureKind, RsmMethodName

if TYPE_CHECKING:
    from isogram._protocols import Place


def compare_rsms(
    rsm_a: Array,
    rsm_b: Array,
    *,
    method: RsmMethodName = "pearson",
    kinds: tuple[MeasureKind, MeasureKind] | None = None,
    sigma_k: Array | None = None,
    given: LayersOf[Array] | None = None,
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
    - whitened_cosine: dᵀV⁻¹d' / √(dᵀV⁻¹d · d'ᵀV⁻¹d') with V = (CΣCᵀ)∘(CΣCᵀ), C the differences of
      all pairs of samples: for *squared* distances d, whose noise has the covariance V where that
      of the samples' patterns is Σ (`sigma_k`). With Σ = 1, biased linear CKA of the patterns
    - whitened_pearson: the same of entries less their mean

    Parameters
    ----------
    rsm_a, rsm_b : arrays of shape (n, n), or condensed (n(n - 1)/2,)
        Of the same n ≥ 3 samples (cka: n ≥ 4), in the same order. Condensed ones have the entries
        above the diagonal row by row, as of SciPy's `pdist`. Pairs that are NaN in both are left
        out; cka, gbs, whitened methods, and spearman with `given` refuse them.
    method : str
        One of the names above. With ties, as of models of few levels, prefer rho_a or kendall_a:
        to the others a model with ties may be better than the true one.
    kinds : pair of {"similarity", "distance"}, optional
        What the two are. Of different kinds, the second is negated, which cosine and gbs refuse;
        whitened_cosine is of distances. By default they are compared as they are.
    sigma_k : array of shape (n, n), or (n,) for a diagonal one, optional
        Of whitened methods, the covariance of the samples' noise; by default the identity.
    given : sequence or mapping of RSMs, optional
        Of pearson and spearman: the partial correlation, of what the entries (or their ranks) leave
        of a linear regression on those of these RSMs. Constant ones explain nothing.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    float
        From -1 to 1. NaN, with a RuntimeWarning that names the matrix, where one is constant (to
        cosine and whitened_cosine, zero); kendall_a and rho_a are 0 there. Without `kinds`, a
        RuntimeWarning where a negative result is that of similarities and distances: one matrix has
        its largest entries on the diagonal, the other zeros there and no negative entries.

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
    call waits, several copies of them. Whitened methods take n² operations, with `sigma_k` 8n³,
    whose factor has the bits of NumPy's LAPACK; V is not made. With variances alone rsatoolbox's
    number is another: it centres as if they were equal.

    Sources: Kriegeskorte et al. 2008 (RSA); Knight 1966 (tau-b); Nili et al. 2014 (tau-a); Schütt
    et al. 2023, eLife 12, e82566 (rho-a); Diedrichsen et al. 2021, arXiv 2007.02789 (whitened).

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> a = np.array([[1.0, 0.2, 0.4], [0.2, 1.0, 0.6], [0.4, 0.6, 1.0]])
    >>> round(ig.compare_rsms(a, 2 * a), 6)
    1.0
    """
    choice("compare_rsms", "method", method, METHODS)
    of_opposites = are_opposites("compare_rsms", method, kinds)
    workers = threads("compare_rsms", num_threads)
    least = fewest_samples(method)
    first, samples = checked_rsm("compare_rsms", "rsm_a", rsm_a, least)
    second, others = checked_rsm("compare_rsms", "rsm_b", rsm_b, least)
    if samples != others:
        raise ValueError(
            f"compare_rsms: `rsm_b` must be of as many samples as `rsm_a` ({samples}), "
            f"got shape {second.shape}, of {others}"
        )
    require_same_order("compare_rsms", "rsm_b", rsm_b, "rsm_a", rsm_a)
    x = Rsms(Layers(["rsm_a"], [first], [("rsm_a", rsm_a)]), samples)
    controls = given_rsms("compare_rsms", method, given, least, x)
    arrays = {} if controls is None else controls.layers.named
    place = place_of("compare_rsms", {"rsm_a": first, "rsm_b": second} | arrays)
    whitening = noise_of("compare_rsms", method, sigma_k, samples)
    a, b = squared(place, (first, second), samples)
    squares = {"rsm_a": a, "rsm_b": b}
    with errors_of("compare_rsms"):
        if method in WHITENED or controls is not None:
            y = Rsms(Layers(["rsm_b"], [second]), samples)
            [tables] = loaded("isogram._statistics.rsm_table")  # which few callers need
            pairs = tables.RsmPairs("compare_rsms", place, x, y, workers, controls)
            values, constant = tables.rsm_table(pairs, method, whitening)
            result = float(values[0, 0])
        else:
            result = place.compare_rsms(a, b, method, workers)
            constant = _constant(place, squares, method, workers) if math.isnan(result) else []
    if constant:
        beside_given = controls is not None
        message = undefined("compare_rsms", method, constant, beside_given=beside_given)
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    if method == "gbs" and (message := zero_rows("compare_rsms", place, squares)):
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    if kinds is not None:
        return -result if of_opposites else result
    if result < OPPOSITE:
        pair = {"rsm_a": first}, {"rsm_b": second}
        if message := opposite_kinds("compare_rsms", place, [pair]):
            warnings.warn(message, RuntimeWarning, stacklevel=2)
    return result


def _constant(
    place: Place, rsms: dict[str, NDArray[Any]], method: str, num_threads: int
) -> list[str]:
    """Return the names of those without a similarity to themselves: they have no variation."""
    found = [
        name
        for name, rsm in rsms.items()
        if math.isnan(place.compare_rsms(rsm, rsm, method, num_threads))
    ]
    if not found:
        raise changed_input("rsm_a")
    return found
