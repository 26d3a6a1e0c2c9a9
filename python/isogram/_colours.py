"""Colours of values, in the pictures of `isogram.plot` and on the pages of `isogram.report`.

Maps have the names of matplotlib, and stay apart for every kind of colour blindness.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

SEQUENTIAL = "magma"  # in grey, too, from dark to bright
DIVERGING = "RdBu_r"  # for values of both signs: 0 is white, in its middle
MISSING = "#bfbfbf"  # of NaN


def is_diverging(low: float, high: float) -> bool:
    """Return whether 0 has a colour of its own: where values below it are not small."""
    return low < -0.2 * abs(high)


def places_of(values: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """Return where in their map the values from `low` to `high` lie, from 0 to 1."""
    if is_diverging(low, high):
        return values / (2 * max(-low, high)) + 0.5
    return (values - low) / (high - low)


def is_bright(channels: Iterable[float]) -> bool:
    """Return whether black can be read better than white on red, green and blue from 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18  # relative luminance of WCAG
