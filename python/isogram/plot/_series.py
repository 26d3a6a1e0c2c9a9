"""Colours, markers and lines that tell series and groups apart, and their legend."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

from matplotlib.axes import Axes

from isogram.plot._labels import set_title

# Okabe and Ito's colours without yellow: all eyes tell them apart, and without colour the markers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_LINES = ("-", "--", ":", "-.")
_COLUMNS = 3  # of a legend


def styles() -> Iterator[dict[str, Any]]:
    """Return colour, marker and line of one series after the other, without end."""
    for turn, line in enumerate(cycle(_LINES)):
        shift = turn % len(_MARKERS)  # so that points without lines differ too
        markers = _MARKERS[shift:] + _MARKERS[:shift]
        for colour, marker in zip(COLOURS, markers, strict=True):
            yield {"color": colour, "marker": marker, "linestyle": line}


def head(ax: Axes, title: str, names: int = 0) -> None:
    """Write the heading above the legend, which lies above the axes, of as many names."""
    rows = -(-names // _COLUMNS)
    if names:
        ax.legend(
            frameon=False,
            ncols=min(names, _COLUMNS),
            loc="lower left",
            bbox_to_anchor=(0, 1),
            borderaxespad=0.2,
            columnspacing=1.2,
            handlelength=1.5,
        )
    set_title(ax, title, above=rows)


def legend_height(names: int) -> float:
    """Return the height, in inches, that a legend of as many names takes above the axes."""
    return 0.14 * -(-names // _COLUMNS)
