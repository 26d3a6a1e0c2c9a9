"""What centring the features of a layer takes: one survey of all of its samples."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogram._types import Array
from isogram._walk.tiles import spans

if TYPE_CHECKING:
    from isogram._protocols import Place

_PART = 1 << 16  # entries that are surveyed at a time, and stay in a processor's cache

# A feature is constant if its centred entries are this many roundings of its own, or fewer.
_ROUNDINGS = 64
_EPS = float(np.finfo(np.float64).eps)


class FeatureFacts(NamedTuple):
    """What has to be known of all samples of a layer to centre some of them."""

    unit: Array  # a power of two, which makes the largest entry about 1
    means: Array  # (d,), of features in this unit
    rests: Array  # the rounding errors of the means
    are_constant: Array  # which features are, but for rounding
    unit_of_centred: Array  # likewise of the largest centred entry

    @property
    def whole_unit(self) -> Array:
        """The unit of centred features."""
        return self.unit * self.unit_of_centred

    def centred(self, place: Place, x: Array, cols: slice = slice(None)) -> Array:
        """Return the centred features of some samples, or some columns of them, in float64."""
        rows = place.doubles(x[:, cols])
        rows *= self.unit
        rows -= self.means[cols]
        rows -= self.rests[cols]
        rows *= ~self.are_constant[cols] * self.unit_of_centred
        return rows


def survey_features(place: Place, x: Array, *, center: bool) -> FeatureFacts:
    """Pass over the samples of a layer, a part at a time: for their extremes and means."""
    xp, (n, d) = place.xp, x.shape
    parts = spans(n, max(1, _PART // d))
    low, high = _extremes(place, x, parts)
    largest = xp.maximum(-low, high)
    unit, (means, rests) = _unit(xp, largest), xp.zeros((2, d))
    facts = FeatureFacts(unit, means, rests, xp.zeros(d, bool), xp.ones(()))
    rounding: Any = 0.0
    if center:
        facts = facts._replace(means=sum(facts.centred(place, x[r]).sum(axis=0) for r in parts) / n)
        facts = facts._replace(rests=sum(facts.centred(place, x[r]).sum(axis=0) for r in parts) / n)
        rounding = _ROUNDINGS * _EPS * (largest * unit)
    # Rounding is monotone: what is farthest from the mean is one of the extremes.
    left = xp.abs(facts.centred(place, xp.stack([low, high]))).max(axis=0)
    are_constant = left <= rounding
    left = xp.where(are_constant, 0.0, left)
    return facts._replace(are_constant=are_constant, unit_of_centred=_unit(xp, left))


def _extremes(place: Place, x: Array, parts: list[slice]) -> tuple[Array, Array]:
    """Return the least and the largest entry of every feature."""
    xp, found = place.xp, []
    for rows in parts:
        entries = place.doubles(x[rows])
        found.append((entries.min(axis=0), entries.max(axis=0)))
    lows, highs = zip(*found, strict=True)
    return reduce(xp.minimum, lows), reduce(xp.maximum, highs)


def _unit(xp: Any, reaches: Array) -> Array:
    """Return the power of two that makes the largest of them about 1."""
    _, exponent = xp.frexp(reaches.max())
    # A larger one would leave the range of float64; the smallest numbers stay small.
    return xp.ldexp(xp.ones(()), xp.minimum(-exponent, 1000))
