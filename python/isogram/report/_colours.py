"""Colours of values: bright is alike; they stay apart for the colour-blind and in grey."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

# matplotlib's magma, and from the same black an arm of blues for what is below 0.
_ABOVE = (
    "000004 0b0924 20114b 3b0f70 57157e 721f81 8c2981 a8327d "
    "c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf"
)
_BELOW = "000004 062338 0b466a 1a7396 4aa3bd 93cfd8 d9f2ee"
SHADES = 64  # of each arm


@dataclass(frozen=True)
class Scale:
    """From values to shades.

    Attributes
    ----------
    low, high
        Values at the ends of the colour bar. Where `low` is negative, 0 is black, and shades are
        as bright on either side of it.
    is_distance
        Whether small values are the bright ones.
    """

    low: float
    high: float
    is_distance: bool = False

    def shade(self, value: float) -> int | None:
        """Return the index of a colour in `palette()`, or None for NaN."""
        if math.isnan(value):
            return None
        value = min(max(value, self.low), self.high)
        if self.low < 0:
            share = abs(value) / max(-self.low, self.high)
            step = round(share * (SHADES - 1))
            return SHADES + step if value < 0 else step
        share = (value - self.low) / (self.high - self.low)
        return round((1 - share if self.is_distance else share) * (SHADES - 1))

    def bar(self) -> str:
        """Return the colours from low to high as CSS."""
        stops = np.linspace(self.low, self.high, 33)
        colours = (palette()[shade] for value in stops if (shade := self.shade(value)) is not None)
        return f"linear-gradient(to right, {', '.join(colours)})"


def scale_of(values: np.ndarray, is_distance: bool = False) -> Scale:
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
    """Return the shades from 0 up, and those from 0 down, as CSS colours."""
    return tuple(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in (*_arm(_ABOVE), *_arm(_BELOW)))


@cache
def palette_css() -> str:
    """Return a class for each shade, k0, k1, …, with an ink that can be read on it."""
    rules = []
    for index, colour in enumerate(palette()):
        ink = "#000" if _luminance(colour) > 0.18 else "#fff"
        rules.append(f".k{index}{{background:{colour};color:{ink}}}")
    return "\n".join(rules)


def _arm(anchors: str) -> list[tuple[int, int, int]]:
    known = np.array([list(bytes.fromhex(anchor)) for anchor in anchors.split()])
    at = np.linspace(0, len(known) - 1, SHADES)
    channels = [np.interp(at, np.arange(len(known)), channel) for channel in known.T]
    return [(int(r), int(g), int(b)) for r, g, b in np.rint(channels).T]


def _luminance(colour: str) -> float:
    """Return the relative luminance of WCAG."""
    channels = [part / 255 for part in bytes.fromhex(colour[1:])]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
