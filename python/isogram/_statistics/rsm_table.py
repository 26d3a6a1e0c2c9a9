"""Similarities of all pairs of RSMs: of vectors by one matrix product, of others pair by pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._errors import errors_of
from isogram._memory import check_memory
from isogram._rsms import WHITENED, Rsms, squared
from isogram._statistics.cosines import cosines
from isogram._statistics.rsm_entries import (
    centred_ranks,
    expected_spearman,
    missing_pairs,
    require_finite_rows,
    residuals,
    scaled,
    standardised,
    triangles,
    whitened,
)
from isogram._types import Array, Layers

if TYPE_CHECKING:
    from isogram._protocols import Place

_OF_VECTORS = ("pearson", "cosine", *WHITENED)
_OF_RANKS = ("spearman", "rho_a")
_OF_ROWS = ("cka", "gbs")
_ADVICE = "compare fewer RSMs at a time"


class RsmTable(NamedTuple):
    """The similarities of all pairs of RSMs, and which RSMs have none; both on the host."""

    values: NDArray[np.float64]
    undefined: list[str]


class RsmPairs(NamedTuple):
    """Two checked sets of RSMs; the second is None where the first is compared with itself."""

    function: str
    place: Place
    x: Rsms
    y: Rsms | None
    num_threads: int
    given: Rsms | None = None  # of partial correlations

    @property
    def sets(self) -> list[Layers]:
        """All RSMs; those of `given` come last."""
        return [rsms.layers for rsms in (self.x, self.y, self.given) if rsms is not None]

    @property
    def names(self) -> list[str]:
        """Of all RSMs."""
        return [name for layers in self.sets for name in layers.names]

    @property
    def arrays(self) -> list[NDArray[np.float64]]:
        """All RSMs."""
        return [rsm for layers in self.sets for rsm in layers.arrays]

    def squares(self) -> list[NDArray[np.float64]]:
        """All RSMs as matrices."""
        return squared(self.place, self.arrays, self.x.samples)

    def sides(self, values: Array) -> tuple[Array, Array]:
        """Return what all RSMs have of both sides, which may be one."""
        count = len(self.x.layers.names)
        if self.y is None:
            return values[:count], values[:count]
        return values[:count], values[count : count + len(self.y.layers.names)]


@usual_arithmetic()
def rsm_table(
    pairs: RsmPairs, method: str, whitening: NDArray[np.float64] | None = None
) -> RsmTable:
    """Compare all pairs; wait for a GPU. `whitening` is that of the samples' noise."""
    place, n = pairs.place, pairs.x.samples
    if method in _OF_ROWS:
        with place.entered():
            for name, rsm in zip(pairs.names, pairs.squares(), strict=True):
                require_finite_rows(pairs.function, place, name, rsm)
        return _pair_by_pair(pairs, method)
    check_memory(pairs.function, (len(pairs.names), n * (n - 1)), np.dtype(np.float64), _ADVICE)
    with place.entered():
        entries = triangles(place, pairs.arrays, n)
        is_missing = missing_pairs(pairs.function, place, pairs.names, entries, n)
        if method in _OF_VECTORS:
            if is_missing is not None and method in WHITENED:
                raise _no_nans(pairs, repr(method), is_missing)
            if is_missing is not None:
                entries = entries[:, place.xp.asarray(np.flatnonzero(~is_missing))]
            if method in ("pearson", "whitened_pearson"):
                standardised(place.xp, entries, out=entries)
            else:
                scaled(place.xp, entries, axis=-1, out=entries)
            if method in WHITENED:
                there = None if whitening is None else place.xp.asarray(whitening.T.copy())
                entries = whitened(place, entries, n, there, pairs.num_threads)
            return _by_products(pairs, method, entries)
        if method in _OF_RANKS and is_missing is None:
            ranks = centred_ranks(place, pairs.squares(), pairs.num_threads)
            return _by_products(pairs, method, ranks)
        if pairs.given is not None:
            raise _no_nans(pairs, f"{method!r} with `given`", is_missing)
    return _pair_by_pair(pairs, method)


def _no_nans(pairs: RsmPairs, method: str, is_missing: NDArray[np.bool_] | None) -> ValueError:
    count = 0 if is_missing is None else int(np.count_nonzero(is_missing))
    return ValueError(
        f"{pairs.function}: `{pairs.names[0]}` must have no NaN for method {method}, got {count} "
        f"pair{'s' if count != 1 else ''}: leave out samples instead"
    )


def _by_products(pairs: RsmPairs, method: str, vectors: Array) -> RsmTable:
    place, xp = pairs.place, pairs.place.xp
    if pairs.given is not None:
        count = len(pairs.given.layers.names)
        compared, given = vectors[:-count], vectors[-count:]
        vectors = residuals(place, compared, given, pairs.num_threads)
    x, y = pairs.sides(vectors)
    x = x.T
    products = place.cross_products(x, x if pairs.y is None else y.T, pairs.num_threads)
    if method == "rho_a":
        return RsmTable(place.to_host(expected_spearman(products, vectors.shape[1])), [])
    squares = products.diagonal() if pairs.y is None else xp.einsum("ij,ij->i", vectors, vectors)
    of_x, of_y = pairs.sides(squares)
    values = cosines(xp, products, of_x[:, None], of_y, undefined=np.nan)
    is_zero = place.to_host(squares) == 0
    names = [name for name, zero in zip(pairs.names, is_zero, strict=False) if zero]
    return RsmTable(place.to_host(values), names)


def _pair_by_pair(pairs: RsmPairs, method: str) -> RsmTable:
    place, squares = pairs.place, pairs.squares()
    x, y = pairs.sides(squares)
    values = np.empty((len(x), len(y)))
    with errors_of(pairs.function):
        for i, a in enumerate(x):
            for j, b in enumerate(y):
                if pairs.y is None and j < i:
                    values[i, j] = values[j, i]
                else:
                    values[i, j] = place.compare_rsms(a, b, method, pairs.num_threads)
        names = []
        if np.isnan(values).any():
            for name, rsm in zip(pairs.names, squares, strict=True):
                if np.isnan(place.compare_rsms(rsm, rsm, method, pairs.num_threads)):
                    names.append(name)
    return RsmTable(values, names)
