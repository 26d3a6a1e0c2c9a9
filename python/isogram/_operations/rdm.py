"""Distances of all pairs of samples: representational dissimilarity matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import choice, flag, rows_of_gram, threads
from isogram._arithmetic import times_power, usual_arithmetic
from isogram._arrays import giver
from isogram._errors import errors_of, remarks_on_range, warn
from isogram._labels import of_samples
from isogram._memory import FEWER_SAMPLES, check_memory
from isogram._place import place_of
from isogram._statistics.covariances import inverse_factor
from isogram._statistics.distant_neighbours import DISTANCE
from isogram._statistics.rsm_entries import of_about_1, scaled, standardised
from isogram._types import Array, Layers
from isogram._walk.tiles import Tile
from isogram.typing import RdmMetricName

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import ArrayT, RdmOptions
    from isogram._protocols import Place

_OF_DIRECTIONS = ("correlation", "cosine")


@overload
def rdm(x: ArrayT, **options: Unpack[RdmOptions]) -> ArrayT: ...
@overload
def rdm(x: ArrayLike, **options: Unpack[RdmOptions]) -> NDArray[Any]: ...
def rdm(
    x: Array,
    *,
    metric: RdmMetricName = "correlation",
    noise_covariance: Array | None = None,
    condensed: bool = False,
    num_threads: int | None = None,
) -> Array:
    """Return the distances of all pairs of rows of `x`: a representational dissimilarity matrix.

    With a and b two rows, and the names and conventions of SciPy's `pdist`:

    - correlation: 1 - the correlation of a and b; 1 where one is constant
    - cosine: 1 - ⟨a, b⟩ / (‖a‖ ‖b‖); 1 where one is zero
    - euclidean: ‖a - b‖
    - sqeuclidean: ‖a - b‖²
    - mahalanobis: √((a - b)ᵀ Σ⁻¹ (a - b)) with Σ the covariance of noise between the channels

    Parameters
    ----------
    x : array of shape (n, d)
        Samples (conditions) in rows, n ≥ 2, as for `gram`.
    metric : str
        One of the names above.
    noise_covariance : array of shape (d, d), or (d,) for a diagonal one
        Σ of mahalanobis, which needs it: symmetric and positive definite, so of residuals fewer
        than channels a regularised one.
    condensed : bool
        Return the n(n - 1)/2 entries above the diagonal, row by row.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    float64 array of shape (n, n) or (n(n - 1)/2,)
        In the library of `x`, where that lies. Exactly symmetric, with a zero diagonal. Of a frame
        of pandas a square one is a frame, labelled by its index. Distances beyond the range are
        infinite, with a RuntimeWarning.

    Raises
    ------
    ValueError
        Fewer than 2 rows, a NaN or infinity, whose index is named; a `noise_covariance` of another
        shape, not symmetric or not positive definite, missing or without use.
    TypeError
        Types that are neither floats nor integers nor booleans.
    MemoryError
        More entries than there is memory.

    Notes
    -----
    rsatoolbox divides squared distances by the number of channels, and calls them by the names of
    distances: its "euclidean" is `rdm(x, metric="sqeuclidean") / d`, its "mahalanobis"
    `rdm(x, metric="mahalanobis", noise_covariance=cov) ** 2 / d`. These are not divided, so that
    SciPy's names keep SciPy's numbers. No method of `compare_rsms` but cka and gbs reads the factor
    1 / d; Pearson's correlation and the cosine tell distances from their squares, ranks do not.

    Types: any → float64 throughout. Small distances keep their digits: they are those of unit rows
    (½‖u - v‖² for 1 - ⟨u, v⟩), by differences where ‖a‖² + ‖b‖² - 2⟨a, b⟩ cancels. Cost: n²·d, and
    n·d² + d³ for mahalanobis, whose factor of Σ has the bits of NumPy's LAPACK. Memory: a few n × n
    matrices and copies of `x`. The call waits for a GPU. Sources: Kriegeskorte et al. 2008; Walther
    et al. 2016 (mahalanobis).

    Examples
    --------
    >>> import isogram as ig
    >>> ig.rdm([[0.0, 3.0], [4.0, 0.0], [0.0, 6.0]], metric="euclidean", condensed=True).round(3)
    array([5.   , 3.   , 7.211])
    """
    choice("rdm", "metric", metric, get_args(RdmMetricName))
    flag("rdm", "condensed", condensed)
    workers = threads("rdm", num_threads)
    rows = rows_of_gram("rdm", x)["x"]
    n, width = rows.shape
    if n < 2:
        raise ValueError(f"rdm: `x` must have at least 2 rows, got {n}")
    place = place_of("rdm", {"x": rows})
    whitening = _whitening(metric, noise_covariance, width)
    check_memory("rdm", (n, n), np.dtype(np.float64), FEWER_SAMPLES, 3, place.memory)
    with errors_of("rdm"), place.entered():
        place.require_finite(Layers(["x"], [rows]))
        square = _distances(place, rows, metric, whitening, workers)
        warn(remarks_on_range("rdm", square), stacklevel=2)
        if condensed:
            return giver(x)(place.above_diagonal(square))
        return of_samples(giver(x)(square), x)


def _whitening(metric: str, covariance: Array | None, width: int) -> NDArray[np.float64] | None:
    """Return W, for distances ‖W(a - b)‖, or None for the identity."""
    if metric != "mahalanobis":
        if covariance is not None:
            raise ValueError(
                f"rdm: `noise_covariance` must be None for metric {metric!r}, got one: only "
                "mahalanobis reads it"
            )
        return None
    if covariance is None:
        raise ValueError(
            "rdm: `noise_covariance` must be given for metric 'mahalanobis', got None: the "
            "covariance of the channels' noise, such as np.cov(residuals, rowvar=False)"
        )
    return inverse_factor("rdm", "noise_covariance", covariance, width)


@usual_arithmetic()
def _distances(
    place: Place,
    x: NDArray[Any],
    metric: str,
    whitening: NDArray[np.float64] | None,
    num_threads: int,
) -> Array:
    """Return Euclidean distances, or what is made of those of other rows."""
    xp = place.xp
    if metric in _OF_DIRECTIONS:
        units, are_zero = _unit_rows(xp, place.doubles(x), metric)
        square = _euclidean(place, units, num_threads)
        square *= square
        square /= 2
        return _with_undefined(xp, square, are_zero)
    if whitening is not None:
        # Both of about 1, so that products leave the range only if distances do.
        rows, of_rows = of_about_1(xp, place.doubles(x))
        factor, of_factor = of_about_1(np, whitening)
        rows -= rows.mean(axis=0)
        x = place.cross_products(rows.T, xp.asarray(factor.T), num_threads)
        return xp.ldexp(_euclidean(place, x, num_threads), of_rows + of_factor.item())
    square = _euclidean(place, x, num_threads)
    if metric == "sqeuclidean":
        square *= square
    return square


def _euclidean(place: Place, x: Array, num_threads: int) -> Array:
    tiles = place.rsm_tiles(Layers(["x"], [x]), DISTANCE, [1.0], num_threads)
    whole = slice(0, len(x))
    square = tiles.compute(Tile(whole, whole))[0]
    return times_power(place.xp, square, tiles.exponents[0])


def _unit_rows(xp: Any, rows: Array, metric: str) -> tuple[Array, Array]:
    """Return rows of norm 1, and which are 0: of correlations, rows less their means."""
    rows = standardised(xp, rows) if metric == "correlation" else scaled(xp, rows, axis=-1)
    squares = xp.einsum("ij,ij->i", rows, rows)
    are_zero = squares == 0
    return rows / xp.sqrt(xp.where(are_zero, 1.0, squares))[:, None], are_zero


def _with_undefined(xp: Any, square: Array, are_zero: Array) -> Array:
    """Set the distances of rows without a direction to 1, as if orthogonal to all others."""
    is_pair = ~xp.eye(len(square), dtype=bool)
    return xp.where((are_zero[:, None] | are_zero) & is_pair, 1.0, square)
