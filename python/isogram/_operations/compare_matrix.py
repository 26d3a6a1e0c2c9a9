"""How alike many RSMs are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isogram._arguments import choice, threads
from isogram._errors import warn
from isogram._labels import giver_of_table
from isogram._place import place_of
from isogram._rsms import (
    METHODS,
    OPPOSITE,
    are_opposites,
    fewest_samples,
    given_rsms,
    noise_of,
    opposite_kinds,
    rsms_of,
    undefined,
    zero_rows,
)
from isogram._statistics.rsm_table import RsmPairs, rsm_table
from isogram._types import Array, LayersOf
from isogram.typing import MeasureKind, RsmMethodName

if TYPE_CHECKING:
    from typing import Unpack

    from isogram._overloads import ArrayT, CompareRsmsMatrixOptions

_FUNCTION = "compare_rsms_matrix"


@overload
def compare_rsms_matrix(
    rsms: NDArray[Any],
    other: Array | LayersOf[Array] | None = None,
    **options: Unpack[CompareRsmsMatrixOptions],
) -> NDArray[Any]: ...
@overload
def compare_rsms_matrix(
    rsms: ArrayT | LayersOf[ArrayT],
    other: Array | LayersOf[Array] | None = None,
    **options: Unpack[CompareRsmsMatrixOptions],
) -> ArrayT: ...
@overload
def compare_rsms_matrix(
    rsms: LayersOf[ArrayLike],
    other: Array | LayersOf[Array] | None = None,
    **options: Unpack[CompareRsmsMatrixOptions],
) -> NDArray[Any]: ...
def compare_rsms_matrix(
    rsms: Array | LayersOf[Array],
    other: Array | LayersOf[Array] | None = None,
    *,
    method: RsmMethodName = "pearson",
    kinds: tuple[MeasureKind, MeasureKind] | None = None,
    sigma_k: Array | None = None,
    given: LayersOf[Array] | None = None,
    num_threads: int | None = None,
) -> Array:
    """Return how alike every RSM is to every other, or to every one of another set.

    result[i, j] = compare_rsms(rsms[i], rsms[j]), or compare_rsms(rsms[i], other[j]): models with
    subjects, say.

    Parameters
    ----------
    rsms, other : arrays (k, n, n) or (k, n(n - 1)/2), or sequences or mappings of RSMs
        k RSMs of the same samples; each alone may be square or condensed, as for `compare_rsms`.
        An array is always a stack. Pairs that are NaN in all RSMs are left out.
    method : str
        As for `compare_rsms`.
    kinds : pair of {"similarity", "distance"}, optional
        What those of `rsms` and of `other` are; as for `compare_rsms`.
    sigma_k : array of shape (n, n) or (n,), optional
        As for `compare_rsms`.
    given : sequence or mapping of RSMs, optional
        As for `compare_rsms`, of all pairs.
    num_threads : int, optional
        By default `get_num_threads()`. The result has the same bits for any number.

    Returns
    -------
    float64 array of shape (k1, k2)
        In the library of the first RSM; of frames of pandas a frame, labelled by the keys of
        mappings. Exactly symmetric if there is one set. NaN and warnings as for `compare_rsms`.

    Raises
    ------
    ValueError, TypeError
        As for `compare_rsms`, with the name of the RSM, such as `rsms[2]`.

    Notes
    -----
    Types as for `compare_rsms`. Of pearson, spearman, rho_a and cosine, RSMs become vectors of m
    entries once, and the table is one product of k1·k2·m operations: it agrees with `compare_rsms`
    but for rounding; of whitened methods, of vectors of n² entries, which take 4n³ operations each
    with `sigma_k`. Others, and ranks where pairs are missing, are compared pair by pair. Memory:
    16 m bytes per RSM, and as much again for ranks. The call waits for a GPU.

    Examples
    --------
    >>> import numpy as np
    >>> import isogram as ig
    >>> x = np.random.default_rng(0).standard_normal((2, 8, 5))
    >>> subjects = [1 - np.corrcoef(of_subject) for of_subject in x]
    >>> models = {"first": subjects[0], "flat": np.ones((8, 8)) - np.eye(8)}
    >>> ig.compare_rsms_matrix(models, subjects, method="rho_a").round(3)
    array([[ 1.   , -0.012],
           [ 0.   ,  0.   ]])
    """
    choice(_FUNCTION, "method", method, METHODS)
    of_opposites = are_opposites(_FUNCTION, method, kinds)
    if other is None and of_opposites:
        raise ValueError(
            f"{_FUNCTION}: `kinds` must be the same for one set of RSMs, got {kinds!r}"
        )
    workers = threads(_FUNCTION, num_threads)
    least = fewest_samples(method)
    x = rsms_of(_FUNCTION, "rsms", rsms, least)
    y = None if other is None else rsms_of(_FUNCTION, "other", other, least, like=x)
    controls = given_rsms(_FUNCTION, method, given, least, x)
    arrays = x.layers.named_with(None if y is None else y.layers)
    if controls is not None:
        arrays |= controls.layers.named
    place = place_of(_FUNCTION, arrays)
    pairs = RsmPairs(_FUNCTION, place, x, y, workers, controls)
    table = rsm_table(pairs, method, noise_of(_FUNCTION, method, sigma_k, x.samples))
    remarks = []
    if table.undefined:
        remarks.append(
            undefined(_FUNCTION, method, table.undefined, beside_given=controls is not None)
        )
    if method == "gbs":
        squares = dict(zip(pairs.names, pairs.squares(), strict=True))
        remarks += filter(None, [zero_rows(_FUNCTION, place, squares)])
    if kinds is None:
        remarks += filter(None, [_opposites(pairs, table.values)])
    warn(remarks, stacklevel=2)
    with place.entered():
        values = place.xp.asarray(-table.values if of_opposites else table.values)
        return giver_of_table(x.layers, None if y is None else y.layers)(values)


def _opposites(pairs: RsmPairs, values: NDArray[np.float64]) -> str:
    """Return the warning for similarities that are compared with distances, or nothing."""
    of_x, of_y = pairs.sides(list(zip(pairs.names, pairs.arrays, strict=True)))
    suspects = (
        (dict([of_x[i]]), dict([of_y[j]])) for i, j in np.argwhere(values < OPPOSITE).tolist()
    )
    return opposite_kinds(pairs.function, pairs.place, suspects)
