"""RSMs as arguments: square or condensed, similarities or distances, one or many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import choice, items_of
from isogram._arithmetic import usual_arithmetic
from isogram._arrays import as_input
from isogram._entries import parts_of, widened
from isogram._identifiers import require_same_order, require_square_labels
from isogram._loading import loaded
from isogram._types import Array, Layers
from isogram.typing import MeasureKind, RsmMethodName

if TYPE_CHECKING:
    from isogram._protocols import Place

METHODS: tuple[RsmMethodName, ...] = get_args(RsmMethodName)
_KINDS: tuple[MeasureKind, ...] = get_args(MeasureKind)
PARTIAL = ("pearson", "spearman")
WHITENED = ("whitened_cosine", "whitened_pearson")
# An offset counts to these, so that a negative RSM is no opposite.
_FROM_ZERO = ("cosine", "gbs", "whitened_cosine")

OPPOSITE = -0.25  # from here down a result may be that of similarities and distances

_UNDEFINED = {
    "pearson": "the same everywhere above its diagonal",
    "spearman": "the same everywhere above its diagonal, up to rounding",
    "kendall": "the same everywhere above its diagonal, up to rounding",
    "kendall_b": "the same everywhere above its diagonal, up to rounding",
    "cosine": "zero everywhere above its diagonal",
    "cka": "constant once centred",
    "whitened_cosine": "zero everywhere above its diagonal",
    "whitened_pearson": "the same everywhere above its diagonal",
}


# Checks -----------------------------------------------------------------------------------------


class Rsms(NamedTuple):
    """Checked RSMs of the same samples, each square or condensed."""

    layers: Layers
    samples: int


def fewest_samples(method: str) -> int:
    """Return how many samples a method needs."""
    return 4 if method == "cka" else 3


def checked_rsm(function: str, name: str, rsm: Array, least: int) -> tuple[NDArray[Any], int]:
    """Return a square or condensed RSM, and of how many samples it is."""
    array = as_input(function, name, rsm, 1, 2, on_gpu=True)
    samples = _samples_of(function, name, array, least)
    if array.ndim == 2:
        require_square_labels(function, name, rsm)
    return array, samples


def _samples_of(function: str, name: str, rsm: NDArray[Any], least: int) -> int:
    samples = len(rsm) if rsm.ndim == 2 else _samples_of_pairs(len(rsm))
    is_whole = rsm.shape in ((samples, samples), (samples * (samples - 1) // 2,))
    if not is_whole or samples < least:
        raise ValueError(
            f"{function}: `{name}` must be square and at least {least} x {least}, or the "
            f"n(n - 1)/2 entries above the diagonal of such a matrix, got shape {rsm.shape}"
        )
    return samples


def squared(place: Place, rsms: Sequence[NDArray[Any]], samples: int) -> list[NDArray[Any]]:
    """Return checked RSMs as matrices."""
    if all(rsm.ndim == 2 for rsm in rsms):
        return list(rsms)
    with place.entered():
        rows, cols = place.xp.triu_indices(samples, 1)

        def square_of(rsm: NDArray[Any]) -> NDArray[Any]:
            square: NDArray[Any] = place.xp.zeros((samples, samples), rsm.dtype)
            square[rows, cols] = square[cols, rows] = rsm
            return square

        return [rsm if rsm.ndim == 2 else square_of(rsm) for rsm in rsms]


def rsms_of(function: str, name: str, rsms: Any, least: int, like: Rsms | None = None) -> Rsms:
    """Check a stack, a sequence or a mapping of RSMs; a mapping keeps its order.

    `like` are RSMs whose samples they must be of.
    """
    if hasattr(rsms, "shape"):
        stack = list(_stack(function, name, rsms))
        names = [f"{name}[{i}]" for i in range(len(stack))]
        checked = [
            (a, _samples_of(function, n, a, least)) for n, a in zip(names, stack, strict=True)
        ]
        items: list[tuple[Any, Array]] = [(i, rsms) for i in range(len(stack))]
    else:
        items = items_of(function, name, rsms)
        names = [f"{name}[{key!r}]" for key, _ in items]
        checked = [
            checked_rsm(function, n, a, least) for n, (_, a) in zip(names, items, strict=True)
        ]
    if not items:
        raise ValueError(f"{function}: `{name}` must have at least one RSM, got none")
    result = Rsms(Layers(names, [array for array, _ in checked], items), checked[0][1])
    first = result if like is None else like
    for n, (array, samples), (_, given) in zip(names, checked, items, strict=True):
        if samples != first.samples:
            raise ValueError(
                f"{function}: `{n}` must be of as many samples as `{first.layers.names[0]}` "
                f"({first.samples}), got shape {array.shape}, of {samples}"
            )
        require_same_order(function, n, given, first.layers.names[0], first.layers.given[0][1])
    return result


def _stack(function: str, name: str, rsms: Array) -> NDArray[Any]:
    array = as_input(function, name, rsms, 1, 2, 3, on_gpu=True)
    pairs = array.shape[-1]
    is_condensed = pairs == math.comb(_samples_of_pairs(pairs), 2)
    if array.ndim == 1 or (array.ndim == 2 and not is_condensed):
        raise ValueError(
            f"{function}: `{name}` must be RSMs, a stack of shape (k, n, n) or (k, n(n - 1)/2), "
            f"got shape {array.shape}: pass [{name}] for a single one"
        )
    return array


def are_opposites(function: str, method: str, kinds: object) -> bool:
    """Check the kinds of two sides; return whether they are a similarity and a distance."""
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
    if method == "whitened_cosine" and first == "similarity":
        raise ValueError(
            f"{function}: `kinds` must be 'distance' for method {method!r}, got {kinds!r}"
        )
    return first != second


def given_rsms(function: str, method: str, given: Any, least: int, like: Rsms) -> Rsms | None:
    """Check the RSMs that a partial correlation is given, if any."""
    if given is None:
        return None
    if method not in PARTIAL:
        raise ValueError(
            f"{function}: `given` must be None for method {method!r}, got RSMs: only "
            f"{' and '.join(PARTIAL)} are partial correlations"
        )
    if hasattr(given, "shape"):
        raise ValueError(
            f"{function}: `given` must be a sequence or a mapping of RSMs, got one array of shape "
            f"{tuple(given.shape)}: pass [given]"
        )
    return rsms_of(function, "given", given, least, like)


def noise_of(function: str, method: str, sigma_k: Array | None, samples: int) -> Any:
    """Return the whitening of samples by the covariance of their noise, or None."""
    if sigma_k is None:
        return None
    if method not in WHITENED:
        raise ValueError(
            f"{function}: `sigma_k` must be None for method {method!r}, got a covariance: only "
            f"{' and '.join(WHITENED)} read it"
        )
    [covariances] = loaded("isogram._statistics.covariances")  # which few callers need
    return covariances.inverse_factor(function, "sigma_k", sigma_k, samples, of_contrasts=True)


def _samples_of_pairs(pairs: int) -> int:
    """Return the n of n(n - 1)/2 pairs, rounded down."""
    return (1 + math.isqrt(1 + 8 * pairs)) // 2


# Remarks ----------------------------------------------------------------------------------------


def undefined(function: str, method: str, names: list[str], *, beside_given: bool = False) -> str:
    """Return the warning for RSMs that have no similarity with others."""
    listed = " and ".join(f"`{name}`" for name in names)
    reason = "the sum of a constant and multiples of `given`, up to rounding"
    return (
        f"{function}: {method} is NaN, because {listed} {'is' if len(names) == 1 else 'are each'} "
        f"{reason if beside_given else _UNDEFINED[method]}"
    )


@usual_arithmetic()
def opposite_kinds(
    function: str, place: Place, pairs: Iterable[tuple[dict[str, Array], dict[str, Array]]]
) -> str:
    """Return the warning for the first of some pairs, each by its name, that is of both kinds."""
    looks: dict[str, str] = {}
    for pair in pairs:
        names = {}
        for ((name, rsm),) in (side.items() for side in pair):
            if name not in looks:
                looks[name] = _look(place, rsm)
            names[looks[name]] = name
        if {"similarity", "distance"} <= names.keys():
            other = names["distance"]
            return (
                f"{function}: `{names['similarity']}` looks like similarities, `{other}` like "
                "distances, whose diagonal is 0: the sign of the result is that of opposites; "
                f"compare with similarities, such as 1 - {other} or -{other}, if it is, or say the "
                "`kinds`"
            )
    return ""


def _look(place: Place, rsm: NDArray[Any]) -> str:
    """Return the kind that a matrix shows by its diagonal, if it does; a condensed one has none."""
    if rsm.ndim == 1:
        return ""
    diagonal = place.to_host(_diagonal(place, rsm))
    if (diagonal > 0).all() and _extremes_above(place, rsm)[1] <= diagonal.max():
        return "similarity"
    if (diagonal == 0).all() and _extremes_above(place, rsm)[0] >= 0:
        return "distance"
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


@usual_arithmetic()
def zero_rows(function: str, place: Place, rsms: Mapping[str, NDArray[Any]]) -> str:
    """Return the warning for rows without an entry but 0 off the diagonal, or nothing."""
    counts = {name: _zero_row_count(place, rsm) for name, rsm in rsms.items()}
    listed = ", ".join(f"{count} of `{name}`" for name, count in counts.items() if count)
    if not listed:
        return ""
    n = len(next(iter(rsms.values())))
    return f"{function}: of the {n} rows, {listed} are 0 off the diagonal, so these count 0"


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
