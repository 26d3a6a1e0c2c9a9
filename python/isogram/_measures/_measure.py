"""Measures: their declared properties, and their formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from isogram._errors import errors_of
from isogram._statistics.by_name import FEWEST, STATISTICS, options_of
from isogram._statistics.layer_pairs import LayerPairs, TooFewSamples
from isogram._types import Array, Layers, Report
from isogram.typing import MeasureKind

# Changes of the features of all samples. "samples scaled one by one": by positive factors.
INVARIANCES = (
    "orthogonal",
    "permutation of features",
    "isotropic scaling",
    "translation",
    "invertible linear",
    "samples scaled one by one",
)
KINDS: tuple[MeasureKind, ...] = get_args(MeasureKind)

# The invariances of every function of inner products, up to a factor.
ORTHOGONAL = frozenset({"orthogonal", "permutation of features", "isotropic scaling"})

# Options of kernels, with the defaults of `gram`.
KERNEL_OPTIONS = {"bandwidth": "median", "gamma": None, "degree": 3, "coef0": 1.0}


_OF_GIVEN = (
    ". Partial CKA is `isogram.cka` and `isogram.cka_matrix` with `given`; docs/measures.md says "
    "what to test in its place"
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Measure:
    """A measure of two representations of the same samples: its properties and its formula.

    Declared properties hold for the options as they are by default, in exact arithmetic.

    Attributes
    ----------
    name : str
        The one by which `similarity` and the others find it.
    summary : str
        One line.
    kind : {"similarity", "distance"}
        Whether larger values are of more alike representations, or of less alike ones.
    range : tuple of float
        The smallest and the largest value.
    invariances : frozenset of str
        Those of `INVARIANCES` that change no value when one of the two representations is changed.
    fewest : int
        Samples that it needs; `fewest_with(options)` says how many with other options.
    needs : str
        The statistic that it is a formula on, a key of `isogram._statistics.by_name.STATISTICS`.
    value : callable
        (xp, statistic) → float64 array of shape (L1, L2), where xp is NumPy or CuPy.
    source : str
        Who defined it.
    cost : str
        Operations for one pair of layers, of n samples and d features each, as "n² d"; "" where
        that is not said.
    aliases : tuple of str
        Other names.
    symmetric : bool
        Whether the order of the two does not matter.
    metric : bool
        Whether it is symmetric, 0 of a representation with itself, and the triangle inequality
        holds.
    is_root : bool
        Whether it is a root, or an angle by its cosine: of values near 0 its square has the digits,
        and tests by permutations compare that.
    fixed : mapping
        Options of the statistic that belong to the definition of the measure.
    options : mapping
        Options of the statistic that a caller may change, and their values by default.
    """

    name: str
    summary: str
    kind: MeasureKind
    range: tuple[float, float]
    invariances: frozenset[str]
    fewest: int
    needs: str
    value: Callable[[Any, Any], Any]
    source: str
    cost: str = ""
    aliases: tuple[str, ...] = ()
    symmetric: bool = True
    metric: bool = False
    is_root: bool = False
    fixed: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise TypeError or ValueError for attributes that are not as described above."""
        if isinstance(self.aliases, str):
            raise TypeError(f"Measure: `aliases` must be a tuple of names, got {self.aliases!r}")
        for name in (self.name, *self.aliases):
            if not (isinstance(name, str) and name.isidentifier() and name == name.lower()):
                raise ValueError(f"Measure: `name` must be a lower-case identifier, got {name!r}")
        if self.kind not in KINDS:
            expected = " or ".join(map(repr, KINDS))
            raise ValueError(f"Measure: `kind` must be {expected}, got {self.kind!r}")
        low, high = self.range
        if not low < high:
            raise ValueError(f"Measure: `range` must be (smallest, largest), got {self.range!r}")
        for invariance in self.invariances:
            if invariance not in INVARIANCES:
                raise ValueError(
                    f"Measure: `invariances` must be of {', '.join(map(repr, INVARIANCES))}, "
                    f"got {invariance!r}"
                )
        if not callable(self.value):
            raise TypeError(f"Measure: `value` must be callable, got {self.value!r}")
        if self.needs not in tuple(STATISTICS):
            expected = ", ".join(map(repr, STATISTICS))
            raise ValueError(f"Measure: `needs` must be one of {expected}, got {self.needs!r}")
        if self.metric and self.kind != "distance":
            raise ValueError("Measure: `metric` must be False for a similarity, got True")
        if both := set(self.fixed) & set(self.options):
            raise ValueError(f"Measure: `fixed` must not have an option, got {min(both)!r}")
        self._check_options()
        self._protect()

    def _check_options(self) -> None:
        """Raise ValueError unless all options together are those of the statistic."""
        given, (needed, taken) = {**self.fixed, **self.options}, options_of(self.needs)
        for name in given:
            if name not in taken:
                expected = ", ".join(f"`{option}`" for option in taken)
                raise ValueError(
                    f"Measure: `options` must be of those that {self.needs!r} takes, {expected}, "
                    f"got `{name}`"
                )
        for name in needed:
            if name not in given:
                raise ValueError(
                    f"Measure: `options` must have `{name}`, which {self.needs!r} needs, "
                    f"got {', '.join(f'`{option}`' for option in given) or 'none'}"
                )

    def _protect(self) -> None:
        """Replace mappings by read-only copies, because all callers share a measure."""
        for name in ("fixed", "options"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields with plain dictionaries, which can be pickled."""
        return {**vars(self), "fixed": dict(self.fixed), "options": dict(self.options)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the plain dictionaries, and protect them again."""
        vars(self).update(state)
        self._protect()

    def __repr__(self) -> str:
        """Return the name and the summary."""
        return f"Measure({self.name!r}: {self.summary})"

    def fewest_with(self, options: Mapping[str, Any]) -> int:
        """Return how many samples it needs with these options: with `k`, one more than that.

        Where it declares more samples than its statistic needs, it needs those in any case.
        """
        needed = FEWEST[self.needs]
        by_options = needed(**{**self.options, **options, **self.fixed})
        if self.fewest > by_options and self.fewest != needed(**self.options, **self.fixed):
            return self.fewest
        return by_options

    def with_defaults(self, function: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options of the statistic, or raise TypeError for one that is not the caller's.

        `function` is the one that was called with `given`.
        """
        for name in given:
            if name not in self.options:
                takes = ", ".join(f"`{option}`" for option in self.options) or "no options"
                advice = _OF_GIVEN if name == "given" else ""
                raise TypeError(
                    f"{function}: measure {self.name!r} does not take `{name}`: it takes {takes}"
                    f"{advice}"
                )
        return {**self.options, **given, **self.fixed}

    def of_layers(
        self,
        function: str,
        x: Layers,
        y: Layers | None,
        num_threads: int,
        report: Report,
        options: Mapping[str, Any],
    ) -> tuple[Array, NDArray[np.float64], list[str]]:
        """Return the values of pairs of checked layers where they lie, on the host, and warnings.

        `function` is the name of the public function; `options` is the result of `with_defaults`.
        """
        pairs = LayerPairs.of(function, x, y, num_threads, report)
        place = pairs.place
        with place.entered(), errors_of(function):
            try:
                statistic, remarks = STATISTICS[self.needs](pairs, **options)
                pairs.require(self.fewest_with(options))
            except TooFewSamples:
                message = (
                    f"{function}: measure {self.name!r} needs at least "
                    f"{self.fewest_with(options)} samples, got {x.samples}: the result is NaN"
                )
                return place.xp.full(pairs.shape, np.nan), np.full(pairs.shape, np.nan), [message]
            values = self.value(place.xp, statistic)
            if getattr(values, "shape", None) != pairs.shape or values.dtype != np.float64:
                raise TypeError(
                    f"{function}: `value` of measure {self.name!r} must return a float64 array of "
                    f"shape {pairs.shape}, got {_described(values)}"
                )
            host = place.to_host(values)
            return values, host, remarks(host)


def _described(values: Any) -> str:
    if hasattr(values, "shape"):
        return f"{values.dtype} of shape {values.shape}"
    return type(values).__name__
