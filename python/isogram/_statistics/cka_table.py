"""HSIC and CKA of all pairs of layers, computed in one walk, and the warnings about them."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import ESTIMATORS, choice, kernel_of, precision_of
from isogram._bandwidth import bandwidths, zero_median
from isogram._errors import errors_of
from isogram._statistics.layer_pairs import LayerPairs, Remarks
from isogram._types import Array, Kernel
from isogram.typing import BandwidthsLike

# Samples that an estimator needs.
_FEWEST = {"biased": 2, "debiased": 4}


class CkaTable(NamedTuple):
    """HSIC and CKA of all pairs of layers; it knows the layers without a CKA."""

    hsic: NDArray[Any]
    cka: NDArray[Any]
    self_x: NDArray[Any]
    self_y: NDArray[Any]
    values: Array  # the CKA, where the layers lie
    names_x: list[str]
    names_y: list[str]

    def undefined_layers(self) -> tuple[list[str], list[str]]:
        """Names of the layers without a CKA, each once.

        First those whose centred Gram vanishes, then those whose Gram left the range of float64.
        """
        if not math.isnan(sum(self.cka.ravel().tolist())):
            return [], []  # at once, as small calls take microseconds
        undefined = np.isnan(self.cka)
        # HSIC alone does not tell: of tiny features it may be 0, and their CKA sound.
        names = [*self.names_x, *self.names_y]
        self_hsic = [*self.self_x, *self.self_y]
        without_cka = [*undefined.all(axis=1), *undefined.all(axis=0)]
        own = dict(itertools.compress(zip(names, self_hsic, strict=True), without_cka))
        constant = [name for name, value in own.items() if value == 0]
        overflowed = [name for name, value in own.items() if not math.isfinite(value)]
        return constant, overflowed

    def layers_without_bandwidth(self) -> list[str]:
        """Return the names of layers whose kernel is NaN: a median bandwidth of 0 makes it so."""
        own = zip(self.names_x + self.names_y, [*self.self_x, *self.self_y], strict=True)
        return [name for name, self_hsic in own if np.isnan(self_hsic)]


def cka_table(
    pairs: LayerPairs,
    *,
    kernel: str,
    estimator: str,
    precision: str = "float32",
    bandwidth: BandwidthsLike = "median",
    gamma: float | None = None,
    degree: int = 3,
    coef0: float = 1.0,
) -> tuple[CkaTable, Remarks]:
    """Return the table of `cka_matrix`; for layers on a GPU wait for it."""
    options = kernel_of(pairs.function, kernel, bandwidth, gamma, degree, coef0)
    table = table_of(pairs, options, estimator, precision)
    return table, lambda _: remarks(pairs.function, table)


def table_of(pairs: LayerPairs, kernel: Kernel, estimator: str, precision: str) -> CkaTable:
    """Return the table of a checked kernel."""
    function, place, num_threads = pairs.function, pairs.place, pairs.num_threads
    choice(function, "estimator", estimator, ESTIMATORS)
    precision = precision_of(function, precision, place, pairs.arrays)
    pairs.require(_FEWEST[estimator])
    is_debiased = estimator == "debiased"
    if kernel.name == "precomputed":
        with errors_of(function):
            of_grams = place.hsic_table_of_grams(pairs, is_debiased)
        return CkaTable(*of_grams, pairs.x.names, pairs.names_y)
    pairs = pairs.with_sides(kernel)
    of_rows, of_cols = bandwidths(place, function, pairs.x, pairs.y, kernel, num_threads)
    with errors_of(function):
        values = place.hsic_table(
            pairs.x,
            pairs.y,
            kernel,
            of_rows,
            of_cols,
            is_debiased,
            precision,
            num_threads,
            pairs.report,
        )
    table = CkaTable(*values, pairs.x.names, pairs.names_y)
    if kernel.needs_median:
        for name in table.layers_without_bandwidth():
            raise zero_median(function, f"pairs of rows of `{name}`")
    return table


def samples_for_estimator(*, estimator: str, **_: Any) -> int:
    """Return how many samples an estimator needs."""
    return _FEWEST[estimator]


def too_small(function: str, estimator: str, samples: int) -> str:
    """Return the warning for fewer samples than an estimator needs."""
    return (
        f"{function}: the {estimator} estimator needs at least {_FEWEST[estimator]} samples, "
        f"got {samples}: the result is NaN"
    )


def remarks(function: str, table: CkaTable) -> list[str]:
    """Return the warnings about layers without a CKA."""
    constant, overflowed = table.undefined_layers()
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
