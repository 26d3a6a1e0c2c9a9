"""What centring the features of a layer takes: one survey of all of its samples."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogram._arithmetic import ROUNDING
from isogram._types import Array
from isogram._walk.tiles import spans

if TYPE_CHECKING:
    from isogram._protocols import Place

_PART = 1 << 16  # entries that are surveyed at a time, and stay in a processor's cache


class FeatureFacts(NamedTuple):
    """What has to be known of all samples of a layer to centre some of them."""

    unit: Array  # (d,), powers of two, which make the largest entry about 1, of all or of each
    means: Array  # (d,), of some samples, in this unit
    rests: Array  # what the means lack
    are_constant: Array  # which features are, but for rounding
    scale: Array  # (d,), powers of two of the largest centred entry

    @property
    def whole_unit(self) -> Array:
        """The unit of centred features, which all have one."""
        return self.unit[0] * self.scale[0]

    def centred(self, place: Place, x: Array, cols: slice = slice(None)) -> Array:
        """Return the centred features of some samples, or some columns of them, in float64."""
        rows = _in_unit(place, x[:, cols], self.unit[cols])
        rows -= self.means[cols]
        rows -= self.rests[cols]
        rows *= ~self.are_constant[cols] * self.scale[cols]
        return rows


def survey_features(place: Place, x: Array, *, center: bool) -> FeatureFacts:
    """Pass over the samples of a layer, a part at a time: for their extremes and means."""
    xp, (n, d) = place.xp, x.shape
    parts = spans(n, max(1, _PART // d))
    low, high = _extremes(place, x, parts)
    largest = xp.maximum(-low, high)
    unit = _unit_of_all(xp, largest)
    means, rests = xp.zeros((2, d))
    rounding: Any = 0.0
    if center:
        # The mean of some samples is near enough for one pass to find what it lacks.
        means = _in_unit(place, x[:: len(parts)], unit).mean(axis=0)
        for some in parts:
            rows = _in_unit(place, x[some], unit)
            rows -= means
            rests += rows.sum(axis=0)
        rests /= n
        rounding = ROUNDING * (largest * unit)
    facts = FeatureFacts(unit, means, rests, xp.zeros(d, bool), xp.ones(d))
    # Rounding is monotone: what is farthest from the mean is one of the extremes.
    left = xp.abs(facts.centred(place, xp.stack([low, high]))).max(axis=0)
    are_constant = left <= rounding
    left = xp.where(are_constant, 0.0, left)
    return facts._replace(are_constant=are_constant, scale=_unit_of_all(xp, left))


def _in_unit(place: Place, x: Array, unit: Array) -> Array:
    rows = place.doubles(x)
    rows *= unit
    return rows


def _extremes(place: Place, x: Array, parts: list[slice]) -> tuple[Array, Array]:
    """Return the least and the largest entry of every feature."""
    xp, found = place.xp, []
    for rows in parts:
        entries = x[rows] if x.dtype == np.float32 else place.doubles(x[rows])
        found.append((entries.min(axis=0), entries.max(axis=0)))
    lows, highs = zip(*found, strict=True)
    low, high = reduce(xp.minimum, lows), reduce(xp.maximum, highs)
    return low.astype(np.float64), high.astype(np.float64)


def _unit_of_all(xp: Any, reaches: Array) -> Array:
    """Return for every feature the unit of the one that reaches farthest."""
    return xp.ones(len(reaches)) * _unit(xp, reaches.max())


def _unit(xp: Any, reaches: Array) -> Array:
    """Return the powers of two that make what reaches so far about 1."""
    _, exponents = xp.frexp(reaches)
    # A larger one would leave the range of float64; the smallest numbers stay small.
    return xp.ldexp(xp.ones(exponents.shape), xp.minimum(-exponents, 1000))
