"""Measures of more samples than can be held at once: what is added up over batches, and how."""

from __future__ import annotations

import reprlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple, Self, get_args

import numpy as np
from numpy.typing import NDArray

from isogram._arguments import choice, integer, threads, two_sets
from isogram._arithmetic import usual_arithmetic
from isogram._statistics.layer_pairs import LayerPairs
from isogram._types import Array, LayersOf
from isogram.typing import SmallBatches

_VERSION = 1  # of states
_COUNTS = ("batches", "samples", "skipped")


class Totals(NamedTuple):
    """What batches add up to; never changed, so that no interruption leaves half of an update."""

    names: tuple[list[str], list[str]]  # of the layers of both sides; empty without batches
    sums: Mapping[str, NDArray[np.float64]]  # likewise
    batches: int
    samples: int
    skipped: int


_NOTHING = Totals(([], []), {}, 0, 0, 0)


class Minibatch(ABC):
    """A measure of all pairs of layers, from sums over batches that are not kept."""

    # The sums, and which axes of (layers, layers of `other`) each has.
    _SUMS: ClassVar[Mapping[str, tuple[int, ...]]]

    def __init__(
        self,
        options: Mapping[str, Any],
        fewest: int,
        small_batches: object,
        num_threads: object,
    ) -> None:
        """Begin without batches, each of which has to have `fewest` samples."""
        name = type(self).__name__
        self._options = {option: _plain(value) for option, value in options.items()}
        self._fewest = fewest
        self._skips = choice(name, "small_batches", small_batches, get_args(SmallBatches)) == "skip"
        self._threads = threads(name, num_threads)
        self.reset()

    @property
    def batches(self) -> int:
        """Batches in the sums."""
        return self._totals.batches

    @property
    def samples(self) -> int:
        """Samples in the sums."""
        return self._totals.samples

    @property
    def skipped(self) -> int:
        """Samples of small batches that were left out."""
        return self._totals.skipped

    def reset(self) -> None:
        """Forget all batches."""
        self._totals = _NOTHING

    def update(self, layers: LayersOf[Array], other: LayersOf[Array] | None = None) -> None:
        """Add a batch.

        Parameters
        ----------
        layers, other : sequences or mappings of arrays of shape (n, d_l)
            As for `cka_matrix`; the same layers in every batch.

        Raises
        ------
        ValueError
            Other layers than before, too few samples unless `small_batches` is "skip", and every
            value that `cka_matrix` or `gbs_matrix` refuses.
        TypeError
            Types that are neither floats nor integers nor booleans.
        """
        function = self._named("update")
        self._update(function, "layers", layers, other, self._options)

    def update_grams(self, grams: LayersOf[Array], other: LayersOf[Array] | None = None) -> None:
        """Add a batch of Gram matrices, or of RSMs, as `update` does for kernel "precomputed".

        Parameters
        ----------
        grams, other : sequences or mappings of arrays of shape (n, n)
            A symmetric matrix for each layer, of all pairs of the batch's samples.

        Raises
        ------
        ValueError
            As for `update`; a matrix that is not square or not symmetric; features in one batch and
            Gram matrices in another.
        TypeError
            As for `update`.
        """
        options = {**self._options, "kernel": "precomputed"}
        self._update(self._named("update_grams"), "grams", grams, other, options)

    def merge(self, other: Self) -> Self:
        """Add the batches of another, of the same layers and options; return self.

        Raises
        ------
        TypeError
            Another class.
        ValueError
            One of other layers or options.
        """
        function, name = self._named("merge"), type(self).__name__
        if type(other) is not type(self):
            raise TypeError(f"{function}: `other` must be a {name}, got {type(other).__name__}")
        if other._options != self._options:
            raise ValueError(
                f"{function}: `other` must have the options {self._options}, got {other._options}"
            )
        self._check_names(function, "other", other._totals.names)
        self._add(other._totals)
        return self

    def state_dict(self) -> dict[str, Any]:
        """Return the sums and counts as lists, numbers and text, whose bits JSON keeps too."""
        totals = self._totals
        return {
            "metric": type(self).__name__,
            "version": _VERSION,
            "options": dict(self._options),
            "names": list(map(list, totals.names)),
            **{name: sums.tolist() for name, sums in totals.sums.items()},
            **{count: getattr(totals, count) for count in _COUNTS},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replace sums and counts by those of `state_dict`.

        Raises
        ------
        ValueError
            A state of another metric, version or options, one that lacks something, or that no
            `state_dict` returned.
        TypeError
            A state that is no mapping, counts that are no integers.
        """
        function = self._named("load_state_dict")
        if not isinstance(state, Mapping):
            raise TypeError(
                f"{function}: `state` must be that of `state_dict`, a mapping, got "
                f"{type(state).__name__}"
            )
        own = {"metric": type(self).__name__, "version": _VERSION, "options": self._options}
        _require_items(function, state, (*own, "names", *_COUNTS))
        for item, value in own.items():
            if not _is_same(state[item], value):
                raise ValueError(
                    f"{function}: `state` must have the {item} {value!r}, got {state[item]!r}"
                )
        counts = {name: integer(function, f"state[{name!r}]", state[name], 0) for name in _COUNTS}
        self._require_samples(function, counts)
        sums = self._SUMS if counts["batches"] else {}
        _require_items(function, state, sums)
        names = _names_in(function, state["names"], counts["batches"])
        arrays = {
            name: _sum_in(function, state, name, tuple(len(names[axis]) for axis in axes))
            for name, axes in sums.items()
        }
        self._totals = Totals(names, arrays, **counts)

    def __repr__(self) -> str:
        """Return the numbers of samples and of batches in the sums."""
        return f"{type(self).__name__}: {self.samples} samples in {self.batches} batches"

    @abstractmethod
    def compute(self) -> NDArray[np.float64]:
        """Return the measure of every layer with every layer, or with every one of `other`."""

    @abstractmethod
    def _sums_of(self, pairs: LayerPairs, options: Mapping[str, Any]) -> dict[str, Array]:
        """Return the sums of a batch, which has samples enough."""

    @abstractmethod
    def _merged(self, a: Totals, b: Totals) -> dict[str, NDArray[np.float64]]:
        """Return the sums of two totals; both have batches."""

    def _named(self, method: str) -> str:
        return f"{type(self).__name__}.{method}"

    def _require_samples(self, function: str, counts: Mapping[str, int]) -> None:
        """Raise unless the batches can have that number of samples."""
        batches, samples = counts["batches"], counts["samples"]
        if samples < batches * self._fewest or (samples and not batches):
            raise ValueError(
                f"{function}: `state` must have at least {self._fewest} samples in each batch, "
                f"and none in no batch, got {samples} in {batches} batches"
            )

    def _all(self) -> Totals:
        """Return the totals; raise RuntimeError if there are none."""
        if not self._totals.batches:
            raise RuntimeError(
                f"{self._named('compute')}: no batch of {self._fewest} samples or more was added "
                "yet"
            )
        return self._totals

    def _update(
        self, function: str, argument: str, layers: Any, other: Any, options: Mapping[str, Any]
    ) -> None:
        sets = two_sets(function, layers, other, argument)
        pairs = LayerPairs.of(function, *sets, self._threads, None)
        samples = pairs.x.samples
        if samples < self._fewest:
            if not self._skips:
                raise ValueError(
                    f"{function}: `{argument}` must have at least {self._fewest} samples, got "
                    f'{samples}: pass {type(self).__name__}(small_batches="skip") to leave such '
                    "batches out, or drop_last=True to a DataLoader"
                )
            self._add(_NOTHING._replace(skipped=samples))
            return
        names = (pairs.x.names, pairs.names_y)
        self._check_names(function, argument, names)  # before the work
        sums = {
            name: np.array(value, np.float64)
            for name, value in self._sums_of(pairs, options).items()
        }
        self._add(Totals(names, sums, 1, samples, 0))

    @usual_arithmetic()
    def _add(self, new: Totals) -> None:
        """Add totals of the same layers."""
        old = self._totals
        sums = new.sums or old.sums
        if old.batches and new.batches:
            sums = self._merged(old, new)
        names = new.names if new.batches else old.names
        counts = {count: getattr(old, count) + getattr(new, count) for count in _COUNTS}
        self._totals = Totals(names, sums, **counts)

    def _check_names(
        self, function: str, argument: str, names: tuple[list[str], list[str]]
    ) -> None:
        """Raise for other layers than those of the batches before, if there are both."""
        before = self._totals.names
        if any(before) and any(names) and names != before:
            expected, got = (" × ".join(", ".join(side) for side in n) for n in (before, names))
            raise ValueError(
                f"{function}: `{argument}` must have the layers of before, {expected}; got {got}"
            )


def _plain(value: Any) -> Any:
    """Return a value as it comes out of JSON."""
    if isinstance(value, tuple | list):
        return list(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value


def _require_items(function: str, state: Mapping[str, Any], items: Iterable[str]) -> None:
    if missing := [item for item in items if item not in state]:
        raise ValueError(
            f"{function}: `state` must be that of `state_dict`, it lacks {', '.join(missing)}"
        )


def _is_same(given: Any, value: Any) -> bool:
    """Whether something from anywhere, such as an array, is a value."""
    try:
        return bool(given == value)
    except (TypeError, ValueError):
        return False


def _names_in(function: str, names: Any, batches: int) -> tuple[list[str], list[str]]:
    """Return the names of both sides in a state; a state without batches has none."""
    sides = list(names) if isinstance(names, list | tuple) else []
    if len(sides) == 2 and all(_are_names(side) and bool(side) == bool(batches) for side in sides):
        return list(sides[0]), list(sides[1])
    raise ValueError(
        f"{function}: `state` must have two lists of names of layers, got {names!r} of {batches} "
        "batches"
    )


def _are_names(side: Any) -> bool:
    return isinstance(side, list | tuple) and all(isinstance(name, str) for name in side)


def _sum_in(
    function: str, state: Mapping[str, Any], name: str, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return a sum in a state."""
    try:
        result = np.array(state[name], np.float64)
    except (OverflowError, TypeError, ValueError):
        result = np.empty(0)
    if result.shape != shape:
        raise ValueError(
            f"{function}: `state` must have numbers of shape {shape} as {name!r}, got "
            f"{reprlib.repr(state[name])}"
        )
    return result
