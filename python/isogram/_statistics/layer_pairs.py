"""Layers whose pairs are compared: the checked arguments of a measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogram._arrays import are_same
from isogram._place import place_of_layers
from isogram._types import Array, Kernel, Layers, Report

if TYPE_CHECKING:
    from isogram._protocols import Place

# Called with the values of a measure, it returns the warnings about them.
Remarks = Callable[[NDArray[np.float64]], list[str]]


class LayerPairs(NamedTuple):
    """Two sets of layers, or one compared with itself; where they lie; how a call runs."""

    function: str  # that the caller called
    place: Place
    x: Layers
    y: Layers | None  # None: those of `x`
    names_y: list[str]  # also where `y` is None, because it is `x` again
    num_threads: int
    report: Report
    is_one_set: bool = False  # the caller gave no second one

    @classmethod
    def of(
        cls, function: str, x: Layers, y: Layers | None, num_threads: int, report: Report
    ) -> LayerPairs:
        """Take checked layers of the same samples, which must lie together."""
        place = place_of_layers(function, x, y)
        names_y = (y or x).names
        return cls(function, place, x, others(x, y), names_y, num_threads, report, y is None)

    def with_sides(self, kernel: Kernel) -> LayerPairs:
        """Return them for a kernel that may differ between sides: no layer is itself again then."""
        if not kernel.has_sides:
            return self
        require_two_sets(self.function, is_one_set=self.is_one_set)
        return self._replace(y=self.y or Layers(self.names_y, self.x.arrays))

    @property
    def layers(self) -> Layers:
        """All layers, those of `x` first."""
        names = self.x.names if self.y is None else self.x.names + self.y.names
        return Layers(names, self.arrays)

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """The arrays of all layers."""
        return self.x.arrays if self.y is None else self.x.arrays + self.y.arrays

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of layers of `x` and of `y`."""
        return len(self.x.names), len(self.names_y)

    def sides(self, of_layers: Any) -> tuple[Any, Any]:
        """Split a sequence with one item per layer into the items of `x` and of `y`.

        The two are one object where the layers of `y` are those of `x`.
        """
        count = len(self.x.names)
        of_x = of_layers[:count]
        return of_x, of_x if self.y is None else of_layers[count:]

    def by_name(self, of_layers: Iterable[Any]) -> dict[str, Any]:
        """Return a sequence with one item per layer as a dict by names, also those of `y`."""
        x, y = self.sides(list(of_layers))
        return dict(zip(self.x.names + self.names_y, [*x, *y], strict=True))

    def report_of(self, layer: int) -> Report:
        """Return the report of one layer, as a part of the report of all layers."""
        report, count = self.report, len(self.layers.names)
        if report is None:
            return None
        return lambda done, total: report(layer * total + done, count * total)

    def require(self, samples: int) -> None:
        """Raise `TooFewSamples` if there are fewer samples."""
        if self.x.samples < samples:
            raise TooFewSamples


def require_two_sets(function: str, *, is_one_set: bool) -> None:
    """Raise ValueError for a bandwidth of each side of one set of layers."""
    if is_one_set:
        raise ValueError(
            f"{function}: `bandwidth` must be one for all `layers`, got a pair: the second is of "
            "`other`, which is None"
        )


class TooFewSamples(Exception):
    """A statistic takes more samples than there are."""


def others(rows: Layers, cols: Layers | None) -> Layers | None:
    """Return the second set, or None if it is the first again: half of the work, and exactly 1."""
    if cols and len(cols.arrays) == len(rows.arrays):
        return None if all(map(are_same, rows.arrays, cols.arrays)) else cols
    return cols


def samples_for_neighbours(*, k: int | None, **_: Any) -> int:
    """Return how many samples it takes for each to have `k` others; None: one."""
    return 2 if k is None else k + 1


_KEPT_BYTES = 1 << 30


class Kept:
    """Arrays made of layers, one of each, kept for later pairs up to 1 GiB in all."""

    def __init__(self, make: Callable[[int], Array]) -> None:
        """Take a function from a layer to its array."""
        self._make = make
        self._kept: dict[int, Array] = {}
        self._bytes = 0

    def of(self, layer: int) -> Array:
        """Return the array of one layer."""
        if layer in self._kept:
            return self._kept[layer]
        array = self._make(layer)
        if self._bytes + array.nbytes <= _KEPT_BYTES:
            self._kept[layer] = array
            self._bytes += array.nbytes
        return array


class LayerTable(NamedTuple):
    """A statistic that is a measure of all pairs of layers by itself."""

    values: Array  # (L1, L2)


def values(_: Any, table: LayerTable) -> Array:
    """Return the values."""
    return table.values


def without_edges(
    function: str, samples: int, counts: Mapping[str, int], so: str = ""
) -> list[str]:
    """Return the warning for samples without edges, counted by layer, if there are any."""
    listed = ", ".join(f"{count} of `{name}`" for name, count in counts.items() if count)
    if not listed:
        return []
    return [
        f"{function}: of the {samples} samples, {listed} have no edges of weight other than 0{so}: "
        "they are rows of zeros, or equal to the mean that is subtracted, or orthogonal to all "
        "that they are joined to"
    ]


def degenerate(pairs: LayerPairs, are_constant: Iterable[bool]) -> list[str]:
    """Return the warning for layers without a value, if there are any."""
    names = [f"`{name}`" for name, is_so in pairs.by_name(are_constant).items() if is_so]
    if not names:
        return []
    return [
        f"{pairs.function}: {', '.join(names)} {'is' if len(names) == 1 else 'are'} constant (or "
        "its samples are all equally alike), as far as float64 can tell, so the measure is "
        "undefined: the result is NaN there"
    ]
