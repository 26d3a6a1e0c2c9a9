"""Colours of values as classes of CSS: the maps of `isogram._colours` in shades."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogram import _colours

# The maps that `_colours` names, at equal distances.
_SEQUENTIAL = (
    "000004 0b0924 20114b 3b0f70 57157e 721f81 8c2981 a8327d "
    "c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf"
)
_DIVERGING = "053061 2065ab 4393c3 90c4dd d1e5f0 f7f6f6 fddbc7 f3a481 d6604d b1182b 67001f"
SHADES = 65  # of each map: an odd number, so that 0 has one
MISSING = 2 * SHADES  # the shade of NaN


@dataclass(frozen=True)
class Scale:
    """From values to shades.

    Attributes
    ----------
    low, high
        Values at the ends of the colour bar.
    is_distance
        Whether small values are the bright ones.
    """

    low: float
    high: float
    is_distance: bool = False

    @property
    def is_diverging(self) -> bool:
        """Whether 0 has a colour of its own."""
        return _colours.is_diverging(self.low, self.high)

    def shades(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the index of each value's colour in `palette()`."""
        shown = np.clip(np.where(np.isnan(values), self.low, values), self.low, self.high)
        places = _colours.places_of(shown, self.low, self.high)
        places = 1 - places if self.is_distance else places
        first = SHADES if self.is_diverging else 0
        steps = np.rint(places * (SHADES - 1)).astype(np.uint8) + np.uint8(first)
        return np.where(np.isnan(values), np.uint8(MISSING), steps)

    def bar(self) -> str:
        """Return the colours from low to high as CSS."""
        shades = self.shades(np.linspace(self.low, self.high, 33)).tolist()
        return f"linear-gradient(to right, {', '.join(palette()[shade] for shade in shades)})"


def scale_of(values: NDArray[Any], is_distance: bool = False) -> Scale:
    """Return a scale that shows differences of these values, with round numbers at its ends.

    It begins at 0 unless all values are far from it.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Scale(0.0, 1.0, is_distance)
    lowest, highest = float(finite.min()), float(finite.max())
    step = 0.05 if highest - lowest > 0.05 else 0.01
    low = math.floor(round(lowest / step, 6)) * step
    high = math.ceil(round(highest / step, 6)) * step
    if 0 < low < 0.5 * high:
        low = 0.0
    if low == high:
        low, high = low - step, high + step
        if lowest >= 0:
            low = max(low, 0.0)
    return Scale(round(low, 2), round(high, 2), is_distance)


@cache
def palette() -> tuple[str, ...]:
    """Return all colours as CSS has them: those from low to high, those around 0, that of NaN."""
    colours = [*_between(_SEQUENTIAL), *_between(_DIVERGING)]
    return (*(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in colours), _colours.MISSING)


@cache
def palette_css() -> str:
    """Return a class for each shade, k0, k1, …, with an ink that can be read on it."""
    rules = []
    for index, colour in enumerate(palette()):
        is_bright = _colours.is_bright(part / 255 for part in bytes.fromhex(colour[1:]))
        ink = "#000" if is_bright else "#fff"
        rules.append(f".k{index}{{background:{colour};color:{ink}}}")
    return "\n".join(rules)


def _between(anchors: str) -> list[tuple[int, int, int]]:
    known = np.array([list(bytes.fromhex(anchor)) for anchor in anchors.split()])
    at = np.linspace(0, len(known) - 1, SHADES)
    channels = [np.interp(at, np.arange(len(known)), channel) for channel in known.T]
    return [(int(r), int(g), int(b)) for r, g, b in np.rint(channels).T]
