"""How much the measure of one pair of layers exceeds that of another."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

from isogram._inference.results import Result


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Difference(Result):
    """The measure of one pair of layers less that of another, as `difference` returns it.

    Attributes
    ----------
    low, high : float
        The ends of the interval of the difference.
    p : float
        The level at which an interval would just reach 0. Of a bootstrap the percentile interval,
        2 · min((1 + #{≤ 0}) / (1 + B), (1 + #{≥ 0}) / (1 + B)) of the differences in B resamples,
        at most 1; of a jackknife 2 Φ(-|value| / standard_error). It is no permutation test, and is
        as exact as the interval is.
    first, second : tuple
        The keys of the layers of both pairs.
    standard_error : float
        Of the value: the standard deviation of the differences in resamples, or by the jackknife.
    confidence : float
        Of the interval.
    n_resamples, seed : int or None
        As they were given; None of a jackknife.
    """

    low: float
    high: float
    p: float
    first: tuple[Any, ...]
    second: tuple[Any, ...]
    standard_error: float
    confidence: float
    n_resamples: int | None = None
    seed: int | None = None


def pairs_of(
    result: Result, first: tuple[Any, Any], second: tuple[Any, Any]
) -> list[tuple[int, int]]:
    """Return the rows and columns of two pairs of layers, by their keys."""
    return [_pair(result, "first", first), _pair(result, "second", second)]


def _pair(result: Result, name: str, keys: tuple[Any, Any]) -> tuple[int, int]:
    if result.layers is None:
        raise ValueError(
            f"difference: `{type(result).__name__.lower()}` must have been given sets of layers, "
            "got two representations: there is one pair"
        )
    if not (isinstance(keys, tuple | list) and len(keys) == 2):
        raise TypeError(
            f"difference: `{name}` must be a tuple of two keys, of a layer of `x` and of one "
            f"of `y`, got {keys!r}"
        )
    found = []
    for key, known in zip(keys, result.layers, strict=True):
        if not isinstance(key, Hashable) or key not in known:  # no array is a key
            expected = ", ".join(map(repr, known))
            raise KeyError(f"difference: `{name}` must be of {expected}, got {key!r}")
        found.append(known.index(key))
    return found[0], found[1]
