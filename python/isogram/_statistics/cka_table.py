"""Tables of HSIC and CKA: how they are made of checked layers, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arrays import are_same
from isogram._bandwidth import resolved_bandwidth, zero_median
from isogram._errors import errors_of
from isogram._types import Array, Kernel, Layers, Place, Report

# Samples that an estimator needs.
FEWEST = {"biased": 2, "debiased": 4}


class CkaTable(NamedTuple):
    """HSIC and CKA of all pairs of layers, and what is wrong with some layers."""

    hsic: NDArray[Any]
    cka: NDArray[Any]
    self_x: NDArray[Any]
    self_y: NDArray[Any]
    result: Array  # the CKA, where the layers lie
    names_x: list[str]
    names_y: list[str]

    def constant_layers(self) -> list[str]:
        """Names of the layers whose centred Gram vanishes, each once."""
        return self._undefined_where(lambda self_hsic: self_hsic == 0)

    def overflowed_layers(self) -> list[str]:
        """Names of the layers whose Gram left the range of float64, each once."""
        return self._undefined_where(lambda self_hsic: ~np.isfinite(self_hsic))

    def layers_without_bandwidth(self) -> list[str]:
        """Names of the layers whose kernel is NaN, of those that have a median bandwidth."""
        own = zip(self.names_x + self.names_y, [*self.self_x, *self.self_y], strict=True)
        return [name for name, self_hsic in own if np.isnan(self_hsic)]

    def _undefined_where(
        self, suspect: Callable[[NDArray[np.float64]], NDArray[np.bool_]]
    ) -> list[str]:
        undefined = np.isnan(self.cka)
        # HSIC alone does not tell: that of tiny features may be 0, and their CKA sound.
        rows = suspect(self.self_x) & undefined.all(axis=1)
        cols = suspect(self.self_y) & undefined.all(axis=0)
        names = [*np.array(self.names_x)[rows], *np.array(self.names_y)[cols]]
        return list(dict.fromkeys(map(str, names)))


def cka_table(
    place: Place,
    function: str,
    rows: Layers,
    cols: Layers | None,
    kernel: Kernel,
    estimator: str,
    precision: str,
    num_threads: int,
    report: Report,
) -> CkaTable:
    """Return the table; of layers on a GPU it is waited for."""
    names_y = rows.names if cols is None else cols.names
    cols = others(rows, cols)
    of_rows, of_cols = (bandwidths(place, function, s, kernel, num_threads) for s in (rows, cols))
    is_debiased = estimator == "debiased"
    with errors_of(function):
        values = place.hsic_table(
            rows, cols, kernel, of_rows, of_cols, is_debiased, precision, num_threads, report
        )
    table = CkaTable(*values, rows.names, names_y)
    if kernel.needs_median:
        for name in table.layers_without_bandwidth():
            raise zero_median(function, f"pairs of rows of `{name}`")
    return table


def others(rows: Layers, cols: Layers | None) -> Layers | None:
    """Return the second set, or None for the first again: that takes half, and is 1 exactly."""
    if cols and len(cols.arrays) == len(rows.arrays):
        return None if all(map(are_same, rows.arrays, cols.arrays)) else cols
    return cols


def bandwidths(
    place: Place, function: str, layers: Layers | None, kernel: Kernel, num_threads: int
) -> list[Any]:
    """Return the bandwidth of each layer."""
    return [
        resolved_bandwidth(place, function, name, x, kernel, num_threads, allow_constant=True)
        for name, x in (layers.named.items() if layers else ())
    ]


def too_small(function: str, estimator: str, samples: int) -> str:
    """Return the warning for fewer samples than an estimator needs."""
    return (
        f"{function}: the {estimator} estimator needs at least {FEWEST[estimator]} samples, "
        f"got {samples}: the result is NaN"
    )


def remarks(function: str, table: CkaTable) -> list[str]:
    """Return what to warn of."""
    constant, overflowed = table.constant_layers(), table.overflowed_layers()
    said = [_constant(function, constant)] if constant else []
    return said + ([overflow(function, overflowed)] if overflowed else [])


def _constant(function: str, names: list[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in names)
    verb = "is" if len(names) == 1 else "are"
    return (
        f"{function}: {listed} {verb} constant (or its samples are all equally alike), as far as "
        "float64 can tell, so CKA is undefined: the result is NaN there"
    )


def overflow(function: str, names: list[str]) -> str:
    """Return the warning for layers whose Gram matrix is not finite."""
    which = ", ".join(f"`{name}`" for name in names)
    return (
        f"{function}: the Gram matrix of {which} leaves the range of float64: the result is NaN; "
        "scale the features or choose another `gamma` or `degree`"
    )
