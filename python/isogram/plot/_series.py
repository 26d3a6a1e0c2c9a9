"""Colours, markers and lines that tell series and groups apart, and their legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, pairwise
from typing import Any

from matplotlib.axes import Axes

from isogram.plot._labels import set_title

# Okabe and Ito's colours without yellow: all eyes tell them apart, and without colour the markers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_LINES = ("-", "--", ":", "-.")
_COLUMNS = 3  # of a legend, at most
_CHARACTERS = 68  # as wide as a column of a paper
_HANDLE = 8  # characters, of a line's sample and the space before the next column


def styles() -> Iterator[dict[str, Any]]:
    """Return colour, marker and line of one series after the other, without end."""
    for turn, line in enumerate(cycle(_LINES)):
        shift = turn % len(_MARKERS)  # so that points without lines differ too
        markers = _MARKERS[shift:] + _MARKERS[:shift]
        for colour, marker in zip(COLOURS, markers, strict=True):
            yield {"color": colour, "marker": marker, "linestyle": line}


def head(ax: Axes, title: str, names: int = 0) -> None:
    """Write the heading above the legend, which lies above the axes, of as many names."""
    columns = _columns_for(ax.get_legend_handles_labels()[1]) if names else 1
    if names:
        ax.legend(
            frameon=False,
            ncols=columns,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            borderaxespad=0.2,
            columnspacing=1.2,
            handlelength=1.5,
        )
    set_title(ax, title, above=-(-names // columns))


def _columns_for(labels: Sequence[str]) -> int:
    """Return how many columns of a legend are not wider than its axes."""
    lengths = [len(label) + _HANDLE for label in labels]
    for columns in range(min(_COLUMNS, len(labels)), 1, -1):
        rows, longer = divmod(len(labels), columns)  # the first columns may have a row more
        ends = [rows * i + min(i, longer) for i in range(columns + 1)]
        if sum(max(lengths[a:b]) for a, b in pairwise(ends)) <= _CHARACTERS:
            return columns
    return 1


def legend_height(names: int) -> float:
    """Return the height, in inches, that a legend of as many names takes above the axes."""
    return 0.14 * -(-names // _COLUMNS)
